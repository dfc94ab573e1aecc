// Lambda's Invoke, as integrations need it. Two implementations: local functions (src/functions), and any
// endpoint with Lambda's API.

export interface InvokeRequest {
  /** Name, partial ARN or full ARN, as the state machine wrote it; may end in `:<qualifier>`. */
  readonly functionName: string;
  readonly qualifier?: string;
  readonly invocationType: "RequestResponse" | "Event" | "DryRun";
  /** JSON text. */
  readonly payload: string;
  /** Base64, as on the wire. */
  readonly clientContext?: string;
  readonly logType?: string;
  readonly signal: AbortSignal;
}

export interface InvokeResponse {
  /** 200, 202 (Event) or 204 (DryRun). */
  readonly statusCode: number;
  readonly requestId: string;
  readonly executedVersion?: string;
  /** `Unhandled` or `Handled`: the payload is then the error document. */
  readonly functionError?: string;
  readonly logResult?: string;
  /** The body as it came; empty for 202 and 204. */
  readonly payload: string;
  /** Headers of the HTTP answer, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface LambdaInvoker {
  /**
   * @throws ServiceError with Lambda's code (`ResourceNotFoundException`, `TooManyRequestsException`, …),
   *         its HTTP status, and `requestId` among its members. Any other throw means no connection.
   */
  readonly invoke: (request: InvokeRequest) => Promise<InvokeResponse>;
}
