// The clients of AWS on this machine: each is found, and tried against the server as a user would use it.
//
// Knows:          the AWS CLI, boto3, the SDK for JavaScript; what their refusals look like.
// Does not know:  what to advise (commands/doctor).
//
// Invariants
//   L1. Nothing is changed at the server: a list of one item, and a start of a state machine that does not exist.
//   L2. No try goes to AWS. The SDKs are given a hook that refuses every other host; the CLI, which has none, gets a
//       proxy for https that nobody serves (very old ones know no endpoint variable and would go there).

import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Variables } from "./client-settings.ts";
import type { CliEnvironment } from "./environment.ts";

/** How a try ended: undefined as it should, else the client's words. */
export type Failure = string | undefined;

export interface ClientReport {
  readonly name: "AWS CLI" | "boto3" | "SDK for JavaScript";
  /** As the client says it; undefined: it is not on this machine. */
  readonly version: string | undefined;
  /** With the variables of `stepwell env`. */
  readonly list?: Failure;
  /** The same, told the endpoint in the client's own way. Only tried if `list` failed. */
  readonly listByEndpoint?: Failure;
  /** StartSyncExecution, whose host the clients prefix with `sync-`. Only tried if a list succeeded. */
  readonly sync?: Failure;
  /** The same, told not to in the client's own way. Only tried if `sync` failed. */
  readonly syncByOption?: Failure;
}

export interface Trial {
  readonly endpoint: URL;
  readonly region: string;
  readonly variables: Variables;
}

export async function tryClients(
  environment: CliEnvironment,
  trial: Trial,
): Promise<readonly ClientReport[]> {
  const bench = new Bench(environment, trial);
  // One after the other: what is slow on its own should not be slow because of the others.
  return [await tryCli(bench), await tryBoto3(bench), await tryJavaScript(bench)];
}

interface Ended {
  readonly isDone: boolean;
  readonly stdout: string;
  /** The last line that says something. */
  readonly words: string;
}

const TIMEOUT_MS = 20_000;

class Bench {
  readonly trial: Trial;
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor({ env, workingDirectory }: CliEnvironment, trial: Trial) {
    this.trial = trial;
    this.#directory = workingDirectory;
    const nowhere = "http://127.0.0.1:9";
    const merged: Record<string, string | undefined> = {
      ...env,
      AWS_PAGER: "",
      HTTPS_PROXY: nowhere,
      https_proxy: nowhere,
      NO_PROXY: `${hostOf(trial)},sync-${hostOf(trial)}`,
      no_proxy: `${hostOf(trial)},sync-${hostOf(trial)}`,
      AWS_MAX_ATTEMPTS: "1",
    };
    for (const [name, value] of Object.entries(trial.variables)) merged[name] = value ?? undefined;
    this.#env = Object.fromEntries(Object.entries(merged).filter(([, value]) => value !== undefined));
  }

  get directory(): string {
    return this.#directory;
  }

