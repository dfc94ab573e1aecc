// Functions that answer as the seed says: soon or late, rightly, wrongly, too much, or not at all.

import { ServiceError } from "../../../src/base/service-error.ts";
import type { Chance } from "../generate/chance.ts";
import { workOn } from "./workers.ts";
import { type FunctionBehaviour, type Functions, strikes, type World } from "./world.ts";

export class RandomFunctions implements Functions {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #payloadBytes: number;
  #calls = 0;

  constructor(world: World, payloadBytes: number) {
    this.#world = world;
    this.#chance = world.chanceFor("functions");
    this.#payloadBytes = payloadBytes;
  }

  invoke(_request: unknown, token: string | undefined): FunctionBehaviour {
    const world = this.#world;
    const chance = this.#chance;
    this.#calls += 1;
    if (token !== undefined) workOn(world, chance, token);
    let afterMs = chance.likely(0.7) ? chance.from(0, 40) : chance.from(0, 2_500);
    if (strikes(world, chance, "function late", 0.08)) afterMs = chance.from(5_000, 30_000);
    if (strikes(world, chance, "function lost", 0.07)) {
      // Somebody notices in the end: a function has a time limit of its own.
      const body = '{"errorType":"Sandbox.Timedout","errorMessage":"it took too long"}';
      return { afterMs: 60_000, answer: { kind: "body", body, functionError: "Unhandled" } };
    }
    return { afterMs, answer: this.#answer() };
  }

  #answer(): FunctionBehaviour["answer"] {
    const world = this.#world;
    const chance = this.#chance;
    if (strikes(world, chance, "function fails", 0.1)) {
      const errorType = chance.pick(["Busy", "Busy", "Broken"]);
      const body = JSON.stringify({ errorType, errorMessage: "no" });
      return { kind: "body", body, functionError: chance.pick(["Unhandled", "Handled"]) };
    }
    if (strikes(world, chance, "function throttled", 0.1)) {
      const error = new ServiceError("TooManyRequestsException", "Rate Exceeded.", { requestId: "t" }, 429);
      return { kind: "throws", error };
    }
    if (strikes(world, chance, "function unreachable", 0.11))
      return { kind: "throws", error: new Error("connect ECONNREFUSED") };
    if (strikes(world, chance, "function answers no JSON", 0.12))
      return { kind: "body", body: chance.pick(["oops {", "", "not json at all"]) };
    if (strikes(world, chance, "function answers too much", 0.13))
      return { kind: "body", body: JSON.stringify("y".repeat(this.#payloadBytes)) };
    const body = JSON.stringify({ nonce: this.#calls, n: chance.from(0, 5), list: [1, null, "z"] });
    return { kind: "body", body };
  }
}
