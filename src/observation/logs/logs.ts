// What executions did, written to log groups as their state machines' loggingConfiguration says.
//
// Knows:          which turns are still to be written, whose configuration is which, how far each history is told.
// Does not know:  levels and forms (log-event.ts), files, CloudWatch (LogSink).
//
// Invariants
//   W1. Nothing here holds an execution up. The log events of one execution are written in their order.
//   W2. Memory is bounded: `MAX_WAITING` turns with `MAX_WAITING_BYTES` of payloads wait; beyond, turns are not logged, and
//       the server's log says how many. Histories that are not told on for a while are read again from the journal.
//   W3. Best effort, as the service has it: what waits when the process dies is not written, what a destination does not
//       take is lost. `close` writes what waits within its time.
//   W4. Ids are right after a turn that was not taken, too: a history that has not come as far as the turn's own last
//       event id says is read again.
//
// Spec: "Logging using CloudWatch Logs" of the Step Functions developer guide.

import type { Log } from "../../base/log.ts";
import { createHash } from "node:crypto";
import { type JsonObject, Payload } from "../../base/json.ts";
import { VISIBLE } from "../../engine/events.ts";
import { type HistoryEvent, HistoryTeller, type JournalTurn, lastSegment } from "../../engine/index.ts";
import type { ObservedTurn, Observer } from "../../runtime/index.ts";
import { isLogged, logLine, type LogSettings, logSettings } from "./log-event.ts";
import { Losses, type LogLine, type LogSink, LostEvents } from "./log-sink.ts";

export interface ExecutionLogsOptions {
  readonly sinks: readonly LogSink[];
  /** The loggingConfiguration of a revision; undefined: there is no such revision any more. */
  readonly configurationOf: (revisionId: string) => Promise<JsonObject | undefined>;
  readonly log: Log;
  /** Turns that may wait; fewer in tests. */
  readonly maxWaiting?: number;
}

const MAX_WAITING = 50_000;
const MAX_WAITING_BYTES = 64 * 1024 * 1024;
const MAX_TOLD = 1_000;
const MAX_SETTINGS = 10_000;
/** Turns whose log events go out together. */
const TURNS_PER_WRITE = 500;

interface Told {
  readonly teller: HistoryTeller;
  lastEventId: number;
  redriveCount: number;
}

interface Batch {
  readonly group: string;
  readonly stream: string;
  readonly lines: LogLine[];
}

export class ExecutionLogs {
  readonly #options: ExecutionLogsOptions;
  readonly #settings = new Map<string, LogSettings>();
  /** The one that was told on longest ago first. */
  readonly #told = new Map<string, Told>();
  #waiting: ObservedTurn[] = [];
  #waitingBytes = 0;
  #dropped = 0;
  readonly #losses: Losses;
  #work: Promise<void> | undefined;
  #isClosed = false;

  constructor(options: ExecutionLogsOptions) {
    this.#options = options;
    this.#losses = new Losses(options.log);
  }

