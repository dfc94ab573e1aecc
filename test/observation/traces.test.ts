// Traces: which spans an execution is, and how they reach a collector.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Json } from "../../src/base/json.ts";
import { type TraceSettings, Traces } from "../../src/observation/index.ts";
import { parseTraceHeader } from "../../src/observation/traces/trace-context.ts";
import { Payload } from "../../src/base/json.ts";
import {
  createMachine,
  type Harness,
  LAMBDA,
  open,
  outcome,
  start,
  succeeded,
  tasks,
} from "../runtime/harness.ts";
import { settle } from "../runtime/manual-clock.ts";
import { DISTRIBUTED } from "../runtime/map-run-harness.ts";

interface SentSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code: number; readonly message?: string };
  readonly events: readonly { readonly name: string }[];
  readonly attributes: readonly {
    readonly key: string;
    readonly value: { readonly [type: string]: string };
  }[];
}

interface Collector {
  readonly endpoint: string;
  readonly spans: SentSpan[];
  readonly requests: { readonly path: string | undefined; readonly headers: IncomingHttpHeaders }[];
  /** The statuses of the next answers; 200 when there is none left. */
  readonly statuses: number[];
  readonly close: () => Promise<void>;
}

async function openCollector(): Promise<Collector> {
  const spans: SentSpan[] = [];
  const requests: Collector["requests"] = [];
  const statuses: number[] = [];
  const server = createServer(async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    requests.push({ path: incoming.url, headers: incoming.headers });
    const status = statuses.shift() ?? 200;
    if (status === 200) {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as {
        readonly resourceSpans: readonly {
          readonly scopeSpans: readonly { readonly spans: readonly SentSpan[] }[];
        }[];
      };
      for (const { scopeSpans } of body.resourceSpans)
        for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    response.writeHead(status).end("{}");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    spans,
    requests,
    statuses,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface World extends Harness {
  readonly traces: Traces;
  readonly collector: Collector;
  readonly traceLog: string[];
  /** Closes everything; the spans that came. */
  readonly end: () => Promise<readonly SentSpan[]>;
}

async function openWorld(settings: Partial<TraceSettings> = {}): Promise<World> {
  const collector = await openCollector();
  const traceLog: string[] = [];
  const traces = new Traces({
    settings: { endpoint: collector.endpoint, headers: {}, serviceName: "stepwell", ratio: 1, ...settings },
    log: (line) => traceLog.push(line),
    delayMs: () => 1,
  });
  const harness = await open({ observers: [traces.observe] });
  return {
    ...harness,
    traces,
    collector,
    traceLog,
    end: async () => {
      await traces.close(5_000);
      await harness.runtime.close(0);
      await collector.close();
      return collector.spans;
    },
  };
}

/** `name < parent's name: status`, and what happened within. */
function lines(spans: readonly SentSpan[]): readonly string[] {
  const names = new Map(spans.map(({ spanId, name }) => [spanId, name]));
  return spans.map(({ name, parentSpanId, status, events }) => {
    const parent = parentSpanId === undefined ? "-" : (names.get(parentSpanId) ?? parentSpanId);
    const end = status === undefined ? "unset" : status.code === 1 ? "ok" : `error ${status.message}`;
    return [`${name} < ${parent}: ${end}`, ...events.map((event) => event.name)].join(", ");
  });
}

const RETRIED: Json = {
  StartAt: "Both",
  States: {
    Both: {
      Type: "Parallel",
      Branches: [
        {
          StartAt: "Call",
          States: {
            Call: {
              Type: "Task",
              Resource: LAMBDA,
              Retry: [{ ErrorEquals: ["Busy"], IntervalSeconds: 1 }],
              End: true,
            },
          },
        },
        { StartAt: "Rest", States: { Rest: { Type: "Wait", Seconds: 100, End: true } } },
      ],
      End: true,
    },
  },
};

const HEADER = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

test("the children of a Map Run have no traces, whatever the header of their parent says", async () => {
  const world = await openWorld();
  const machine = await createMachine(world, DISTRIBUTED, "orders");
  const arn = await start(world, machine, [1, 2]);
  while ((await outcome(world, arn)) === "RUNNING") await settle();
  assert.deepEqual(lines(await world.end()), ["orders < -: ok", "Each < orders: ok, map run"]);
});

test("an execution is a trace: states within states, tasks with their attempts, what a failure cuts off", async () => {
  const world = await openWorld();
  const machine = await createMachine(world, RETRIED, "orders");
  const executionArn = await start(world, machine);
  world.integrations.next().answer({ kind: "failed", phase: "run", error: "Busy" });
  await settle();
  await world.clock.advance(1_000);
  world.integrations.next().answer({ kind: "failed", phase: "run", error: "Broken", cause: "no spring" });
  await settle();
  const spans = await world.end();
  const call = LAMBDA.split(":").slice(5).join(":");
  assert.deepEqual(lines(spans), [
    "orders < -: error Broken: no spring",
    "Both < orders: error Broken: no spring",
    "Call < Both: error aborted, retry",
    `${call} < Call: error Busy, started`,
    "Rest < Both: error aborted",
    `${call} < Call: error Broken: no spring, started`,
  ]);
  assert.equal(new Set(spans.map(({ traceId }) => traceId)).size, 1);
  assert.equal(new Set(spans.map(({ spanId }) => spanId)).size, spans.length);
  for (const { traceId, spanId, startTimeUnixNano, endTimeUnixNano } of spans) {
    assert.match(traceId, /^[0-9a-f]{32}$/);
    assert.match(spanId, /^[0-9a-f]{16}$/);
    assert(BigInt(endTimeUnixNano) >= BigInt(startTimeUnixNano));
  }
  const facts = Object.fromEntries((spans[0]?.attributes ?? []).map(({ key, value }) => [key, value]));
  assert.deepEqual(facts["stepwell.execution.arn"], { stringValue: executionArn });
  assert.deepEqual(facts["stepwell.execution.status"], { stringValue: "FAILED" });
  assert.deepEqual(world.traceLog, []);
});

test("a traceHeader says which trace the execution belongs to, and who called it", async () => {
  const world = await openWorld({ ratio: 0 });
  const machine = await createMachine(world, tasks(LAMBDA));
  await world.runtime.executions.start({ machine, input: Payload.ofValue({}), traceHeader: HEADER });
  world.integrations.next().answer(succeeded(1));
  await settle();
  // Not sampled: the ratio is 0, and this one says nothing of it.
  await start(world, machine);
  world.integrations.next().answer(succeeded(1));
  await settle();
  const spans = await world.end();
  assert.equal(spans.length, 3);
  assert.equal(spans[0]?.traceId, "5759e988bd862e3fe1be46a994272793");
  assert.equal(spans[0]?.parentSpanId, "53995c3f42cd8ad8");
});

test("Express executions are traced as well", async () => {
  const world = await openWorld();
  const machine = await createMachine(world, tasks(LAMBDA), "machine", "EXPRESS");
  const ended = world.runtime.express.run({ machine, input: Payload.ofValue({}) });
  await settle();
  world.integrations.next().answer(succeeded(1));
  await ended;
  assert.deepEqual(
    (await world.end()).map(({ name, status }) => [name, status?.code]),
    [
      ["machine", 1],
      ["S0", 1],
      [LAMBDA.split(":").slice(5).join(":"), 1],
    ],
  );
});

test("a busy collector is asked again, with the headers that it wants", async () => {
  const world = await openWorld({ headers: { "api-key": "secret" } });
  world.collector.statuses.push(503, 429);
  const machine = await createMachine(world, tasks(LAMBDA));
  await start(world, machine);
  world.integrations.next().answer(succeeded(1));
  await settle();
  assert.equal((await world.end()).length, 3);
  assert.deepEqual(
    world.collector.requests.map(({ path, headers }) => [path, headers["api-key"]]),
    Array.from({ length: 3 }, () => ["/v1/traces", "secret"]),
  );
});

test("a collector that refuses costs the trace and a line in the log, nothing else", async () => {
  const world = await openWorld();
  world.collector.statuses.push(400);
  const machine = await createMachine(world, tasks(LAMBDA));
  await start(world, machine);
  world.integrations.next().answer(succeeded(1));
  await settle();
  assert.deepEqual(await world.end(), []);
  assert.match(
    world.traceLog.join("\n"),
    /^traces: 3 spans are lost: http:.*\/v1\/traces: it answers 400 \{\}$/,
  );
});

const HEADERS: readonly (readonly [header: string, expected: ReturnType<typeof parseTraceHeader>])[] = [
  [HEADER, { traceId: "5759e988bd862e3fe1be46a994272793", spanId: "53995c3f42cd8ad8", isSampled: true }],
  [
    "Sampled=0; root=1-5759E988-BD862E3FE1BE46A994272793",
    { traceId: "5759e988bd862e3fe1be46a994272793", spanId: undefined, isSampled: false },
  ],
  [
    "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=?;Parent=short",
    { traceId: "5759e988bd862e3fe1be46a994272793", spanId: undefined, isSampled: undefined },
  ],
  ["Root=2-5759e988-bd862e3fe1be46a994272793", undefined],
  ["", undefined],
  ["nonsense", undefined],
];

test("trace headers of X-Ray are read", () => {
  for (const [header, expected] of HEADERS) assert.deepEqual(parseTraceHeader(header), expected, header);
});
