// Clients: they start, stop, look and poll, at moments that the seed chooses, and try again when nobody answers.

import { Payload } from "../../../src/base/json.ts";
import type { Runtime, StateMachine } from "../../../src/runtime/index.ts";
import type { Chance } from "../generate/chance.ts";
import { ACTIVITIES, LANGUAGES, randomDefinition, randomInput, ROLE } from "../generate/definition.ts";
import { isUnanswered, send } from "./calls.ts";
import { workOn } from "./workers.ts";
import { type Actors, strikes, type World } from "./world.ts";

export class Clients implements Actors {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #machines: readonly string[];
  /** Executions that were asked for, whether or not they were started. */
  readonly #asked: {
    readonly arn: string;
    readonly machineArn: string;
    readonly name: string;
    readonly input: string;
  }[] = [];
  #startsLeft: number;
  #workers = 0;
  #revisions = 0;
  #arns: string[] = [];
  isOver = false;

  constructor(world: World, machines: readonly string[], starts: number = world.plan.executions) {
    this.#world = world;
    this.#chance = world.chanceFor("clients");
    this.#machines = machines;
    this.#startsLeft = starts;
  }

  /** Begins all clients. */
  begin(): void {
    this.#loop("starter", 0, 1_500, () => this.#start());
    this.#loop("reader", 200, 1_500, () => this.#read());
    this.#loop("stopper", 2_000, 9_000, () => this.#stop());
    this.#loop("updater", 1_000, 8_000, () => this.#update());
    for (const activity of ACTIVITIES) this.#poll(activity);
  }

  get startsLeft(): number {
    return this.#startsLeft;
  }

  #loop(label: string, leastMs: number, mostMs: number, work: () => void): void {
    this.#world.scheduler.add(undefined, this.#chance.from(leastMs, mostMs), label, () => {
      if (this.isOver) return;
      work();
      this.#loop(label, leastMs, mostMs, work);
    });
  }

  #start(): void {
    if (this.#startsLeft <= 0) return;
    const chance = this.#chance;
    const again = chance.likely(0.15) && this.#asked.length > 0;
    const count = again ? 1 : Math.min(this.#startsLeft, chance.from(1, 3));
    for (let i = 0; i < count; i++) {
      if (again) {
        // The same name: with the same input the same start, with another one a clash.
        const { machineArn, name, input } = chance.pick(this.#asked);
        this.#sendStart(machineArn, name, chance.likely(0.6) ? input : randomInput(chance), 3);
        continue;
      }
      this.#startsLeft -= 1;
      const machineArn = chance.pick(this.#machines);
      const name = chance.likely(0.9) ? `e${this.#startsLeft}` : undefined;
      const input = randomInput(chance);
      if (name !== undefined) {
        const arn = `${machineArn.replace(":stateMachine:", ":execution:")}:${name}`;
        this.#asked.push({ arn, machineArn, name, input });
        this.#arns.push(arn);
      }
      this.#sendStart(machineArn, name, input, 6);
    }
  }

  #sendStart(machineArn: string, name: string | undefined, input: string, tries: number): void {
    const chance = this.#chance;
    send(
      this.#world,
      chance,
      { operation: "StartExecution", machineArn, name, input },
      (runtime) => startOf(runtime, machineArn, name, input),
      (answer) => {
        if (answer.kind === "ok" && name === undefined)
          this.#arns.push((answer.value as { executionArn: string }).executionArn);
        if (!isUnanswered(answer) || tries === 0) return;
        // A start without a name may be made twice.
        this.#world.scheduler.add(undefined, chance.from(100, 1_500), "start again", () =>
          this.#sendStart(machineArn, name, input, tries - 1),
        );
      },
    );
  }

  #stop(): void {
    const chance = this.#chance;
    if (this.#arns.length === 0 || !chance.likely(0.5)) return;
    const arn = chance.pick(this.#arns);
    const error = `Stop${chance.from(0, 99_999)}`;
    const cause = chance.likely(0.5) ? "enough" : undefined;
    send(this.#world, chance, { operation: "StopExecution", arn, error, cause }, (runtime) =>
      runtime.executions.stop(arn, error, cause),
    );
  }

  #read(): void {
    const chance = this.#chance;
    if (this.#arns.length === 0) return;
    const arn = chance.likely(0.5) ? chance.pick(this.#arns) : (this.#arns.at(-1) as string);
    const roll = chance.from(0, 9);
    if (roll <= 3) {
      send(this.#world, chance, { operation: "DescribeExecution", arn }, (runtime) => describe(runtime, arn));
    } else if (roll <= 8) {
      const isWhole = chance.likely(0.6);
      const query = {
        reverse: chance.likely(0.3),
        limit: isWhole ? 1_000 : chance.from(1, 20),
        offset: isWhole ? 0 : chance.from(0, 15),
      };
      send(this.#world, chance, { operation: "GetExecutionHistory", arn, ...query }, (runtime) =>
        runtime.executions.history(arn, query),
      );
    } else {
      const machineArn = chance.pick(this.#machines);
      send(this.#world, chance, { operation: "ListExecutions", machineArn }, (runtime) =>
        runtime.executions.list({ stateMachineArn: machineArn, limit: 100 }),
      );
    }
  }

  /** Executions that run keep the definition that they started with (I26). */
  #update(): void {
    const world = this.#world;
    const chance = this.#chance;
    const resourceArn = chance.pick(this.#machines.slice(-2));
    const language = chance.pick(LANGUAGES);
    const definition = randomDefinition(chance, { children: this.#machines.slice(0, 2), size: 4, language });
    this.#revisions += 1;
    const revisionId = `update-${this.#revisions}`;
    world.evidence.definitions.set(revisionId, { definition, roleArn: ROLE });
    send(world, chance, { operation: "UpdateStateMachine", resourceArn, revisionId }, (runtime) =>
      runtime.catalog.updateStateMachine(resourceArn, (machine) => ({
        ...machine,
        updated: true,
        revision: { ...machine.revision, revisionId, definition: JSON.stringify(definition) },
      })),
    );
  }

  /** One worker after the other asks for a task of the activity; some go away before they are answered. */
  #poll(activityArn: string): void {
    const world = this.#world;
    const chance = this.#chance;
    if (this.isOver) return;
    this.#workers += 1;
    const worker = `worker-${this.#workers}`;
    const controller = new AbortController();
    const vanishes = strikes(world, chance, "poller vanishes", world.isStormy ? 0.08 : 0);
    let isOver = false;
    const next = (): void => {
      if (isOver) return;
      isOver = true;
      world.scheduler.add(undefined, chance.from(10, 300), "poller", () => this.#poll(activityArn));
    };
    world.scheduler.add(undefined, vanishes ? chance.from(0, 300) : 20_000, "poller goes", () => {
      controller.abort();
      if (vanishes) next();
    });
    send(
      world,
      chance,
      { operation: "GetActivityTask", activityArn, worker },
      (runtime) => runtime.tasks.poll(activityArn, worker, controller.signal),
      (answer) => {
        if (answer.kind === "ok" && answer.value !== undefined && !(vanishes && controller.signal.aborted))
          workOn(world, chance, (answer.value as { taskToken: string }).taskToken);
        next();
      },
    );
  }
}

export async function startOf(
  runtime: Runtime,
  machineArn: string,
  name: string | undefined,
  input: string,
): Promise<unknown> {
  const machine = (await runtime.catalog.getStateMachine(machineArn)) as StateMachine;
  return runtime.executions.start({
    machine,
    input: Payload.ofText(input),
    ...(name === undefined ? {} : { name }),
  });
}

/** What a client is shown. */
export async function describe(runtime: Runtime, arn: string): Promise<unknown> {
  const found = await runtime.executions.describe(arn);
  if (found === undefined) return undefined;
  const { status, startedAtMs, stoppedAtMs, output, error, cause } = found.execution;
  return { status, startedAtMs, stoppedAtMs, output: output?.text, error, cause };
}
