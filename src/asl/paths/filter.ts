// The conditions of filters: `[?(@.price < 10 && @.tags contains 'new')]`.
//
// Comparisons follow Jayway: a number equals a text that spells it, order exists between two numbers or two
// texts, everything else compares as false, and what is not there equals nothing (not even null).

import { type Json, isArray, isObject, jsonEquals } from "../../base/json.ts";
import type { Operand, Search } from "./steps.ts";

export type Predicate = (item: Json, search: Search) => boolean;

/** Both sides may be undefined: nothing is there. */
export type Operator = (left: Json | undefined, right: Json | undefined) => boolean;

const OPERATORS: ReadonlyMap<string, Operator> = new Map<string, Operator>([
  ["==", looselyEquals],
  ["!=", (left, right) => !looselyEquals(left, right)],
  ["===", strictlyEquals],
  ["!==", (left, right) => !strictlyEquals(left, right)],
  ["<", (left, right) => order(left, right, (by) => by < 0)],
  ["<=", (left, right) => order(left, right, (by) => by <= 0)],
  [">", (left, right) => order(left, right, (by) => by > 0)],
  [">=", (left, right) => order(left, right, (by) => by >= 0)],
  ["in", isIn],
  ["nin", (left, right) => left !== undefined && isArray(right) && !isIn(left, right)],
  ["subsetof", (left, right) => isArray(left) && isArray(right) && left.every((item) => isIn(item, right))],
  ["anyof", (left, right) => isArray(left) && isArray(right) && left.some((item) => isIn(item, right))],
  ["noneof", (left, right) => isArray(left) && isArray(right) && !left.some((item) => isIn(item, right))],
  ["all", (left, right) => isArray(left) && isArray(right) && right.every((item) => isIn(item, left))],
  ["contains", contains],
  ["size", (left, right) => sizeOf(left) !== undefined && sizeOf(left) === (sizeOf(right) ?? right)],
  ["empty", (left, right) => sizeOf(left) !== undefined && (sizeOf(left) === 0) === right],
]);

/** The operator of this name, in lower case; undefined if there is none. (`=~` belongs to the parser.) */
export function operatorNamed(name: string): Operator | undefined {
  return OPERATORS.get(name);
}

export function compare(operator: Operator, left: Operand, right: Operand): Predicate {
  return (item, search) => operator(left(item, search), right(item, search));
}

export function exists(operand: Operand): Predicate {
  return (item, search) => operand(item, search) !== undefined;
}

export function not(test: Predicate): Predicate {
  return (item, search) => !test(item, search);
}

export function both(left: Predicate, right: Predicate): Predicate {
  return (item, search) => left(item, search) && right(item, search);
}

export function either(left: Predicate, right: Predicate): Predicate {
  return (item, search) => left(item, search) || right(item, search);
}

function looselyEquals(left: Json | undefined, right: Json | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  if (typeof left === "number" && typeof right === "string") return left === spelt(right);
  if (typeof left === "string" && typeof right === "number") return spelt(left) === right;
  return jsonEquals(left, right);
}

function strictlyEquals(left: Json | undefined, right: Json | undefined): boolean {
  return left !== undefined && right !== undefined && jsonEquals(left, right);
}

function spelt(text: string): number | undefined {
  return /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function order(left: Json | undefined, right: Json | undefined, holds: (by: number) => boolean): boolean {
  if (typeof left === "number" && typeof right === "number") return holds(left - right);
  if (typeof left === "string" && typeof right === "string")
    return holds(left < right ? -1 : left > right ? 1 : 0);
  return false;
}

function isIn(left: Json | undefined, right: Json | undefined): boolean {
  return isArray(right) && right.some((item) => looselyEquals(left, item));
}

function contains(left: Json | undefined, right: Json | undefined): boolean {
  if (typeof left === "string") return typeof right === "string" && left.includes(right);
  return isIn(right, left);
}

function sizeOf(value: Json | undefined): number | undefined {
  if (typeof value === "string" || isArray(value)) return value.length;
  return isObject(value) ? Object.keys(value).length : undefined;
}
