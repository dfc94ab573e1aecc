// Composes the server of concrete parts and runs the command line. The only place that names concrete classes.
//
// The order of opening: the runtime needs integrations, these need functions, and functions need to know where the API
// listens (AWS_ENDPOINT_URL_SFN), which needs the runtime. So functions come last, and a call that recovery makes
// before waits for them.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  type AccessKey,
  type Answered,
  type Api,
  type Authenticator,
  createApi,
  createAuthenticator,
  openCredentialsFile,
} from "./api/index.ts";
import type { Log } from "./base/log.ts";
import { ServiceError } from "./base/service-error.ts";
import { processEnvironment, type RunningServer, runCli, type ServeOptions } from "./cli/index.ts";
import { folderStore, type ObjectStore, S3Store } from "./datasets/index.ts";
import { SERVICE_LIMITS } from "./engine/index.ts";
import { LocalFunctions } from "./functions/local-functions.ts";
import {
  createIntegrations,
  credentialsOf,
  FileMocks,
  LambdaEndpoint,
  type LambdaInvoker,
  NO_FUNCTIONS,
  signParts,
} from "./integrations/index.ts";
import {
  CloudWatchLogs,
  eventBus,
  type EventTarget,
  EXECUTION_LOGS,
  ExecutionLogs,
  LogFiles,
  LogRing,
  type LogSink,
  Metrics,
  metricsPage,
  readyPage,
  StatusChanges,
  Traces,
  webhook,
} from "./observation/index.ts";
import { Runtime } from "./runtime/index.ts";
import { MemoryStore } from "./store/memory.ts";
import { SqliteStore } from "./store/sqlite/store.ts";

/** How long calls under way may take to end when the server is closed. */
const GRACE_MS = 3_000;

async function openServer(options: ServeOptions): Promise<RunningServer> {
  const { log, region, account, dataDirectory } = options;
  const { limits = SERVICE_LIMITS, settings = {} } = options.limits ?? {};
  const fatal = Promise.withResolvers<Error>();
  const functions = Promise.withResolvers<LambdaInvoker | undefined>();
  // A failed opening rejects it before anybody waits for it.
  functions.promise.catch(() => {});

  const traces = options.traces === undefined ? undefined : new Traces({ settings: options.traces, log });
  const mocks = openMocks(options);
  const objects = await openObjects(options);
  const targets = eventTargets(options);
  const ring = options.logBufferBytes === 0 ? undefined : new LogRing(options.logBufferBytes);
  // The ring first: it never waits, where the others do.
  const sinks = [...(ring === undefined ? [] : [ring]), ...logSinks(options)];
  const statusChanges = new StatusChanges({ targets, log });
  const executionLogs = new ExecutionLogs({
    sinks,
    configurationOf: async (revisionId) =>
      (await runtime.catalog.getRevision(revisionId))?.loggingConfiguration,
    log,
  });
  const functionKey = newFunctionKey();
  const authenticator = await openAuthenticator(options, functionKey);
  const metrics = new Metrics();
  let notReady: string | undefined = "it is starting";
  const runtime: Runtime = await Runtime.open({
    store: metrics.measured(
      dataDirectory === undefined ? new MemoryStore() : new SqliteStore({ directory: dataDirectory }),
    ),
    limits,
    settings,
    ...(objects === undefined ? {} : { objects }),
    ...(mocks === undefined ? {} : { mocks }),
    observers: [
      metrics.observe,
      ...(sinks.length === 0 ? [] : [executionLogs.observe]),
      ...(targets.length === 0 ? [] : [statusChanges.observe]),
      ...(traces === undefined ? [] : [traces.observe]),
    ],
    onRefused: metrics.refused,
    onFatal: (error) => {
      notReady = "its store has failed";
      fatal.resolve(error);
    },
    log,
    integrations: createIntegrations({
      lambda: { invoke: async (request) => ((await functions.promise) ?? NO_FUNCTIONS).invoke(request) },
      service: {
        call: (operation, input, signal) => api.call(operation, input, { region, account }, signal),
        waitForEnd: (executionArn, signal) => runtime.executions.waitForEnd(executionArn, signal),
      },
    }),
  });
  const api: Api = createApi(runtime, {
    account,
    region,
    forceAccount: options.isAccountGiven ? account : undefined,
    forceRegion: options.isRegionGiven ? region : undefined,
    limits,
    authenticator,
    allowedHosts: options.allowedHosts,
    allowedOrigins: options.allowedOrigins,
    logEvents: ring?.read,
    pages: new Map([
      ["/metrics", metricsPage(metrics, runtime.statistics, options.isMetricsOpen)],
      ["/ready", readyPage(() => notReady)],
    ]),
    onAnswered: (answered) => {
      if (answered.method === "POST") metrics.answered(answered);
      if (options.logLevel === "debug") logRequest(answered, log);
    },
    onFault: ({ requestId, operation, error }) =>
      log(
        `fault in request ${requestId} ${operation ?? ""}: ${error instanceof Error ? error.stack : String(error)}`,
        "error",
        { requestId, ...(operation === undefined ? {} : { operation }) },
      ),
  });
  try {
    const listening = await api.listen(options);
    const local = await openFunctions(options, listening.url, functionKey);
    functions.resolve(invoker(local, options));
    notReady = undefined;
    return {
      url: listening.url,
      call: (operation, input) =>
        api.call(operation, input, { region, account }, new AbortController().signal),
      fatal: fatal.promise,
      ...(local === undefined ? {} : { functions: local }),
      close: async () => {
        // Where the store has failed, that stays the reason.
        notReady ??= "it is closing";
        await listening.close(GRACE_MS);
        // Before the store is closed: both read journals.
        await Promise.all([traces?.close(GRACE_MS), executionLogs.close(GRACE_MS)]);
        try {
          await runtime.close(GRACE_MS);
        } finally {
          // Also where the store has failed: what is durable is told, and the functions are given back.
          await statusChanges.close(GRACE_MS);
          await local?.close();
          metrics.close();
        }
      },
    };
  } catch (error) {
    functions.reject(error);
    await runtime.close(0);
    throw error;
  }
}

