// The fuzz driver: valid requests of all operations, damaged at random, sent to a live server.
//
// Knows:          what a well-formed answer is. Does not know: which answer is right.
//
// A run is a function of its seed and of the server's state; a failure names the seed and the request's index.

import { Agent, request as httpRequest } from "node:http";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { isArray, isObject, setMember, withMember } from "../../src/base/json.ts";
import { Random } from "../../src/base/random.ts";
import { parseJson } from "../../src/base/json-text.ts";

export interface FuzzOptions {
  /** The server's, on 127.0.0.1. */
  readonly port: number;
  readonly seed: number;
  readonly count: number;
  readonly connections: number;
}

export interface FuzzReport {
  /** How many answers there were of each status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** How many errors there were of each name. */
  readonly errors: ReadonlyMap<string, number>;
  /** What broke the rules: 5xx, no answer, an answer of the wrong form. The first few, each on a line. */
  readonly failures: readonly string[];
  readonly failureCount: number;
}

interface Message {
  readonly target: string;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Further headers, by name. */
  readonly headers?: Readonly<Record<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

const FAILURES_KEPT = 10;
/** What stands for the answer that a poll did not wait for. */
const GONE_AWAY: Answer = { status: 299, contentType: "application/x-amz-json-1.0", body: "{}" };

/** Sends `count` damaged requests over kept-alive connections and looks at every answer. */
export async function fuzz({ port, seed, count, connections }: FuzzOptions): Promise<FuzzReport> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const statuses = new Map<number, number>();
  const errors = new Map<string, number>();
  const failures: string[] = [];
  let failureCount = 0;
  const seeds = await prepare(port, agent);
  let next = 0;

  async function work(): Promise<void> {
    while (next < count) {
      const index = next++;
      const random = randomOf(seed, index);
      const message = damaged(random, seeds);
      const problem = await send(port, agent, message).then(
        (answer) => {
          statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
          return judge(answer, errors);
        },
        (error: unknown) => `no answer: ${String(error)}`,
      );
      if (problem === undefined) continue;
      failureCount += 1;
      const shown = Buffer.from(message.body).subarray(0, 500).toString("latin1");
      if (failures.length < FAILURES_KEPT)
        failures.push(`seed ${seed}, request ${index}: ${problem}; ${message.target} ${shown}`);
    }
  }
  await Promise.all(Array.from({ length: connections }, work));
  agent.destroy();
  return { statuses, errors, failures, failureCount };
}

/** What is wrong with an answer; undefined if it is 2xx or 4xx in the form of the protocol. */
function judge({ status, contentType, body }: Answer, errors: Map<string, number>): string | undefined {
  if (status < 200 || status >= 500) return `status ${status}: ${body.slice(0, 500)}`;
  if (contentType !== "application/x-amz-json-1.0") return `content type ${contentType}`;
  const parsed = parseJson(body);
  if (!parsed.ok || !isObject(parsed.value)) return `body ${body.slice(0, 500)}`;
  if (status < 300) return undefined;
  const { __type: type, message } = parsed.value;
  if (typeof type !== "string" || !/^[a-z.0-9]+#[A-Za-z]+$/.test(type) || typeof message !== "string") {
    return `error ${body.slice(0, 500)}`;
  }
  const name = type.replace(/^.*#/, "");
  errors.set(name, (errors.get(name) ?? 0) + 1);
  return undefined;
}

function send(
  port: number,
  agent: Agent,
  { target, contentType, body, headers: further = {} }: Message,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      "X-Amz-Target": target,
      "Content-Type": contentType,
      "Content-Length": body.length,
      ...further,
    };
    const request = httpRequest(
      { host: "127.0.0.1", port, method: "POST", path: "/", agent, headers },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          resolve({
            status: response.statusCode ?? 0,
            contentType: response.headers["content-type"] ?? "",
            body: text,
          });
        });
      },
    );
    // A poll of an activity that is there waits for a minute: it goes away, as workers do.
    const isPoll = target === "AWSStepFunctions.GetActivityTask";
    request.setTimeout(isPoll ? 500 : 20_000, () => {
      if (isPoll) resolve(GONE_AWAY);
      request.destroy(new Error("timed out"));
    });
    request.on("error", reject);
    request.end(body);
  });
}

