// Random state machines with random answers: whatever happens, the journal replays to the same execution after
// every turn (player.ts checks it), and the history is well formed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { mulberry32 } from "../chance.ts";
import { play } from "./player.ts";
import { randomAnswer, randomDefinition } from "./random-definition.ts";

const RUNS = 400;

test(`${RUNS} random state machines replay, end once, and leave nothing open`, () => {
  const ends = new Map<string, number>();
  let events = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    const chance = mulberry32(seed);
    const definition = randomDefinition(chance);
    try {
      const { execution, history } = play({
        definition,
        input: { items: [1, 2, 3] },
        answer: () => randomAnswer(chance),
      });
      events += history.length;
      ends.set(execution.status, (ends.get(execution.status) ?? 0) + 1);
      const last = history.findIndex(({ type }) => /^Execution(Succeeded|Failed|TimedOut)$/.test(type));
      assert.equal(last, history.length - 1, "the end is not the last event, or there are two");
      const open = new Map<string, number>();
      for (const { type, details } of history) {
        const name = String(details?.["name"]);
        if (type.endsWith("StateEntered")) open.set(name, (open.get(name) ?? 0) + 1);
        if (type.endsWith("StateExited")) open.set(name, (open.get(name) ?? 0) - 1);
        assert.ok((open.get(name) ?? 0) >= 0, `${name} was left without being entered`);
      }
      if (
        execution.status === "SUCCEEDED" &&
        !history.some(({ type }) => /Failed|TimedOut|Aborted/.test(type))
      ) {
        for (const [name, count] of open) assert.equal(count, 0, `${name} was not left`);
      }
    } catch (error) {
      throw new Error(`seed ${seed}: ${JSON.stringify(definition)}`, { cause: error });
    }
  }
  assert.ok(events > RUNS * 5, `only ${events} events`);
  for (const status of ["SUCCEEDED", "FAILED", "TIMED_OUT"]) {
    assert.ok((ends.get(status) ?? 0) > 10, `only ${ends.get(status) ?? 0} executions end as ${status}`);
  }
});
