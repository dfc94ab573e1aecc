// Clients of Express state machines: asynchronous and synchronous starts, and reading; beside those of a few Standard ones.

import { Payload } from "../../../src/base/json.ts";
import type { Runtime, StateMachine } from "../../../src/runtime/index.ts";
import type { Chance } from "../generate/chance.ts";
import { randomInput } from "../generate/definition.ts";
import { isUnanswered, send } from "../world/calls.ts";
import { Clients } from "../world/clients.ts";
import type { Actors, World } from "../world/world.ts";
import type { ExpressWatch } from "./watch.ts";

/** Of Standard executions. */
const OTHER_STARTS = 8;

export interface Starts {
  /** How many starts are made, tries again not counted. */
  readonly count: number;
  readonly machines: readonly string[];
}

export class ExpressClients implements Actors {
  readonly #world: World;
  readonly #watch: ExpressWatch;
  readonly #chance: Chance;
  readonly #machines: readonly string[];
  readonly #others: Clients;
  #left: number;
  #names = 0;
  #isOver = false;

  constructor(world: World, watch: ExpressWatch, { count, machines }: Starts, standard: readonly string[]) {
    this.#world = world;
    this.#watch = watch;
    this.#chance = world.chanceFor("express");
    this.#machines = machines;
    this.#left = count;
    this.#others = new Clients(world, standard, OTHER_STARTS);
  }

  get startsLeft(): number {
    return this.#left + this.#others.startsLeft;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  set isOver(isOver: boolean) {
    this.#isOver = isOver;
    this.#others.isOver = isOver;
  }

  begin(): void {
    this.#others.begin();
    this.#loop("express starter", 900, () => this.#startSome());
    this.#loop("express reader", 6_000, () => this.#read());
  }

  #loop(label: string, mostMs: number, work: () => void): void {
    this.#world.scheduler.add(undefined, this.#chance.from(0, mostMs), label, () => {
      if (this.#isOver) return;
      work();
      this.#loop(label, mostMs, work);
    });
  }

  #startSome(): void {
    const count = Math.min(this.#left, this.#chance.from(1, 4));
    this.#left -= count;
    for (let i = 0; i < count; i++) {
      const isSync = this.#chance.likely(0.5);
      this.#start(isSync, this.#chance.pick(this.#machines), randomInput(this.#chance), isSync ? 0 : 4);
    }
  }

  /** Each try under a name of its own: it is another execution. */
  #start(isSync: boolean, machineArn: string, input: string, tries: number): void {
    const world = this.#world;
    const chance = this.#chance;
    this.#names += 1;
    const name = `${isSync ? "s" : "a"}${this.#names}`;
    const call = send(
      world,
      chance,
      { operation: isSync ? "StartSync" : "StartExpress", machineArn, name },
      async (runtime) => {
        asked.receivedIn = world.server?.life.number;
        const machine = (await runtime.catalog.getStateMachine(machineArn)) as StateMachine;
        const request = { machine, name, input: Payload.ofText(input) };
        return isSync ? runtime.express.run(request) : runtime.express.start(request);
      },
      (answer) => {
        if (!isUnanswered(answer) || tries === 0) return;
        world.scheduler.add(undefined, chance.from(100, 1_500), "start again", () =>
          this.#start(isSync, machineArn, input, tries - 1),
        );
      },
    );
    const asked = { name, isSync, machineArn, input, call, receivedIn: undefined as number | undefined };
    this.#watch.asked.set(name, asked);
  }

  #read(): void {
    const machineArn = this.#chance.pick(this.#machines);
    send(this.#world, this.#chance, { operation: "ReadExpress", machineArn }, async (runtime: Runtime) => {
      this.#watch.read(runtime, this.#machines, this.#chance);
    });
  }
}
