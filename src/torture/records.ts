// What clients, workers and functions saw during a run: everything that the checker holds the histories against.
//
// Times are epoch milliseconds of this machine's clock, read before a call was sent and after it was answered.

import type { FunctionFault } from "./fake-lambda.ts";

export interface Started {
  readonly executionArn: string;
  /** As answered: epoch seconds. */
  readonly startDate: number;
  readonly work: string;
  readonly n: number;
}

export interface Stopped {
  readonly executionArn: string;
  readonly error: string;
  readonly cause: string;
  /** As answered: epoch seconds. */
  readonly stopDate: number;
}

/** A function was called, or an activity's task handed to a worker. */
export interface Receipt {
  /** Unique: proves which call an outcome came from. */
  readonly nonce: number;
  readonly target: string;
  /** The identity of the attempt, as JSON text. */
  readonly key: string;
  readonly token?: string;
  /** When it arrived here. */
  readonly atMs: number;
  /** The function did not answer as it should. */
  fault?: FunctionFault;
}

/** One of many who send the outcome of a task. */
export interface Sender {
  /** Its mark in what it sends. */
  readonly mark: number;
  readonly isFailure: boolean;
  /** A call had no answer: it may have had its effect. */
  wasLost: boolean;
  result?: "accepted" | "refused";
}

export interface Beat {
  readonly sentMs: number;
  readonly answeredMs: number;
}

/** A history as somebody has read it: so many events, with this hash. */
export interface HistoryRead {
  readonly count: number;
  readonly hash: string;
  /** Faults inflicted before. */
  readonly faults: number;
}

export interface Outage {
  readonly fromMs: number;
  readonly untilMs: number;
}

export class Records {
  readonly starts: Started[] = [];
  readonly stops: Stopped[] = [];
  readonly receipts: Receipt[] = [];
  /** By token. */
  readonly senders: Map<string, readonly Sender[]> = new Map();
  /** Acknowledged ones, by token. */
  readonly beats: Map<string, Beat[]> = new Map();
  /** By the ARN of the execution. */
  readonly reads: Map<string, HistoryRead[]> = new Map();
  readonly outages: Outage[] = [];
  /** Milliseconds from each fault to the first answer after it. */
  readonly recoveryMs: number[] = [];
  forgedTokens = 0;
  /** Starts that were repeated after they were acknowledged or their answer was lost: found running, found closed. */
  repeatsRunning = 0;
  repeatsClosed = 0;
  repeatsAfterLoss = 0;
  /** Starts under a name that is taken, with another input. */
  repeatsRefused = 0;
  /** DescribeExecution held against a history read just before or after. */
  crossReads = 0;
  faults = 0;

  /** @returns the receipt, with a nonce of its own */
  receive(target: string, key: unknown, token?: string): Receipt {
    const receipt: Receipt = {
      nonce: this.receipts.length + 1,
      target,
      key: JSON.stringify(key),
      atMs: Date.now(),
      ...(token === undefined ? {} : { token }),
    };
    this.receipts.push(receipt);
    return receipt;
  }
}
