// The parser of the `jsonata` package, fenced in.
//
// Knows:          how to call it, what it may be given, what it throws.
// Does not know:  what the tree means (compile/).
//
// Invariants
//   P1. Nothing of the package's evaluator is used here.
//   P2. The parser recurses into brackets, copies the left side of `??` and `?:` each time, and takes a time that
//       grows with the square of the length of a path. So `measure` bounds all three before the parser sees the text.

import jsonata from "jsonata";
import type { Node } from "./ast.ts";
import { JsonataError, isJsonataCode } from "./errors.ts";
import { measure } from "./measure.ts";

/** @throws JsonataError S….: the first fault of the text */
export function parseJsonata(text: string): Node {
  measure(text);
  try {
    return jsonata(text).ast() as unknown as Node;
  } catch (fault) {
    throw translated(fault);
  }
}

/** What the parser throws: plain objects with a code, SyntaxError of a regular expression, RangeError of the stack. */
function translated(fault: unknown): unknown {
  if (fault instanceof RangeError) return new JsonataError("S0501", { message: "it is nested too deeply" });
  if (fault instanceof SyntaxError) {
    return new JsonataError("S0303", { value: "", message: fault.message });
  }
  if (typeof fault !== "object" || fault === null || !("code" in fault) || !isJsonataCode(fault.code))
    return fault;
  const field = (name: string): unknown =>
    name in fault ? (fault as Record<string, unknown>)[name] : undefined;
  const value = field("value");
  const token = field("token");
  const position = field("position");
  return new JsonataError(fault.code, {
    ...(isScalar(value) ? { value } : {}),
    ...(typeof token === "string" ? { token } : {}),
    ...(typeof position === "number" ? { position } : {}),
  });
}

function isScalar(value: unknown): value is string | number | boolean | null {
  return value === null || ["string", "number", "boolean"].includes(typeof value);
}
