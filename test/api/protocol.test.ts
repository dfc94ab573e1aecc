// The wire: what comes in over a socket, and the form of what goes out.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { connect } from "node:net";
import { after, before, test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import type { Api, Fault, Listening } from "../../src/api/index.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import type { EngineService } from "../../src/runtime/interface.ts";
import { createFakeEngine } from "./fake-engine.ts";
import { post, sendRaw } from "./raw-http.ts";

interface Case {
  readonly name: string;
  readonly send: string | Uint8Array;
  readonly status: number;
  /** The name of the error, with its namespace; undefined for a success. */
  readonly type?: string;
  readonly message?: string;
}

const CORAL = "com.amazon.coral.service#";
const list = "ListStateMachines";
const ok = { status: 200 };
const serialization = { status: 400, type: `${CORAL}SerializationException` };
const unknown = { status: 400, type: `${CORAL}UnknownOperationException` };
const forbidden = { status: 403, type: `${CORAL}AccessDeniedException` };
const media = { status: 415, type: `${CORAL}UnsupportedMediaTypeException` };
const notAllowed = { status: 405, type: `${CORAL}MethodNotAllowedException` };
const plain = (method: string, target: string, headers = "Host: localhost\r\n"): string =>
  `${method} ${target} HTTP/1.1\r\n${headers}\r\n`;

const cases: readonly Case[] = [
  // Bodies
  { name: "an empty object", send: post(list, "{}"), ...ok },
  { name: "no body at all", send: post(list, ""), ...ok },
  { name: "white space around the object", send: post(list, " \r\n{}\t"), ...ok },
  { name: "a body that ends too early", send: post(list, '{"maxResults": 1'), ...serialization },
  { name: "a body that is no JSON", send: post(list, "maxResults=1"), ...serialization },
  {
    name: "a list as the body",
    send: post(list, "[]"),
    ...serialization,
    message: "The request body is not a JSON object.",
  },
  { name: "a text as the body", send: post(list, '"{}"'), ...serialization },
  { name: "null as the body", send: post(list, "null"), ...serialization },
  {
    name: "bytes that are no UTF-8",
    send: post(list, Buffer.from([0x7b, 0xff, 0x7d])),
    ...serialization,
    message: "The request body is not valid UTF-8.",
  },
  {
    name: "an overlong UTF-8 form",
    send: post(list, Buffer.from([0x7b, 0xc0, 0x80, 0x7d])),
    ...serialization,
  },
  { name: "a byte order mark", send: post(list, "\ufeff{}"), ...serialization },
  { name: "brackets without end", send: post(list, "[".repeat(1_000_000)), ...serialization },
  {
    name: "an object nested too deep",
    send: post(list, `${'{"a":'.repeat(101)}1${"}".repeat(101)}`),
    ...serialization,
  },
  {
    name: "prototype keys",
    send: post(list, '{"__proto__":{"maxResults":"x"},"constructor":{"prototype":1}}'),
    ...ok,
  },
  {
    name: "a body beyond the limit",
    send: post(list, `{"x":"${"x".repeat(2 * 1024 * 1024)}"}`),
    status: 413,
    type: `${CORAL}RequestEntityTooLargeException`,
  },
  {
    name: "a chunked body",
    send: `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nX-Amz-Target: AWSStepFunctions.${list}\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    ...ok,
  },
  {
    name: "constraint violations have their own namespace",
    send: post(list, '{"maxResults":1001}'),
    status: 400,
    type: "com.amazon.coral.validate#ValidationException",
    message:
      "1 validation error detected: Value '1001' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 1000",
  },
  {
    name: "errors of the service have its namespace",
    send: post("DescribeStateMachine", '{"stateMachineArn":"x"}'),
    status: 400,
    type: "com.amazonaws.swf.service.v2.model#InvalidArn",
    message: "Invalid Arn: 'Invalid ARN prefix: x'",
  },

  // Targets
  {
    name: "an unknown operation",
    send: post("ListEverything", "{}"),
    ...unknown,
    message: "There is no operation 'ListEverything'.",
  },
  { name: "an operation named like a prototype key", send: post("__proto__", "{}"), ...unknown },
  { name: "an operation named like a method of objects", send: post("toString", "{}"), ...unknown },
  { name: "an empty operation", send: post("", "{}"), ...unknown },
  { name: "no target", send: post(list, "{}", { "X-Amz-Target": "" }), ...unknown },
  {
    name: "the target of another service",
    send: post(list, "{}", { "X-Amz-Target": "DynamoDB_20120810.ListTables" }),
    ...unknown,
  },

  // Media types
  {
    name: "the other JSON type, with its charset",
    send: post(list, "{}", { "Content-Type": "application/json; charset=UTF-8" }),
    ...ok,
  },
  {
    name: "a form",
    send: post(list, "{}", { "Content-Type": "application/x-www-form-urlencoded" }),
    ...media,
  },
  {
    name: "plain text, as simple cross-origin requests have it",
    send: post(list, "{}", { "Content-Type": "text/plain" }),
    ...media,
  },
  { name: "no media type", send: post(list, "{}", { "Content-Type": "" }), ...media },
  {
    name: "another charset",
    send: post(list, "{}", { "Content-Type": "application/json; charset=latin1" }),
    ...media,
  },
  { name: "a compressed body", send: post(list, "{}", { "Content-Encoding": "gzip" }), ...media },

  // Methods and paths
  { name: "the hint", send: plain("GET", "/"), ...ok },
  { name: "health", send: plain("GET", "/health"), ...ok },
  { name: "health asked by a proxy", send: plain("GET", "http://localhost/health?x=1"), ...ok },
  { name: "PUT", send: plain("PUT", "/"), ...notAllowed },
  { name: "DELETE", send: plain("DELETE", "/"), ...notAllowed },
  { name: "PATCH", send: plain("PATCH", "/"), ...notAllowed },
  { name: "OPTIONS without an origin", send: plain("OPTIONS", "/"), ...notAllowed },
  {
    name: "another path",
    send: plain("GET", "/etc/passwd"),
    status: 404,
    type: `${CORAL}UnknownOperationException`,
  },
  {
    name: "an absolute target through a proxy",
    send: post(list, "{}").toString().replace("POST /", "POST http://sync-localhost:8083/"),
    ...ok,
  },

  // Hosts
  { name: "localhost with a port", send: post(list, "{}", { Host: "localhost:8083" }), ...ok },
  { name: "the prefixed host", send: post(list, "{}", { Host: "sync-localhost:8083" }), ...ok },
  { name: "a name below localhost", send: post(list, "{}", { Host: "stepwell.localhost" }), ...ok },
  { name: "127.0.0.1", send: post(list, "{}", { Host: "127.0.0.1:1" }), ...ok },
  { name: "the IPv6 loopback", send: post(list, "{}", { Host: "[::1]:8083" }), ...ok },
  { name: "the host of a container", send: post(list, "{}", { Host: "host.docker.internal:8083" }), ...ok },
  { name: "an allowed host", send: post(list, "{}", { Host: "sync-Steps.example:80" }), ...ok },
  {
    name: "a page's host that was rebound to loopback",
    send: post(list, "{}", { Host: "evil.example:8083" }),
    ...forbidden,
    message: "The host 'evil.example:8083' is not one that this server may be addressed by.",
  },
  {
    name: "a host that only begins like loopback",
    send: post(list, "{}", { Host: "127.0.0.1.evil.example" }),
    ...forbidden,
  },
  {
    name: "a host that only ends like an allowed one",
    send: post(list, "{}", { Host: "evilsteps.example" }),
    ...forbidden,
  },
  { name: "0.0.0.0", send: post(list, "{}", { Host: "0.0.0.0:8083" }), ...forbidden },
  {
    name: "an absolute target at another host",
    send: post(list, "{}").toString().replace("POST /", "POST http://evil.example/"),
    ...forbidden,
  },
  {
    name: "no host in HTTP/1.0",
    send: post(list, "{}", { Host: "" }).toString().replace("HTTP/1.1", "HTTP/1.0"),
    ...forbidden,
  },

  // Origins
  {
    name: "the server's own origin",
    send: post(list, "{}", { Host: "localhost:8083", Origin: "http://localhost:8083" }),
    ...ok,
  },
  { name: "an allowed origin", send: post(list, "{}", { Origin: "https://console.example" }), ...ok },
  {
    name: "the origin of any page",
    send: post(list, "{}", { Origin: "https://evil.example" }),
    ...forbidden,
    message: "The origin 'https://evil.example' is not allowed to call this server.",
  },
  {
    name: "another port of the same host",
    send: post(list, "{}", { Host: "localhost:8083", Origin: "http://localhost:3000" }),
    ...forbidden,
  },
  { name: "an opaque origin", send: post(list, "{}", { Origin: "null" }), ...forbidden },
  {
    name: "a page that reads health",
    send: plain("GET", "/health", "Host: localhost\r\nOrigin: https://evil.example\r\n"),
    ...forbidden,
  },

  {
    name: "no host in HTTP/1.1",
    send: post(list, "{}", { Host: "" }),
    ...serialization,
    message: "The header Host is missing.",
  },

  // What Node would answer by itself, or not at all
  { name: "an expectation that nobody knows", send: post(list, "{}", { Expect: "a miracle" }), ...ok },
  { name: "a tunnel", send: plain("CONNECT", "example.org:443"), ...serialization },
  {
    name: "another protocol",
    send: plain("GET", "/health", "Host: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"),
    ...ok,
  },

  // Not HTTP
  { name: "what is no HTTP", send: "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", ...serialization },
  {
    name: "two lengths",
    send: `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}`,
    ...serialization,
  },
  {
    name: "a length and chunks",
    send: `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}`,
    ...serialization,
  },
  {
    name: "headers without end",
    send: `POST / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`,
    status: 431,
    type: `${CORAL}SerializationException`,
  },
];

const faults: Fault[] = [];
const options = {
  account: "000000000000",
  region: "us-east-1",
  limits: SERVICE_LIMITS,
  allowedHosts: ["steps.example"],
  allowedOrigins: ["https://console.example"],
  onFault: (fault: Fault) => void faults.push(fault),
};
let api: Api;
let server: Listening;

before(async () => {
  api = createApi(createFakeEngine(), options);
  server = await api.listen({ host: "localhost", port: 0 });
});
after(() => server.close(0));

for (const { name, send, status, type, message } of cases) {
  test(`answers ${status}: ${name}`, async () => {
    const answer = await sendRaw(server.port, send);
    assert.equal(answer.status, status, answer.body);
    assert.match(answer.headers.get("x-amzn-requestid") ?? "", /^[0-9a-f-]{36}$/);
    assert.match(answer.headers.get("date") ?? "", /GMT$/);
    if (type === undefined) return;
    assert.equal(answer.headers.get("content-type"), "application/x-amz-json-1.0");
    const body = JSON.parse(answer.body) as { readonly __type: string; readonly message: string };
    assert.deepEqual(Object.keys(body), ["__type", "message"]);
    assert.equal(body.__type, type);
    assert.equal(answer.headers.get("x-amzn-errortype"), type.split("#")[1]);
    if (message !== undefined) assert.equal(body.message, message);
    assert.deepEqual(faults, []);
  });
}

test("an answer carries a request id, a date, its type and its length", async () => {
  const answer = await sendRaw(server.port, post(list, "{}"));
  assert.equal(answer.body, '{"stateMachines":[]}');
  assert.match(answer.headers.get("x-amzn-requestid") ?? "", /^[0-9a-f-]{36}$/);
  assert.match(answer.headers.get("date") ?? "", /GMT$/);
  assert.equal(answer.headers.get("content-type"), "application/x-amz-json-1.0");
  assert.equal(answer.headers.get("content-length"), "20");
  assert.equal(answer.headers.get("access-control-allow-origin"), undefined);
});

test("an allowed page may read the answer, and gets its preflight", async () => {
  const origin = { Origin: "https://console.example" };
  const answer = await sendRaw(server.port, post(list, "{}", origin));
  assert.equal(answer.headers.get("access-control-allow-origin"), origin.Origin);
  assert.match(answer.headers.get("access-control-expose-headers") ?? "", /x-amzn-requestid/);
  const preflight = await sendRaw(
    server.port,
    plain("OPTIONS", "/", `Host: localhost\r\nOrigin: ${origin.Origin}\r\n`),
  );
  assert.equal(preflight.status, 204);
  assert.match(preflight.headers.get("access-control-allow-headers") ?? "", /x-amz-target/);
});

const scopes: readonly (readonly [
  name: string,
  authorization: string | undefined,
  force: object,
  region: string,
  account: string,
])[] = [
  ["without credentials", undefined, {}, "us-east-1", "000000000000"],
  [
    "a key that is no account",
    "Credential=AKIAEXAMPLE/20260101/eu-west-1/states/aws4_request",
    {},
    "eu-west-1",
    "000000000000",
  ],
  [
    "a key that is an account",
    "Credential=123456789012/20260101/eu-west-1/states/aws4_request",
    {},
    "eu-west-1",
    "123456789012",
  ],
  [
    "a forced scope",
    "Credential=123456789012/20260101/eu-west-1/states/aws4_request",
    { forceAccount: "111111111111", forceRegion: "us-west-2" },
    "us-west-2",
    "111111111111",
  ],
  [
    "a scope that is none",
    "Credential=123456789012/x/../states/aws4_request",
    {},
    "us-east-1",
    "000000000000",
  ],
];
for (const [name, credential, force, region, account] of scopes) {
  test(`names resources by the credential scope: ${name}`, async () => {
    const scoped = await createApi(createFakeEngine(), { ...options, ...force }).listen({
      host: "127.0.0.1",
      port: 0,
    });
    const authorization = `AWS4-HMAC-SHA256 ${credential}, SignedHeaders=host, Signature=00`;
    const answer = await sendRaw(
      scoped.port,
      post(
        "CreateActivity",
        '{"name":"a"}',
        credential === undefined ? {} : { Authorization: authorization },
      ),
    );
    await scoped.close(0);
    const { activityArn } = JSON.parse(answer.body) as { activityArn: string };
    assert.equal(activityArn, `arn:aws:states:${region}:${account}:activity:a`);
  });
}

test("a fault of our own is logged under its request id and told by that id only", async () => {
  const broken: EngineService = {
    ...createFakeEngine(),
    now: () => {
      throw new Error("secret detail");
    },
  };
  const seen: Fault[] = [];
  const local = await createApi(broken, { ...options, onFault: (fault) => seen.push(fault) }).listen({
    host: "127.0.0.1",
    port: 0,
  });
  const answer = await sendRaw(local.port, post(list, "{}"));
  await local.close(0);
  const requestId = answer.headers.get("x-amzn-requestid");
  assert.equal(answer.status, 500);
  assert.deepEqual(JSON.parse(answer.body), {
    __type: `${CORAL}InternalFailure`,
    message: `The request failed because of an internal error (request id ${requestId}).`,
  });
  assert.equal(seen.length, 1);
  assert.equal(seen[0]?.requestId, requestId);
  assert.match(String(seen[0]?.error), /secret detail/);
});

test("several requests share a connection", async () => {
  const socket = connect(server.port, "127.0.0.1");
  socket.write(Buffer.concat([post(list, "{}"), post(list, "nonsense"), post(list, "{}")]));
  let text = "";
  for await (const chunk of socket) {
    text += String(chunk);
    if (text.match(/HTTP\/1\.1 /g)?.length === 3 && text.endsWith('{"stateMachines":[]}')) break;
  }
  assert.deepEqual(text.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200", "HTTP/1.1 400", "HTTP/1.1 200"]);
});

test("closing ends long polls with an empty answer, and their connections", async () => {
  const engine = createFakeEngine();
  const local = createApi(engine, options);
  const listening = await local.listen({ host: "127.0.0.1", port: 0 });
  const input = { name: "a" };
  const { activityArn } = await local.call("CreateActivity", input, options, new AbortController().signal);
  const socket = connect(listening.port, "127.0.0.1");
  const text = readToEnd(socket);
  socket.write(post("GetActivityTask", JSON.stringify({ activityArn, workerName: "w" })));
  await until(() => engine.calls.includes("poll w"));
  const startedAt = performance.now();
  await listening.close(30_000);
  assert.ok(performance.now() - startedAt < 15_000, "the close waited for its grace to pass");
  assert.match(await text, /^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\n\{\}$/);
});

test("closing cuts off what does not end within its grace", async () => {
  const engine = createFakeEngine();
  const stuck: EngineService = {
    ...engine,
    catalog: { ...engine.catalog, listActivities: () => new Promise(() => undefined) },
  };
  const listening = await createApi(stuck, options).listen({ host: "127.0.0.1", port: 0 });
  const socket = connect(listening.port, "127.0.0.1");
  const text = readToEnd(socket);
  socket.write(post("ListActivities", "{}"));
  await sendRaw(listening.port, post(list, "{}"));
  await listening.close(20);
  assert.equal(await text, "");
});

test("a client that goes away in the middle of its body is nobody's fault", async () => {
  const seen: Fault[] = [];
  const quiet = createApi(createFakeEngine(), { ...options, onFault: (fault) => seen.push(fault) });
  const handled: Promise<void>[] = [];
  const raw = createServer((request, response) => {
    handled.push(quiet.handle(request, response));
    socket.destroy();
  });
  await new Promise<void>((resolve) => raw.listen(0, "127.0.0.1", resolve));
  const { port } = raw.address() as AddressInfo;
  const socket = connect(port, "127.0.0.1");
  socket.write(post(list, "{}", { "Content-Length": "1000" }));
  await until(() => handled.length > 0);
  await Promise.all(handled);
  raw.close();
  assert.deepEqual(seen, []);
});

test("a poller that goes away stops waiting", async () => {
  const engine = createFakeEngine();
  const local = createApi(engine, options);
  const listening = await local.listen({ host: "127.0.0.1", port: 0 });
  const { activityArn } = await local.call(
    "CreateActivity",
    { name: "a" },
    options,
    new AbortController().signal,
  );
  const socket = connect(listening.port, "127.0.0.1");
  socket.write(post("GetActivityTask", JSON.stringify({ activityArn, workerName: "w" })));
  await until(() => engine.calls.includes("poll w"));
  socket.destroy();
  await until(() => engine.calls.includes("poll ended w"));
  await listening.close(0);
  assert.deepEqual(engine.calls, ["poll w", "poll ended w"]);
});

async function readToEnd(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
  });
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

const SLOW: readonly (readonly [name: string, bytes: string])[] = [
  ["whose headers do not end", "POST / HTTP/1.1\r\nHost: localhost\r\n"],
  ["whose body does not come", post(list, "{}").toString().slice(0, -2)],
  ["whose body does not end", post(list, "{}").toString().slice(0, -1)],
];
for (const [name, bytes] of SLOW) {
  test(`a request ${name} is given up after a while, and the others are served`, async () => {
    const impatient = await api.listen({
      host: "localhost",
      port: 0,
      patience: { headersMs: 100, requestMs: 100, checkMs: 20 },
    });
    const slow = sendRaw(impatient.port, bytes);
    assert.equal((await sendRaw(impatient.port, post(list, "{}"))).status, 200);
    const answer = await slow;
    assert.equal(answer.status, 408);
    assert.match(answer.headers.get("x-amzn-requestid") ?? "", /^[0-9a-f-]{36}$/);
    assert.equal(answer.headers.get("connection"), "close");
    await impatient.close(0);
  });
}
