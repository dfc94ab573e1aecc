// What the expressions of a state read: variables, members of the context object, plain paths into the input.
//
// Knows:          which fields hold expressions, in each language.
// Does not know:  what is assigned where (variables.ts), what exists (context-members.ts).
//
// Spec: https://states-language.net/spec.html#paths, #payload-template

import { type Json, type JsonObject, isArray, isObject, member } from "../../base/json.ts";
import { expressionText } from "../expressions.ts";
import { type Expression, parseIntrinsic } from "../intrinsics/parse.ts";
import { InvalidExpression } from "../invalid-expression.ts";
import { childrenOf } from "../jsonata/ast.ts";
import { type JsonataNode, compileJsonata } from "../jsonata/index.ts";
import { parsePath } from "../paths/parse.ts";
import { type Place, inside } from "../parse/place.ts";
import { type StateView, objectsIn } from "./views.ts";

/** One expression of a state. */
export interface Use {
  readonly text: string;
  readonly place: Place;
  /** The members of `$$` or `$states.context` that it reads: each a path of names, `[]` for the whole. */
  readonly context: readonly (readonly string[])[];
  /** Names of the variables that it reads, without `$`. */
  readonly variables: readonly string[];
  /** Of those, the ones that the expression may have given a value itself: `[$x := 1, $x]`. */
  readonly bound: ReadonlySet<string>;
}

/** Fields of a state that are payload templates. */
const TEMPLATES: ReadonlySet<string> = new Set([
  "Parameters",
  "ItemSelector",
  "ResultSelector",
  "Assign",
  "Credentials",
  "BatchInput",
]);
/** Objects of a distributed Map whose members are like a state's own. */
const CONTAINERS: ReadonlySet<string> = new Set([
  "ItemReader",
  "ReaderConfig",
  "ItemBatcher",
  "ResultWriter",
]);
/** Never evaluated, whatever they hold; blocks are looked at as blocks. */
const NOT_READ: ReadonlySet<string> = new Set([
  "Result",
  "ResultPath",
  "Comment",
  "Branches",
  "ItemProcessor",
  "Iterator",
  "Retry",
]);

const NONE: ReadonlySet<string> = new Set();

/** All expressions of a state, without those of its blocks. */
export function usesOf(state: StateView): readonly Use[] {
  const uses: Use[] = [];
  if (state.language === "JSONata") {
    for (const [field, value] of Object.entries(state.object)) {
      if (!NOT_READ.has(field)) jsonataUses(value, inside(state.place, field), uses);
    }
  } else {
    fieldUses(state.object, state.place, uses);
  }
  return uses;
}

function jsonataUses(value: Json, place: Place, uses: Use[]): void {
  if (typeof value === "string") {
    const text = expressionText(value);
    if (text === undefined) return;
    const { ast, freeVariables } = compileJsonata(text);
    const { bound, read } = bindingsOf(ast);
    // A variable that is bound outside of any block counts as free there.
    const variables = freeVariables.filter(
      (name) => name !== "states" && (read.has(name) || !bound.has(name)),
    );
    uses.push({ text: value, place, variables, bound, context: contextOf(ast) });
  } else if (isArray(value)) {
    value.forEach((element, index) => jsonataUses(element, inside(place, index), uses));
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) jsonataUses(inner, inside(place, key), uses);
  }
}

/** The variables that an expression binds with `:=`, and those that it reads, anywhere in it. */
function bindingsOf(ast: JsonataNode): { readonly bound: Set<string>; readonly read: Set<string> } {
  const bound = new Set<string>();
  const read = new Set<string>();
  const visit = (node: JsonataNode): void => {
    if (node.type === "variable") read.add(node.value);
    if (node.type === "bind") bound.add(node.lhs.value);
    for (const child of childrenOf(node)) visit(child);
  };
  visit(ast);
  return { bound, read };
}

