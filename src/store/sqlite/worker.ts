// The thread that owns the database: it takes what waits, makes it one transaction, answers, and goes on.
//
// Knows:          the order of things, and which failure ends everything.
// Does not know:  SQL, promises.
//
// Invariants
//   T1. Nothing is answered before the COMMIT that holds it has returned (S1).
//   T2. Calls are taken from the queue as a prefix. Its writes run first, as one transaction in their order, then
//       its reads: each read sees every write called before it, and only what is durable (S4).
//   T3. After a failure whose outcome is unknown nothing is answered ever again (S5): a later COMMIT would make
//       durable what was reported as unknown, and an fsync that is repeated after it failed proves nothing (the
//       kernel may have dropped the pages).
//   T4. Upkeep (checkpoints, runs of the ARN index) is done after the answers have left: the next batch bears it
//       while it gathers, not the commit that crossed the limit. A checkpoint costs an fsync of the database file
//       and 10 to 30 ms per 2,000 pages. With 4,000 pages the stalls were 20 to 40 ms, with 1,000 pages
//       throughput fell by a fifth. A second thread that checkpoints beside the writer shortened them by a third
//       only, since the last part has to be done with the writer standing still, or the log never starts again
//       from its beginning.

import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import type { StatementSync } from "node:sqlite";
import { assert } from "../../base/assert.ts";
import { JournalDamaged, StoreUnusable } from "../store.ts";
import { ArnIndex } from "./arn-index.ts";
import { isCallersFault, isFull, messageOf } from "./failure.ts";
import { openDatabase } from "./open.ts";
import { isWrite, NUMBERS_PER_TURN } from "./protocol.ts";
import type { Answer, ReadRequest, Reply, Request, ThreadData, WriteRequest } from "./protocol.ts";
import { Reads } from "./reads.ts";
import { Writes } from "./writes.ts";

/** Turns in one transaction, unless a single call brings more. More would only lengthen every answer. */
const TURNS_PER_GROUP = 8192;
/** Pages in the log that make a checkpoint due (T4), and the fewest for which a quiet moment is used. */
const CHECKPOINT_PAGES = 2000;
const IDLE_CHECKPOINT_PAGES = 200;
const IDLE_MS = 50;

assert(parentPort !== null, "worker.ts runs in a worker thread");
const port = parentPort;
const reply = (message: Reply): void => port.postMessage(message);
const opened = open();
if (opened === undefined) port.close();
else serve(opened);

function open(): ReturnType<typeof openDatabase> | undefined {
  try {
    return openDatabase(workerData as ThreadData);
  } catch (error) {
    if (!(error instanceof StoreUnusable)) throw error;
    reply({ kind: "unusable", message: error.message });
    return undefined;
  }
}

function serve(database: ReturnType<typeof openDatabase>): void {
  const arns = new ArnIndex(database);
  const reads = new Reads(database, arns);
  const opening = reads.opening();
  const writes = new Writes(database, arns, opening.nextLsn - 1);
  const logState = database.prepare("PRAGMA wal_checkpoint(NOOP)");
  const checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  const queue: Request[] = [];
  let taken = 0;
  let poisoned = false;
  let idle: NodeJS.Timeout | undefined;

  port.on("message", (first: readonly Request[]) => {
    if (poisoned) return;
    clearTimeout(idle);
    accept(first);
    try {
      while (queue.length > 0) {
        for (let more = receiveMessageOnPort(port); more !== undefined; more = receiveMessageOnPort(port)) {
          accept(more.message as readonly Request[]);
        }
        if (performPrefix()) return;
        unlessFull(() => arns.settle());
        if (pagesIn(logState) >= CHECKPOINT_PAGES) unlessFull(() => checkpoint.get());
      }
      if (pagesIn(logState) >= IDLE_CHECKPOINT_PAGES)
        idle = setTimeout(() => guarded(() => unlessFull(() => checkpoint.get())), IDLE_MS);
    } catch (error) {
      poison(error);
    }
  });
  reply({ kind: "opened", opening });

  function accept(requests: readonly Request[]): void {
    queue.push(...requests);
    taken += 1;
  }

  /** Performs the first calls of the queue (T2). True: one of them was `close`, and there is nothing more to do. */
  function performPrefix(): boolean {
    const writeRequests: WriteRequest[] = [];
    const readRequests: ReadRequest[] = [];
    let close: Request | undefined;
    let turns = 0;
    let length = 0;
    for (const request of queue) {
      if (turns >= TURNS_PER_GROUP || close !== undefined) break;
      length += 1;
      if (request.name === "commit") turns += request.args.numbers.length / NUMBERS_PER_TURN;
      if (request.name === "close") close = request;
      else if (isWrite(request)) writeRequests.push(request);
      else readRequests.push(request);
    }
    queue.splice(0, length);
    if (writeRequests.length > 0) answer(performWrites(writeRequests));
    if (readRequests.length > 0) answer(readRequests.map(performRead));
    if (close === undefined) return false;
    database.close();
    answer([{ call: close.call, value: undefined }]);
    port.close();
    return true;
  }

  function answer(answers: readonly Answer[]): void {
    reply({ kind: "answers", answers, taken });
    taken = 0;
  }

  /** @throws what leaves the outcome unknown */
  function performWrites(requests: readonly WriteRequest[]): readonly Answer[] {
    const lastLsn = reads.opening().nextLsn;
    try {
      return writes.group(requests);
    } catch (error) {
      if (isCallersFault(error)) {
        const [only] = requests;
        if (only !== undefined && requests.length === 1) {
          return [{ call: only.call, failure: { name: "Bug", message: messageOf(error) } }];
        }
        // Nothing of the group is stored. One of the calls is at fault: alone, each gets its own answer.
        return requests.flatMap((request) => performWrites([request]));
      }
      // Certain, not likely: SQLite reports FULL only when a write of the log came out short. The frame that
      // commits is the last one written, so it is torn or absent, its checksum fails, and recovery ends before
      // it; the next transaction writes over it. (An fsync that reports ENOSPC is an I/O error instead.)
      // That this connection has gone back as well is looked at, not assumed.
      if (isFull(error) && !database.isTransaction && reads.opening().nextLsn === lastLsn) {
        const failure = {
          name: "StorageFull",
          message: "there is no room left for the data directory",
        } as const;
        return requests.map(({ call }) => ({ call, failure }));
      }
      throw error;
    }
  }

  /** @throws what makes everything doubtful; a damaged journal concerns one execution */
  function performRead(request: ReadRequest): Answer {
    const { call } = request;
    try {
      return { call, value: reads.perform(request) };
    } catch (error) {
      if (!(error instanceof JournalDamaged)) throw error;
      return {
        call,
        failure: { name: "JournalDamaged", executionId: error.executionId, detail: error.detail },
      };
    }
  }

  /** Upkeep that finds no room has lost nothing: the log and the memory keep everything, and the next one tries again. */
  function unlessFull(upkeep: () => void): void {
    try {
      upkeep();
    } catch (error) {
      if (!isFull(error)) throw error;
    }
  }

  function guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      poison(error);
    }
  }

  /** T3. The database stays open, and with it the lock, until the process has ended. */
  function poison(error: unknown): void {
    poisoned = true;
    queue.length = 0;
    reply({ kind: "poisoned", message: messageOf(error) });
  }
}

function pagesIn(logState: StatementSync): number {
  return Number(logState.get()?.["log"] ?? 0);
}