// --- The valid requests

const ROLE = "arn:aws:iam::000000000000:role/fuzz";
const DEFINITION = JSON.stringify({
  Comment: "everything that this version runs",
  StartAt: "Choose",
  States: {
    Choose: {
      Type: "Choice",
      Choices: [{ Variable: "$.n", NumericGreaterThan: 1, Next: "All" }],
      Default: "Make",
    },
    Make: {
      Type: "Pass",
      Parameters: { "x.$": "States.Format('{}', $)" },
      ResultPath: "$.made",
      Next: "Pause",
    },
    Pause: { Type: "Wait", Seconds: 0, Next: "All" },
    All: {
      Type: "Parallel",
      Branches: [{ StartAt: "In", States: { In: { Type: "Succeed" } } }],
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "Stop" }],
      Next: "Each",
    },
    Each: {
      Type: "Map",
      ItemsPath: "$",
      ItemProcessor: { StartAt: "One", States: { One: { Type: "Pass", End: true } } },
      End: true,
    },
    Stop: { Type: "Fail", Error: "E", Cause: "C" },
  },
});
const JSONATA = JSON.stringify({
  QueryLanguage: "JSONata",
  StartAt: "Calculate",
  States: { Calculate: { Type: "Pass", Output: "{% $count($states.input[a > 1].b) & '!' %}", End: true } },
});
const LOGGING = { level: "OFF", includeExecutionData: true, destinations: [] };

