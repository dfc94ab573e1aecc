// Lambda's Invoke over HTTP: any endpoint with that API, AWS itself or an emulator.
//
// Knows:          the REST binding of Invoke, how Lambda words refusals. Does not know: tasks.
//
// Invariants
//   E1. One `invoke` sends one request. It is never sent again: a connection that breaks says nothing about whether
//       the function ran (and what the function did must not be done twice behind the back of its state machine).
//   E2. No more of an answer than `MAX_ANSWER_BYTES` is kept in memory.
//   E3. No time limit of its own: a function may run as long as the task may. The caller's signal ends the request.
//
// Spec: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html

import { Agent as HttpAgent, type IncomingMessage, request as httpRequest } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { parseJson } from "../base/json-text.ts";
import { ServiceError } from "../base/service-error.ts";
import type { InvokeRequest, InvokeResponse, LambdaInvoker } from "./lambda-invoker.ts";
import { type Credentials, sign } from "./sigv4.ts";

/** Lambda's own limit is 6 MiB (6,291,556 bytes for an answer); the rest is room for endpoints that are less exact. */
export const MAX_ANSWER_BYTES: number = 6 * 1024 * 1024 + 64 * 1024;

/**
 * Idle connections are dropped before the far end drops them (Node's own servers do after 5 s): a request on a
 * connection that the far end is just closing would fail, and may not be sent again (E1).
 */
const IDLE_MS = 4_000;

export interface LambdaEndpointOptions {
  /** Absent: requests carry a signature that only emulators accept. */
  readonly credentials?: Credentials;
  /** For the signature, where the function's ARN does not tell. */
  readonly region?: string;
}

export class LambdaEndpoint implements LambdaInvoker {
  readonly #base: URL;
  readonly #credentials: Credentials;
  readonly #region: string;
  readonly #agent: HttpAgent | HttpsAgent;

  /** @param url `http://127.0.0.1:9001`, or with a path that the API's paths are appended to. */
  constructor(url: string, options: LambdaEndpointOptions = {}) {
    this.#base = new URL(url);
    this.#credentials = options.credentials ?? { accessKeyId: "test", secretAccessKey: "test" };
    this.#region = options.region ?? "us-east-1";
    const settings = { keepAlive: true, timeout: IDLE_MS };
    this.#agent = this.#base.protocol === "https:" ? new HttpsAgent(settings) : new HttpAgent(settings);
  }

  async invoke(request: InvokeRequest): Promise<InvokeResponse> {
    const answer = await this.#send(request);
    if (answer.status < 200 || answer.status > 299) throw refusalOf(answer);
    const { headers } = answer;
    const optional = (key: "executedVersion" | "functionError" | "logResult", name: string): object => {
      const value = headers[name];
      return value === undefined ? {} : { [key]: value };
    };
    return {
      statusCode: answer.status,
      requestId: headers["x-amzn-requestid"] ?? "",
      payload: answer.body,
      headers,
      ...optional("executedVersion", "x-amz-executed-version"),
      ...optional("functionError", "x-amz-function-error"),
      ...optional("logResult", "x-amz-log-result"),
    };
  }

  /** Closes idle connections. */
  close(): void {
    this.#agent.destroy();
  }

  #send(request: InvokeRequest): Promise<Answer> {
    const url = this.#urlOf(request);
    const headers: Record<string, string> = {
      "content-type": "application/json",
      "x-amz-invocation-type": request.invocationType,
    };
    if (request.logType !== undefined) headers["x-amz-log-type"] = request.logType;
    if (request.clientContext !== undefined) headers["x-amz-client-context"] = request.clientContext;
    const signed = sign({ method: "POST", url, headers, body: request.payload }, this.#credentials, {
      region: regionOf(request.functionName) ?? this.#region,
      service: "lambda",
      nowMs: Date.now(),
    });
    signed["content-length"] = String(Buffer.byteLength(request.payload));
    const start = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const sent = start(
        url,
        { method: "POST", headers: signed, agent: this.#agent, signal: request.signal },
        (response) => {
          readAnswer(response).then(resolve, (error: unknown) => {
            sent.destroy();
            reject(error);
          });
        },
      );
      sent.on("error", reject);
      sent.end(request.payload);
    });
  }

  #urlOf({ functionName, qualifier }: InvokeRequest): URL {
    const url = new URL(this.#base);
    const prefix = url.pathname.replace(/\/$/u, "");
    url.pathname = `${prefix}/2015-03-31/functions/${encodeURIComponent(functionName)}/invocations`;
    if (qualifier !== undefined) url.searchParams.set("Qualifier", qualifier);
    return url;
  }
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: string;
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) {
      throw new Error(`the answer is larger than ${MAX_ANSWER_BYTES} bytes, the most that Lambda can return`);
    }
    chunks.push(chunk);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return { status: response.statusCode ?? 0, headers, body: Buffer.concat(chunks).toString("utf8") };
}

/** Lambda names the error in a header; emulators do so in the body, some with a namespace or a URL around it. */
function refusalOf({ status, headers, body }: Answer): ServiceError {
  const parsed = parseJson(body);
  const document: JsonObject = parsed.ok && isObject(parsed.value) ? parsed.value : {};
  const requestId = headers["x-amzn-requestid"] ?? "";
  const code = [headers["x-amzn-errortype"], member(document, "__type"), member(document, "code")].find(
    isName,
  );
  const message = [member(document, "Message"), member(document, "message")].find(isName);
  if (code === undefined) {
    const shown = body === "" ? "nothing" : body.slice(0, 500);
    const text = `The Lambda endpoint answered with HTTP status ${status} and no error type: ${shown}`;
    return new ServiceError("UnknownError", text, { requestId }, status);
  }
  const name = code.replace(/:.*$/u, "").replace(/^.*#/u, "");
  return new ServiceError(name, message ?? name, { requestId }, status);
}

function isName(value: Json | undefined): value is string {
  return typeof value === "string" && value !== "";
}

/** Of a function's ARN; undefined for a name or a partial ARN. */
function regionOf(functionName: string): string | undefined {
  return /^arn:[^:]*:lambda:([^:]+):/u.exec(functionName)?.[1];
}
