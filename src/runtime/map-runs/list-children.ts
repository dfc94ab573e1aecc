// The children of a Map Run as ListExecutions shows them: Standard ones by the rows of their executions, Express ones by
// what the Map Run has of them.

import type { ExecutionRow, Store } from "../../store/store.ts";
import type { MapRunChild, MapRunChildrenQuery, MapRuns } from "../interface.ts";
import { readChildName } from "./names.ts";
import type { Run } from "./run.ts";
import { readChild, type StoredChild, type StoredRun } from "./stored.ts";

type ChildrenPage = Awaited<ReturnType<MapRuns["children"]>>;

/** @param current The run, if it runs in this process. */
export async function listChildren(
  store: Store,
  run: StoredRun,
  current: Run | undefined,
  query: MapRunChildrenQuery,
): Promise<ChildrenPage> {
  return run.isExpress
    ? await expressChildren(store, run, current, query)
    : await standardChildren(store, run, query);
}

/** Whether a redrive will come to it. */
function isPending(run: StoredRun, { status, round }: StoredChild): boolean {
  return run.status === "RUNNING" && status !== "SUCCEEDED" && round < run.redriveCount;
}

async function standardChildren(
  store: Store,
  run: StoredRun,
  { mapRunArn, status, isRedriven, after, limit }: MapRunChildrenQuery,
): Promise<ChildrenPage> {
  const children: MapRunChild[] = [];
  // In the store they have the status that they ended with.
  const byStatus =
    status === undefined || status === "PENDING_REDRIVE" || run.redriveCount > 0 ? {} : { status };
  for (let beforeId = after === undefined ? undefined : Number(after); ; ) {
    const rows = await store.listExecutions({
      stateMachineArn: mapRunArn,
      ...byStatus,
      ...(beforeId === undefined ? {} : { beforeId }),
      limit,
    });
    for (const row of rows) {
      beforeId = row.id;
      const child = await standardChild(store, run, row);
      if (status !== undefined && child.status !== status) continue;
      if (isRedriven !== undefined && child.redriveCount > 0 !== isRedriven) continue;
      children.push(child);
      if (children.length === limit) return { children, next: String(row.id) };
    }
    if (rows.length < limit) return { children };
  }
}

async function standardChild(store: Store, run: StoredRun, row: ExecutionRow): Promise<MapRunChild> {
  const { index, itemCount } = readChildName(row.name);
  let status = row.status as MapRunChild["status"];
  const isUnsuccessful = status !== "RUNNING" && status !== "SUCCEEDED";
  if (run.status === "RUNNING" && run.redriveCount > 0 && isUnsuccessful) {
    const stored = await readChild(store, run.mapRunArn, index);
    if (stored !== undefined && isPending(run, stored)) status = "PENDING_REDRIVE";
  }
  return {
    executionArn: row.arn,
    name: row.name,
    status,
    startedAtMs: row.startedAtMs,
    ...(row.stoppedAtMs === undefined ? {} : { stoppedAtMs: row.stoppedAtMs }),
    itemCount,
    redriveCount: row.redrive?.count ?? 0,
    ...(row.redrive === undefined ? {} : { redrivenAtMs: row.redrive.atMs }),
  };
}

/** By their places, the last first: that is about the order of their starts. */
async function expressChildren(
  store: Store,
  run: StoredRun,
  current: Run | undefined,
  { status, isRedriven, after, limit }: MapRunChildrenQuery,
): Promise<ChildrenPage> {
  const running = new Map(
    current?.runningChildren().map((child) => [readChildName(child.name).index, child]),
  );
  const count = current?.plannedChildren ?? run.planned.children;
  const children: MapRunChild[] = [];
  for (let index = (after === undefined ? count : Number(after)) - 1; index >= 0; index--) {
    const stored = running.get(index) ?? (await expressChild(store, run, index));
    // A restart starts an Express child anew, so none of them is ever redriven.
    if (stored === undefined || isRedriven === true) continue;
    if (status !== undefined && stored.status !== status) continue;
    children.push(stored);
    if (children.length === limit) return { children, ...(index === 0 ? {} : { next: String(index) }) };
  }
  return { children };
}

async function expressChild(store: Store, run: StoredRun, index: number): Promise<MapRunChild | undefined> {
  const child = await readChild(store, run.mapRunArn, index);
  if (child?.executionArn === undefined) return undefined;
  const { name, executionArn, startedAtMs, stoppedAtMs, itemCount } = child;
  const status = isPending(run, child) ? "PENDING_REDRIVE" : child.status;
  return { executionArn, name, status, startedAtMs, stoppedAtMs, itemCount, redriveCount: 0 };
}
