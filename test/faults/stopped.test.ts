// A server that stands still for seconds and goes on, as after a suspended machine or a long swap.

import { test } from "node:test";
import { pause } from "../../src/torture/index.ts";
import { runFaults } from "./rig.ts";

test("a server that was stopped and continued is early with nothing and doubles nothing", {
  timeout: 200_000,
}, async () => {
  await runFaults({
    seed: 31,
    faults: 5,
    lifetimeMs: 1_500,
    // Nothing is lost here, and no outcome is unknown: calls only take longer.
    rare: ["repeatsAfterLoss", "unknownOutcomes"],
    fault: async (server, round) => {
      server.signal("SIGSTOP");
      // Shorter and longer than the time-outs and heartbeats of the load.
      await pause([1_000, 2_500, 500, 4_500, 1_500][round % 5] as number);
      server.signal("SIGCONT");
    },
  });
});
