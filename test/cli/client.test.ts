// The client on the wire, against a server that answers as told.

import assert from "node:assert/strict";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { ServiceError } from "../../src/base/service-error.ts";
import { connect, endpointOf } from "../../src/cli/client.ts";
import { CliError } from "../../src/cli/problem.ts";

interface Seen {
  readonly method: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

async function withServer(
  status: number,
  body: string,
  run: (endpoint: URL, seen: readonly Seen[]) => Promise<void>,
): Promise<void> {
  const seen: Seen[] = [];
  const server: Server = createServer((request, response) => {
    void text(request).then((received) => {
      seen.push({ method: request.method, headers: request.headers, body: received });
      response.writeHead(status).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await run(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`), seen);
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

test("a call is one POST of AWS JSON 1.0", async () => {
  await withServer(200, '{"stateMachines":[]}', async (endpoint, seen) => {
    assert.deepEqual(await connect(endpoint)("ListStateMachines", { maxResults: 5, note: "ü" }), {
      stateMachines: [],
    });
    assert.equal(seen.length, 1);
    const [request] = seen;
    assert.equal(request?.method, "POST");
    assert.equal(request?.body, '{"maxResults":5,"note":"ü"}');
    assert.equal(request?.headers["content-type"], "application/x-amz-json-1.0");
    assert.equal(request?.headers["x-amz-target"], "AWSStepFunctions.ListStateMachines");
    assert.equal(request?.headers["content-length"], "28");
  });
});

interface Failure {
  readonly name: string;
  readonly status: number;
  readonly body: string;
  readonly expected: (error: unknown, endpoint: URL) => boolean;
}

const FAILURES: readonly Failure[] = [
  {
    name: "an error of the service keeps its name and message",
    status: 400,
    body: '{"__type":"StateMachineDoesNotExist","message":"no such thing"}',
    expected: (error) =>
      error instanceof ServiceError &&
      error.code === "StateMachineDoesNotExist" &&
      error.message === "no such thing",
  },
  {
    name: "a name with its namespace is shortened, and Message is read too",
    status: 400,
    body: '{"__type":"com.amazonaws.swf.base.model#InvalidArn","Message":"bad"}',
    expected: (error) =>
      error instanceof ServiceError && error.code === "InvalidArn" && error.message === "bad",
  },
  {
    name: "an answer that is no JSON is somebody else's",
    status: 404,
    body: "<html>",
    expected: (error, endpoint) =>
      error instanceof CliError &&
      error.message ===
        `${endpoint.origin} answered DescribeExecution with HTTP 404 and no JSON: is it Stepwell?`,
  },
];

for (const { name, status, body, expected } of FAILURES) {
  test(name, async () => {
    await withServer(status, body, async (endpoint) => {
      await assert.rejects(connect(endpoint)("DescribeExecution", {}), (error) => expected(error, endpoint));
    });
  });
}

test("where nothing listens, the message says how to start a server", async () => {
  let endpoint = new URL("http://127.0.0.1");
  await withServer(200, "{}", (used) => {
    endpoint = used;
    return Promise.resolve();
  });
  await assert.rejects(connect(endpoint)("ListActivities", {}), {
    name: "CliError",
    message:
      `No answer from ${endpoint.origin}: nothing listens there.\n` +
      "Start a server with `stepwell serve`, or name another one with --endpoint URL.",
  });
});

const ENDPOINTS: readonly (readonly [string, string | undefined, Record<string, string>, string])[] = [
  ["nothing said", undefined, {}, "http://127.0.0.1:8083/"],
  ["AWS's variable", undefined, { AWS_ENDPOINT_URL_SFN: "http://a:1" }, "http://a:1/"],
  [
    "our variable before AWS's",
    undefined,
    { AWS_ENDPOINT_URL_SFN: "http://a:1", STEPWELL_ENDPOINT: "http://b:2" },
    "http://b:2/",
  ],
  ["an empty variable", undefined, { STEPWELL_ENDPOINT: "" }, "http://127.0.0.1:8083/"],
  ["the option before all", "https://c", { STEPWELL_ENDPOINT: "http://b:2" }, "https://c/"],
];
for (const [name, option, env, expected] of ENDPOINTS) {
  test(`the endpoint with ${name}`, () => assert.equal(endpointOf(option, env).href, expected));
}
