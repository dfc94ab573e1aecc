// Seeds the faults of faults.ts one at a time into a copy of the sources and says what noticed each.
//
//   npm run mutants [-- --only TEXT]
//
// A fault that nothing notices, and one that no longer applies (the source has changed), fail the run.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { FAULTS, type Fault } from "./faults.ts";

/** What may notice, the quickest first; a run that takes longer than its seconds has noticed by not ending. */
const WATCHERS: readonly { readonly name: string; readonly files: string; readonly seconds: number }[] = [
  { name: "engine tests", files: "test/engine/*.test.ts", seconds: 60 },
  { name: "runtime tests", files: "test/runtime/*.test.ts", seconds: 90 },
  { name: "store contract", files: "test/store/contract.test.ts", seconds: 90 },
  { name: "simulation", files: "test/sim/*.test.ts", seconds: 240 },
  { name: "store under real faults", files: "test/store/*.test.ts", seconds: 240 },
  { name: "server under kills and power cuts", files: "test/crash/crash.test.ts", seconds: 240 },
];

const { values } = parseArgs({ options: { only: { type: "string", default: "" } } });
const root = resolve(import.meta.dirname, "../..");
const copy = mkdtempSync(join(tmpdir(), "stepwell-mutants-"));
for (const name of ["src", "test", "bin", "examples", "package.json"]) {
  cpSync(join(root, name), join(copy, name), { recursive: true });
}
symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));

// A watcher that fails without a fault notices nothing.
for (const { name, files, seconds } of WATCHERS) {
  const found = globSync(files, { cwd: copy });
  // oxlint-disable-next-line no-await-in-loop -- one at a time
  if (found.length > 0 && !(await passes(found, seconds))) {
    throw new Error(`"${name}" fails without a seeded fault; mend that first`);
  }
  console.log(`${name}: ${found.length} files, pass without a fault`);
}
let missed = 0;
const chosen = FAULTS.filter(({ name }) => name.includes(values.only));
for (const fault of chosen) {
  // oxlint-disable-next-line no-await-in-loop -- one fault at a time
  const noticedBy = await seed(fault);
  if (noticedBy === undefined) missed += 1;
  console.log(
    `${noticedBy === undefined ? "MISSED" : "caught"}  ${fault.name}${noticedBy === undefined ? "" : `: ${noticedBy}`}`,
  );
}
rmSync(copy, { recursive: true });
console.log(`${chosen.length - missed} of ${chosen.length} seeded faults were caught.`);
process.exitCode = missed === 0 && chosen.length > 0 ? 0 : 1;

/** @returns what noticed the fault */
async function seed({ name, file, find, replace }: Fault): Promise<string | undefined> {
  const path = join(copy, file);
  const original = readFileSync(path, "utf8");
  if (original.split(find).length !== 2)
    throw new Error(`"${name}" does not apply to ${file} any more: mend faults.ts`);
  writeFileSync(
    path,
    original.replace(find, () => replace),
  );
  try {
    for (const { name: watcher, files: pattern, seconds } of WATCHERS) {
      const files = globSync(pattern, { cwd: copy }).toSorted();
      // oxlint-disable-next-line no-await-in-loop -- the quickest first
      if (files.length > 0 && !(await passes(files, seconds))) return watcher;
    }
    return undefined;
  } finally {
    writeFileSync(path, original);
  }
}

async function passes(files: readonly string[], seconds: number): Promise<boolean> {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--test", ...files], {
    cwd: copy,
    stdio: "ignore",
    detached: true,
  });
  const timer = setTimeout(() => process.kill(-(child.pid as number), "SIGKILL"), seconds * 1000);
  const [code] = (await once(child, "exit")) as [number | null];
  clearTimeout(timer);
  return code === 0;
}
