// `stepwell doctor`: tries the server, this shell and the clients of AWS on this machine, and says what to change.

import { once } from "node:events";
import { get as httpGet, type IncomingMessage } from "node:http";
import { get as httpsGet } from "node:https";
import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import { credentialsOf } from "../../integrations/sigv4.ts";
import { connect } from "../client.ts";
import { type ClientSettings, howToTake, shellOf, variablesOf } from "../client-settings.ts";
import { type Command, paletteOf, say, sayJson } from "../command.ts";
import type { CliEnvironment } from "../environment.ts";
import { type ClientReport, tryClients } from "../known-clients.ts";
import { CliError } from "../problem.ts";
import { printable } from "../text.ts";
import { JAVASCRIPT_HINT, optionsText, SETTINGS_OPTIONS, settingsOf } from "./env.ts";

interface Finding {
  readonly about: string;
  /** `absent` is no fault: there is nothing to try. */
  readonly state: "good" | "change" | "absent";
  readonly text: string;
  /** What to do. */
  readonly advice?: string;
}

export const doctor: Command = {
  name: "doctor",
  usage: "[options]",
  summary: "Try the clients of AWS on this machine against the server, and say what to change.",
  options: { json: { help: "One finding a line, as JSON (also into a pipe)." }, ...SETTINGS_OPTIONS },
  positionals: { least: 0, most: 0, names: "" },
  examples: ["stepwell doctor", "stepwell doctor --endpoint http://sfn.corp:8083 --credentials keys"],
  run: async (environment, args) => {
    const show = args.flag("json") || !environment.isTerminal ? showJson : showText;
    const settings = await settingsOf(environment, args);
    const server = await examineServer(environment, settings);
    const findings = [server];
    show(environment, server);
    if (server.state === "good") {
      const trial = {
        endpoint: settings.endpoint,
        region: settings.region,
        variables: variablesOf(settings),
      };
      const clients = (await tryClients(environment, trial)).map((report) => judge(report, settings));
      for (const finding of [examineShell(environment, settings, optionsText(args)), ...clients]) {
        findings.push(finding);
        show(environment, finding);
      }
      if (clients.every(({ state }) => state === "absent")) {
        throw new CliError(
          "None of the clients that this command knows is on this machine: nothing was tried.",
        );
      }
    }
    return findings.some(({ state }) => state === "change") ? 1 : 0;
  },
};

function showJson(environment: CliEnvironment, { about, state, text, advice }: Finding): void {
  const finding: JsonObject = { about, state, text, ...(advice === undefined ? {} : { advice }) };
  sayJson(environment, finding);
}

function showText(environment: CliEnvironment, { about, state, text, advice }: Finding): void {
  const { green, red, dim } = paletteOf(environment);
  const mark = { good: green("✓"), change: red("✗"), absent: dim("–") }[state];
  say(environment, `${mark} ${about}: ${printable(text)}`);
  if (advice !== undefined) say(environment, `  → ${printable(advice)}`);
}

/** Not by `fetch`: it calls no ports that browsers keep from. */
async function health(endpoint: URL): Promise<{ readonly status: number; readonly date: string }> {
  const get = endpoint.protocol === "https:" ? httpsGet : httpGet;
  const outgoing = get(new URL("/health", endpoint), { signal: AbortSignal.timeout(5_000) });
  const [incoming] = (await once(outgoing, "response")) as [IncomingMessage];
  incoming.resume();
  return { status: incoming.statusCode ?? 0, date: incoming.headers.date ?? "" };
}

/** More than this and signatures are about to be refused: the bound is five minutes. */
const MAX_SKEW_SECONDS = 240;

