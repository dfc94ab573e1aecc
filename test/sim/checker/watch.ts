// What is checked while a run goes on: every durable batch, every answer, and what a crash has left.
//
// Knows:          calls, answers, batches, rows. Does not know:  the runtime, the engine.

import type { TurnWrite } from "../../../src/store/store.ts";
import type { RecordedEvent } from "../reference/judge.ts";
import type { Call, CallOf, Checks, Described, Floor } from "./evidence.ts";
import { Violation } from "./evidence.ts";

/** What has been answered about an execution so far. */
interface Known {
  /** One text for each event that was ever read. */
  readonly events: string[];
  total: number;
  end: string | undefined;
  startedAtMs: number | undefined;
}

interface Row {
  readonly startedAtMs: number;
  readonly stoppedAtMs?: number;
}

const ALLOWED: { readonly [operation: string]: readonly string[] } = {
  StartExecution: ["ExecutionAlreadyExists", "ThrottlingException", "ExecutionLimitExceeded"],
  StartExpress: ["ThrottlingException"],
  StartSync: ["ThrottlingException"],
  ReadExpress: [],
  StopExecution: ["ExecutionDoesNotExist"],
  DescribeExecution: [],
  GetExecutionHistory: [],
  ListExecutions: [],
  SendTaskSuccess: ["TaskTimedOut", "InvalidToken"],
  SendTaskFailure: ["TaskTimedOut"],
  SendTaskHeartbeat: ["TaskTimedOut"],
  GetActivityTask: [],
  CreateStateMachine: [],
  CreateActivity: [],
  UpdateStateMachine: [],
};

export class Watch {
  readonly #checks: Checks;
  readonly #known = new Map<string, Known>();
  readonly #epochs = new Map<number, number>();
  readonly #journals = new Map<number, { atMs: number; isClosed: boolean; lsn: number }>();
  #lastLsn = 0;
  readonly #usedTokens = new Set<string>();
  /** Acknowledged since the last crash: execution and whether its end was. */
  #acknowledged: { readonly arn: string; readonly isStop: boolean; readonly startedAtMs?: number }[] = [];

  /** State machines and activities that were acknowledged since. */
  readonly #resources: { readonly arn: string; readonly revisionId: string | undefined }[] = [];

  constructor(checks: Checks) {
    this.#checks = checks;
  }

