// JSONata as the reference interpreter evaluates it: by the `jsonata` package, which is not what the engine uses.
//
// The package answers later, an interpreter made of generators must know at once: the package runs in a thread of its
// own, and this one sleeps until it has answered.
//
// Unknowns (values.ts) go through an evaluation as texts that stand for them; an expression may move them about, but
// must not look into them.

import { MessageChannel, receiveMessageOnPort, Worker } from "node:worker_threads";
import type { Outcome, Question } from "./jsonata-worker.ts";
import { Unknown, type Value } from "./values.ts";

export type Result =
  | { readonly kind: "value"; readonly value: Value }
  | Exclude<Outcome, { readonly kind: "json" }>;

const MARK = "\u0001unknown ";
/** As the thread has it (it is not imported: it would run here). */
const FRESH = "\u0001fresh ";
const PATIENCE_MS = 10_000;
const MOST_KEPT = 20_000;

class Evaluator {
  readonly #bell = new Int32Array(new SharedArrayBuffer(4));
  readonly #channel = new MessageChannel();
  readonly #worker: Worker;
  readonly #kept = new Map<string, Outcome>();

  constructor() {
    const { port1, port2 } = this.#channel;
    this.#worker = new Worker(new URL("jsonata-worker.ts", import.meta.url), {
      workerData: { port: port2, bell: this.#bell },
      transferList: [port2],
    });
    this.#worker.unref();
    port1.unref();
  }

  ask(question: Question): Outcome {
    const key = `${question.text}\n${question.bindings}`;
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    Atomics.store(this.#bell, 0, 0);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
    this.#worker.postMessage(question);
    // The bell of the answer before may ring late: only its value counts.
    while (Atomics.load(this.#bell, 0) === 0) {
      if (Atomics.wait(this.#bell, 0, 0, PATIENCE_MS) === "timed-out")
        throw new Error(`the jsonata package does not answer: ${question.text}`);
    }
    const received = receiveMessageOnPort(this.#channel.port1) as { readonly message: Outcome };
    if (this.#kept.size > MOST_KEPT) this.#kept.clear();
    this.#kept.set(key, received.message);
    return received.message;
  }
}

let evaluator: Evaluator | undefined;

/** @param text Without `{% %}`. */
export function evaluateJsonata(text: string, bindings: { readonly [name: string]: Value }): Result {
  evaluator ??= new Evaluator();
  const unknowns: Unknown[] = [];
  const given = JSON.stringify(bindings, (_key, value: unknown) => {
    if (!(value instanceof Unknown)) return value;
    if (value.resolved !== undefined) return value.resolved;
    unknowns.push(value);
    return `${MARK}${unknowns.length - 1}`;
  });
  const outcome = evaluator.ask({ text, bindings: given });
  if (outcome.kind !== "json") return outcome;
  const fresh = Array.from({ length: outcome.fresh }, () => new Unknown("uuid"));
  const value = JSON.parse(outcome.text, (_key, inner: unknown) => {
    if (typeof inner !== "string") return inner;
    if (inner.startsWith(MARK)) return unknowns[Number(inner.slice(MARK.length))];
    return inner.startsWith(FRESH) ? fresh[Number(inner.slice(FRESH.length)) - 1] : inner;
  }) as Value;
  return { kind: "value", value };
}
