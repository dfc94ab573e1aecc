// Scenarios: small state machines written by hand, each with one execution and the people around it.
//
// A scenario is a file in scenarios/: a definition, its children, how the execution ends when nothing goes wrong.
// Functions answer by their names; workers do what the function that got their token is called for.

import { globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Chance } from "./generate/chance.ts";
import { ACTIVITIES } from "./generate/definition.ts";
import { send } from "./world/calls.ts";
import { startOf } from "./world/clients.ts";
import { fail, heartbeat, sendUntilAnswered, succeed } from "./world/workers.ts";
import type { Actors, FunctionBehaviour, Functions, World } from "./world/world.ts";

export interface Scenario {
  readonly name: string;
  readonly title: string;
  readonly definition: unknown;
  readonly children?: { readonly [name: string]: unknown };
  /** How it ends when nothing goes wrong. */
  readonly status: string;
  /** Somebody stops the execution so long after it was started. */
  readonly stopAfterMs?: number;
}

const INPUT = JSON.stringify({ n: 2, flag: true, few: [1, 2, 3], items: ["a"], text: "t" });
const TRIES = 60;

export function readScenarios(): readonly Scenario[] {
  const folder = join(import.meta.dirname, "scenarios");
  return globSync("*.json", { cwd: folder })
    .toSorted()
    .map((file) => ({
      ...(JSON.parse(readFileSync(join(folder, file), "utf8")) as Omit<Scenario, "name">),
      name: basename(file, ".json"),
    }));
}

/** Starts the one execution, stops it if the scenario says so, and works on activities. */
export class ScenarioActors implements Actors {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #machineArn: string;
  readonly #chance: Chance;
  #workers = 0;
  startsLeft = 1;
  isOver = false;

  constructor(world: World, scenario: Scenario, machineArn: string) {
    this.#world = world;
    this.#scenario = scenario;
    this.#machineArn = machineArn;
    this.#chance = world.chanceFor("scenario");
  }

  begin(): void {
    const world = this.#world;
    const machineArn = this.#machineArn;
    const chance = this.#chance;
    const name = "x";
    sendUntilAnswered(
      world,
      chance,
      { operation: "StartExecution", machineArn, name, input: INPUT },
      (runtime) => startOf(runtime, machineArn, name, INPUT),
      TRIES,
      () => {
        this.startsLeft = 0;
        this.#stopLater();
      },
    );
    if (JSON.stringify(this.#scenario.definition).includes(":activity:")) this.#poll(ACTIVITIES[0] as string);
  }

  #stopLater(): void {
    const { stopAfterMs } = this.#scenario;
    if (stopAfterMs === undefined) return;
    const arn = `${this.#machineArn.replace(":stateMachine:", ":execution:")}:x`;
    const error = "Enough";
    this.#world.scheduler.add(undefined, stopAfterMs, "stop", () =>
      sendUntilAnswered(
        this.#world,
        this.#chance,
        { operation: "StopExecution", arn, error, cause: undefined },
        (runtime) => runtime.executions.stop(arn, error, undefined),
        TRIES,
      ),
    );
  }

  #poll(activityArn: string): void {
    if (this.isOver) return;
    const { scheduler } = this.#world;
    this.#workers += 1;
    const worker = `worker-${this.#workers}`;
    const controller = new AbortController();
    const cancel = scheduler.add(undefined, 5_000, "poller goes", () => controller.abort());
    send(
      this.#world,
      this.#chance,
      { operation: "GetActivityTask", activityArn, worker },
      (runtime) => runtime.tasks.poll(activityArn, worker, controller.signal),
      (answer) => {
        cancel();
        if (answer.kind === "ok" && answer.value !== undefined) {
          const { taskToken } = answer.value as { taskToken: string };
          scheduler.add(undefined, 100, "worker", () =>
            succeed(this.#world, this.#chance, taskToken, false, TRIES),
          );
        }
        scheduler.add(undefined, 200, "poller", () => this.#poll(activityArn));
      },
    );
  }
}

/** Functions answer by their names. */
export class ScenarioFunctions implements Functions {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #payloadBytes: number;
  #calls = 0;

  constructor(world: World, payloadBytes: number) {
    this.#world = world;
    this.#chance = world.chanceFor("functions");
    this.#payloadBytes = payloadBytes;
  }

  invoke({ functionName }: { readonly functionName: string }, token: string | undefined): FunctionBehaviour {
    this.#calls += 1;
    const name = functionName.split(":").at(-1) as string;
    if (token !== undefined) this.#work(name, token);
    const body = (value: unknown): FunctionBehaviour["answer"] => ({
      kind: "body",
      body: JSON.stringify(value),
    });
    const error = (errorType: string): FunctionBehaviour["answer"] => ({
      kind: "body",
      body: JSON.stringify({ errorType, errorMessage: "no" }),
      functionError: "Unhandled",
    });
    switch (name) {
      case "broken":
        return { afterMs: 5, answer: error("Broken") };
      case "busy":
        return { afterMs: 5, answer: error("Busy") };
      case "busy-twice":
        return { afterMs: 5, answer: this.#calls <= 2 ? error("Busy") : body({ nonce: this.#calls }) };
      case "slow":
        return { afterMs: 8_000, answer: body("late") };
      case "huge":
        return { afterMs: 5, answer: body("y".repeat(this.#payloadBytes)) };
      default:
        return { afterMs: 5, answer: body({ nonce: this.#calls, ok: true }) };
    }
  }

  #work(name: string, token: string): void {
    const world = this.#world;
    const chance = this.#chance;
    const later = (afterMs: number, work: () => void): void => {
      world.scheduler.add(undefined, afterMs, "worker", work);
    };
    switch (name) {
      case "ask-nobody":
        return;
      case "ask-no":
        return later(100, () => fail(world, chance, token, "WorkerSaysNo", undefined, TRIES));
      case "ask-beating":
        for (let beat = 1; beat <= 4; beat++) later(beat * 1_500, () => heartbeat(world, chance, token));
        return later(7_000, () => succeed(world, chance, token, false, TRIES));
      case "ask-twice":
        later(100, () => succeed(world, chance, token, false, TRIES));
        return later(chance.from(100, 103), () => succeed(world, chance, token, false, 0));
      default:
        return later(100, () => succeed(world, chance, token, false, TRIES));
    }
  }
}
