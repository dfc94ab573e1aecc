// Histories as text, for tests: one event a line, `id<-previous +ms Type {details}`.

import type { JsonObject } from "../../src/base/json.ts";

const START_SECONDS = 1_764_000_000;

/** Events as GetExecutionHistory gives them. */
export function historyOf(text: string): JsonObject[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const match = /^(\d+)<-(\d+) \+(\d+) (\w+)(?: (\{.*\}))?$/.exec(line);
      if (match === null) throw new Error(`not an event: ${line}`);
      const [, id, previous, ms, type = "", details] = match;
      const key = `${type.replace(/^[A-Z][a-z]+(?=State(?:Entered|Exited))/, "")}EventDetails`;
      return {
        id: Number(id),
        previousEventId: Number(previous),
        timestamp: START_SECONDS + Number(ms) / 1_000,
        type,
        ...(details === undefined
          ? {}
          : { [key[0]?.toLowerCase() + key.slice(1)]: JSON.parse(details) as JsonObject }),
      };
    });
}

/** Epoch milliseconds of the moment `ms` after the first event. */
export function at(ms: number): number {
  return START_SECONDS * 1_000 + ms;
}
