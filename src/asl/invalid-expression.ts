// What the compile functions throw for text that no execution could ever evaluate.
//
// It is the definition that is at fault, so `parse` makes a Diagnostic of it (errors.ts holds the other kind:
// failures of a running state machine). A compile function stops at the first fault of one expression.

export interface InvalidExpressionDetails {
  /** A guess: `Did you mean "StringEquals"?` */
  readonly suggestion?: string;
  /** JSON pointer inside the template or rule that was compiled: `/a/b.$`. Absent: the whole of it. */
  readonly at?: string;
  /** The field to blame, as the service names it: `b.$`, `ErrorPath`. */
  readonly field?: string;
}

export class InvalidExpression extends Error {
  override readonly name = "InvalidExpression";
  readonly suggestion?: string;
  readonly at?: string;
  readonly field?: string;

  /** @param message In the service's words where they are known. */
  constructor(message: string, details: InvalidExpressionDetails = {}) {
    super(message);
    if (details.suggestion !== undefined) this.suggestion = details.suggestion;
    if (details.at !== undefined) this.at = details.at;
    if (details.field !== undefined) this.field = details.field;
  }
}
