// Approves what waits for a task token: the person of a demonstration.
//
// Knows:          in which event a token is found, SendTaskSuccess.
// Does not know:  what is approved.

import { isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { ServiceError } from "../base/service-error.ts";
import type { Caller } from "./environment.ts";
import { printable } from "./text.ts";
import { detailsOf, numberOf, stringOf } from "./timeline.ts";

export interface ApprovalsOptions {
  readonly call: Caller;
  readonly delayMs: number;
  /** Something to tell whoever watches: printable. */
  readonly note: (line: string) => void;
}

export class Approvals {
  readonly #options: ApprovalsOptions;
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Of the tasks that were scheduled and have not yet been submitted, by the id of their newest event. */
  readonly #tokens = new Map<number, string>();

  constructor(options: ApprovalsOptions) {
    this.#options = options;
  }

  /** Looks for tasks that begin to wait; each is approved once, after the delay. */
  watch(events: readonly JsonObject[]): void {
    for (const event of events) {
      const previous = numberOf(event, "previousEventId") ?? 0;
      const token = tokenOf(detailsOf(event)) ?? this.#tokens.get(previous);
      this.#tokens.delete(previous);
      if (token === undefined) continue;
      if (stringOf(event, "type") === "TaskSubmitted") this.#approveLater(token);
      else this.#tokens.set(numberOf(event, "id") ?? 0, token);
    }
  }

  /** Approves nothing from now on. */
  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }

  #approveLater(token: string): void {
    const { delayMs, note } = this.#options;
    note(`A person is asked to approve. The demo does so in ${delayMs / 1_000} s.`);
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      void this.#approve(token);
    }, delayMs);
    this.#timers.add(timer);
  }

  /** Never rejects. */
  async #approve(taskToken: string): Promise<void> {
    const output = JSON.stringify({ by: "the demo" });
    try {
      await this.#options.call("SendTaskSuccess", { taskToken, output });
    } catch (error) {
      // Somebody else answered first, which is welcome, or the execution was stopped.
      if (error instanceof ServiceError && error.code === "TaskTimedOut") return;
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.note(`The approval failed: ${printable(reason)}`);
    }
  }
}

/** The member `taskToken` of the payload that a function gets with its `.waitForTaskToken`. */
function tokenOf(details: JsonObject): string | undefined {
  const parameters = stringOf(details, "parameters");
  if (parameters === undefined || stringOf(details, "resource")?.endsWith(".waitForTaskToken") !== true) {
    return undefined;
  }
  const value = JSON.parse(parameters) as Json;
  const payload = isObject(value) ? member(value, "Payload") : undefined;
  return isObject(payload) ? stringOf(payload, "taskToken") : undefined;
}
