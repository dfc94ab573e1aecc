// Pages of other origins in a real Chromium: whatever they send, nothing starts, and they learn nothing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { call, callOnce, freePort, ServerProcess } from "../crash/server.ts";
import { ATTACKS, pageScript } from "./attacks.ts";
import { findChromium } from "./chromium.ts";
import { PageServer } from "./page-server.ts";
import { type Exchange, Wire } from "./wire.ts";

const OPERATION = {
  "Content-Type": "application/x-amz-json-1.0",
  "X-Amz-Target": "AWSStepFunctions.StartExecution",
};

/** Where the page is; the server is at http://localhost. */
const PAGES: readonly { readonly name: string; readonly host: string; readonly path: string }[] = [
  { name: "another site", host: "evil.example", path: "/" },
  { name: "another port of localhost", host: "localhost", path: "/" },
  { name: "another name of this machine", host: "127.0.0.1", path: "/" },
  { name: "a sandboxed page", host: "evil.example", path: "/sandboxed" },
];

const chromium = await findChromium();
const skip = typeof chromium === "string" && chromium;
const server = new ServerProcess(await freePort(), ["--memory"]);
let browser: Browser;
let wire: Wire;
let pages: PageServer;
let stateMachineArn: string;

before(async () => {
  if (typeof chromium === "string") return;
  const started = server.start();
  browser = await chromium.launch();
  await started;
  wire = await Wire.to(server.url);
  pages = await PageServer.start();
  const definition = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}';
  const roleArn = "arn:aws:iam::000000000000:role/r";
  const created = await call(server.url, "CreateStateMachine", { name: "m", definition, roleArn });
  stateMachineArn = created["stateMachineArn"] as string;
});
after(async () => {
  if (skip !== false) return;
  await browser.close();
  await Promise.all([wire.close(), pages.close()]);
  assert.equal(await server.stop(), 0, server.errors);
});

async function executionNames(): Promise<readonly string[]> {
  const { executions } = await call(server.url, "ListExecutions", { stateMachineArn });
  return (executions as readonly { readonly name: string }[]).map(({ name }) => name);
}

function lineOf({ method, target, body, status }: Exchange): string {
  const isStart = [body, decodeURIComponent(body)].some((text) => text.includes(stateMachineArn));
  return `${method} ${target.replace(/\?.*/s, "?")}${isStart ? " with the start" : ""} ${status}`;
}

for (const { name, host, path } of PAGES) {
  test(`${name} starts nothing`, { skip, timeout: 60_000 }, async (t) => {
    const target = `http://localhost:${wire.port}/`;
    const page = `http://${host}:${pages.port}`;
    const words = {
      target,
      start: JSON.stringify({ stateMachineArn, name: "by-a-page" }),
      operation: OPERATION,
      bounce: `${page}/bounce?to=${encodeURIComponent(target)}`,
    };
    assert.ok(ATTACKS.length > 20);
    const tab = await browser.newPage();
    for (const attack of ATTACKS) {
      await t.test(attack.name, async () => {
        await tab.goto(page + path);
        const learned = await tab.evaluate<string>(pageScript(attack, words));
        const exchanges = await wire.take(attack.requests.length);
        assert.deepEqual(exchanges.map(lineOf).toSorted(), attack.requests, "what the server got");
        assert.equal(learned, attack.learns, "what the page learned");
        assert.deepEqual(await executionNames(), []);
      });
    }
    await tab.close();
  });
}

test("the same request by another program than a browser starts an execution", { skip }, async () => {
  await callOnce(`http://127.0.0.1:${wire.port}/`, "StartExecution", {
    stateMachineArn,
    name: "by-a-program",
  });
  assert.deepEqual(await executionNames(), ["by-a-program"]);
});
