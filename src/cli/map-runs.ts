// Map Runs while they run: how far each has come, and how fast.
//
// Knows:          DescribeMapRun, and which Map Runs a timeline has seen begin.
// Does not know:  how they are drawn (timeline-view.ts), or when to ask (follow.ts).
//
// Invariants
//   W1. A Map Run that has ended is asked for once more, and then never again, unless it is redriven.
//   W2. A total that may still grow is not taken for one: while the items are read, DescribeMapRun counts those that are read,
//       and does not say so. It shows by what happens: the total grows, and no more wait than one child takes.
//   W3. However often `update` is called, one that runs is asked for at most once in ASK_AGAIN_MS.

import { isObject, type JsonObject, member } from "../base/json.ts";
import type { Caller } from "./environment.ts";
import { duration, printable } from "./text.ts";
import { numberOf, stringOf, type Timeline } from "./timeline.ts";

const ASK_AGAIN_MS = 250;
/** What the rate is measured over. */
const LATELY_MS = 5_000;
/** Cells of the block, and how long it stays. */
const WANDERING = 3;
const WANDER_MS = 200;
/** Between two lines where nothing can be redrawn. */
const SAY_AGAIN_MS = 2_000;
/** A total that has not grown for so long, with no child waiting, is whole. */
const SETTLED_MS = 1_000;

/** A Map Run at a moment. */
export interface MapRunView {
  readonly label: string;
  readonly status: "RUNNING" | "SUCCEEDED" | "FAILED" | "ABORTED";
  /** Items. */
  readonly total: number;
  /** There may be more of them (W2). */
  readonly isPartial: boolean;
  readonly ended: number;
  readonly failed: number;
  readonly aborted: number;
  /** Children. */
  readonly running: number;
  readonly children: number;
  /** Items that ended in a second: lately as long as it runs, else all in all. Undefined: nothing can be said. */
  readonly perSecond: number | undefined;
  readonly tookMs: number;
}

interface Watched {
  readonly view: MapRunView;
  readonly askedAtMs: number;
  /** When the total was last seen to grow, or first seen. */
  readonly grewAtMs: number;
  /** Items that had ended, then; of the last LATELY_MS. */
  readonly samples: readonly { readonly atMs: number; readonly ended: number }[];
}

export class MapRunWatch {
  readonly #call: Caller;
  readonly #now: () => number;
  readonly #watched = new Map<string, Watched>();

  constructor(call: Caller, now: () => number) {
    this.#call = call;
    this.#now = now;
  }