  /** Undefined: there is no such program. */
  async run(command: string, args: readonly string[]): Promise<Ended | undefined> {
    const options = { env: this.#env, cwd: this.#directory, timeout: TIMEOUT_MS, encoding: "utf8" as const };
    try {
      const { stdout, stderr } = await promisify(execFile)(command, args, options);
      return { isDone: true, stdout, words: lastLine(stderr || stdout) };
    } catch (error) {
      const {
        code,
        killed,
        stdout = "",
        stderr = "",
      } = error as {
        readonly code?: unknown;
        readonly killed?: boolean;
        readonly stdout?: string;
        readonly stderr?: string;
      };
      if (code === "ENOENT" || code === "EACCES") return undefined;
      const words = killed ? `no answer within ${TIMEOUT_MS / 1_000} seconds` : lastLine(stderr || stdout);
      return { isDone: false, stdout, words: words || `it ended with ${String(code)}` };
    }
  }
}

function lastLine(text: string): string {
  return text.trim().split(/\r?\n/).at(-1) ?? "";
}

/** No state machine has this name: the answer that it does not exist shows that the request arrived. */
function noMachine({ region }: Trial): string {
  return `arn:aws:states:${region}:000000000000:stateMachine:stepwell-doctor-${"x".repeat(8)}`;
}

/** Without the brackets of IPv6. */
function hostOf({ endpoint }: Trial): string {
  return endpoint.hostname.replace(/^\[|\]$/g, "");
}

async function tryCli(bench: Bench): Promise<ClientReport> {
  const name = "AWS CLI";
  const found = await bench.run("aws", ["--version"]);
  if (!found?.isDone) return { name, version: undefined };
  // The CLI of version 1 under Python 2 wrote it to stderr.
  const version = /aws-cli\/\S+/.exec(found.stdout + found.words)?.[0] ?? found.words;
  const { trial } = bench;
  const explicit = ["--endpoint-url", trial.endpoint.href.replace(/\/$/, "")];
  const call = async (...words: string[]): Promise<Failure> => {
    const ended = await bench.run("aws", ["stepfunctions", ...words]);
    if (ended === undefined || ended.isDone) return undefined;
    return ended.words;
  };
  const list = await call("list-state-machines", "--max-items", "1");
  const listByEndpoint =
    list === undefined ? undefined : await call("list-state-machines", "--max-items", "1", ...explicit);
  if (list !== undefined && listByEndpoint !== undefined) return { name, version, list, listByEndpoint };
  const start = ["start-sync-execution", "--state-machine-arn", noMachine(trial)];
  const words = await call(...start, ...(list === undefined ? [] : explicit));
  const sync = words !== undefined && /^An error occurred \(\w+\)/.test(words) ? undefined : words;
  return { name, version, list, listByEndpoint, sync };
}

/** What the scripts print: a line of JSON. */
type ScriptReport = Pick<ClientReport, "list" | "listByEndpoint" | "sync" | "syncByOption"> & {
  readonly version: string;
};

async function tryBoto3(bench: Bench): Promise<ClientReport> {
  const name = "boto3";
  const python = process.platform === "win32" ? "python" : "python3";
  const found = await bench.run(python, ["-c", "import boto3"]);
  if (!found?.isDone) return { name, version: undefined };
  return { name, ...(await report(bench, python, ["-c", PYTHON])) };
}

async function tryJavaScript(bench: Bench): Promise<ClientReport> {
  const name = "SDK for JavaScript";
  try {
    createRequire(join(bench.directory, "index.js")).resolve("@aws-sdk/client-sfn");
  } catch {
    return { name, version: undefined }; // not installed where the command was called
  }
  return { name, ...(await report(bench, process.execPath, ["--input-type=module", "-e", JAVASCRIPT])) };
}

async function report(
  bench: Bench,
  command: string,
  args: readonly string[],
): Promise<Omit<ClientReport, "name">> {
  const { trial } = bench;
  const ended = await bench.run(command, [...args, trial.endpoint.href, noMachine(trial), hostOf(trial)]);
  const line = /^\{.*\}$/m.exec(ended?.stdout ?? "")?.[0];
  if (line === undefined) {
    const words = ended?.words ?? "it cannot be run";
    return { version: "", list: words, listByEndpoint: words };
  }
  const said = JSON.parse(line) as { readonly [Key in keyof ScriptReport]: ScriptReport[Key] | null };
  const tries = Object.entries(said).filter(([, value]) => value !== null);
  return Object.fromEntries(tries) as ScriptReport;
}

// Both scripts get the endpoint, an ARN and the host that alone may be called. They print null for a try that
// succeeded or was not needed.

const PYTHON = `
import sys, json, boto3, botocore.config, botocore.exceptions
endpoint, arn, host = sys.argv[1:4]
from urllib.parse import urlsplit
def client(options, **more):
    made = boto3.client('stepfunctions', config=botocore.config.Config(retries={'max_attempts': 0}, **options), **more)
    def guard(request, **_):
        to = urlsplit(request.url).hostname
        if to not in (host, 'sync-' + host): raise RuntimeError('it would call ' + to)
    made.meta.events.register('before-send.stepfunctions', guard)
    return made
def attempt(call, isAnswerEnough=False):
    try: call()
    except botocore.exceptions.ClientError as error: return None if isAnswerEnough else str(error)
    except Exception as error: return str(error)
told = {}
listing = attempt(lambda: client({}).list_state_machines(maxResults=1))
byEndpoint = None
if listing is not None:
    told = {'endpoint_url': endpoint}
    byEndpoint = attempt(lambda: client({}, **told).list_state_machines(maxResults=1))
sync = byOption = None
if byEndpoint is None:
    sync = attempt(lambda: client({}, **told).start_sync_execution(stateMachineArn=arn), True)
    if sync is not None:
        byOption = attempt(lambda: client({'inject_host_prefix': False}, **told).start_sync_execution(stateMachineArn=arn), True)
print(json.dumps({'version': boto3.__version__, 'list': listing, 'listByEndpoint': byEndpoint, 'sync': sync, 'syncByOption': byOption}))
`;

const JAVASCRIPT = `
import { createRequire } from "node:module";
import { join } from "node:path";
const require = createRequire(join(process.cwd(), "index.js"));
const { SFNClient, ListStateMachinesCommand, StartSyncExecutionCommand } = require("@aws-sdk/client-sfn");
const { version } = require("@aws-sdk/client-sfn/package.json");
const [endpoint, arn, host] = process.argv.slice(1);
const name = (text) => text.replace(/^\\[|\\]$/g, "");
async function attempt(options, command, isAnswerEnough) {
  const client = new SFNClient({ maxAttempts: 1, ...options });
  client.middlewareStack.add((next) => async (args) => {
    const to = name(args.request.hostname);
    if (to !== host && to !== "sync-" + host) throw new Error("it would call " + to);
    return next(args);
  }, { step: "finalizeRequest", priority: "low" });
  try {
    await client.send(command);
    return null;
  } catch (error) {
    if (isAnswerEnough && error.$metadata?.httpStatusCode !== undefined) return null;
    return error.name + ": " + (error.message || error.code);
  } finally {
    client.destroy();
  }
}
const lists = () => new ListStateMachinesCommand({ maxResults: 1 });
const starts = () => new StartSyncExecutionCommand({ stateMachineArn: arn });
let told = {};
const list = await attempt(told, lists(), false);
let listByEndpoint = null, sync = null, syncByOption = null;
if (list !== null) listByEndpoint = await attempt((told = { endpoint }), lists(), false);
if (listByEndpoint === null) {
  sync = await attempt(told, starts(), true);
  if (sync !== null) syncByOption = await attempt({ ...told, disableHostPrefix: true }, starts(), true);
}
console.log(JSON.stringify({ version, list, listByEndpoint, sync, syncByOption }));
`;
