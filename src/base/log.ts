// What a server says about itself while it runs: a line, how serious it is, what it is about.
//
// Knows:          the form. Does not know: who reads it, and in which format (cli/server-log.ts).
//
// A function that takes the message alone is a `Log`, and a `Log` does where only a message is said.

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** For programs that read the log; people find the same in the message: `requestId`, `executionArn`. Never secrets. */
export type LogFields = Readonly<Record<string, string | number>>;

/**
 * @param message One line without its line break; a stack trace may follow on further ones.
 * @param level   `info` unless told. `error`: somebody must look; `warn`: something is lost, or is not as it was asked for.
 */
export type Log = (message: string, level?: LogLevel, fields?: LogFields) => void;
