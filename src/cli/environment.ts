// What the commands need of the world, so that they run in a test as they run in a terminal.
//
// Knows:          the process's streams, signals and working directory; what a server can be asked to be.
// Does not know:  how a server is composed (main.ts implements `openServer`), any command.

import { createRequire } from "node:module";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "../base/json.ts";
import type { Log, LogLevel } from "../base/log.ts";
import type { LimitSettings } from "./limits.ts";

/** Calls one operation of the API, or of our own (`Stepwell.…`). @throws ServiceError as the service answers; CliError without a connection */
export type Caller = (operation: string, input: JsonObject) => Promise<JsonObject>;

/** What `serve`, `dev` and `demo` ask for. Values were checked; directories are absolute. */
export interface ServeOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Absent: executions live in memory only. Made if it does not exist. */
  readonly dataDirectory?: string;
  readonly region: string;
  /** 12 digits. */
  readonly account: string;
  /** Asked for on the command line: then they win over what a caller's credentials say. */
  readonly isRegionGiven: boolean;
  readonly isAccountGiven: boolean;
  /** Holds the local Lambda functions. */
  readonly functionsDirectory?: string;
  /** An endpoint with Lambda's API, for the functions that are not local. */
  readonly lambdaEndpoint?: string;
  /** Gets status changes of executions as POSTs; absent: nobody. */
  readonly eventsWebhook?: string;
  /** An endpoint with EventBridge's PutEvents, which gets them too. */
  readonly eventsEndpoint?: string;
  /** Whether /metrics is shown beyond this machine though requests must be signed. */
  readonly isMetricsOpen: boolean;
  /** The mock file of test cases (integrations/mocked); absent: there are none. */
  readonly mockConfigFile?: string;
  /** Where traces of executions go, and of which share of them (observation/traces); absent: nowhere. */
  readonly traces?: {
    readonly endpoint: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly serviceName: string;
    readonly ratio: number;
  };
  /** Holds the keys with which requests must be signed; absent: nobody is asked. */
  readonly credentialsFile?: string;
  /** Host names, beside those of loopback, at which the server may be addressed. */
  readonly allowedHosts?: readonly string[];
  /** Origins of web pages that may call. */
  readonly allowedOrigins?: readonly string[];
  /** Where calls to other services go. */
  readonly serviceEndpoint?: string;
  /** Where the log events of executions go: an endpoint of CloudWatch Logs, or "files"; absent: as `serviceEndpoint` says. */
  readonly logsEndpoint?: string;
  /** A folder whose folders are the buckets of Map states. At most one of this and `s3Endpoint` is there. */
  readonly s3Directory?: string;
  /** An endpoint with S3's API for them; both absent: `serviceEndpoint`. */
  readonly s3Endpoint?: string;
  /** For the latest log events of executions, in memory; 0: none are kept. */
  readonly logBufferBytes: number;
  /** Absent: the defaults. */
  readonly limits?: LimitSettings;
  /** Whatever the server and its functions have to say while it runs. */
  readonly log: Log;
  /** The least that `log` lets through: what nobody reads need not be put together. */
  readonly logLevel: LogLevel;
}

export interface LocalFunctions {
  /** Takes the sources as they are now; without a name, of all functions (new and removed ones too). */
  readonly reload: (name?: string) => Promise<void>;
  /** `problems` says why a function cannot be invoked; empty when it can. */
  readonly list: () => readonly { readonly name: string; readonly problems: readonly string[] }[];
}

export interface RunningServer {
  /** `http://127.0.0.1:8083`, with the port that was taken. */
  readonly url: string;
  /** The API without HTTP. */
  readonly call: Caller;
  /** Resolves when everything accepted is durable and the port is free. */
  readonly close: () => Promise<void>;
  readonly functions?: LocalFunctions;
  /** Resolves if the server can no longer go on (the store failed); never rejects. */
  readonly fatal: Promise<Error>;
}

export interface Output {
  readonly write: (chunk: string) => unknown;
}

export interface CliEnvironment {
  /** Without the program itself. */
  readonly argv: readonly string[];
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether stdout is a terminal: progress and colours, or JSON. */
  readonly isTerminal: boolean;
  /** Size of the terminal, asked each time since it changes. */
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** All of standard input. */
  readonly readStdin: () => Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly workingDirectory: string;
  /** Where the examples that come with the program are. */
  readonly examplesDirectory: string;
  readonly version: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Tells of SIGINT and SIGTERM until the returned function is called. */
  readonly onSignal: (listener: (signal: string) => void) => () => void;
  /** Ends the process at once; nothing is tidied up. */
  readonly abandon: (exitCode: number) => void;
  /** @throws Error with `code` EADDRINUSE if the port is taken; any other error says what is wrong */
  readonly openServer: (options: ServeOptions) => Promise<RunningServer>;
}

/** The environment of this process. */
export function processEnvironment(openServer: CliEnvironment["openServer"]): CliEnvironment {
  const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };
  // `stepwell history … | head` closes the pipe early: that is no fault, and there is nobody left to tell.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  return {
    argv: process.argv.slice(2),
    stdout: process.stdout,
    stderr: process.stderr,
    isTerminal: process.stdout.isTTY,
    size: () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }),
    readStdin: () => text(process.stdin),
    env: process.env,
    workingDirectory: process.cwd(),
    examplesDirectory: fileURLToPath(new URL("../../examples/", import.meta.url)),
    version,
    now: Date.now,
    onSignal: (listener) => {
      process.on("SIGINT", listener);
      process.on("SIGTERM", listener);
      return () => {
        process.off("SIGINT", listener);
        process.off("SIGTERM", listener);
      };
    },
    abandon: (exitCode) => process.exit(exitCode),
    openServer,
  };
}