async function examineServer(environment: CliEnvironment, settings: ClientSettings): Promise<Finding> {
  const about = "server";
  const { endpoint, region } = settings;
  const change = (text: string, advice: string): Finding => ({ about, state: "change", text, advice });
  let date: string;
  try {
    const answer = await health(endpoint);
    if (answer.status !== 200)
      return change(`${endpoint.origin} answers with HTTP ${answer.status}`, "Is it Stepwell?");
    date = answer.date;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return change(
      `no answer from ${endpoint.origin} (${code ?? message})`,
      "Start one with `stepwell serve`, or name it with --endpoint URL.",
    );
  }
  const skewSeconds = Math.round((environment.now() - Date.parse(date)) / 1_000);
  if (Math.abs(skewSeconds) > MAX_SKEW_SECONDS) {
    const side = skewSeconds > 0 ? "ahead of" : "behind";
    return change(
      `the clock of this machine is ${Math.abs(skewSeconds)} seconds ${side} the server's`,
      "Set it: signatures hold for five minutes.",
    );
  }
  const list = { maxResults: 1 };
  const isSigned = await connect(endpoint)("ListStateMachines", list).then(
    () => false,
    // The client says so when it is asked for a signature and has none.
    (error: unknown) => error instanceof CliError,
  );
  const credentials = settings.credentials ?? credentialsOf(environment.env);
  try {
    await connect(endpoint, credentials && { credentials, region, now: environment.now })(
      "ListStateMachines",
      list,
    );
  } catch (error) {
    if (!(error instanceof ServiceError || error instanceof CliError)) throw error;
    const code = error instanceof ServiceError ? `${error.code}: ` : "";
    const advice = error instanceof ServiceError ? ADVICE[error.code] : undefined;
    return change(`${code}${error.message}`, advice ?? "Give a key with --credentials FILE.");
  }
  const text = isSigned ? "it asks for signatures, and takes yours" : "it asks nobody for credentials";
  return { about, state: "good", text: `${endpoint.origin} answers; ${text}` };
}

const ADVICE: Readonly<Record<string, string>> = {
  UnrecognizedClientException:
    "The server has no such key (or another session token): take one of its file, with --credentials FILE.",
  InvalidSignatureException:
    "The secret is not the one of the server's file, or something between changes requests.",
  ExpiredTokenException: "The session has ended: get a new key.",
};

/** Whether clients that are called from this shell would get there. */
function examineShell({ env }: CliEnvironment, settings: ClientSettings, options: string): Finding {
  const wanted = Object.entries(variablesOf(settings));
  const wrong = wanted.filter(([name, value]) => (env[name] ?? "").replace(/\/$/, "") !== (value ?? ""));
  const about = "this shell";
  if (wrong.length === 0) return { about, state: "good", text: "all variables are set" };
  const missing = wrong.filter(([, value]) => value !== null).map(([name]) => name);
  const unwanted = wrong.filter(([, value]) => value === null).map(([name]) => name);
  const text = [
    ...(missing.length === 0 ? [] : [`not set, or to something else: ${missing.join(", ")}`]),
    ...(unwanted.length === 0 ? [] : [`set, but in the way: ${unwanted.join(", ")}`]),
  ].join("; ");
  return { about, state: "change", text, advice: howToTake(shellOf(env, process.platform), options) };
}

/** What a client needs beside the variables. */
function judge(report: ClientReport, { endpoint }: ClientSettings): Finding {
  const { name, version, list, listByEndpoint, sync, syncByOption } = report;
  if (version === undefined) {
    const where = name === "SDK for JavaScript" ? "in this folder" : "on this machine";
    return { about: name, state: "absent", text: `not found ${where}` };
  }
  const about = version === "" ? name : `${name} (${version})`;
  const change = (text: string, advice: string): Finding => ({ about, state: "change", text, advice });
  if (list !== undefined && listByEndpoint !== undefined) {
    return change(
      `it does not get there: ${listByEndpoint}`,
      "Tried with the variables and with the endpoint itself.",
    );
  }
  if (list !== undefined) {
    return change(`it does not know AWS_ENDPOINT_URL_SFN: ${list}`, `${NEWER[name]}${endpoint.origin}`);
  }
  if (sync !== undefined) {
    const fault = `all but StartSyncExecution and TestState: ${sync}`;
    if (name === "SDK for JavaScript" && syncByOption === undefined) {
      return { about, state: "good", text: "works", advice: JAVASCRIPT_HINT };
    }
    if (name === "boto3" && syncByOption === undefined) {
      return change(fault, "Give clients Config(inject_host_prefix=False), or take a newer boto3.");
    }
    return change(fault, hostAdvice(endpoint));
  }
  return { about, state: "good", text: "works" };
}

const NEWER: Readonly<Record<ClientReport["name"], string>> = {
  "AWS CLI": "Take version 2.13 or newer, or always give --endpoint-url ",
  boto3: "Take version 1.28.57 or newer, or give clients endpoint_url=",
  "SDK for JavaScript": "Take version 3.451 or newer, or give clients endpoint: ",
};

/** A name is prefixed, not an address: `sync-127.0.0.1` cannot be made to resolve. */
function hostAdvice({ hostname, port }: URL): string {
  const isAddress = /^[\d.]+$|^\[/.test(hostname);
  return isAddress
    ? `Call the server by a name (http://localhost:${port || "80"}) and let sync-localhost resolve: 127.0.0.1 sync-localhost in the hosts file.`
    : `Let the name sync-${hostname} resolve to the same address: a line in the hosts file, or DNS.`;
}
