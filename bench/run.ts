// All benchmarks, one after the other: `npm run bench`.

import { spawnSync } from "node:child_process";

for (const file of ["store.ts", "engine.ts", "express.ts", "functions.ts", "datasets.ts", "map-runs.ts"]) {
  console.log(`\n== ${file}`);
  const { status } = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", `${import.meta.dirname}/${file}`],
    { stdio: "inherit" },
  );
  if (status !== 0) process.exitCode = 1;
}
