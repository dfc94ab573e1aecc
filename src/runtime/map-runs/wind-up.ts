// A run that the last process left, and that does not go on as it was: its children are stopped, and their ends are stored.

import type { EntityWrite, ExecutionRow, Store } from "../../store/store.ts";
import type { StoreExecutions } from "../executions.ts";
import { endedCount } from "./counts.ts";
import { outcomeOfExecution } from "./host.ts";
import { readChildName } from "./names.ts";
import { counted, type EndedChild } from "./record.ts";
import { childWrite, readChild, runWrite, type StoredChild, type StoredRun } from "./stored.ts";

export interface WindUpOptions {
  readonly store: Store;
  readonly executions: StoreExecutions;
  /** Executions of the last process have smaller ids. */
  readonly nextId: number;
  readonly write: (writes: readonly EntityWrite[]) => Promise<void>;
}

/** Children that are looked at together. */
const PAGE = 500;

/** Gives the run with its children stopped, and counted as they ended. Stored. */
export async function windUp(options: WindUpOptions, stored: StoredRun): Promise<StoredRun> {
  const { store, executions, nextId, write } = options;
  const { mapRunArn } = stored;
  await executions.abortAll(mapRunArn, nextId);
  let run = stored;
  for (let beforeId = nextId; ; ) {
    const rows = await store.listExecutions({
      stateMachineArn: mapRunArn,
      beforeId,
      limit: PAGE,
    });
    const writes: EntityWrite[] = [];
    for (const row of rows) {
      beforeId = row.id;
      const ended = await endOf(options, run, row);
      if (ended === undefined) continue;
      run = withEnded(run, ended);
      writes.push(childWrite(mapRunArn, ended.index, ended.child));
    }
    if (writes.length > 0) await write([...writes, runWrite(run)]);
    if (rows.length < PAGE) return run;
  }
}

/** The end of a Standard child that the last process did not come to store; undefined: there is none. */
async function endOf(
  { store, executions }: WindUpOptions,
  run: StoredRun,
  row: ExecutionRow,
): Promise<EndedChild | undefined> {
  const { mapRunArn, redriveCount, progress } = run;
  const { index, itemCount } = readChildName(row.name);
  if (redriveCount === 0 && index < progress.child) return undefined;
  const before = await readChild(store, mapRunArn, index);
  if (before !== undefined) {
    const isOver = before.status === "SUCCEEDED" || before.round >= redriveCount;
    const hasRunAgain = (row.redrive?.count ?? 0) > (before.redriveCount ?? 0);
    if (isOver || !hasRunAgain) return undefined;
  }
  const found = await executions.describe(row.arn);
  if (found === undefined) return undefined;
  const outcome = outcomeOfExecution(found.execution);
  const child: StoredChild = {
    ...outcome,
    startedAtMs: row.startedAtMs,
    name: row.name,
    itemCount,
    round: redriveCount,
    input: found.execution.started.input.text,
  };
  return { index, child, isAgain: before !== undefined };
}

function withEnded(run: StoredRun, ended: EndedChild): StoredRun {
  const [children, items] = counted(run.children, run.items, ended);
  // What has ended was planned, stored or not.
  const planned = {
    children: Math.max(run.planned.children, endedCount(children) + children.toRedrive),
    items: Math.max(run.planned.items, endedCount(items) + items.toRedrive),
  };
  return { ...run, children, items, planned };
}
