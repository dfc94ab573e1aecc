// An Express child that has ended, found by its ARN: the Map Run has its end, whatever became of its history.

import type { ExpressChild } from "../interface.ts";
import type { Store } from "../../store/store.ts";
import { childNames, labelledMachineArn, readChildName } from "./names.ts";
import { readChild } from "./stored.ts";

/** `arn:aws:states:<region>:<account>:express:<state machine>/<label>:<name>:<uuid>` */
const ARN =
  /^(?<head>arn:[^:]+:states:[^:]*:[^:]*):express:(?<labelled>[^:]+\/[^:]+):(?<name>[0-9a-f-]{36}):[^:]+$/u;
/** A name begins as the UUID of its Map Run does. */
const SHARED = "xxxxxxxx-xxxx".length;

/** Undefined: there is none, or it has not ended. */
export async function findExpressChild(
  store: Store,
  executionArn: string,
): Promise<ExpressChild | undefined> {
  const { head = "", labelled = "", name = "" } = ARN.exec(executionArn)?.groups ?? {};
  if (name === "") return undefined;
  const prefix = `${head}:mapRun:${labelled}:${name.slice(0, SHARED)}`;
  const place = readChildName(name);
  for (const { key: mapRunArn } of await store.listEntities("mapRun", prefix, 10)) {
    if (!mapRunArn.startsWith(prefix)) return undefined;
    if (childNames(mapRunArn)(place) !== name) continue;
    const child = await readChild(store, mapRunArn, place.index);
    // A redrive has started another one in its place.
    if (child?.executionArn !== executionArn) return undefined;
    const { itemCount: _count, round: _round, ...ended } = child;
    return { ...ended, executionArn, mapRunArn, stateMachineArn: labelledMachineArn(mapRunArn) };
  }
  return undefined;
}
