// Runs the tests: every test/**/*.test.ts in as few processes as possible. Arguments choose files.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const chosen = process.argv.slice(2);
// The real faults of test/faults take minutes and a quiet machine: `npm run faults` runs them.
const isByCommand = (file) => file.startsWith("test/faults/");
const files =
  chosen.length > 0
    ? chosen
    : globSync("test/**/*.test.ts")
        .filter((file) => !isByCommand(file))
        .toSorted();
if (files.length === 0) {
  console.error("no test files found");
  process.exit(1);
}
// The pure layers share one process (a process per file takes 20 times longer); the others are isolated. Servers
// that are killed have the machine to themselves: what is measured there is not to wait for other tests.
const isPure = (file) => /^test\/(base|asl|engine)\//.test(file);
const isAlone = (file) => /^test\/(crash|faults)\//.test(file);
const groups = [
  { files: files.filter(isPure), flags: ["--test-isolation=none"] },
  { files: files.filter((file) => !isPure(file) && !isAlone(file)), flags: ["--test-concurrency=2"] },
  { files: files.filter(isAlone), flags: ["--test-concurrency=1"] },
];
for (const { files: group, flags } of groups) {
  if (group.length === 0) continue;
  const { status } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--test", ...flags, ...group],
    { stdio: "inherit" },
  );
  if (status !== 0) process.exit(status ?? 1);
}
