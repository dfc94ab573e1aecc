// Paths, payload templates, a few intrinsic functions and Choice rules, as far as generated definitions use them.
//
// Written from the States Language specification, slow and plain: texts are read anew each time. Anything else than
// these forms is a fault of the generator and throws an ordinary Error.
//
// Spec: https://states-language.net/spec.html#path, #payload-template, #appendix-b, #choice-state

import { isRecord, Unknown, type Value } from "./values.ts";

/** A path leads nowhere: States.Runtime, which nothing catches. */
export class NoSuchValue extends Error {
  override readonly name = "NoSuchValue";
}

/** What an expression can read. */
export interface Sight {
  /** `$` */
  readonly data: Value;
  /** `$$` */
  readonly context: Value;
  readonly variable: (name: string) => Value | undefined;
}

/** `$`, `$.a.b[0]`, `$$.Execution.Id`, `$name.a`. */
export function readPath(path: string, sight: Sight): Value {
  const found = findPath(path, sight);
  if (found === undefined) throw new NoSuchValue(path);
  return found;
}

export function findPath(path: string, sight: Sight): Value | undefined {
  const parts = /^(\$\$|\$[A-Za-z_][A-Za-z0-9_]*|\$)((?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d+\])*)$/u.exec(path);
  if (parts === null) throw new Error(`the reference interpreter does not know the path ${path}`);
  const [, root = "", steps = ""] = parts;
  let here: Value | undefined;
  if (root === "$") here = sight.data;
  else if (root === "$$") here = sight.context;
  else here = sight.variable(root.slice(1));
  for (const [, name, index] of steps.matchAll(/\.([A-Za-z0-9_]+)|\[(\d+)\]/gu)) {
    if (name !== undefined) here = isRecord(here) && Object.hasOwn(here, name) ? here[name] : undefined;
    else here = Array.isArray(here) ? (here as readonly Value[])[Number(index)] : undefined;
    if (here === undefined) return undefined;
  }
  return here;
}

/** InputPath, OutputPath: absent is `$`, null is the empty object. */
export function selectBy(path: unknown, sight: Sight): Value {
  if (path === undefined) return sight.data;
  if (path === null) return {};
  return readPath(path as string, sight);
}

/** Payload template. */
export function fillTemplate(template: Value, sight: Sight): Value {
  if (Array.isArray(template)) return (template as readonly Value[]).map((item) => fillTemplate(item, sight));
  if (!isRecord(template)) return template;
  return Object.fromEntries(
    Object.entries(template).map(([key, value]) =>
      key.endsWith(".$")
        ? [key.slice(0, -2), evaluate(value as string, sight)]
        : [key, fillTemplate(value, sight)],
    ),
  );
}

/** The text of a field whose name ends in `.$`. */
function evaluate(text: string, sight: Sight): Value {
  return text.startsWith("States.") ? intrinsic(text, sight) : readPath(text, sight);
}

function intrinsic(text: string, sight: Sight): Value {
  const parts = /^States\.([A-Za-z]+)\((.*)\)$/u.exec(text);
  if (parts === null) throw new Error(`the reference interpreter does not know the intrinsic ${text}`);
  const args = splitArguments(parts[2] as string).map((argument) => argumentValue(argument, sight));
  const name = parts[1] as string;
  switch (name) {
    case "UUID":
      return new Unknown("uuid");
    case "Array":
      return args;
    case "ArrayLength":
      return (args[0] as readonly Value[]).length;
    case "MathAdd":
      return (args[0] as number) + (args[1] as number);
    case "Format": {
      let next = 1;
      return (args[0] as string).replaceAll("{}", () => {
        const value = args[next] as Value;
        next += 1;
        return typeof value === "string" ? value : String(value);
      });
    }
    default:
      throw new Error(`the reference interpreter does not know States.${name}`);
  }
}

/** At commas outside of quotes and parentheses. */
function splitArguments(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let isQuoted = false;
  let part = "";
  for (const character of text) {
    if (character === "'") isQuoted = !isQuoted;
    if (!isQuoted && character === "(") depth += 1;
    if (!isQuoted && character === ")") depth -= 1;
    if (character === "," && depth === 0 && !isQuoted) {
      parts.push(part.trim());
      part = "";
    } else {
      part += character;
    }
  }
  if (part.trim() !== "" || parts.length > 0) parts.push(part.trim());
  return parts;
}

function argumentValue(text: string, sight: Sight): Value {
  if (text.startsWith("'")) return text.slice(1, -1);
  if (text.startsWith("$")) return readPath(text, sight);
  if (text.startsWith("States.")) return intrinsic(text, sight);
  return JSON.parse(text) as Value;
}

/** ResultPath: where the result goes in the raw input. Null discards it. */
export function placeResult(path: unknown, input: Value, result: Value): Value {
  if (path === undefined || path === "$") return result;
  if (path === null) return input;
  const names = (path as string).slice(2).split(".");
  const place = (here: Value, rest: readonly string[]): Value => {
    const [name, ...deeper] = rest;
    if (name === undefined) return result;
    if (!isRecord(here)) throw new NoSuchValue(path as string);
    return { ...here, [name]: place(here[name] ?? {}, deeper) };
  };
  return place(input, names);
}

/** Whether a Choice rule, or a rule inside of one, holds. */
export function ruleHolds(rule: { readonly [key: string]: Value }, sight: Sight): boolean {
  const inner = (key: string): readonly { readonly [key: string]: Value }[] =>
    rule[key] as readonly { readonly [key: string]: Value }[];
  if ("And" in rule) return inner("And").every((each) => ruleHolds(each, sight));
  if ("Or" in rule) return inner("Or").some((each) => ruleHolds(each, sight));
  if ("Not" in rule) return !ruleHolds(rule["Not"] as { readonly [key: string]: Value }, sight);
  const path = rule["Variable"] as string;
  if ("IsPresent" in rule) return (findPath(path, sight) !== undefined) === rule["IsPresent"];
  const value = readPath(path, sight);
  if ("BooleanEquals" in rule) return value === rule["BooleanEquals"];
  if ("StringEquals" in rule) return value === rule["StringEquals"];
  if ("NumericEquals" in rule) return value === rule["NumericEquals"];
  if ("NumericGreaterThan" in rule)
    return typeof value === "number" && value > (rule["NumericGreaterThan"] as number);
  if ("IsString" in rule) return (typeof value === "string") === rule["IsString"];
  throw new Error(`the reference interpreter does not know the rule ${Object.keys(rule).join()}`);
}
