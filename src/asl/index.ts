// The States Language: from the text of a definition to a Program, and what is wrong with it.

export type * from "./ast.ts";
export { type Diagnostic, type DiagnosticCode, type Severity, serviceText } from "./diagnostics.ts";
export { type ParseOptions, type Parsed, parse, parseState, toServiceMessage } from "./parse.ts";
export { variableReferences } from "./variable-references.ts";