  readonly observe: Observer = (observed) => {
    const { started } = observed;
    if (this.#isClosed || this.#settings.get(started.revisionId)?.level === "OFF") return;
    const { maxWaiting = MAX_WAITING } = this.#options;
    if (this.#waiting.length >= maxWaiting || this.#waitingBytes >= MAX_WAITING_BYTES) {
      this.#dropped += 1;
      return;
    }
    this.#waiting.push(observed);
    this.#waitingBytes += payloadBytes(observed.turn);
    this.#work ??= this.#run();
  };

  /** Resolves when what waits was written, or the time is over. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true;
    let timer: NodeJS.Timeout | undefined;
    const over = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([this.#work, over]);
    clearTimeout(timer);
    this.#dropped += this.#waiting.length;
    this.#waiting = [];
    this.#tellDropped();
    this.#losses.tellAll();
  }

  async #run(): Promise<void> {
    // What becomes durable in the same moment is written together.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const turns = this.#waiting.splice(0, TURNS_PER_WRITE);
      const batches = new Map<string, Batch>();
      for (const observed of turns) {
        try {
          // oxlint-disable-next-line no-await-in-loop -- in order (W1)
          await this.#tell(observed, batches);
        } catch (error) {
          const { executionArn } = observed.started;
          this.#told.delete(executionArn);
          this.#options.log(`execution logs: nothing of ${executionArn}: ${String(error)}`, "warn", {
            executionArn,
          });
        }
      }
      for (const batch of batches.values()) {
        // oxlint-disable-next-line no-await-in-loop -- in order (W1)
        await this.#write(batch);
      }
      for (const { turn } of turns) this.#waitingBytes -= payloadBytes(turn);
    }
    this.#work = undefined;
    this.#tellDropped();
  }

  async #tell(observed: ObservedTurn, batches: Map<string, Batch>): Promise<void> {
    const { started, turn, status } = observed;
    const { level, includesData, group } = await this.#settingsOf(started.revisionId);
    if (level === "OFF" || group === undefined) return;
    const told = await this.#toldOf(observed);
    for (const event of turn.events) {
      const history = tellOn(told, event, turn.atMs);
      if (history === undefined || !isLogged(history.type, level)) continue;
      const stream = streamOf(started.stateMachineArn, turn.atMs);
      const key = `${group} ${stream}`;
      let batch = batches.get(key);
      if (batch === undefined) {
        batch = { group, stream, lines: [] };
        batches.set(key, batch);
      }
      batch.lines.push({
        line: logLine(history, started, told.redriveCount, includesData),
        atMs: turn.atMs,
      });
    }
    if (status !== "RUNNING") this.#told.delete(started.executionArn);
  }

  async #settingsOf(revisionId: string): Promise<LogSettings> {
    const known = this.#settings.get(revisionId);
    if (known !== undefined) return known;
    const configuration = await this.#options.configurationOf(revisionId);
    const settings = logSettings(configuration ?? {});
    if (this.#settings.size >= MAX_SETTINGS) this.#settings.clear();
    this.#settings.set(revisionId, settings);
    return settings;
  }

  /** The history of the execution, told up to this turn. */
  async #toldOf({ started, turn, lastEventId, before }: ObservedTurn): Promise<Told> {
    const { executionArn } = started;
    const isFirst = turn.events[0]?.kind === "ExecutionStarted";
    const precedingId = lastEventId - turn.events.filter(({ kind }) => VISIBLE[kind]).length;
    let told = isFirst ? undefined : this.#told.get(executionArn);
    if (told?.lastEventId !== precedingId) {
      told = { teller: new HistoryTeller(), lastEventId: 0, redriveCount: 0 };
      for (const earlier of isFirst ? [] : await before()) {
        for (const event of earlier.events) tellOn(told, event, earlier.atMs);
      }
    }
    this.#told.delete(executionArn);
    this.#told.set(executionArn, told);
    if (this.#told.size > MAX_TOLD) {
      for (const oldest of this.#told.keys()) {
        this.#told.delete(oldest);
        break;
      }
    }
    return told;
  }

  async #write({ group, stream, lines }: Batch): Promise<void> {
    for (const sink of this.#options.sinks) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one or two of them
        await sink.write(group, stream, lines);
      } catch (error) {
        const problem = error instanceof Error ? error.message : String(error);
        this.#losses.add(group, error instanceof LostEvents ? error.count : lines.length, problem);
      }
    }
  }

  #tellDropped(): void {
    if (this.#dropped === 0) return;
    this.#options.log(
      `execution logs: ${this.#dropped} turns came faster than they could be written; they are lost`,
      "warn",
    );
    this.#dropped = 0;
  }
}

function tellOn(told: Told, event: JournalTurn["events"][number], atMs: number): HistoryEvent | undefined {
  if (event.kind === "ExecutionRedriven") told.redriveCount = event.redriveCount;
  const history = told.teller.tell(event, atMs);
  if (history !== undefined) told.lastEventId = history.id;
  return history;
}

/** Of what a turn brings: all of it was written as text already. */
function payloadBytes({ events }: JournalTurn): number {
  let bytes = 0;
  for (const event of events) {
    for (const value of Object.values(event)) if (value instanceof Payload) bytes += value.text.length;
  }
  return bytes;
}

/** `states/<state machine>/<hour>/<8 digits>`, as the service names its streams. */
function streamOf(stateMachineArn: string, atMs: number): string {
  const name = lastSegment(stateMachineArn);
  const hour = new Date(atMs).toISOString().slice(0, 13).replace("T", "-");
  const digits = createHash("sha256").update(`${stateMachineArn} ${hour}`).digest("hex").slice(0, 8);
  return `states/${name}/${hour}/${digits}`;
}
