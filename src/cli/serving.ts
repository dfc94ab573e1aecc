// What `serve`, `dev` and `demo` share: their options, the ready line, and how they end.
//
// Invariants
//   W1. Exactly one line of stdout begins with `ready `, followed by the URL, and only when requests are
//       accepted. Whatever else a server says goes to stderr, in the form of server-log.ts.
//   W2. SIGINT or SIGTERM closes the server and ends with 0; a second signal ends the process at once.
//   W3. A server that can no longer go on says why and ends with 1.

import { isIP } from "node:net";
import { resolve } from "node:path";
import {
  hostOption,
  integerOption,
  type OptionDeclaration,
  type ParsedArguments,
  patternOption,
  urlOption,
} from "./arguments.ts";
import type { CliEnvironment, RunningServer, ServeOptions } from "./environment.ts";
import { parseLimits } from "./limits.ts";
import { CliError, wordsOf } from "./problem.ts";
import { LOG_OPTIONS, type ServerLog } from "./server-log.ts";
import { printableLines } from "./text.ts";
import { TRACE_OPTIONS, traceOptions } from "./tracing.ts";

export const DEFAULT_PORT = 8083;
const LOG_BUFFER_MIB = 16;

/** May be repeated. */
export const LIMIT_OPTION: OptionDeclaration = {
  value: "NAME=VALUE",
  help: "Set a limit; may be repeated. `stepwell limits` lists them.",
};

export const SERVE_OPTIONS: Readonly<Record<string, OptionDeclaration>> = {
  host: { value: "ADDRESS", help: "Address to listen on (127.0.0.1)." },
  port: { value: "PORT", help: `Port to listen on (${DEFAULT_PORT}); 0 takes a free one.` },
  data: { value: "DIR", help: "Directory of the durable store (.stepwell)." },
  memory: { help: "Keep everything in memory; it is gone at the end." },
  credentials: {
    value: "FILE",
    help: "Requests must be signed (SigV4) with a key of this file: an AWS credentials file, or JSON.",
  },
  unauthenticated: { help: "Allow --host beyond loopback, though nobody is asked for credentials." },
  "allow-host": {
    value: "NAMES",
    help: "Further host names of this server, by commas: as a proxy before it is addressed.",
  },
  "cors-origin": {
    value: "ORIGINS",
    help: "Web pages that may call, by commas: https://console.example.org (none).",
  },
  region: { value: "REGION", help: "Region in ARNs (else AWS_REGION, AWS_DEFAULT_REGION, us-east-1)." },
  account: { value: "ACCOUNT", help: "Account in ARNs, 12 digits (000000000000)." },
  limit: LIMIT_OPTION,
  functions: { value: "DIR", help: "Directory of local Lambda functions." },
  "lambda-endpoint": { value: "URL", help: "Endpoint with Lambda's API for functions that are not local." },
  "service-endpoint": {
    value: "URL",
    help: "Endpoint of other services: S3, and CloudWatch Logs for loggingConfiguration (else files).",
  },
  s3: {
    value: "DIR",
    help: "Folder with buckets, a folder each, for the ItemReader and ResultWriter of Map states.",
  },
  "s3-endpoint": { value: "URL", help: "Endpoint with S3's API for them (else --service-endpoint)." },
  "logs-endpoint": {
    value: "URL|files",
    help: "Endpoint of CloudWatch Logs alone, or files in spite of --service-endpoint.",
  },
  "log-buffer": {
    value: "MIB",
    help: `Memory for the latest log events, which \`stepwell logs\` reads over the API (${LOG_BUFFER_MIB}; 0: none).`,
  },
  "events-webhook": {
    value: "URL",
    help: "Post status changes of executions there, each as EventBridge's event.",
  },
  "events-endpoint": { value: "URL", help: "Put them on the default bus of EventBridge there (PutEvents)." },
  "open-metrics": { help: "Show /metrics beyond this machine, though requests must be signed." },
  "mock-config": {
    value: "FILE",
    help: "Mock file of Step Functions Local, for starts with #TestCase (else SFN_MOCK_CONFIG; none).",
  },
  ...TRACE_OPTIONS,
  ...LOG_OPTIONS,
};