  /**
   * A batch became durable at `wallMs`.
   *
   * @param latestMs How long after its own time a turn may become durable; undefined: as long as it takes.
   */
  committed(
    turns: readonly TurnWrite[],
    refused: readonly number[],
    wallMs: number,
    latestMs: number | undefined,
  ): void {
    for (const turn of turns) {
      if (refused.includes(turn.executionId)) continue;
      const { shard, epoch, lsn, executionId, atMs } = turn;
      const newest = this.#epochs.get(shard) ?? 0;
      this.#checks.holds("I32", epoch >= newest, () => `epoch ${epoch} of shard ${shard} after ${newest}`);
      this.#epochs.set(shard, epoch);
      this.#checks.holds("I32", lsn > this.#lastLsn, () => `LSN ${lsn} after ${this.#lastLsn}`);
      this.#lastLsn = lsn;
      if (latestMs !== undefined)
        this.#checks.holds(
          "I18",
          wallMs - atMs <= latestMs,
          () => `execution ${executionId}: what belongs to ${atMs} is durable ${wallMs - atMs} ms later`,
        );
      const journal = this.#journals.get(executionId);
      if (journal !== undefined) {
        this.#checks.holds("I5", !journal.isClosed, () => `execution ${executionId} goes on after its end`);
        this.#checks.holds(
          "I7",
          atMs >= journal.atMs,
          () => `execution ${executionId}: ${atMs} after ${journal.atMs}`,
        );
      }
      this.#journals.set(executionId, { atMs, isClosed: turn.stoppedAtMs !== undefined, lsn });
    }
  }

  /** What a read that is sent now must show. */
  floorOf(arn: string): Floor {
    const known = this.#known.get(arn);
    return { events: known?.total ?? 0, end: known?.end };
  }

  answered(call: Call): void {
    const { request, answer } = call;
    if (answer?.kind === "error") {
      const isAllowed =
        answer.code === "ServiceUnavailable" || ALLOWED[request.operation]?.includes(answer.code);
      if (isAllowed !== true)
        throw new Violation("API", `${request.operation} was answered ${answer.code}: ${answer.message}`);
    }
    if (answer?.kind !== "ok") return;
    switch (request.operation) {
      case "StartExecution":
        return this.#started(call as CallOf<"StartExecution">);
      case "StopExecution":
        this.#acknowledged.push({ arn: request.arn, isStop: true });
        return;
      case "DescribeExecution":
        return this.#described(call, request.arn, answer.value as Described | undefined);
      case "GetExecutionHistory":
        return this.#read(call as CallOf<"GetExecutionHistory">);
      case "SendTaskSuccess":
      case "SendTaskFailure": {
        const { token } = request;
        const isForged = "isForged" in request && request.isForged;
        this.#checks.holds("I16", !isForged, () => `a forged token was accepted: ${token}`);
        this.#checks.holds("I15", !this.#usedTokens.has(token), () => `a token was accepted twice: ${token}`);
        this.#usedTokens.add(token);
        return;
      }
      case "CreateStateMachine":
      case "CreateActivity":
        this.#resources.push({ arn: request.resourceArn, revisionId: undefined });
        return;
      case "UpdateStateMachine":
        this.#resources.push({ arn: request.resourceArn, revisionId: request.revisionId });
        return;
      case "StartExpress":
      case "StartSync":
      case "ReadExpress":
      case "ListExecutions":
      case "SendTaskHeartbeat":
      case "GetActivityTask":
        return;
    }
  }

  /** The process is gone: what it acknowledged must be stored. */
  async crashed(
    find: (arn: string) => Promise<Row | undefined>,
    entity: (kind: string, key: string) => Promise<string | undefined>,
  ): Promise<void> {
    for (const { arn, revisionId } of this.#resources.splice(0)) {
      const kind = arn.includes(":activity:") ? "activity" : "stateMachine";
      const data = await entity(kind, arn);
      const isThere =
        data !== undefined &&
        (revisionId === undefined || (await entity("revision", revisionId)) !== undefined);
      this.#checks.holds("I22", isThere, () => `an acknowledged change of ${arn} is lost`);
    }
    const acknowledged = this.#acknowledged;
    this.#acknowledged = [];
    for (const { arn, isStop, startedAtMs } of acknowledged) {
      const row = await find(arn);
      this.#checks.holds("I22", row !== undefined, () => `an acknowledged start is lost: ${arn}`);
      if (isStop)
        this.#checks.holds(
          "I22",
          row?.stoppedAtMs !== undefined,
          () => `an acknowledged stop is lost: ${arn}`,
        );
      if (startedAtMs !== undefined)
        this.#checks.holds(
          "I21",
          row?.startedAtMs === startedAtMs,
          () => `${arn} was acknowledged to start at ${startedAtMs}, stored is ${row?.startedAtMs}`,
        );
    }
  }

  /** The whole history, for those who check the rest. */
  #started({ answer }: CallOf<"StartExecution">): void {
    const { executionArn, startedAtMs } = (answer as { value: { executionArn: string; startedAtMs: number } })
      .value;
    const known = this.#of(executionArn);
    this.#checks.holds(
      "I21",
      known.startedAtMs === undefined || known.startedAtMs === startedAtMs,
      () => `${executionArn} was answered with two start times`,
    );
    known.startedAtMs = startedAtMs;
    known.total = Math.max(known.total, 1);
    this.#acknowledged.push({ arn: executionArn, isStop: false, startedAtMs });
  }

  #described(call: Call, arn: string, described: Described | undefined): void {
    const known = this.#of(arn);
    const end = described === undefined || described.status === "RUNNING" ? undefined : endText(described);
    const { floor } = call;
    if (floor !== undefined && floor.events > 0)
      this.#checks.holds("I25", described !== undefined, () => `${arn} was acknowledged, and is not found`);
    if (floor?.end !== undefined)
      this.#checks.holds("I25", end === floor.end, () => `${arn} ended as ${floor.end}, and is ${end} now`);
    if (end === undefined) return;
    this.#checks.holds(
      "I6",
      known.end === undefined || known.end === end,
      () => `${arn} ended as ${known.end} and as ${end}`,
    );
    known.end = end;
    known.total = Math.max(known.total, 1);
  }

  #read(call: CallOf<"GetExecutionHistory">): void {
    const { request, floor, answer } = call;
    const value = (answer as { value: { events: readonly RecordedEvent[]; total: number } | undefined })
      .value;
    const { arn, reverse, limit, offset } = request;
    const least = floor?.events ?? 0;
    this.#checks.holds("I25", value !== undefined || least === 0, () => `${arn} has no history any more`);
    if (value === undefined) return;
    const { events, total } = value;
    this.#checks.holds("I25", total >= least, () => `${arn} had ${least} events, and has ${total} now`);
    const known = this.#of(arn);
    known.total = Math.max(known.total, total);
    const count = Math.max(0, Math.min(limit, total - offset));
    this.#checks.holds(
      "I1",
      events.length === count,
      () => `${arn}: ${events.length} events instead of ${count}`,
    );
    events.forEach((event, i) => {
      const id = reverse ? total - offset - i : offset + i + 1;
      this.#checks.holds("I1", event.id === id, () => `${arn}: event ${event.id} in the place of ${id}`);
      const text = JSON.stringify(event);
      const before = known.events[id];
      this.#checks.holds("I4", before === undefined || before === text, () => `${arn}: event ${id} changed`);
      known.events[id] = text;
    });
  }

  /** What was read of the history of the execution, by event id. */
  wasRead(arn: string): readonly (string | undefined)[] {
    return this.#known.get(arn)?.events ?? [];
  }

  #of(arn: string): Known {
    let known = this.#known.get(arn);
    if (known === undefined) {
      known = { events: [], total: 0, end: undefined, startedAtMs: undefined };
      this.#known.set(arn, known);
    }
    return known;
  }
}

function endText({ status, stoppedAtMs, output, error, cause }: Described): string {
  return JSON.stringify([status, stoppedAtMs, output, error, cause]);
}
