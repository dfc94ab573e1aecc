// Holds what clients, workers and functions saw against the histories.
//
// Knows:          the records of a run, the workload, the API. Does not know:  which faults there were.
//
// The numbers I1, I2, … name what must hold; they are listed in docs/reliability.md. Everything that is looked at is counted:
// a check of nothing is no check.

import assert from "node:assert/strict";
import type { JsonObject } from "../base/json.ts";
import type { Answer, Client } from "./client.ts";
import {
  type Attempt,
  checkHistory,
  detailsOf,
  endOf,
  type History,
  msOf,
  prefixHashes,
  readHistory,
} from "./histories.ts";
import type { Receipt, Records, Started, Stopped } from "./records.ts";
import { checkRetries, checkTimeout, checkWaits, type Lateness } from "./timing.ts";
import { type End, WORKLOAD, type Work } from "./workload.ts";

/** What was looked at. */
export interface Counts {
  executions: number;
  children: number;
  events: number;
  attempts: number;
  /** Calls of functions and hand-outs of activities. */
  receipts: number;
  handOuts: number;
  /** Functions that hung, broke off, answered nonsense, twice, too late. */
  hostileAnswers: number;
  outcomesOfReceipts: number;
  unknownOutcomes: number;
  retries: number;
  timeouts: number;
  waits: number;
  stopsThatWon: number;
  stopsThatCameLate: number;
  tokens: number;
  /** Calls with a token that was another's before: refused. */
  refusedSenders: number;
  beats: number;
  /** Tasks that took longer than a heartbeat may, since somebody beat. */
  beatenTasks: number;
  /** And during which there was a fault. */
  beatenAcrossFaults: number;
  heartbeatTimeouts: number;
  executionTimeouts: number;
  /** Earlier reads of a history that are the beginning of the last. */
  prefixes: number;
  prefixesAcrossFaults: number;
  listed: number;
}

export interface Checked {
  readonly counts: Counts;
  readonly lateness: Lateness;
}

export interface CheckOptions {
  readonly client: Client;
  readonly records: Records;
  readonly machines: ReadonlyMap<string, string>;
  /** The server's clock is this machine's: then times of both can be compared. */
  readonly sharesClock: boolean;
}

/** Checks everything that was acknowledged, once all of it has ended. @throws AssertionError naming what is broken */
export async function check(options: CheckOptions): Promise<Checked> {
  const checker = new Checker(options);
  checker.receipts();
  for (const started of options.records.starts) await checker.execution(started);
  await checker.children();
  checker.effects();
  checker.retries();
  checker.stops();
  checker.senders();
  checker.beats();
  await checker.lists();
  return { counts: checker.counts, lateness: checker.lateness };
}

interface Told extends Attempt {
  readonly executionArn: string;
}