/** One line for a request: who, what, the outcome. Nothing of its body, its headers or its answer. */
function logRequest(
  { requestId, method, path, operation, accessKeyId, status, error, milliseconds }: Answered,
  log: Log,
): void {
  const durationMs = Math.round(milliseconds * 10) / 10;
  const what = operation ?? `${method} ${path.slice(0, 200)}`;
  const outcome = error === undefined ? String(status) : `${status} ${error}`;
  const who = accessKeyId === undefined ? "" : `, key ${accessKeyId}`;
  log(`${what}: ${outcome} in ${durationMs} ms, request ${requestId}${who}`, "debug", {
    requestId,
    ...(operation === undefined ? { method, path: path.slice(0, 200) } : { operation }),
    status,
    ...(error === undefined ? {} : { error }),
    durationMs,
    ...(accessKeyId === undefined ? {} : { accessKeyId }),
  });
}

/** For the functions of this server, so that they can call it: new at every start, kept in no file. */
function newFunctionKey(): Required<Omit<AccessKey, "expiresAtMs">> {
  const random = (): string => randomBytes(24).toString("hex");
  return { accessKeyId: "stepwell-functions", secretAccessKey: random(), sessionToken: random() };
}

/** Undefined: nobody is asked for a signature. */
async function openAuthenticator(
  { credentialsFile: path, log }: ServeOptions,
  functionKey: AccessKey,
): Promise<Authenticator | undefined> {
  if (path === undefined) return undefined;
  const now = Date.now;
  const file = await openCredentialsFile({ path, now, log }).catch((error: unknown) => {
    throw new Error(`the credentials file ${path} cannot be used: ${(error as Error).message}`);
  });
  const find = async (id: string): Promise<AccessKey | undefined> =>
    id === functionKey.accessKeyId ? functionKey : file.find(id);
  return createAuthenticator({ find }, now);
}

