// Callers of the API in a race: what they asked for, what they were told, and whether that could be so.
//
// Knows:          the operations as a client sees them, the model. Does not know:  which race it is.

import { createApi } from "../../../src/api/index.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import { isObject } from "../../../src/base/json.ts";
import type { Runtime } from "../../../src/runtime/index.ts";
import type { ExecutionRow } from "../../../src/store/store.ts";
import { REGION_ACCOUNT } from "../generate/definition.ts";
import { LIMITS } from "../simulate.ts";
import type { Arena, Call } from "./arena.ts";
import { type Action, machineModel, qualifierOf, toCall, told } from "./machine-model.ts";
import { isExplained, type Observed } from "./orders.ts";
import { check, codeOf, isLost, isOk, look, MACHINE, markOf, payload, poll, soon, valueOf } from "./race.ts";

const [region = "", account = ""] = REGION_ACCOUNT.split(":");
const apis = new WeakMap<Runtime, ReturnType<typeof createApi>>();

/** One operation, as the API carries it out. Rejects with its ServiceError. */
export function operate(runtime: Runtime, operation: string, input: JsonObject): Promise<JsonObject> {
  const api = apis.get(runtime) ?? createApi(runtime, { limits: LIMITS, region, account });
  apis.set(runtime, api);
  return api.call(operation, input, { region, account }, new AbortController().signal);
}

export interface Asked {
  readonly action: Action;
  readonly call: Call<JsonObject>;
}

/** An execution that a race has started, and what it runs. */
export interface Started {
  readonly row: ExecutionRow;
  readonly mark: number;
}

export class Callers {
  readonly #arena: Arena;
  readonly asked: Asked[] = [];

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Somebody asks soon. */
  ask(action: Action): void {
    this.#ask(action, soon(this.#arena));
  }

  /** Asks while nobody else does, again if it was lost. Returns what was told, or the code of the refusal. */
  async alone(action: Action): Promise<string> {
    for (;;) {
      const asked = this.#ask(action, 0);
      await this.#arena.answered(asked.call);
      await this.#arena.settle();
      if (!isLost(asked.call)) return answerOf(asked) ?? "";
    }
  }

  /** Looks at all that there is, once everybody was answered. */
  async readAll(aliases: readonly string[]): Promise<void> {
    await this.alone({ kind: "describe" });
    await this.alone({ kind: "listVersions" });
    await this.alone({ kind: "listAliases" });
    for (const name of aliases) await this.alone({ kind: "describeAlias", name });
  }

  /** What the starts have started, and of each what it is pinned to. */
  async started(): Promise<ReadonlyMap<string, Started>> {
    const found = new Map<string, Started>();
    for (const { action } of this.asked) {
      if (action.kind !== "start") continue;
      const arn = executionArn(action.name);
      const there = await this.#arena.ask((runtime) => runtime.executions.describe(arn));
      if (there === undefined) continue;
      const { row, execution } = there;
      const revision = await this.#arena.ask((runtime) => runtime.catalog.getRevision(row.revisionId));
      check("I26", revision !== undefined, () => `the revision of ${arn} is gone`);
      const { qualifier } = action;
      const isAlias = qualifier !== undefined && Number.isNaN(Number(qualifier));
      const aliasArn = isAlias ? `${MACHINE}:${qualifier}` : undefined;
      const { stateMachineVersionArn } = execution.started;
      check("I26", row.stateMachineAliasArn === aliasArn, () => `${arn} names ${row.stateMachineAliasArn}`);
      check("I26", row.stateMachineVersionArn === stateMachineVersionArn, () => `${arn} names two versions`);
      found.set(action.name, { row, mark: markOf(revision?.definition ?? "") });
    }
    return found;
  }

  /** I22, I23, I25: there is an order of all calls in which each answer is right. */
  async explain(): Promise<ReadonlyMap<string, Started>> {
    const executions = await this.started();
    const calls: Observed<Action>[] = [];
    for (const asked of this.asked) {
      const { action, call } = asked;
      let answer = answerOf(asked);
      if (action.kind === "start" && (isOk(call) || isLost(call))) {
        const execution = executions.get(action.name);
        check("I22", execution !== undefined || isLost(call), () => `${action.name} is gone`);
        if (execution === undefined) continue;
        answer = `${qualifierOf(execution.row.stateMachineVersionArn) || "-"} ${execution.mark}`;
      }
      calls.push({ action, sent: call.sent ?? 0, answered: call.answered ?? 0, answer });
    }
    check("I23", isExplained(undefined, calls, machineModel), () => `no order explains\n${shown(calls)}`);
    return executions;
  }

  /** Lets every execution that still runs do its task and end; each ends with the mark that it is pinned to. */
  async finish(executions: Iterable<Started>): Promise<void> {
    const running = [...executions].filter(({ row }) => row.status === "RUNNING");
    for (let i = 0; i < running.length; i++) {
      const token = await poll(this.#arena);
      await this.#arena.ask((runtime) => runtime.tasks.succeed(token, payload({})));
    }
    for (const { row, mark } of running) {
      const { execution } = await look(this.#arena, row.arn);
      check(
        "I26",
        execution.output?.text === String(mark),
        () => `${mark} ended as ${execution.output?.text}`,
      );
    }
  }

  #ask(action: Action, afterMs: number): Asked {
    const call = this.#arena.call(afterMs, (runtime) => operate(runtime, ...toCall(action)));
    const asked = { action, call };
    this.asked.push(asked);
    return asked;
  }
}

export function executionArn(name: string): string {
  return `${MACHINE.replace(":stateMachine:", ":execution:")}:${name}`;
}

/** Undefined: lost. */
export function answerOf({ action, call }: Asked): string | undefined {
  if (isOk(call)) return told(action, valueOf(call));
  return codeOf(call);
}

function shown(calls: readonly Observed<Action>[]): string {
  return calls
    .map(({ action, sent, answered, answer }) => {
      const { kind, ...rest } = action;
      return `  ${sent}–${answered} ${kind} ${JSON.stringify(rest)}: ${answer ?? "lost"}`;
    })
    .join("\n");
}

/** The list in an answer. */
export function itemsOf(output: JsonObject, name: string): readonly JsonObject[] {
  const items = output[name];
  return Array.isArray(items) ? items.filter(isObject) : [];
}
