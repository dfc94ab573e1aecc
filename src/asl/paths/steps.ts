// A path after parsing: where it starts, and its steps. Both the evaluator and the error texts read this.

import { unreachable } from "../../base/assert.ts";
import type { Json } from "../../base/json.ts";
import type { Scope } from "../ast.ts";

/** What one evaluation of a path carries along. */
export interface Search {
  readonly scope: Scope;
  /** What `$` stands for inside a filter. */
  readonly root: Json;
  /** Values that may still be visited (evaluate.ts, invariant E2). */
  fuel: number;
}

/** A value inside a filter or among a function's arguments; undefined if nothing is there. */
export type Operand = (item: Json, search: Search) => Json | undefined;

export type Step =
  | { readonly kind: "member"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | { readonly kind: "members"; readonly names: readonly string[] }
  | { readonly kind: "indices"; readonly indices: readonly number[] }
  | { readonly kind: "slice"; readonly from: number | undefined; readonly to: number | undefined }
  | { readonly kind: "wildcard" }
  | { readonly kind: "filter"; readonly accepts: (item: Json, search: Search) => boolean }
  /** `..`: the next step applies to every value below, and to the value itself. */
  | { readonly kind: "descend" }
  /** Always the last step. */
  | { readonly kind: "call"; readonly name: FunctionName; readonly arguments: readonly Operand[] };

export const FUNCTION_NAMES = [
  "length",
  "size",
  "keys",
  "min",
  "max",
  "avg",
  "sum",
  "stddev",
  "concat",
  "append",
  "first",
  "last",
  "index",
] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

export type Root =
  | { readonly kind: "input" }
  | { readonly kind: "context" }
  | { readonly kind: "variable"; readonly name: string }
  /** `@`: only inside a filter. */
  | { readonly kind: "item" };

export interface ParsedPath {
  readonly root: Root;
  readonly steps: readonly Step[];
  /** It selects one value or none (a missing one is an error); otherwise it reads as an array. */
  readonly definite: boolean;
}

/** Whether a path of these steps selects one value or none. */
export function isDefinite(steps: readonly Step[]): boolean {
  if (steps.at(-1)?.kind === "call") return true;
  return steps.every(
    (step, i) =>
      step.kind === "member" ||
      step.kind === "index" ||
      // At the end several names give one object with these members; before the end, several values.
      (step.kind === "members" && i === steps.length - 1),
  );
}

/** A step as error texts show it: `['a']`, `[0]`. */
export function stepText(step: Step): string {
  switch (step.kind) {
    case "member":
      return `['${step.name}']`;
    case "index":
      return `[${step.index}]`;
    case "members":
      return `[${step.names.map((name) => `'${name}'`).join(",")}]`;
    case "indices":
      return `[${step.indices.join(",")}]`;
    case "slice":
      return `[${step.from ?? ""}:${step.to ?? ""}]`;
    case "wildcard":
      return "[*]";
    case "filter":
      return "[?]";
    case "descend":
      return "..";
    case "call":
      return `.${step.name}()`;
    default:
      return unreachable(step);
  }
}
