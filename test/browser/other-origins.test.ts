// Pages of other origins in a real Chromium: whatever they send, nothing starts, and they learn nothing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { callOnce } from "../crash/server.ts";
import { ATTACKS, pageScript } from "./attacks.ts";
import { findChromium } from "./chromium.ts";
import { PageServer } from "./page-server.ts";
import { Served, START_HEADERS } from "./served.ts";
import type { Exchange } from "./wire.ts";

/** Where the page is; the server is at http://localhost. */
const PAGES: readonly { readonly name: string; readonly host: string; readonly path: string }[] = [
  { name: "another site", host: "evil.example", path: "/" },
  { name: "another port of localhost", host: "localhost", path: "/" },
  { name: "another name of this machine", host: "127.0.0.1", path: "/" },
  { name: "a sandboxed page", host: "evil.example", path: "/sandboxed" },
];

/** The host that the friendly server lets in: pages there start executions by these, and by nothing else. */
const FRIEND = "console.example";
const STARTING = [
  "fetch with CORS, an operation's headers",
  "XMLHttpRequest with an operation's headers",
  "XMLHttpRequest with an operation's headers, watched",
];

const chromium = await findChromium();
const skip = typeof chromium === "string" && chromium;
const open = new AsyncDisposableStack();
let browser: Browser;
let pages: PageServer;
let served: Served;
let friendly: Served;

before(async () => {
  if (typeof chromium === "string") return;
  pages = open.adopt(await PageServer.start(), (started) => started.close());
  served = open.adopt(await Served.start([]), (started) => started.close());
  const friends = ["--cors-origin", `http://${FRIEND}:${pages.port}`];
  friendly = open.adopt(await Served.start(friends), (started) => started.close());
  browser = open.adopt(await chromium.launch(), (started) => started.close());
});
after(() => open.disposeAsync());

/** What the scripts of a page there work with. */
function wordsOf(to: Served, host: string, start: object): Record<string, unknown> {
  const target = `http://localhost:${to.wire.port}/`;
  return {
    target,
    start: JSON.stringify({ stateMachineArn: to.stateMachineArn, ...start }),
    operation: START_HEADERS,
    bounce: `http://${host}:${pages.port}/bounce?to=${encodeURIComponent(target)}`,
  };
}

function lineOf({ method, target, body, status }: Exchange): string {
  const isStart = [body, decodeURIComponent(body)].some((text) => text.includes("stateMachineArn"));
  return `${method} ${target.replace(/\?.*/s, "?")}${isStart ? " with the start" : ""} ${status}`;
}

for (const { name, host, path } of PAGES) {
  test(`${name} starts nothing`, { skip, timeout: 120_000 }, async (t) => {
    assert.ok(ATTACKS.length > 20);
    const words = wordsOf(served, host, { name: "by-a-page" });
    const tab = await browser.newPage();
    for (const attack of ATTACKS) {
      await t.test(attack.name, async () => {
        await tab.goto(`http://${host}:${pages.port}${path}`);
        const learned = await tab.evaluate<string>(pageScript(attack, words));
        const exchanges = await served.wire.take(attack.requests.length);
        assert.deepEqual(exchanges.map(lineOf).toSorted(), attack.requests, "what the server got");
        assert.equal(learned, attack.learns, "what the page learned");
        assert.deepEqual(await served.executionNames(), []);
      });
    }
    await tab.close();
  });
}

test("a page of an origin that was not named starts nothing where another was", { skip }, async () => {
  const tab = await browser.newPage();
  for (const host of ["evil.example", `${FRIEND}.evil.example`, `not-${FRIEND}`]) {
    for (const attack of ATTACKS.filter(({ name }) => STARTING.includes(name))) {
      await tab.goto(`http://${host}:${pages.port}/`);
      assert.equal(await tab.evaluate(pageScript(attack, wordsOf(friendly, host, {}))), attack.learns);
      assert.deepEqual((await friendly.wire.take(1)).map(lineOf), ["OPTIONS / 403"]);
      assert.deepEqual(await friendly.executionNames(), []);
    }
  }
  await tab.close();
});

// Without these two, no execution might be there because nothing could have started one.
test("the same scripts start executions from the origin that was named", {
  skip,
  timeout: 120_000,
}, async () => {
  const tab = await browser.newPage();
  const started: string[] = [];
  for (const attack of ATTACKS) {
    const count = (await friendly.executionNames()).length;
    await tab.goto(`http://${FRIEND}:${pages.port}/`);
    await tab.evaluate(pageScript(attack, wordsOf(friendly, FRIEND, {})));
    await friendly.wire.take(attack.requests.length);
    if ((await friendly.executionNames()).length > count) started.push(attack.name);
  }
  await tab.close();
  assert.deepEqual(started, STARTING);
});

test("the same request by another program than a browser starts an execution", { skip }, async () => {
  const { stateMachineArn, wire } = served;
  const start = { stateMachineArn, name: "by-a-program" };
  await callOnce(`http://127.0.0.1:${wire.port}/`, "StartExecution", start);
  assert.deepEqual(await served.executionNames(), ["by-a-program"]);
});