  /** By ARN, in the order in which they began. */
  get views(): ReadonlyMap<string, MapRunView> {
    return new Map(Array.from(this.#watched, ([arn, { view }]) => [arn, view]));
  }

  /** Asks how the Map Runs of the timeline are. @throws what `call` throws */
  async update(timeline: Timeline): Promise<void> {
    for (const { arn, attempt } of timeline.mapRuns) {
      const nowMs = this.#now();
      const known = this.#watched.get(arn);
      const isOpen = attempt.endedAtMs === undefined;
      if (known !== undefined) {
        if (!isOpen && known.view.status !== "RUNNING") continue;
        if (isOpen && nowMs - known.askedAtMs < ASK_AGAIN_MS) continue;
      }
      const answer = await this.#call("DescribeMapRun", { mapRunArn: arn });
      this.#watched.set(arn, watched(answer, known, nowMs));
    }
  }
}

/** @param answer Of DescribeMapRun. */
export function mapRunView(answer: JsonObject, nowMs: number): MapRunView {
  return watched(answer, undefined, nowMs).view;
}

function watched(answer: JsonObject, known: Watched | undefined, nowMs: number): Watched {
  const items = countsOf(answer, "itemCounts");
  const children = countsOf(answer, "executionCounts");
  const waiting = children("pending");
  const running = children("running");
  const ofOne = Math.ceil(items("running") / running);
  const isAllInHand = waiting <= 1 && (running === 0 || items("pending") <= waiting * ofOne);
  const samples = [...(known?.samples ?? []), { atMs: nowMs, ended: endedOf(items) }].filter(
    ({ atMs }) => nowMs - atMs <= LATELY_MS,
  );
  const hasGrown = known === undefined || items("total") > known.view.total;
  const grewAtMs = hasGrown ? nowMs : known.grewAtMs;
  const mayGrow =
    known === undefined
      ? isAllInHand
      : hasGrown || (known.view.isPartial && isAllInHand && (waiting > 0 || nowMs - grewAtMs < SETTLED_MS));
  return { view: viewOf(answer, samples, mayGrow, nowMs), askedAtMs: nowMs, grewAtMs, samples };
}

function viewOf(
  answer: JsonObject,
  samples: Watched["samples"],
  mayGrow: boolean,
  nowMs: number,
): MapRunView {
  const items = countsOf(answer, "itemCounts");
  const children = countsOf(answer, "executionCounts");
  const status = stringOf(answer, "status") as MapRunView["status"];
  const startedAtMs = (numberOf(answer, "startDate") ?? 0) * 1_000;
  const tookMs = Math.max(0, (numberOf(answer, "stopDate") ?? nowMs / 1_000) * 1_000 - startedAtMs);
  const ended = endedOf(items);
  const isRedriven = (numberOf(answer, "redriveCount") ?? 0) > 0;
  const before = samples[0];
  const isLately = status === "RUNNING" && before !== undefined && before.atMs < nowMs;
  const [amount, timeMs] = isLately ? [ended - before.ended, nowMs - before.atMs] : [ended, tookMs];
  // All in all says nothing of a run that had pauses, or none of time.
  const isKnown = timeMs > 0 && (isLately || !isRedriven);
  return {
    label: labelOf(stringOf(answer, "mapRunArn") ?? ""),
    status,
    total: items("total"),
    isPartial: status === "RUNNING" && mayGrow,
    ended,
    failed: items("failed") + items("timedOut"),
    aborted: items("aborted"),
    running: children("running"),
    children: children("total"),
    perSecond: isKnown ? (Math.max(0, amount) * 1_000) / timeMs : undefined,
    tookMs,
  };
}

function countsOf(answer: JsonObject, name: string): (count: string) => number {
  const counts = member(answer, name);
  return (count) => (isObject(counts) ? (numberOf(counts, count) ?? 0) : 0);
}

function endedOf(items: (count: string) => number): number {
  return items("succeeded") + items("failed") + items("timedOut") + items("aborted");
}

/** `…:mapRun:<state machine>/<label>:<uuid>` */
function labelOf(mapRunArn: string): string {
  return mapRunArn.split(":")[6]?.split("/")[1] ?? mapRunArn;
}

/** `640 of 1,000 items · 320/s · 3 failed · 20 running`, or `640 items so far …`; of one that has ended, what it came to. */
export function mapRunText(view: MapRunView): string {
  const { status, total, isPartial, ended, failed, aborted, running, perSecond } = view;
  const isWhole = status !== "RUNNING" && ended === total;
  const amount = isPartial ? ended : total;
  return [
    `${isWhole || isPartial ? "" : `${whole(ended)} of `}${whole(amount)} ${amount === 1 ? "item" : "items"}${isPartial ? " so far" : ""}`,
    ...(perSecond === undefined ? [] : [`${rate(perSecond)}/s`]),
    ...(failed > 0 ? [`${whole(failed)} failed`] : []),
    ...(aborted > 0 ? [`${whole(aborted)} aborted`] : []),
    ...(status === "RUNNING" ? [`${whole(running)} running`] : []),
  ].join(" · ");
}

function whole(count: number): string {
  return count.toLocaleString("en-US");
}

function rate(perSecond: number): string {
  return perSecond < 10 ? String(Number(perSecond.toFixed(1))) : whole(Math.round(perSecond));
}

/** `███████░░░░░`, `cells` wide; of one that does not know its end (W2), a block that wanders: `░░███░░░░░░░`. */
export function mapRunBar({ total, isPartial, ended }: MapRunView, cells: number, nowMs: number): string {
  if (isPartial) {
    const at = Math.floor(nowMs / WANDER_MS) % (cells - WANDERING + 1);
    return "░".repeat(at) + "█".repeat(WANDERING) + "░".repeat(cells - WANDERING - at);
  }
  const full = total === 0 ? 0 : Math.floor((ended / total) * cells);
  return "█".repeat(full) + "░".repeat(cells - full);
}

/** `38 %`; nothing where it is not known of how many. */
export function mapRunShare({ total, isPartial, ended }: MapRunView): string {
  if (isPartial) return "";
  return `${total === 0 ? 0 : Math.floor((ended / total) * 100)} %`;
}

/** What is to be said of Map Runs where nothing can be redrawn: their begin, every two seconds, their end. */
export class MapRunNotes {
  readonly #said = new Map<string, { readonly atMs: number; readonly status: string }>();

  /** Lines that are due. */
  due(views: ReadonlyMap<string, MapRunView>, nowMs: number): readonly string[] {
    const lines: string[] = [];
    for (const [arn, view] of views) {
      const before = this.#said.get(arn);
      const isNews = before?.status !== view.status;
      if (!isNews && (view.status !== "RUNNING" || nowMs - before.atMs < SAY_AGAIN_MS)) continue;
      this.#said.set(arn, { atMs: nowMs, status: view.status });
      lines.push(`Map Run ${printable(view.label)}: ${noteOf(view)}`);
    }
    return lines;
  }
}

function noteOf(view: MapRunView): string {
  if (view.status === "RUNNING") return mapRunText(view);
  return `${view.status} in ${duration(view.tookMs)}, ${mapRunText(view)}`;
}