/** Makes what the requests speak about, and returns one valid request of each operation. */
async function prepare(port: number, agent: Agent): Promise<readonly (readonly [string, JsonObject])[]> {
  const call = async (operation: string, input: JsonObject): Promise<JsonObject> => {
    const answer = await send(port, agent, {
      target: `AWSStepFunctions.${operation}`,
      contentType: "application/x-amz-json-1.0",
      body: Buffer.from(JSON.stringify(input)),
    });
    const parsed = parseJson(answer.body);
    if (answer.status !== 200 || !parsed.ok || !isObject(parsed.value)) {
      throw new Error(`the fuzz cannot begin: ${operation} answered ${answer.status} ${answer.body}`);
    }
    return parsed.value;
  };
  const machine = { name: "fuzz", definition: DEFINITION, roleArn: ROLE };
  const { stateMachineArn = "" } = await call("CreateStateMachine", machine);
  const { activityArn = "" } = await call("CreateActivity", { name: "fuzz" });
  const express = await call("CreateStateMachine", { ...machine, name: "fuzz-express", type: "EXPRESS" });
  const startSync = { stateMachineArn: express["stateMachineArn"] ?? "", input: '{"n": 1, "a": ["b"]}' };
  const start = { stateMachineArn, name: "fuzz", input: '{"n": 1, "list": [1, 2.5, null, {"a": "ä"}]}' };
  const { executionArn = "" } = await call("StartExecution", start);
  const { nextToken = "x" } = await call("GetExecutionHistory", { executionArn, maxResults: 1 });
  const page = { maxResults: 2, nextToken };
  const taskToken = "AQB8".repeat(40);
  const tags = [{ key: "k", value: "v" }];
  const routingConfiguration = [{ stateMachineVersionArn: `${String(stateMachineArn)}:1`, weight: 100 }];
  const mapRunArn = `${String(stateMachineArn).replace(":stateMachine:", ":mapRun:")}/label:1`;

  return [
    ["CreateActivity", { name: "fuzz", tags, encryptionConfiguration: { type: "AWS_OWNED_KEY" } }],
    [
      "CreateStateMachine",
      {
        ...machine,
        type: "STANDARD",
        tags,
        loggingConfiguration: LOGGING,
        tracingConfiguration: { enabled: false },
      },
    ],
    ["CreateStateMachineAlias", { name: "alias", description: "d", routingConfiguration }],
    ["DeleteActivity", { activityArn: `${String(activityArn)}-doomed` }],
    ["DeleteStateMachine", { stateMachineArn: `${String(stateMachineArn)}-doomed` }],
    ["DeleteStateMachineAlias", { stateMachineAliasArn: `${String(stateMachineArn)}:alias` }],
    ["DeleteStateMachineVersion", { stateMachineVersionArn: `${String(stateMachineArn)}:1` }],
    ["DescribeActivity", { activityArn }],
    ["DescribeExecution", { executionArn, includedData: "ALL_DATA" }],
    ["DescribeMapRun", { mapRunArn }],
    ["DescribeStateMachine", { stateMachineArn, includedData: "ALL_DATA" }],
    ["DescribeStateMachineAlias", { stateMachineAliasArn: `${String(stateMachineArn)}:alias` }],
    ["DescribeStateMachineForExecution", { executionArn }],
    // Of an activity that is not there: a poll of the other would wait.
    ["GetActivityTask", { activityArn: `${String(activityArn)}-doomed`, workerName: "w" }],
    ["GetExecutionHistory", { executionArn, reverseOrder: false, includeExecutionData: true, ...page }],
    ["ListActivities", { maxResults: 2 }],
    ["ListExecutions", { stateMachineArn, statusFilter: "SUCCEEDED", maxResults: 2 }],
    ["ListMapRuns", { executionArn, maxResults: 2 }],
    ["ListStateMachineAliases", { stateMachineArn, maxResults: 2 }],
    ["ListStateMachineVersions", { stateMachineArn, maxResults: 2 }],
    ["ListStateMachines", { ...page }],
    ["ListTagsForResource", { resourceArn: stateMachineArn }],
    ["PublishStateMachineVersion", { stateMachineArn, description: "d" }],
    ["RedriveExecution", { executionArn, clientToken: "t" }],
    ["SendTaskFailure", { taskToken, error: "E", cause: "C" }],
    ["SendTaskHeartbeat", { taskToken }],
    ["SendTaskSuccess", { taskToken, output: '{"a": [1]}' }],
    ["StartExecution", { ...start, traceHeader: "Root=1-2-3" }],
    ["StartSyncExecution", { ...start, includedData: "ALL_DATA" }],
    ["StartSyncExecution", { ...startSync, name: "sync", includedData: "METADATA_ONLY" }],
    ["StopExecution", { executionArn, error: "E", cause: "C" }],
    ["TagResource", { resourceArn: stateMachineArn, tags }],
    [
      "TestState",
      {
        definition: '{"Type":"Pass","End":true}',
        roleArn: ROLE,
        input: "{}",
        inspectionLevel: "DEBUG",
        mock: { result: "{}" },
      },
    ],
    ["UntagResource", { resourceArn: stateMachineArn, tagKeys: ["k"] }],
    [
      "UpdateMapRun",
      { mapRunArn, maxConcurrency: 1, toleratedFailurePercentage: 1.5, toleratedFailureCount: 1 },
    ],
    [
      "UpdateStateMachine",
      { stateMachineArn, definition: DEFINITION, roleArn: ROLE, loggingConfiguration: LOGGING },
    ],
    [
      "UpdateStateMachineAlias",
      { stateMachineAliasArn: `${String(stateMachineArn)}:alias`, routingConfiguration },
    ],
    ["ValidateStateMachineDefinition", { definition: JSONATA, type: "EXPRESS" }],
    ["ValidateStateMachineDefinition", { definition: DEFINITION }],
    ["CreateStateMachine", machine],
    ["UpdateStateMachine", { stateMachineArn, definition: DEFINITION }],
    ["StartExecution", { stateMachineArn, input: start.input }],
    [
      "ValidateStateMachineDefinition",
      { definition: DEFINITION, type: "STANDARD", severity: "WARNING", maxResults: 10 },
    ],
  ];
}

