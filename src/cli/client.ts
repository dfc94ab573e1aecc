// The API over the wire, as the commands use it: AWS JSON 1.0 over node:http.
//
// Knows:          how a request and an error look on the wire; where the server is.
// Does not know:  the operations.
//
// A request is signed only when the server asks for it: where nobody is asked, a signature would choose the region
// and account of what is shown, by credentials that happen to lie in the environment.
//
// The AWS SDK was rejected here: it is a development dependency, costs a quarter of a second at start,
// and puts `sync-` before the host of StartSyncExecution.

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import { type Credentials, credentialsOf, sign } from "../integrations/sigv4.ts";
import type { Caller, CliEnvironment } from "./environment.ts";
import { CliError } from "./problem.ts";

export const DEFAULT_ENDPOINT = "http://127.0.0.1:8083";

/** Where the server is: the option, else the environment, else the default. @throws CliError for no URL */
export function endpointOf(
  option: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): URL {
  const named = [
    ["--endpoint", option],
    ["STEPWELL_ENDPOINT", env["STEPWELL_ENDPOINT"]],
    ["AWS_ENDPOINT_URL_SFN", env["AWS_ENDPOINT_URL_SFN"]],
  ].find(([, value]) => value !== undefined && value !== "");
  const [source, value] = named ?? ["", DEFAULT_ENDPOINT];
  const url = URL.parse(value as string);
  if (url === null || (url.protocol !== "http:" && url.protocol !== "https:")) {
    throw new CliError(`${source} must be a URL like ${DEFAULT_ENDPOINT}, but is "${value}".`, 2);
  }
  return url;
}

export interface Signing {
  readonly credentials: Credentials;
  readonly region: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/** Of the environment's AWS_ACCESS_KEY_ID and AWS_REGION; undefined without a key. */
export function signingOf({ env, now }: Pick<CliEnvironment, "env" | "now">): Signing | undefined {
  const credentials = credentialsOf(env);
  const region = env["AWS_REGION"] || env["AWS_DEFAULT_REGION"] || "us-east-1";
  return credentials && { credentials, region, now };
}

/**
 * @param signing Used when the server asks for a signature.
 * @returns a Caller whose rejections are ServiceErrors, or a CliError where there is no usable answer
 */
export function connect(endpoint: URL, signing?: Signing): Caller {
  let isAsked = false;

  async function call(operation: string, input: JsonObject): Promise<JsonObject> {
    const body = JSON.stringify(input);
    const headers = {
      "content-type": "application/x-amz-json-1.0",
      "x-amz-target": operation.includes(".") ? operation : `AWSStepFunctions.${operation}`,
    };
    const sent = isAsked && signing ? signed(endpoint, headers, body, signing) : headers;
    const answer = await post(endpoint, sent, body);
    return read(endpoint, operation, answer);
  }

  return async (operation, input) => {
    try {
      return await call(operation, input);
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== "MissingAuthenticationTokenException")
        throw error;
      if (signing === undefined)
        throw new CliError(`${endpoint.origin} wants signed requests. ${HOW_TO_SIGN}`);
      isAsked = true;
      return call(operation, input);
    }
  };
}

const HOW_TO_SIGN =
  "Put a key of its credentials file into the environment: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY " +
  "(`stepwell env --credentials FILE` prints them).";

function signed(
  endpoint: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
  { credentials, region, now }: Signing,
): Record<string, string> {
  const request = { method: "POST", url: endpoint, headers, body };
  return sign(request, credentials, { region, service: "states", nowMs: now() });
}

function read(
  endpoint: URL,
  operation: string,
  { status, body }: { readonly status: number; readonly body: string },
): JsonObject {
  const answer = parseObject(body);
  if (answer === undefined) {
    throw new CliError(
      `${endpoint.origin} answered ${operation} with HTTP ${status} and no JSON: is it Stepwell?`,
    );
  }
  if (status >= 200 && status < 300) return answer;
  const type = member(answer, "__type");
  const message = member(answer, "message") ?? member(answer, "Message");
  throw new ServiceError(
    typeof type === "string" ? type.slice(type.lastIndexOf("#") + 1) : "UnknownError",
    typeof message === "string" ? message : `HTTP ${status}`,
    answer,
    status,
  );
}

function parseObject(text: string): JsonObject | undefined {
  let value: Json;
  try {
    value = JSON.parse(text) as Json;
  } catch {
    return undefined; // the caller says that this was no JSON
  }
  return isObject(value) ? value : undefined;
}

function post(
  endpoint: URL,
  headers: Readonly<Record<string, string>>,
  body: string,
): Promise<{ status: number; body: string }> {
  const send = endpoint.protocol === "https:" ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      const reason =
        error.code === "ECONNREFUSED" ? "nothing listens there" : error.message || String(error.code);
      reject(
        new CliError(
          `No answer from ${endpoint.origin}: ${reason}.\n` +
            "Start a server with `stepwell serve`, or name another one with --endpoint URL.",
        ),
      );
    };
    const outgoing = send(
      endpoint,
      {
        method: "POST",
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("error", fail);
        incoming.on("end", () =>
          resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
        );
      },
    );
    outgoing.on("error", fail);
    outgoing.end(body);
  });
}
