// Who is shown /metrics, and when /ready says no: real servers, real sockets, this machine's own address.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "../../src/cli/client.ts";
import { pause } from "../../src/torture/index.ts";
import { beginRaw } from "../api/raw-http.ts";
import { freePort, ServerProcess } from "../crash/server.ts";
import { buildShim, makePowerDirectories, powerEnvironment } from "../power/restore.ts";

/** An address at which this machine is not its own loopback. */
const networks = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
const outside = networks.find(({ internal, family }) => !internal && family === "IPv4")?.address;
const hasIPv6 = networks.some(({ family }) => family === "IPv6");

interface MetricsCase {
  readonly name: string;
  readonly host: string;
  readonly options: readonly string[];
  readonly loopback: number;
  readonly outside: number;
}

const METRICS: readonly MetricsCase[] = [
  {
    name: "a server that asks for signatures shows metrics to this machine only",
    host: "0.0.0.0",
    options: ["--credentials", "KEYS"],
    loopback: 200,
    outside: 403,
  },
  {
    name: "so it does where IPv4 arrives as IPv6",
    host: "::",
    options: ["--credentials", "KEYS"],
    loopback: 200,
    outside: 403,
  },
  {
    name: "--open-metrics opens them",
    host: "0.0.0.0",
    options: ["--credentials", "KEYS", "--open-metrics"],
    loopback: 200,
    outside: 200,
  },
  {
    name: "a server that asks nobody hides nothing",
    host: "0.0.0.0",
    options: ["--unauthenticated"],
    loopback: 200,
    outside: 200,
  },
];

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stepwell-pages-"));
  t.after(() => rm(directory, { recursive: true }));
  return directory;
}

for (const { name, host, options, ...expected } of METRICS) {
  const missing = outside === undefined ? "NO OTHER ADDRESS: this machine has loopback only" : false;
  const skip = host === "::" && !hasIPv6 ? "NO IPv6 here" : missing;
  test(name, { skip, timeout: 60_000 }, async (t) => {
    const keys = join(await temporary(t), "keys");
    await writeFile(keys, "[default]\naws_access_key_id=AKIDEXAMPLE\naws_secret_access_key=wJalrXUtnFEMI\n", {
      mode: 0o600,
    });
    const port = await freePort();
    const words = options.map((word) => (word === "KEYS" ? keys : word));
    const server = new ServerProcess(port, ["--memory", "--host", host, ...words]);
    await server.start();
    t.after(() => server.kill());
    for (const [where, address] of [
      ["loopback", "127.0.0.1"],
      ["outside", String(outside)],
    ] as const) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const [metrics, ready] = await Promise.all([
        fetch(`http://${address}:${port}/metrics`),
        fetch(`http://${address}:${port}/ready`),
      ]);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const [text, readiness] = await Promise.all([metrics.text(), ready.json()]);
      assert.equal(metrics.status, expected[where], `${where}: ${text}`);
      assert.match(text, metrics.status === 200 ? /^stepwell_open_executions 0$/m : /--open-metrics/);
      assert.deepEqual([ready.status, readiness], [200, { status: "ready" }], "readiness is for everybody");
    }
    assert.equal(await server.stop(), 0, server.errors);
  });
}

