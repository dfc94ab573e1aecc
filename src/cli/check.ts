// Whether a definition file is valid, and every problem with its place in the file.
//
// Knows:          files as people write them, `parse`, how a compiler reports: file:line:column.
// Does not know:  the rules of the States Language.

import { parse } from "../asl/index.ts";
import { readDefinition } from "./definition-file.ts";
import { type Palette, printable } from "./text.ts";

export interface Problem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly severity: "ERROR" | "WARNING";
  /** `parse`'s, or INVALID_FILE for a file that cannot be read as JSON at all. */
  readonly code: string;
  readonly message: string;
  /** JSON pointer into the definition, where there is one. */
  readonly location?: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

export interface Checked {
  /** The definition as JSON; undefined if there is an error. */
  readonly json: string | undefined;
  readonly problems: readonly Problem[];
}

/** Checks the content of a file; `file` is the name that problems carry and that tells JSON from YAML. */
export function checkDefinition(file: string, content: string, type: "STANDARD" | "EXPRESS"): Checked {
  const definition = readDefinition(file, content);
  const problems: Problem[] = definition.faults.map((fault) => ({ file, code: "INVALID_FILE", ...fault }));
  if (definition.json !== undefined) {
    for (const diagnostic of parse(definition.json, { type, advice: true }).diagnostics) {
      const { severity, code, message, location, expected, suggestion } = diagnostic;
      problems.push({
        file,
        ...definition.positionOf(diagnostic),
        severity,
        code,
        message,
        location,
        ...(expected === undefined ? {} : { expected }),
        ...(suggestion === undefined ? {} : { suggestion }),
      });
    }
  }
  problems.sort((a, b) => a.line - b.line || a.column - b.column);
  const failed = problems.some(({ severity }) => severity === "ERROR");
  return { json: failed ? undefined : definition.json, problems };
}

/** `orders.asl.json:12:7: error: … (at /States/X, MISSING_TRANSITION_TARGET)`, hints on a second line. */
export function problemLines(problem: Problem, palette: Palette): readonly string[] {
  const { file, line, column, severity, code, message, location, expected, suggestion } = problem;
  const where = palette.bold(`${printable(file)}:${line}:${column}:`);
  const what = severity === "ERROR" ? palette.red("error:") : palette.yellow("warning:");
  const place = location === undefined ? code : `at ${printable(location)}, ${code}`;
  const hints = [
    expected === undefined ? undefined : `expected ${printable(expected)}`,
    suggestion === undefined ? undefined : printable(suggestion),
  ].filter((hint) => hint !== undefined);
  return [
    `${where} ${what} ${printable(message)} ${palette.dim(`(${place})`)}`,
    ...(hints.length === 0 ? [] : [`  ${hints.join(". ")}`]),
  ];
}

/** `3 errors, 1 warning`; empty if there are none. */
export function countProblems(problems: readonly Problem[]): string {
  const errors = problems.filter(({ severity }) => severity === "ERROR").length;
  const warnings = problems.length - errors;
  const parts = [
    errors === 0 ? undefined : `${errors} ${errors === 1 ? "error" : "errors"}`,
    warnings === 0 ? undefined : `${warnings} ${warnings === 1 ? "warning" : "warnings"}`,
  ];
  return parts.filter((part) => part !== undefined).join(", ");
}