/**
 * The checked options of the command line.
 * @param defaults What the command takes where nothing is said; directories relative to the working directory.
 * @throws CliError naming the option and what was expected
 */
export function serveOptions(
  environment: CliEnvironment,
  args: ParsedArguments,
  defaults: { readonly data: string; readonly functions?: string },
  { log, level: logLevel }: Pick<ServerLog, "log" | "level">,
): ServeOptions {
  const { env, workingDirectory } = environment;
  const directory = (path: string): string => resolve(workingDirectory, path);
  const host = hostOption("host", args.value("host") ?? "127.0.0.1");
  const credentials = args.value("credentials");
  if (credentials !== undefined && args.flag("unauthenticated")) {
    throw new CliError("--credentials and --unauthenticated exclude each other: choose one.", 2);
  }
  if (!isLoopback(host) && credentials === undefined && !args.flag("unauthenticated")) {
    throw new CliError(
      `--host ${host} is reachable from other machines, and nobody would be asked for credentials: whoever reaches the ` +
        "port could start executions and run your functions. Add --credentials FILE with the keys that may call " +
        "(docs/security.md), or --unauthenticated if that network is trusted.",
      2,
    );
  }
  if (args.flag("memory") && args.value("data") !== undefined) {
    throw new CliError("--memory and --data exclude each other: choose one.", 2);
  }
  const allowedHosts = namesOption(args, "allow-host", /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/i, "host names");
  const allowedOrigins = namesOption(
    args,
    "cors-origin",
    /^https?:\/\/[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::\d{1,5})?$/,
    "origins like https://console.example.org",
  );
  const region = args.value("region") ?? (env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1");
  const functions = args.value("functions") ?? defaults.functions;
  const lambdaEndpoint = args.value("lambda-endpoint");
  const serviceEndpoint = args.value("service-endpoint");
  const logsEndpoint = args.value("logs-endpoint");
  const s3 = args.value("s3");
  const s3Endpoint = args.value("s3-endpoint");
  if (s3 !== undefined && s3Endpoint !== undefined) {
    throw new CliError("--s3 and --s3-endpoint exclude each other: buckets are in one place.", 2);
  }
  const eventsWebhook = args.value("events-webhook");
  const eventsEndpoint = args.value("events-endpoint");
  const limits = args.values("limit");
  const traces = traceOptions(environment, args);
  const mockConfig = args.value("mock-config") ?? (env["SFN_MOCK_CONFIG"] || undefined);
  return {
    host,
    port: integerOption("port", args.value("port") ?? String(DEFAULT_PORT), 0, 65_535),
    region: patternOption("region", region, /^[a-z]{2}(?:-[a-z0-9]+)+$/, "a region like eu-central-1"),
    account: patternOption("account", args.value("account") ?? "000000000000", /^[0-9]{12}$/, "12 digits"),
    isRegionGiven: args.value("region") !== undefined,
    isAccountGiven: args.value("account") !== undefined,
    isMetricsOpen: credentials === undefined || args.flag("open-metrics"),
    logBufferBytes:
      integerOption("log-buffer", args.value("log-buffer") ?? String(LOG_BUFFER_MIB), 0, 1_024) * 1_048_576,
    ...(args.flag("memory") ? {} : { dataDirectory: directory(args.value("data") ?? defaults.data) }),
    ...(functions === undefined ? {} : { functionsDirectory: directory(functions) }),
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    ...(allowedOrigins === undefined ? {} : { allowedOrigins }),
    ...(credentials === undefined ? {} : { credentialsFile: directory(credentials) }),
    ...(lambdaEndpoint === undefined ? {} : { lambdaEndpoint: urlOption("lambda-endpoint", lambdaEndpoint) }),
    ...(serviceEndpoint === undefined
      ? {}
      : { serviceEndpoint: urlOption("service-endpoint", serviceEndpoint) }),
    ...(logsEndpoint === undefined
      ? {}
      : { logsEndpoint: logsEndpoint === "files" ? "files" : urlOption("logs-endpoint", logsEndpoint) }),
    ...(s3 === undefined ? {} : { s3Directory: directory(s3) }),
    ...(s3Endpoint === undefined ? {} : { s3Endpoint: urlOption("s3-endpoint", s3Endpoint) }),
    ...(eventsWebhook === undefined ? {} : { eventsWebhook: urlOption("events-webhook", eventsWebhook) }),
    ...(eventsEndpoint === undefined ? {} : { eventsEndpoint: urlOption("events-endpoint", eventsEndpoint) }),
    ...(limits.length === 0 ? {} : { limits: parseLimits(limits) }),
    ...(mockConfig === undefined ? {} : { mockConfigFile: directory(mockConfig) }),
    ...(traces === undefined ? {} : { traces }),
    log,
    logLevel,
  };
}

function namesOption(
  args: ParsedArguments,
  option: string,
  pattern: RegExp,
  expected: string,
): readonly string[] | undefined {
  const names = args
    .value(option)
    ?.split(",")
    .map((name) => name.trim());
  for (const name of names ?? []) patternOption(option, name, pattern, `${expected}, with commas between`);
  return names;
}

function isLoopback(host: string): boolean {
  return (
    host === "localhost" ||
    host.endsWith(".localhost") ||
    host === "::1" ||
    (isIP(host) === 4 && host.startsWith("127."))
  );
}

/**
 * Opens a server, runs `body` with it, and leaves nothing open. Signals are listened to from before the
 * server opens, so one that comes early is not lost.
 *
 * @param mayMove Whether a free port will do where the one in `options` is taken.
 * @param body    Closes the server itself unless it throws; its result is the exit code.
 * @throws CliError in words where the port or the store is the reason. A log in JSON tells it itself (L1), and the exit
 *         code is the result.
 */
export async function runServer(
  environment: CliEnvironment,
  options: ServeOptions,
  { format, say }: ServerLog,
  mayMove: boolean,
  body: (server: RunningServer, stop: AbortSignal) => Promise<number>,
): Promise<number> {
  const { first, off } = listenForSignals(environment);
  try {
    const server = await open(environment, options, mayMove);
    try {
      return await body(server, first);
    } catch (error) {
      await server.close();
      throw error;
    }
  } catch (error) {
    if (format === "text") throw error;
    const { text, exitCode } = wordsOf(error);
    say(text, "error");
    return exitCode;
  } finally {
    off();
  }
}

async function open(
  environment: CliEnvironment,
  options: ServeOptions,
  mayMove: boolean,
): Promise<RunningServer> {
  try {
    return await environment.openServer(options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE" && mayMove) {
      options.log(`port ${options.port} is taken; taking a free one`, "warn");
      return open(environment, { ...options, port: 0 }, false);
    }
    const words: Readonly<Record<string, string>> = {
      EADDRINUSE: `port ${options.port} of ${options.host} is taken; choose another with --port (0 takes a free one)`,
      EADDRNOTAVAIL: `${options.host} is no address of this machine`,
      EACCES: `permission denied (${message})`,
    };
    const known = code === undefined ? undefined : words[code];
    throw new CliError(`Cannot start: ${known ?? message}`);
  }
}

export function sayReady(environment: CliEnvironment, server: RunningServer): void {
  environment.stdout.write(`ready ${server.url}\n`);
}

/** Signals from now on: `first` aborts at the first of them, a second one ends the process (W2). */
export function listenForSignals(environment: CliEnvironment): {
  readonly first: AbortSignal;
  readonly off: () => void;
} {
  const controller = new AbortController();
  const off = environment.onSignal(() => {
    if (controller.signal.aborted) environment.abandon(130);
    controller.abort();
  });
  return { first: controller.signal, off };
}

/** Waits for a signal or for the server's failure, then closes it. @returns the exit code */
export async function serveUntilEnd(
  server: RunningServer,
  signal: AbortSignal,
  { say }: ServerLog,
): Promise<number> {
  const failure = await Promise.race([server.fatal, aborted(signal)]);
  if (failure !== undefined) {
    say(`error: the server cannot go on: ${printableLines(failure.message)}`, "error");
    // Nothing may wait for a store that has failed, but the port and the functions are given back.
    await server.close().catch((error: unknown) => {
      say(`error: while closing: ${printableLines(String(error))}`, "error");
    });
    return 1;
  }
  say("stopping");
  await server.close();
  return 0;
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolved) => {
    if (signal.aborted) resolved(undefined);
    signal.addEventListener("abort", () => resolved(undefined), { once: true });
  });
}
