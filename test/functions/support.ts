// Folders with functions for a test, and one way to invoke them.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync } from "node:fs";
import { chmod, mkdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { FunctionLogLine } from "../../src/functions/function-logs.ts";
import { LocalFunctions, type LocalFunctionsOptions } from "../../src/functions/local-functions.ts";
import { findPython } from "../../src/functions/launch.ts";
import type { InvokeRequest, InvokeResponse } from "../../src/integrations/lambda-invoker.ts";

export const REGION = "eu-central-1";
export const ACCOUNT = "123456789012";

/** False skips the Python cases, and says so. */
export const python: Awaited<ReturnType<typeof findPython>> = await findPython();
export const skipWithoutPython: string | false =
  python === undefined ? "SKIPPED: python3 IS NOT INSTALLED, SO PYTHON FUNCTIONS ARE NOT TESTED" : false;

/** Files of a function folder by path; names that end in `!` are executable. */
export type Files = Readonly<Record<string, string>>;

export async function writeFiles(directory: string, files: Files): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(directory, name.replace(/!$/, ""));
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, text);
    if (name.endsWith("!")) await chmod(file, 0o755);
  }
}

export interface Rig extends AsyncDisposable {
  readonly directory: string;
  readonly functions: LocalFunctions;
  readonly lines: FunctionLogLine[];
  readonly invoke: (name: string, event?: unknown, more?: Partial<InvokeRequest>) => Promise<InvokeResponse>;
}

/** A temporary directory with one folder for each function. Dispose it. */
export async function rig(
  functionFiles: Readonly<Record<string, Files>>,
  options: Partial<LocalFunctionsOptions> = {},
  { silent = false }: { readonly silent?: boolean } = {},
): Promise<Rig> {
  const directory = await realpath(mkdtempSync(path.join(tmpdir(), "functions-")));
  for (const [name, files] of Object.entries(functionFiles)) {
    await mkdir(path.join(directory, name), { recursive: true });
    await writeFiles(path.join(directory, name), files);
  }
  const lines: FunctionLogLine[] = [];
  const functions = await LocalFunctions.open({
    directory,
    region: REGION,
    account: ACCOUNT,
    ...(silent ? {} : { log: (line) => lines.push(line) }),
    ...options,
  });
  return {
    directory,
    functions,
    lines,
    invoke: (name, event = {}, more = {}) => functions.invoke(request(name, event, more)),
    async [Symbol.asyncDispose](): Promise<void> {
      await functions.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export function request(
  functionName: string,
  event: unknown,
  more: Partial<InvokeRequest> = {},
): InvokeRequest {
  return {
    functionName,
    invocationType: "RequestResponse",
    payload: JSON.stringify(event),
    signal: new AbortController().signal,
    ...more,
  };
}

/** Waits until `condition` holds; fails after ten seconds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const givenUpAtMs = performance.now() + 10_000;
  while (!(await condition())) {
    assert.ok(performance.now() < givenUpAtMs, `gave up waiting until ${what}`);
    await delay(5);
  }
}

/** False for a process that has ended and only waits for its parent to notice. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    // Without /proc it cannot be told; with it, the process has gone this moment.
    return process.platform !== "linux";
  }
}
