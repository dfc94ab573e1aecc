// What `parse` has to say about a definition. The same list serves CreateStateMachine, the CLI and an editor.

export type Severity = "ERROR" | "WARNING";

/** The codes of ValidateStateMachineDefinition, and ours for what the service does not check. */
export type DiagnosticCode =
  | "INVALID_JSON_DESCRIPTION"
  | "MISSING_DESCRIPTION"
  | "SCHEMA_VALIDATION_FAILED"
  | "INVALID_RESOURCE"
  /** JSONata that cannot be parsed; and references that mean nothing where they stand. */
  | "INVALID_JSONATA_EXPRESSION"
  | "UNSUPPORTED_JSONATA_EXPRESSION"
  | "MISSING_END_STATE"
  | "DUPLICATE_STATE_NAME"
  | "INVALID_STATE_NAME"
  | "MISSING_TRANSITION_TARGET"
  | "TOO_DEEPLY_NESTED"
  | "DUPLICATE_LABEL_NAME"
  | "INVALID_LABEL_NAME"
  | "NO_DOLLAR"
  | "NO_PATH"
  | "PASS_RESULT_IS_STATIC"
  /** Ours: a state that no path reaches. */
  | "UNREACHABLE_STATE"
  /** Ours: the advice (rules/advice.ts). All are WARNINGs. */
  | "NEVER_MATCHES"
  | "UNKNOWN_ERROR_NAME"
  | "UNUSED_VARIABLE"
  | "UNASSIGNED_VARIABLE"
  | "UNKNOWN_CONTEXT_MEMBER"
  | "TASK_TOKEN_NOT_PASSED"
  | "PATH_NEVER_MATCHES"
  | "ENDLESS_LOOP"
  | "NOT_EVALUATED"
  | "UNKNOWN_PARAMETER"
  | "MISSING_PARAMETER";

export interface Diagnostic {
  readonly severity: Severity;
  readonly code: DiagnosticCode;
  /** In the service's words where they are known. */
  readonly message: string;
  /**
   * Where in the definition, as the service writes it: `/States/X/Choices[0]/Next`; `/` is the root.
   * Empty if the service gives none (it leaves the member out, and `null` in InvalidDefinition).
   */
  readonly location: string;
  /** What would be right, in words: `one of [Task, Wait, …]`. */
  readonly expected?: string;
  /** A guess: `Did you mean "Ship"?` */
  readonly suggestion?: string;
  /** What the service adds to the message where the text is no JSON: an excerpt, line and column. */
  readonly excerpt?: string;
  /** Offset in the text, in UTF-16 units, where known: the CLI makes line and column of it. */
  readonly offset?: number;
}

/** The message as the service gives it: with the excerpt, which a reader who has the text at hand does not need. */
export function serviceText({ message, excerpt = "" }: Diagnostic): string {
  return `${message}${excerpt}`;
}
