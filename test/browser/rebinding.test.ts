// DNS rebinding in a real Chromium: a page whose own name begins to resolve to this machine is, for the browser, of the
// server's own origin: no preflight is asked, nothing is hidden. Only the Host tells.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { type Attack, pageScript } from "./attacks.ts";
import { findChromium } from "./chromium.ts";
import { Served, START_HEADERS } from "./served.ts";

/** Below `.example` every name is 127.0.0.1 for the browser: these had another address when the page was loaded. */
const HOSTS = [
  "evil.example",
  "evil.example.",
  "localhost.evil.example",
  "127.0.0.1.evil.example",
  "sync-localhost.example",
  "LOCALHOST.example",
];

/** What the same script learns and the server answers at a name of its own is `allowed`; at any of HOSTS it is `refused`. */
interface Case extends Pick<Attack, "name" | "script"> {
  readonly allowed: RegExp;
  readonly refused: RegExp;
}

const DENIED =
  /^basic 403 \{"__type":"com\.amazon\.coral\.service#AccessDeniedException","message":"The host '[^']+' is not one that this server may be addressed by\."\}$/;

const CASES: readonly Case[] = [
  {
    name: "fetch with an operation's headers",
    script: `return told(fetch("/", { method: "POST", body: start, headers: operation }));`,
    allowed: /^basic 200 \{"executionArn":/,
    refused: DENIED,
  },
  {
    name: "XMLHttpRequest with an operation's headers",
    script: `return ask(operation);`,
    allowed: /^load 200 \{"executionArn":/,
    refused: /^load 403 \{"__type":"[^"]+#AccessDeniedException"/,
  },
  ...[
    { path: "/", allowed: /^basic 200 Stepwell speaks/ },
    { path: "/health", allowed: /^basic 200 \{"status":"ok"\}$/ },
    { path: "/ready", allowed: /^basic 200 / },
    { path: "/metrics", allowed: /^basic 200 # HELP / },
  ].map(({ path, allowed }) => ({
    name: `GET ${path}`,
    script: `return told(fetch("${path}"));`,
    allowed,
    refused: DENIED,
  })),
];

const chromium = await findChromium();
const skip = typeof chromium === "string" && chromium;
const open = new AsyncDisposableStack();
let browser: Browser;
let served: Served;

before(async () => {
  if (typeof chromium === "string") return;
  // The page comes from the first address of the name, and what it asks for goes to the second.
  const first = new Map([["/page", "<!doctype html><title>a page</title>"]]);
  served = open.adopt(await Served.start([], first), (started) => started.close());
  browser = open.adopt(await chromium.launch(), (started) => started.close());
});
after(() => open.disposeAsync());

/** Runs all cases in a page at the host; the key of each case says what is to be learned. */
async function tryAll(host: string, key: "allowed" | "refused"): Promise<void> {
  const tab = await browser.newPage();
  const origin = `http://${host}:${served.wire.port}`;
  await tab.goto(`${origin}/page`);
  const words = {
    target: `${origin}/`,
    start: JSON.stringify({ stateMachineArn: served.stateMachineArn }),
    operation: START_HEADERS,
  };
  for (const tried of CASES) {
    assert.match(await tab.evaluate<string>(pageScript(tried, words)), tried[key], tried.name);
    const exchanges = await served.wire.take(1);
    assert.deepEqual(
      exchanges.map(({ host: asked, status }) => [asked, status]),
      // Browsers write a host in small letters.
      [[new URL(origin).host, key === "allowed" ? 200 : 403]],
      tried.name,
    );
  }
  await tab.close();
}

for (const host of HOSTS) {
  test(`a page of ${host} starts nothing, and reads nothing but the refusal`, { skip }, async () => {
    await tryAll(host, "refused");
    assert.deepEqual(await served.executionNames(), []);
  });
}

test("the same page at a name of the server's own starts executions", { skip }, async () => {
  await tryAll("localhost", "allowed");
  await tryAll("steps.localhost", "allowed");
  assert.equal((await served.executionNames()).length, 4);
});
