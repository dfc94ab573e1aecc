// How `serve` begins and ends, and what it asks of a server.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runCli } from "../../src/cli/index.ts";
import { fakeServer, fakeTerminal } from "./environment-fake.ts";

interface OptionCase {
  readonly name: string;
  /** Words with blanks between them. */
  readonly argv: string;
  readonly env?: Record<string, string>;
  readonly expected: object;
}

const DEFAULTS = {
  host: "127.0.0.1",
  port: 8083,
  region: "us-east-1",
  account: "000000000000",
  isRegionGiven: false,
  isAccountGiven: false,
  isMetricsOpen: true,
  logLevel: "info",
  logBufferBytes: 16 * 1_048_576,
};

const OPTIONS: readonly OptionCase[] = [
  { name: "nothing", argv: "", expected: { ...DEFAULTS, dataDirectory: "/work-dir/.stepwell" } },
  { name: "memory", argv: "--memory --port 0", expected: { ...DEFAULTS, port: 0 } },
  {
    name: "the region of the environment",
    argv: "--memory",
    env: { AWS_REGION: "eu-west-1", AWS_DEFAULT_REGION: "eu-west-2" },
    expected: { ...DEFAULTS, region: "eu-west-1" },
  },
  {
    name: "everything",
    argv:
      "--host ::1 --port=4566 --data d --region us-gov-west-1 --account 123456789012 --functions /f " +
      "--lambda-endpoint http://l:1 --service-endpoint https://s --s3 buckets --logs-endpoint files --log-buffer 0 --credentials c --allow-host sfn.corp,sync-sfn.corp " +
      "--cors-origin https://console.corp",
    env: { AWS_REGION: "eu-west-1" },
    expected: {
      host: "::1",
      port: 4566,
      dataDirectory: "/work-dir/d",
      region: "us-gov-west-1",
      account: "123456789012",
      isRegionGiven: true,
      isAccountGiven: true,
      isMetricsOpen: false,
      functionsDirectory: "/f",
      lambdaEndpoint: "http://l:1",
      serviceEndpoint: "https://s",
      s3Directory: "/work-dir/buckets",
      logsEndpoint: "files",
      credentialsFile: "/work-dir/c",
      allowedHosts: ["sfn.corp", "sync-sfn.corp"],
      allowedOrigins: ["https://console.corp"],
      logLevel: "info",
      logBufferBytes: 0,
    },
  },
  {
    name: "traces, as OpenTelemetry's variables say",
    argv: "--memory --trace-ratio 0.5",
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318",
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=secret,x-tenant=a%20b",
      OTEL_SERVICE_NAME: "orders",
      OTEL_TRACES_SAMPLER_ARG: "0.1",
    },
    expected: {
      ...DEFAULTS,
      traces: {
        endpoint: "http://collector:4318",
        headers: { "api-key": "secret", "x-tenant": "a b" },
        serviceName: "orders",
        ratio: 0.5,
      },
    },
  },
  {
    name: "another address than loopback, and keys",
    argv: "--memory --host 0.0.0.0 --credentials /c",
    expected: { ...DEFAULTS, host: "0.0.0.0", isMetricsOpen: false, credentialsFile: "/c" },
  },
  {
    name: "another address than loopback, knowingly for everybody",
    argv: "--memory --host 0.0.0.0 --unauthenticated",
    expected: { ...DEFAULTS, host: "0.0.0.0" },
  },
];

for (const { name, argv, env = {}, expected } of OPTIONS) {
  test(`serve with ${name}`, async () => {
    const terminal = fakeTerminal(["serve", ...argv.split(" ").filter((word) => word !== "")], {
      env,
      workingDirectory: "/work-dir",
    });
    const exit = runCli(terminal.environment);
    await terminal.until(/^ready /m);
    terminal.signal("SIGTERM");
    assert.equal(await exit, 0);
    assert.equal(terminal.opened.length, 1);
    const { log, ...options } = terminal.opened[0] as (typeof terminal.opened)[0];
    assert.deepEqual(options, expected);
    log("from the server\u0007");
    assert.ok(terminal.err().endsWith("from the server\\u0007\n"));
    assert.equal(terminal.out(), "ready http://127.0.0.1:18083\n");
  });
}

test("a second signal ends the process at once", async () => {
  let finishClosing = (): void => undefined;
  const server = fakeServer({ close: () => new Promise((resolve) => (finishClosing = resolve)) });
  const terminal = fakeTerminal(["serve", "--memory"], { openServer: () => Promise.resolve(server) });
  const exit = runCli(terminal.environment);
  await terminal.until(/^ready /m);
  terminal.signal("SIGINT");
  await terminal.until(/^stopping$/m);
  assert.deepEqual(terminal.abandoned, []);
  terminal.signal("SIGINT");
  assert.deepEqual(terminal.abandoned, [130]);
  finishClosing();
  assert.equal(await exit, 0);
});

test("a store that fails ends the server with what happened", async () => {
  let fail = (_error: Error): void => undefined;
  const server = fakeServer({ fatal: new Promise((resolve) => (fail = resolve)) });
  const terminal = fakeTerminal(["serve", "--memory"], { openServer: () => Promise.resolve(server) });
  const exit = runCli(terminal.environment);
  await terminal.until(/^ready /m);
  fail(new Error("disk full"));
  assert.equal(await exit, 1);
  assert.equal(terminal.err(), "error: the server cannot go on: disk full\n");
  assert.equal(server.closed(), true);
});

const FAILURES: readonly (readonly [string, Error, string])[] = [
  [
    "a port that is taken",
    Object.assign(new Error("listen EADDRINUSE"), { code: "EADDRINUSE" }),
    "error: Cannot start: port 8083 of 127.0.0.1 is taken; choose another with --port (0 takes a free one)\n",
  ],
  [
    "a store that is in use",
    new Error("the store is used by process 7"),
    "error: Cannot start: the store is used by process 7\n",
  ],
];
for (const [name, error, expected] of FAILURES) {
  test(`serve cannot start: ${name}`, async () => {
    const terminal = fakeTerminal(["serve"], { openServer: () => Promise.reject(error) });
    assert.equal(await runCli(terminal.environment), 1);
    assert.equal(terminal.out(), "");
    assert.equal(terminal.err(), expected);
  });
}
