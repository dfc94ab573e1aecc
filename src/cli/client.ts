// The API over the wire, as the commands use it: AWS JSON 1.0 over node:http.
//
// Knows:          how a request and an error look on the wire; where the server is.
// Does not know:  the operations. Requests are not signed: a server on loopback asks for no signature.
//
// The AWS SDK was rejected here: it is a development dependency, costs a quarter of a second at start,
// and puts `sync-` before the host of StartSyncExecution.

import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Caller } from "./environment.ts";
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

/** @returns a Caller whose rejections are ServiceErrors, or a CliError where there is no usable answer */
export function connect(endpoint: URL): Caller {
  return async (operation, input) => {
    const { status, body } = await post(endpoint, operation, JSON.stringify(input));
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
  };
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

function post(endpoint: URL, operation: string, body: string): Promise<{ status: number; body: string }> {
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
        headers: {
          "content-type": "application/x-amz-json-1.0",
          "content-length": Buffer.byteLength(body),
          "x-amz-target": `AWSStepFunctions.${operation}`,
        },
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
