// A Map Run on a real server that is ended with SIGKILL, small: the large one is `npm run map-run-killed`.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../bench/map-run-killed.ts", import.meta.url));

for (const type of ["STANDARD", "EXPRESS"]) {
  test(`a ${type} Map Run goes on after SIGKILL: no finished batch runs again, results are whole and in order`, () => {
    const size = ["--items", "20000", "--batch", "100", "--children", "20", "--kills", "2", "--type", type];
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ["--disable-warning=ExperimentalWarning", PROGRAM, ...size],
      { encoding: "utf8", timeout: 120_000 },
    );
    assert.equal(status, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /ok {3}the server was killed as often as asked/u);
    assert.doesNotMatch(stdout, /FAIL/u);
  });
}
