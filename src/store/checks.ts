// What every store refuses alike, before it touches anything: turns and texts that only a bug can produce.
//
// Knows:          the shape that a TurnWrite must have on its own.
// Does not know:  what is stored. Whether a turn follows its predecessor is for the store to judge.

import { assert } from "../base/assert.ts";
import type { EntityWrite, TurnWrite } from "./store.ts";

/** Throws a Bug unless every turn could be stored and read back unchanged. */
export function checkTurns(turns: readonly TurnWrite[]): void {
  for (const turn of turns) {
    checkNumber(turn.executionId, "executionId");
    checkNumber(turn.shard, "shard");
    checkNumber(turn.epoch, "epoch");
    checkNumber(turn.lsn, "lsn");
    checkNumber(turn.prevLsn, "prevLsn");
    checkNumber(turn.atMs, "atMs");
    checkNumber(turn.stoppedAtMs ?? 0, "stoppedAtMs");
    checkNumber(turn.wakeAtMs ?? 0, "wakeAtMs");
    checkText(turn.data, "data");
    checkText(turn.status, "status");
    const { created } = turn;
    assert(
      (created !== undefined) === (turn.prevLsn === 0),
      "the first turn of an execution, and no other, creates it",
    );
    if (created === undefined) continue;
    checkNumber(created.startedAtMs, "startedAtMs");
    checkText(created.arn, "arn");
    checkText(created.stateMachineArn, "stateMachineArn");
    checkText(created.stateMachineVersionArn ?? "", "stateMachineVersionArn");
    checkText(created.stateMachineAliasArn ?? "", "stateMachineAliasArn");
    checkText(created.name, "name");
    checkText(created.revisionId, "revisionId");
  }
}

/** Throws a Bug unless every entity could be stored and read back unchanged. */
export function checkEntities(writes: readonly EntityWrite[]): void {
  for (const write of writes) {
    checkText(write.kind, "kind");
    checkText(write.key, "key");
    checkText(write.data ?? "", "data");
  }
}

function checkNumber(value: number, column: string): void {
  assert(
    Number.isSafeInteger(value) && value >= 0,
    `${column} must be a whole number from 0 to 2^53 - 1, not ${value}`,
  );
}

/** Costs nothing measurable: V8 answers at once for one-byte strings, and scans two-byte ones with SIMD. */
function checkText(text: string, column: string): void {
  assert(text.isWellFormed(), `${column} must be well-formed Unicode (S6)`);
}