// --- The damage

/** The generator of one request. Its first numbers would show how alike the seeds are: they are thrown away. */
function randomOf(seed: number, index: number): Random {
  const random = new Random([seed, index, 0x9e3779b9, 1]);
  for (let i = 0; i < 20; i++) random.next32();
  return random;
}

function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[random.next32() % choices.length] as T;
}
function chance(random: Random, probability: number): boolean {
  return random.next01() < probability;
}

function damaged(random: Random, seeds: readonly (readonly [string, JsonObject])[]): Message {
  const [operation, input] = pick(random, seeds);
  let value: Json = input;
  for (let i = pick(random, [0, 1, 1, 1, 2, 3]); i > 0; i--) value = damageValue(random, value);
  let body: Uint8Array = Buffer.from(JSON.stringify(value), "utf8");
  if (chance(random, 0.12)) body = damageBytes(random, body);
  if (chance(random, 0.02)) body = withTwice(random, body);
  return {
    ...(chance(random, 0.04) ? { headers: pick(random, HEADERS) } : {}),
    target: chance(random, 0.04) ? damageTarget(random, operation, seeds) : `AWSStepFunctions.${operation}`,
    contentType: chance(random, 0.02) ? pick(random, CONTENT_TYPES) : "application/x-amz-json-1.0",
    body,
  };
}

const CONTENT_TYPES = [
  "application/json",
  "text/plain",
  "application/x-amz-json-1.1",
  "application/json; charset=utf-16",
  "",
];
const HEADERS: readonly Readonly<Record<string, string>>[] = [
  { Host: "evil.example" },
  { Host: "localhost:99999" },
  { Origin: "https://evil.example" },
  { Origin: "null" },
  { "Content-Encoding": "gzip" },
  { Expect: "100-continue" },
  { Expect: "200-maybe" },
  { Authorization: "AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0" },
  { Authorization: "Bearer x" },
  { "X-Amz-Date": "20261399T999999Z" },
  { "X-Amz-Security-Token": "x".repeat(4000) },
  { "X-Amzn-Trace-Id": "Root=1-x;Parent=\u00ff" },
  { "X-Forwarded-Host": "evil.example", "X-Forwarded-For": "127.0.0.1" },
  { Accept: "text/html", "Accept-Encoding": "br", "Accept-Charset": "utf-16" },
  { __proto__x: "1", constructor: "2", "x-http-method-override": "DELETE" },
];
const KEYS = [
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "",
  "length",
  "a.b",
  "\u0000",
  "x".repeat(1000),
];
const TEXTS = [
  "",
  " ",
  "null",
  "{}",
  "__proto__",
  "\u0000",
  "\ud800",
  "\udfff\ud800",
  "\uffff",
  "\u202e\u200b",
  "😀".repeat(80),
  "%s%n%00",
  "../../etc/passwd",
  "'; DROP TABLE execution; --",
  "{% $f := function($x){$f($x)}; $f(1) %}",
  "$.a[?(@.b =~ /(a+)+$/)]",
  "$..*",
  "arn:aws:states:::",
  "arn:aws:states:us-east-1:000000000000:stateMachine:fuzz:$LATEST",
  "arn:aws:states:us-east-1:000000000000:express:fuzz:fuzz:1",
  "9".repeat(400),
  "x".repeat(257),
  "x".repeat(3097),
  "[".repeat(5000),
  `${"[".repeat(1500)}1${"]".repeat(1500)}`,
  "ä".repeat(140_000),
];
const SCALARS: readonly Json[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1.5,
  1000,
  1001,
  2 ** 31,
  2 ** 53,
  -(2 ** 63),
  1e308,
  5e-324,
];