/** The members of $states.context that an expression mentions. */
function contextOf(ast: JsonataNode): (readonly string[])[] {
  const found: string[][] = [];
  const visit = (node: JsonataNode): void => {
    if (node.type === "path" && isStates(node.steps[0])) {
      const names = leadingNames(node.steps.slice(1));
      if (names.length === 0) found.push([]);
      else if (names[0] === "context") found.push(names.slice(1));
    } else if (isStates(node)) {
      found.push([]);
    }
    const isPath = node.type === "path" && isStates(node.steps[0]);
    for (const child of childrenOf(node)) if (!isPath || child !== node.steps[0]) visit(child);
  };
  visit(ast);
  return found;
}

function isStates(node: JsonataNode | undefined): boolean {
  return node?.type === "variable" && node.value === "states";
}

/** The names of the steps up to the first that is more than a name. */
function leadingNames(steps: readonly JsonataNode[]): string[] {
  const names: string[] = [];
  for (const step of steps) {
    if (step.type !== "name") break;
    names.push(step.value);
    if ((step.stages?.length ?? 0) > 0 || step.group !== undefined) break;
  }
  return names;
}

function fieldUses(object: JsonObject, place: Place, uses: Use[]): void {
  for (const [field, value] of Object.entries(object)) {
    const at = inside(place, field);
    if (NOT_READ.has(field)) continue;
    if (TEMPLATES.has(field)) templateUses(value, at, uses);
    else if (CONTAINERS.has(field) && isObject(value)) fieldUses(value, at, uses);
    else if (field === "Choices")
      for (const [rule, where] of objectsIn(value, at)) ruleUses(rule, where, uses);
    else if (field === "Catch") {
      for (const [catcher, where] of objectsIn(value, at)) {
        templateUses(member(catcher, "Assign") ?? null, inside(where, "Assign"), uses);
      }
    } else if (field.endsWith("Path") && typeof value === "string") pathUse(value, at, uses);
  }
}

function ruleUses(rule: JsonObject, place: Place, uses: Use[]): void {
  for (const [field, value] of Object.entries(rule)) {
    const at = inside(place, field);
    if (field === "Assign") templateUses(value, at, uses);
    else if (field === "Not" && isObject(value)) ruleUses(value, at, uses);
    else if (field === "And" || field === "Or") {
      for (const [inner, where] of objectsIn(value, at)) ruleUses(inner, where, uses);
    } else if ((field === "Variable" || field.endsWith("Path")) && typeof value === "string") {
      pathUse(value, at, uses);
    }
  }
}

function templateUses(value: Json, place: Place, uses: Use[]): void {
  if (isArray(value)) {
    value.forEach((element, index) => templateUses(element, inside(place, index), uses));
  } else if (isObject(value)) {
    for (const [key, inner] of Object.entries(value)) {
      if (typeof inner === "string" && key.endsWith(".$")) pathUse(inner, inside(place, key), uses);
      else templateUses(inner, inside(place, key), uses);
    }
  }
}

/** A path, or a call of an intrinsic function. */
function pathUse(text: string, place: Place, uses: Use[]): void {
  const context: string[][] = [];
  const variables = new Set<string>();
  try {
    if (text.startsWith("$")) readPath(text, context, variables);
    else if (text.startsWith("States.")) readArgument(parseIntrinsic(text), context, variables);
  } catch (error) {
    // What cannot be parsed is reported where it is compiled.
    if (error instanceof InvalidExpression) return;
    throw error;
  }
  uses.push({ text, place, context, variables: [...variables], bound: NONE });
}

function readArgument(expression: Expression, context: string[][], variables: Set<string>): void {
  if (expression.kind === "path") readPath(expression.path.text, context, variables);
  else if (expression.kind === "call") {
    for (const argument of expression.arguments) readArgument(argument, context, variables);
  }
}

function readPath(text: string, context: string[][], variables: Set<string>): void {
  const path = parsePath(text);
  for (const name of path.variables) variables.add(name);
  if (path.root.kind !== "context") return;
  const names: string[] = [];
  for (const step of path.steps) {
    if (step.kind !== "member") break;
    names.push(step.name);
  }
  context.push(names);
}
