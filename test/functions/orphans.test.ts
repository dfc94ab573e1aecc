// The children do not outlive the server, whatever ends it and whatever they are doing.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { type Files, isAlive, python, rig, until } from "./support.ts";

const LOCAL_FUNCTIONS = new URL("../../src/functions/local-functions.ts", import.meta.url).href;

const busy: Readonly<Record<string, Files>> = {
  // A loop that never yields, and so never sees its connection close; with a grandchild.
  spins: {
    "index.mjs":
      "import { spawn } from 'node:child_process'; export const handler = async () => { console.log(`pid ${process.pid}`); console.log(`pid ${spawn('sleep', ['600'], { stdio: 'ignore' }).pid}`); for (;;); };",
  },
  // Deaf to everything but SIGKILL.
  deaf: {
    "index.mjs":
      "for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => {}); export const handler = async () => { console.log(`pid ${process.pid}`); setInterval(() => {}, 1000); await new Promise(() => {}); };",
  },
  idle: { "index.mjs": "export const handler = async () => { console.log(`pid ${process.pid}`); };" },
  shell: { "bootstrap!": "#!/bin/sh\necho pid $$\nexec sleep 600\n" },
  ...(python === undefined
    ? {}
    : {
        py: {
          "lambda_function.py":
            "import os\ndef lambda_handler(event, context):\n    print('pid', os.getpid())\n    while True:\n        pass\n",
        },
      }),
};

/** Runs the functions of a directory in a process of its own, which invokes each and says what they print. */
const server = (directory: string): string => `
import { LocalFunctions } from ${JSON.stringify(LOCAL_FUNCTIONS)};
const functions = await LocalFunctions.open({ directory: ${JSON.stringify(directory)}, region: "us-east-1", account: "000000000000", log: ({ text }) => console.log(text) });
for (const { name } of functions.list()) {
  functions.invoke({ functionName: name, invocationType: "RequestResponse", payload: "{}", signal: new AbortController().signal }).catch(() => {});
}
setInterval(() => {}, 1000);
`;

const endings: readonly { readonly name: string; readonly end: (pid: number) => void }[] = [
  { name: "SIGKILL", end: (pid) => process.kill(pid, "SIGKILL") },
  { name: "SIGTERM without a handler", end: (pid) => process.kill(pid, "SIGTERM") },
  { name: "Ctrl-C, which goes to the whole group", end: (pid) => process.kill(-pid, "SIGINT") },
];

assert.ok(endings.length > 0);
for (const { name, end } of endings) {
  test(`when the server ends by ${name}, its functions are gone within two seconds`, async () => {
    const files = Object.fromEntries(
      Object.entries(busy).map(([folder, content]) => [
        folder,
        { ...content, "function.json": '{"timeoutSeconds":60}' },
      ]),
    );
    await using functions = await rig(files);
    const child = spawn(process.execPath, ["--input-type=module", "-e", server(functions.directory)], {
      detached: true,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
    });
    const pids = (): number[] => [...printed.matchAll(/^pid (\d+)$/gm)].map(([, pid]) => Number(pid));
    const expected = Object.keys(busy).length + 1;
    await until("all of them run", () => pids().length === expected);
    assert.ok(pids().every(isAlive));
    const endedAtMs = performance.now();
    end(child.pid ?? 0);
    await until("all of them are gone", () => !pids().some(isAlive));
    const tookMs = performance.now() - endedAtMs;
    assert.ok(tookMs < 2000, `it took ${Math.round(tookMs)} ms`);
  });
}
