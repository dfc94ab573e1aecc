// `stepwell torture` as a user runs it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("stepwell torture kills its server, reports, and ends with 0", { timeout: 180_000 }, async () => {
  const directory = mkdtempSync(join(tmpdir(), "stepwell-torture-test-"));
  const command = fileURLToPath(new URL("../../bin/stepwell", import.meta.url));
  const child = spawn(command, ["torture", "--kills", "3", "--seed", "61", "--data", directory]);
  const ended = once(child, "close");
  const [out, log] = await Promise.all([text(child.stdout), text(child.stderr)]);
  assert.deepEqual(await ended, [0, null], out + log);
  assert.match(out, /^3 faults, \d+ s, seed 61\n\d+ executions acknowledged and \d+ nested ones: none lost/);
  assert.match(log, /fault 3: answers again/);
  assert.ok(readdirSync(directory).includes("stepwell.db"));
  rmSync(directory, { recursive: true });
});