/** Damages one place of `value`: itself, or something within it. */
function damageValue(random: Random, value: Json): Json {
  if (isArray(value) && value.length > 0 && chance(random, 0.95)) {
    const at = random.next32() % value.length;
    return value.map((item, index) => (index === at ? damageValue(random, item) : item));
  }
  if (isObject(value) && chance(random, 0.95)) return damageMember(random, value);
  if (typeof value === "string" && chance(random, 0.85)) return damageText(random, value);
  return anything(random, 3);
}

function damageMember(random: Random, object: JsonObject): JsonObject {
  const entries = Object.entries(object);
  if (entries.length === 0 || chance(random, 0.1))
    return withMember(object, pick(random, KEYS), anything(random, 2));
  const [key, value] = pick(random, entries);
  if (chance(random, 0.1)) return Object.fromEntries(entries.filter(([name]) => name !== key));
  return withMember(object, key, damageValue(random, value));
}

/** A text may be JSON itself (definitions, payloads): then what it says is damaged. */
function damageText(random: Random, text: string): Json {
  const parsed = /^\s*[{[]/.test(text) ? parseJson(text) : undefined;
  if (parsed?.ok && chance(random, 0.9)) return JSON.stringify(damageValue(random, parsed.value));
  const at = random.next32() % (text.length + 1);
  const end = at + (random.next32() % 4);
  return text.slice(0, at) + (chance(random, 0.5) ? pick(random, TEXTS) : "") + text.slice(end);
}

function anything(random: Random, depth: number): Json {
  const kind = random.next32() % 10;
  if (kind < 4) return pick(random, TEXTS);
  if (kind < 8 || depth === 0) return pick(random, SCALARS);
  const items = Array.from({ length: random.next32() % 4 }, () => anything(random, depth - 1));
  if (kind === 8) return items;
  const object: JsonObject = {};
  for (const item of items) setMember(object, pick(random, KEYS), item);
  return object;
}

function damageBytes(random: Random, body: Uint8Array): Uint8Array {
  const at = random.next32() % (body.length + 1);
  switch (random.next32() % 6) {
    case 0:
      return body.subarray(0, at);
    case 1:
      return Buffer.concat([
        body.subarray(0, at),
        Buffer.from([random.next32() & 0xff]),
        body.subarray(at + 1),
      ]);
    case 2:
      return Buffer.concat([
        body.subarray(0, at),
        Buffer.from([0xc0, 0x80, 0xed, 0xa0, 0x80]),
        body.subarray(at),
      ]);
    case 3:
      return Buffer.concat([body, body.subarray(at)]);
    case 4:
      return Buffer.from("[".repeat(random.next32() % 200_000));
    default:
      // Rarely: a body beyond the limit.
      return chance(random, 0.02) ? Buffer.alloc(2_200_000, 0x20) : body.subarray(at);
  }
}

/** The first member once more, with another value, before all others or after them. */
function withTwice(random: Random, body: Uint8Array): Uint8Array {
  const text = Buffer.from(body).toString("utf8");
  const key = /^\{("(?:[^"\\]|\\.)*"):/.exec(text)?.[1];
  if (key === undefined) return body;
  const member = `${key}:${JSON.stringify(anything(random, 1))}`;
  return Buffer.from(chance(random, 0.5) ? `{${member},${text.slice(1)}` : `${text.slice(0, -1)},${member}}`);
}

function damageTarget(
  random: Random,
  operation: string,
  seeds: readonly (readonly [string, JsonObject])[],
): string {
  const other = pick(random, seeds)[0];
  return pick(random, [
    `AWSStepFunctions.${other}`,
    `AWSStepFunctions.${operation.toLowerCase()}`,
    `AWSStepFunctions.${operation}.${other}`,
    `DynamoDB_20120810.${operation}`,
    "AWSStepFunctions.__proto__",
    "AWSStepFunctions.constructor",
    "AWSStepFunctions.",
    operation,
    "",
  ]);
}