class Checker {
  readonly counts: Counts = {
    executions: 0,
    children: 0,
    events: 0,
    attempts: 0,
    receipts: 0,
    handOuts: 0,
    hostileAnswers: 0,
    outcomesOfReceipts: 0,
    unknownOutcomes: 0,
    retries: 0,
    timeouts: 0,
    waits: 0,
    stopsThatWon: 0,
    stopsThatCameLate: 0,
    tokens: 0,
    refusedSenders: 0,
    beats: 0,
    beatenTasks: 0,
    beatenAcrossFaults: 0,
    heartbeatTimeouts: 0,
    executionTimeouts: 0,
    prefixes: 0,
    prefixesAcrossFaults: 0,
    listed: 0,
  };
  readonly lateness: Lateness = { up: [], afterOutage: [] };
  readonly #options: CheckOptions;
  readonly #receiptByKey = new Map<string, Receipt>();
  readonly #receiptByToken = new Map<string, Receipt>();
  /** By the identity of the attempt. */
  readonly #attempts = new Map<string, Told>();
  readonly #children = new Set<string>();
  readonly #stopByArn: ReadonlyMap<string, Stopped>;
  readonly #described = new Map<string, Answer>();

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#stopByArn = new Map(options.records.stops.map((stop) => [stop.executionArn, stop]));
  }

  /** I10, I20: no attempt was delivered twice. */
  receipts(): void {
    for (const receipt of this.#options.records.receipts) {
      const { target, key, token, fault } = receipt;
      const isHandOut = target === "activity";
      const invariant = isHandOut ? "I20" : "I10";
      assert.ok(!this.#receiptByKey.has(key), `${invariant}: delivered twice: ${target} ${key}`);
      this.#receiptByKey.set(key, receipt);
      this.counts.receipts += 1;
      if (isHandOut) this.counts.handOuts += 1;
      if (fault !== undefined) this.counts.hostileAnswers += 1;
      if (token === undefined) continue;
      assert.ok(!this.#receiptByToken.has(token), `${invariant}: a token was given out twice: ${key}`);
      this.#receiptByToken.set(token, receipt);
    }
  }

  async execution(started: Started): Promise<void> {
    const { client, records, sharesClock } = this.#options;
    const { executionArn, work: kind, n } = started;
    const work = WORKLOAD[kind] as Work;
    const described = await client.call("DescribeExecution", { executionArn });
    const history = await readHistory(client, executionArn);
    this.#described.set(executionArn, described);
    assert.equal(described["startDate"], started.startDate, "I22: the acknowledged start time changed");
    this.#agreement(executionArn, described, history);
    const stop = this.#stopByArn.get(executionArn);
    if (described["status"] !== "ABORTED") this.#expectedEnd(executionArn, described, work.end(n));
    else assert.ok(stop, `I24: ${executionArn} was stopped by nobody`);
    const attempts = checkHistory(executionArn, history, work.definition);
    this.#collect(executionArn, attempts);
    const { lateness } = this;
    this.counts.waits += checkWaits(
      executionArn,
      history,
      work.definition,
      records.outages,
      sharesClock ? lateness : { up: [], afterOutage: [] },
    );
    this.#prefixes(executionArn, history);
    this.counts.events += history.length;
    this.counts.executions += 1;
  }

  /** I6: DescribeExecution says what the last event says, and no more. */
  #agreement(arn: string, described: Answer, history: History): void {
    const end = endOf(history);
    assert.ok(end !== undefined, `I31: ${arn} has not ended: ${String(described["status"])}`);
    const details = detailsOf(end);
    const status = end.type
      .slice("Execution".length)
      .replace(/(?<=.)([A-Z])/g, "_$1")
      .toUpperCase();
    const told = { status, stopDate: end.timestamp, ...pick(details, ["output", "error", "cause"]) };
    const said = pick(described, ["status", "stopDate", "output", "error", "cause"]);
    assert.deepEqual(said, told, `I6: ${arn}: DescribeExecution and the history do not agree`);
    assert.equal(
      msOf(history[0] as { timestamp: number }),
      msOf({ timestamp: described["startDate"] as number }),
    );
  }

  #expectedEnd(arn: string, described: Answer, end: End): void {
    const { status, startDate, stopDate, error, cause, output } = described;
    assert.equal(status, end.status, `${arn} is ${String(status)}: ${String(error)} ${String(cause)}`);
    if (end.status === "SUCCEEDED") {
      assert.deepEqual(JSON.parse(output as string), end.output, `${arn} has another output`);
      return;
    }
    const lifeMs = msOf({ timestamp: stopDate as number }) - msOf({ timestamp: startDate as number });
    assert.ok(lifeMs >= EXECUTION_TIMEOUT_MS, `I19: ${arn} timed out after ${lifeMs} ms`);
    this.counts.executionTimeouts += 1;
  }

  /** Takes in the attempts of an execution; I13: an outcome is what the call of its attempt has given. */
  #collect(executionArn: string, attempts: readonly Attempt[]): void {
    for (const attempt of attempts) {
      const { scheduled, events, outcome } = attempt;
      this.counts.attempts += 1;
      if (checkTimeout(executionArn, attempt)) this.counts.timeouts += 1;
      const cause = outcome === undefined ? undefined : detailsOf(outcome)["cause"];
      if (typeof cause === "string" && cause.includes("is not known")) this.counts.unknownOutcomes += 1;
      for (const event of events) {
        if (event.type !== "TaskSubmitted") continue;
        const { ExecutionArn } = JSON.parse(detailsOf(event)["output"] as string) as {
          ExecutionArn?: string;
        };
        if (ExecutionArn !== undefined) this.#children.add(ExecutionArn);
      }
      const key = keyOf(scheduled.type, detailsOf(scheduled));
      if (key === undefined) continue;
      assert.ok(!this.#attempts.has(key), `I9: ${executionArn}: scheduled twice: ${key}`);
      this.#attempts.set(key, { ...attempt, executionArn });
      if (outcome?.type.endsWith("Succeeded") !== true) continue;
      const output = JSON.parse(detailsOf(outcome)["output"] as string) as Outcome;
      const nonce = output.Payload === undefined ? output.nonce : output.Payload.nonce;
      // What a token brought has the mark of its sender instead.
      if (nonce === undefined) continue;
      const receipt = this.#receiptByKey.get(key);
      assert.equal(nonce, receipt?.nonce, `I13: ${executionArn}: an outcome that ${key} did not give`);
      this.counts.outcomesOfReceipts += 1;
    }
  }

  /** I4 */
  #prefixes(executionArn: string, history: History): void {
    const { records } = this.#options;
    const reads = records.reads.get(executionArn) ?? [];
    const hashes = prefixHashes(history, new Set(reads.map(({ count }) => count)));
    for (const { count, hash, faults } of reads) {
      assert.equal(hashes.get(count), hash, `I4: the first ${count} events of ${executionArn} have changed`);
      this.counts.prefixes += 1;
      if (faults < records.faults) this.counts.prefixesAcrossFaults += 1;
    }
  }

  /** The executions that others started. */
  async children(): Promise<void> {
    const { client } = this.#options;
    for (const executionArn of this.#children) {
      const described = await client.call("DescribeExecution", { executionArn });
      const history = await readHistory(client, executionArn);
      this.#agreement(executionArn, described, history);
      assert.equal(described["status"], "SUCCEEDED", `${executionArn} is ${String(described["status"])}`);
      this.#collect(
        executionArn,
        checkHistory(executionArn, history, (WORKLOAD["chain"] as Work).definition),
      );
      this.counts.events += history.length;
      this.counts.children += 1;
    }
  }

  /**
   * I11: nothing happened outside that no history knows. And no history is ahead of the time: what it dates before a
   * call did not happen after the call; without that, nothing that it says of waits would prove anything (I18).
   */
  effects(): void {
    const { records, sharesClock } = this.#options;
    for (const { key, target, atMs } of records.receipts) {
      const attempt = this.#attempts.get(key);
      assert.ok(attempt, `I11: ${target} was called, but no history knows the attempt ${key}`);
      const started = attempt.events.find(({ type }) => type.endsWith("Started"));
      assert.ok(started, `I11: ${target} was called, but ${key} was not started`);
      if (!sharesClock) continue;
      const aheadMs = msOf(started) - atMs;
      assert.ok(
        aheadMs <= 0,
        `I18: ${attempt.executionArn} event ${started.id} is dated ${aheadMs} ms ahead`,
      );
    }
  }

  retries(): void {
    const visits = new Map<string, Told[]>();
    for (const [key, attempt] of this.#attempts) {
      const { retry, ...visit } = JSON.parse(key) as { retry: number };
      const tries = visits.get(JSON.stringify(visit)) ?? [];
      tries[retry] = attempt;
      visits.set(JSON.stringify(visit), tries);
    }
    for (const tries of visits.values()) {
      const arn = tries.find(Boolean)?.executionArn as string;
      assert.ok(!tries.includes(undefined as never), `I9: ${arn}: a retry was counted that was not made`);
      this.counts.retries += checkRetries(arn, tries);
    }
  }

  /** I24: a stop that was acknowledged is the end, unless the end was there before. */
  stops(): void {
    for (const { executionArn, error, cause, stopDate } of this.#options.records.stops) {
      const described = this.#described.get(executionArn) as Answer;
      assert.equal(
        described["stopDate"],
        stopDate,
        `I24: ${executionArn} ended at another time than answered`,
      );
      if (described["status"] !== "ABORTED") {
        this.counts.stopsThatCameLate += 1;
        continue;
      }
      assert.deepEqual(pick(described, ["error", "cause"]), { error, cause }, `I24: ${executionArn}`);
      this.counts.stopsThatWon += 1;
    }
  }

  /** I15: of all who send the outcome of a task at most one is accepted, and what it sent is what counts. */
  senders(): void {
    for (const [token, senders] of this.#options.records.senders) {
      const { key } = this.#receiptByToken.get(token) as Receipt;
      const { executionArn, outcome } = this.#attempts.get(key) as Told;
      const at = `I15: ${executionArn}: ${key}`;
      const accepted = senders.filter(({ result }) => result === "accepted");
      assert.ok(accepted.length <= 1, `${at}: ${accepted.length} outcomes of one task were accepted`);
      this.counts.tokens += 1;
      this.counts.refusedSenders += senders.filter(({ result }) => result === "refused").length;
      const mark = outcome === undefined ? undefined : markOf(outcome.type, detailsOf(outcome));
      const [winner] = accepted;
      if (winner !== undefined)
        assert.equal(mark, winner.mark, `${at}: another outcome than the accepted one`);
      if (mark === undefined) continue;
      const sender = senders[mark];
      assert.equal(sender?.isFailure, outcome?.type.endsWith("Failed"), `${at}: not as it was sent`);
      assert.ok(sender === winner || sender?.wasLost === true, `${at}: its sender was refused`);
    }
  }

  /** I17: no heartbeat time-out while acknowledged beats are young enough. */
  beats(): void {
    const { records, sharesClock } = this.#options;
    for (const [token, beats] of records.beats) {
      this.counts.beats += beats.length;
      const { key } = this.#receiptByToken.get(token) as Receipt;
      const { executionArn, scheduled, events, outcome } = this.#attempts.get(key) as Told;
      const heartbeatMs = (detailsOf(scheduled)["heartbeatInSeconds"] as number) * 1000;
      const started = events.find(({ type }) => type.endsWith("Started"));
      if (outcome === undefined || started === undefined) continue;
      if (!outcome.type.endsWith("TimedOut")) {
        if (msOf(outcome) - msOf(started) <= heartbeatMs) continue;
        this.counts.beatenTasks += 1;
        const isAcross = records.outages.some(
          ({ fromMs, untilMs }) => fromMs > msOf(started) && untilMs < msOf(outcome),
        );
        if (isAcross) this.counts.beatenAcrossFaults += 1;
        continue;
      }
      this.counts.heartbeatTimeouts += 1;
      if (!sharesClock) continue;
      // The server took the beat after it was sent; what it had taken it must have counted by then.
      const counted = beats.filter(({ answeredMs }) => answeredMs <= msOf(outcome));
      const earlyMs = Math.max(...counted.map(({ sentMs }) => sentMs)) + heartbeatMs - msOf(outcome);
      assert.ok(earlyMs <= 0, `I17: ${executionArn} event ${outcome.id}: timed out ${earlyMs} ms early`);
    }
  }

  /** I21, I23: there are the executions that were acknowledged, their children, and no others. */
  async lists(): Promise<void> {
    const { client, machines, records } = this.#options;
    const known = new Set([...records.starts.map(({ executionArn }) => executionArn), ...this.#children]);
    for (const stateMachineArn of machines.values()) {
      for (let nextToken: unknown; ; ) {
        const page = await client.call("ListExecutions", {
          stateMachineArn,
          maxResults: 1000,
          ...(nextToken === undefined ? {} : { nextToken }),
        });
        for (const { executionArn } of page["executions"] as { executionArn: string }[]) {
          assert.ok(known.delete(executionArn), `I23: nobody started ${executionArn}, or it is listed twice`);
          this.counts.listed += 1;
        }
        nextToken = page["nextToken"];
        if (nextToken === undefined) break;
      }
    }
    assert.deepEqual([...known], [], "I22: acknowledged, but not listed");
  }
}

interface Outcome {
  readonly nonce?: number;
  readonly Payload?: { readonly nonce?: number };
}

const EXECUTION_TIMEOUT_MS = ((WORKLOAD["limited"] as Work).definition["TimeoutSeconds"] as number) * 1000;

/** The identity that an attempt carries, as JSON text; a nested execution carries none. */
function keyOf(type: string, details: Readonly<Record<string, unknown>>): string | undefined {
  const text = details[type === "ActivityScheduled" ? "input" : "parameters"] as string;
  const parameters = JSON.parse(text) as JsonObject & { Payload?: JsonObject };
  const key = (parameters.Payload ?? parameters)["key"];
  return key === undefined ? undefined : JSON.stringify(key);
}

/** The mark of who sent an outcome; what was not sent has none. */
function markOf(type: string, details: Readonly<Record<string, unknown>>): number | undefined {
  const text = details[type.endsWith("Succeeded") ? "output" : "cause"];
  if (typeof text !== "string" || !text.startsWith("{")) return undefined;
  const { mark } = JSON.parse(text) as { mark?: number };
  return mark;
}

function pick(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.filter((name) => name in from).map((name) => [name, from[name]]));
}