function eventTargets({ eventsWebhook, eventsEndpoint, region }: ServeOptions): readonly EventTarget[] {
  const bus = { region, credentials: credentialsOf(process.env) };
  return [
    ...(eventsWebhook === undefined ? [] : [webhook(eventsWebhook)]),
    ...(eventsEndpoint === undefined ? [] : [eventBus({ ...bus, endpoint: eventsEndpoint })]),
  ];
}

/** Where the log events of executions go: to CloudWatch Logs where there is an endpoint, else to files of the store. */
function logSinks(options: ServeOptions): readonly LogSink[] {
  const { logsEndpoint: endpoint = options.serviceEndpoint ?? "files", region, dataDirectory } = options;
  if (endpoint !== "files") {
    return [new CloudWatchLogs({ endpoint, region, credentials: credentialsOf(process.env) })];
  }
  return dataDirectory === undefined ? [] : [new LogFiles(join(dataDirectory, EXECUTION_LOGS))];
}

/** Where Map states find buckets; undefined: nowhere. */
async function openObjects(options: ServeOptions): Promise<ObjectStore | undefined> {
  const { s3Directory, s3Endpoint: endpoint = options.serviceEndpoint, region } = options;
  if (s3Directory !== undefined) {
    return folderStore(s3Directory).catch((error: unknown) => {
      throw new Error(`the folder of buckets ${s3Directory} cannot be used: ${(error as Error).message}`);
    });
  }
  if (endpoint === undefined) return undefined;
  // Without a key, one that emulators accept.
  const key = credentialsOf(process.env) ?? { accessKeyId: "stepwell", secretAccessKey: "stepwell" };
  return new S3Store({
    endpoint,
    sign: (request) => signParts(request, key, { region, service: "s3", nowMs: Date.now() }),
  });
}

function openMocks({ mockConfigFile: path, log }: ServeOptions): FileMocks | undefined {
  if (path === undefined) return undefined;
  const mocks = new FileMocks(path, log);
  if (mocks.problem !== undefined) throw new Error(`the mock file ${path} cannot be used: ${mocks.problem}`);
  return mocks;
}

async function openFunctions(
  options: ServeOptions,
  url: string,
  key: ReturnType<typeof newFunctionKey>,
): Promise<LocalFunctions | undefined> {
  const { functionsDirectory: directory, region, account, dataDirectory, log } = options;
  if (directory === undefined) return undefined;
  const functions = await LocalFunctions.open({
    directory,
    region,
    account,
    environment: {
      AWS_ENDPOINT_URL_SFN: url,
      AWS_ACCESS_KEY_ID: key.accessKeyId,
      AWS_SECRET_ACCESS_KEY: key.secretAccessKey,
      AWS_SESSION_TOKEN: key.sessionToken,
    },
    log: ({ functionName, stream, text }) => {
      if (stream !== "platform") log(`[${functionName}] ${text}`, "info", { functionName, stream });
    },
    ...(dataDirectory === undefined ? {} : { logDirectory: join(dataDirectory, "logs") }),
  });
  for (const { name, problems } of functions.list()) {
    for (const problem of problems) log(`function ${name}: ${problem}`, "warn", { functionName: name });
  }
  return functions;
}

/** Local functions first; what is not among them is asked of the endpoint, where there is one. */
function invoker(
  local: LocalFunctions | undefined,
  { lambdaEndpoint, region }: ServeOptions,
): LambdaInvoker | undefined {
  if (lambdaEndpoint === undefined) return local;
  const credentials = credentialsOf(process.env);
  const endpoint = new LambdaEndpoint(lambdaEndpoint, {
    region,
    ...(credentials === undefined ? {} : { credentials }),
  });
  if (local === undefined) return endpoint;
  return {
    invoke: async (request) => {
      try {
        return await local.invoke(request);
      } catch (error) {
        if (error instanceof ServiceError && error.code === "ResourceNotFoundException")
          return endpoint.invoke(request);
        throw error;
      }
    },
  };
}

process.exitCode = await runCli(processEnvironment(openServer));