test("while a server starts it is alive and not ready", { timeout: 60_000 }, async (t) => {
  const functions = await temporary(t);
  await mkdir(join(functions, "slow"));
  await writeFile(join(functions, "slow", "index.mjs"), "export const handler = async () => 1;");
  // A file that has no content before the test says so.
  const configuration = join(functions, "slow", "function.json");
  execFileSync("mkfifo", [configuration]);
  const server = new ServerProcess(await freePort(), ["--memory", "--functions", functions]);
  t.after(() => server.kill());
  const started = server.start();
  const answers = async (path: string): Promise<readonly [status: number, body: unknown]> => {
    for (;;) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- until it listens
        const answer = await fetch(new URL(path, server.url));
        // oxlint-disable-next-line no-await-in-loop -- the same
        return [answer.status, await answer.json()];
      } catch {
        // oxlint-disable-next-line no-await-in-loop -- the same
        await pause(20);
      }
    }
  };
  assert.deepEqual(await answers("/ready"), [503, { status: "not ready", reason: "it is starting" }]);
  assert.deepEqual(await answers("/health"), [200, { status: "ok" }]);
  const file = await open(configuration, "w");
  await file.writeFile("{}");
  await file.close();
  await started;
  assert.deepEqual(await answers("/ready"), [200, { status: "ready" }]);
  assert.equal(await server.stop(), 0, server.errors);
});

/** A request for /ready that has begun, so that a server that closes waits for the rest of it. */
async function beginReady(server: ServerProcess): Promise<() => Promise<readonly [number, unknown]>> {
  const { finish } = await beginRaw(Number(new URL(server.url).port), "GET /ready HTTP/1.1\r\n");
  return async () => {
    const { status, body } = await finish("Host: localhost\r\n\r\n");
    return [status, JSON.parse(body)];
  };
}

async function untilSaid(server: ServerProcess, pattern: RegExp): Promise<void> {
  // oxlint-disable-next-line no-await-in-loop -- until it has
  while (!pattern.test(server.errors)) await pause(10);
}

test("while a server closes it is not ready", { timeout: 60_000 }, async (t) => {
  const server = new ServerProcess(await freePort(), ["--memory"]);
  await server.start();
  t.after(() => server.kill());
  const finish = await beginReady(server);
  const stopped = server.stop();
  await untilSaid(server, /^stopping$/m);
  assert.deepEqual(await finish(), [503, { status: "not ready", reason: "it is closing" }]);
  assert.equal(await stopped, 0, server.errors);
});

const shim = buildShim();
const needsShim = {
  timeout: 60_000,
  skip: shim === undefined ? "NO FAILING DISKS: they need Linux and a C compiler (cc)" : false,
};
test(
  "once its store has failed a server is not ready, says why, and tells of what is durable",
  needsShim,
  async (t) => {
    let told = 0;
    // Slow, so that events wait when the store fails.
    const webhook = createServer((_, response) => {
      told += 1;
      setTimeout(() => response.end(), 20);
    }).listen(0, "127.0.0.1");
    await once(webhook, "listening");
    t.after(() => {
      webhook.closeAllConnections();
      webhook.close();
    });
    const hook = `http://127.0.0.1:${(webhook.address() as AddressInfo).port}/`;
    const directories = makePowerDirectories();
    t.after(() => rm(directories.root, { recursive: true }));
    const faults = { failSync: 20, failSyncAlways: true };
    const environment = powerEnvironment(shim as string, directories, faults);
    const server = new ServerProcess(
      await freePort(),
      ["--data", directories.directory, "--events-webhook", hook],
      environment,
    );
    await server.start();
    t.after(() => server.kill());
    const call = connect(new URL(server.url));
    const { stateMachineArn } = await call("CreateStateMachine", {
      name: "orders",
      definition: JSON.stringify({ StartAt: "Done", States: { Done: { Type: "Succeed" } } }),
      roleArn: "arn:aws:iam::000000000000:role/r",
    });
    const finish = await beginReady(server);
    let started = 0;
    await assert.rejects(async () => {
      for (; ; started++) {
        // oxlint-disable-next-line no-await-in-loop -- a sync each
        await call("StartExecution", { stateMachineArn: stateMachineArn as string });
      }
    });
    await untilSaid(server, /cannot go on/);
    assert.deepEqual(await finish(), [503, { status: "not ready", reason: "its store has failed" }]);
    assert.equal(await server.ended(), 1, server.errors);
    assert.ok(started > 0);
    assert.equal(told, 2 * started, "each has begun and ended");
  },
);
