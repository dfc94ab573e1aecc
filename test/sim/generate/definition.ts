// Random state machines for the simulation: every state type, every kind of task, Retry, Catch, Assign, nesting.
//
// Knows:          the language, as far as the reference interpreter (reference/) knows it too.
// Does not know:  how they will be run.
//
// Every run ends: transitions go forward only, every task that somebody must answer has a TimeoutSeconds. The data stays
// small: `$` of a block keeps the members that it began with (`n`, `flag`, `few`, `items`), results go beside them.

import type { Chance } from "./chance.ts";

export const REGION_ACCOUNT = "us-east-1:123456789012";
export const ACTIVITIES: readonly string[] = ["review", "sign"].map(
  (name) => `arn:aws:states:${REGION_ACCOUNT}:activity:${name}`,
);
export const ROLE = "arn:aws:iam::123456789012:role/role";
/** When simulated time begins. */
export const BEGIN_MS: number = Date.UTC(2026, 0, 1);

export type Definition = { readonly [name: string]: unknown };

export interface DefinitionOptions {
  /** The state machines that tasks may start; none: no nested executions. */
  readonly children: readonly string[];
  /** States in the outermost block, at most. */
  readonly size: number;
}

interface Maker {
  readonly chance: Chance;
  readonly options: DefinitionOptions;
  names: number;
}

/** One block's surroundings. */
interface Around {
  readonly depth: number;
  /** The variables that a template may read. */
  readonly variables: readonly string[];
  readonly isRoot: boolean;
}

export function randomDefinition(chance: Chance, options: DefinitionOptions): Definition {
  const maker: Maker = { chance, options, names: 0 };
  const withVariables = chance.likely(0.4);
  const around: Around = { depth: 2, variables: withVariables ? ["x", "y"] : [], isRoot: true };
  const inner = block(maker, around, options.size);
  const machine = withVariables
    ? withFirst(maker, inner, { "x.$": "$.n", y: { deep: [1, "two", null] } })
    : inner;
  return { ...machine, ...(chance.likely(0.15) ? { TimeoutSeconds: chance.from(3, 60) } : {}) };
}

type Block = { readonly StartAt: string; readonly States: { readonly [name: string]: Definition } };

function withFirst(maker: Maker, inner: Block, assign: Definition): Block {
  const name = nameOf(maker);
  return {
    StartAt: name,
    States: { [name]: { Type: "Pass", Assign: assign, Next: inner.StartAt }, ...inner.States },
  };
}

function block(maker: Maker, around: Around, size: number): Block {
  const names = Array.from({ length: maker.chance.from(1, size) }, () => nameOf(maker));
  const states: { [name: string]: Definition } = {};
  names.forEach((name, i) => {
    states[name] = state(maker, around, name, names.slice(i + 1));
  });
  return { StartAt: names[0] as string, States: states };
}

function nameOf(maker: Maker): string {
  const name = `S${maker.names}`;
  maker.names += 1;
  return name;
}

function state(maker: Maker, around: Around, name: string, later: readonly string[]): Definition {
  const { chance } = maker;
  const [next] = later;
  // Each goes to the one after it (a state that nothing names is refused), Choices and Catchers further.
  const transition = next === undefined ? { End: true } : { Next: next };
  const slot = `$.${name.toLowerCase()}`;
  const roll = chance.from(0, around.depth > 0 ? 15 : 12);
  if (roll <= 1) return { ...pass(maker, around, slot), ...transition };
  if (roll === 2) return { ...wait(chance), ...transition };
  if (roll === 3) {
    if (next === undefined) {
      if (chance.likely(0.7)) return { Type: "Succeed" };
      return { Type: "Fail", Error: "Chosen", ...(chance.likely(0.5) ? { Cause: "as it was told" } : {}) };
    }
    return choice(maker, around, later);
  }
  if (roll <= 12) {
    const work = task(maker, around, slot, next === undefined);
    return { ...work, ...handlers(maker, around, later, true), ...transition };
  }
  if (roll <= 13) {
    const count = chance.from(1, 3);
    return {
      Type: "Parallel",
      Branches: Array.from({ length: count }, () => innerBlock(maker, around)),
      ResultPath: slot,
      ...(chance.likely(0.7)
        ? { ResultSelector: { "first.$": "$[0].n", "count.$": "States.ArrayLength($)" } }
        : {}),
      ...handlers(maker, around, later, false),
      ...transition,
    };
  }
  return {
    Type: "Map",
    ...(chance.likely(0.5) ? { ItemsPath: "$.items" } : { ItemsPath: "$.few" }),
    ...(chance.likely(0.7) ? { MaxConcurrency: chance.from(0, 3) } : {}),
    ItemSelector: {
      "n.$": "$$.Map.Item.Index",
      "item.$": "$$.Map.Item.Value",
      "flag.$": "$.flag",
      few: [1, 2],
      items: ["p"],
    },
    ItemProcessor: innerBlock(maker, around),
    ...(chance.likely(0.4) ? { ToleratedFailureCount: chance.from(1, 2) } : {}),
    ResultPath: slot,
    ...(chance.likely(0.7) ? { ResultSelector: { "count.$": "States.ArrayLength($)" } } : {}),
    ...handlers(maker, around, later, false),
    ...transition,
  };
}

/** Variables of an inner scope have names of their own: outer names cannot be assigned there. */
function innerBlock(maker: Maker, around: Around): Block {
  const { chance } = maker;
  if (!chance.likely(0.3)) return block(maker, { ...around, depth: around.depth - 1, isRoot: false }, 3);
  const variable = `v${maker.names}`;
  const variables = [...around.variables, variable];
  const inner = block(maker, { depth: around.depth - 1, variables, isRoot: false }, 2);
  return withFirst(maker, inner, { [`${variable}.$`]: "$.n" });
}

/** Something to hand on: a few members, each from somewhere else. */
function template(maker: Maker, { variables }: Around): Definition {
  const { chance } = maker;
  return {
    "n.$": "$.n",
    ...(chance.likely(0.3) ? { "name.$": "$$.Execution.Name", "at.$": "$$.State.EnteredTime" } : {}),
    ...(chance.likely(0.3) ? { "text.$": "States.Format('{} of {}', $.n, $$.State.Name)" } : {}),
    ...(chance.likely(0.2) ? { "sum.$": "States.MathAdd($.n, 1)", "id.$": "States.UUID()" } : {}),
    ...(chance.likely(0.2) ? { "given.$": "$$.Execution.Input.text" } : {}),
    ...(variables.length > 0 && chance.likely(0.6) ? { "variable.$": `$${chance.pick(variables)}` } : {}),
    ...(chance.likely(0.2) ? { constant: { __proto__2: [true, null, 1.5] } } : {}),
  };
}

function pass(maker: Maker, around: Around, slot: string): Definition {
  const { chance } = maker;
  const assign =
    around.isRoot && around.variables.length > 0 && chance.likely(0.5)
      ? { Assign: { "y.$": "$", x: chance.from(0, 9) } }
      : {};
  const place = { ResultPath: chance.likely(0.7) ? slot : null };
  // A path that leads nowhere ends the execution; rarely, so that the others get on.
  if (chance.likely(0.06)) return { Type: "Pass", Parameters: { "a.$": "$.nowhere" }, ...place };
  return chance.likely(0.6)
    ? { Type: "Pass", Parameters: template(maker, around), ...place, ...assign }
    : { Type: "Pass", Result: { fixed: chance.from(0, 99) }, ...place, ...assign };
}

function wait(chance: Chance): Definition {
  const roll = chance.from(0, 9);
  if (roll <= 5) return { Type: "Wait", Seconds: chance.from(1, 6) };
  if (roll <= 7) return { Type: "Wait", SecondsPath: "$.n" };
  if (roll === 8) return { Type: "Wait", Seconds: chance.from(60, 100) };
  const atMs = BEGIN_MS + chance.from(0, 60_000);
  return { Type: "Wait", Timestamp: new Date(atMs).toISOString() };
}

function choice(maker: Maker, around: Around, later: readonly string[]): Definition {
  const { chance } = maker;
  const rules: Definition[] = [
    { Variable: "$.flag", BooleanEquals: true },
    { Variable: "$.n", NumericGreaterThan: 2 },
    {
      And: [
        { Variable: "$.e", IsPresent: true },
        { Variable: "$.e.Error", StringEquals: "Busy" },
      ],
    },
    {
      Or: [{ Variable: "$.nowhere.at.all", IsPresent: true }, { Not: { Variable: "$.n", NumericEquals: 1 } }],
    },
  ];
  const chosen = chance.pick(rules);
  const assign =
    around.isRoot && around.variables.length > 0 && chance.likely(0.2) ? { Assign: { x: 7 } } : {};
  // Without a Default it may match nothing, which fails the block.
  const rule = { ...chosen, Next: chance.pick(later) };
  if (chance.likely(0.1)) return { Type: "Choice", Choices: [{ ...chosen, Next: later[0] }] };
  return {
    Type: "Choice",
    Choices: [rule],
    Default: later[0],
    ...(Object.keys(assign).length > 0 ? {} : {}),
  };
}

function task(maker: Maker, around: Around, slot: string, isLast: boolean): Definition {
  const { chance, options } = maker;
  // At the end of a block nobody needs the members of `$` any more: the result may be all of the output.
  const place = isLast && chance.likely(0.5) ? {} : { ResultPath: chance.likely(0.85) ? slot : null };
  const payload = { ...template(maker, around), "retry.$": "$$.State.RetryCount" };
  const limit = (seconds: number): Definition => (chance.likely(0.4) ? { TimeoutSeconds: seconds } : {});
  const roll = chance.from(0, options.children.length > 0 ? 12 : 9);
  if (roll <= 2) {
    const resource = `arn:aws:lambda:${REGION_ACCOUNT}:function:work`;
    return { Type: "Task", Resource: resource, ...limit(chance.from(1, 8)), ...place };
  }
  if (roll <= 5) {
    return {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Parameters: { FunctionName: "work", Payload: payload },
      ...(chance.likely(0.6) ? { ResultSelector: { "got.$": "$.Payload" } } : {}),
      ...limit(chance.from(1, 8)),
      ...place,
    };
  }
  if (roll <= 7) {
    const timeout = chance.from(4, 25);
    return {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Parameters: { FunctionName: "ask", Payload: { ...payload, "token.$": "$$.Task.Token" } },
      TimeoutSeconds: timeout,
      ...(chance.likely(0.6) ? { HeartbeatSeconds: chance.from(2, timeout - 1) } : {}),
      ...place,
    };
  }
  if (roll <= 9) {
    const timeout = chance.from(5, 30);
    return {
      Type: "Task",
      Resource: chance.pick(ACTIVITIES),
      ...(chance.likely(0.5) ? { Parameters: payload } : {}),
      TimeoutSeconds: timeout,
      ...(chance.likely(0.6) ? { HeartbeatSeconds: chance.from(2, timeout - 1) } : {}),
      ...place,
    };
  }
  const named = chance.likely(0.25)
    ? { "Name.$": "States.Format('{}-{}-{}', $$.Execution.Name, $$.State.Name, $$.State.RetryCount)" }
    : {};
  return {
    Type: "Task",
    Resource: `arn:aws:states:::states:startExecution${chance.pick(["", ".sync", ".sync:2", ".sync:2"])}`,
    Parameters: {
      StateMachineArn: chance.pick(options.children),
      Input: { "n.$": "$.n", "flag.$": "$.flag", few: [3], items: [], text: "child" },
      ...named,
    },
    ...(chance.likely(0.6) ? { ResultSelector: { "child.$": "$.ExecutionArn" } } : {}),
    ...(chance.likely(0.3) ? { TimeoutSeconds: chance.from(2, 40) } : {}),
    ...place,
  };
}

/** Retry and Catch. Only tasks name States.TaskFailed: what else it stands for is open to interpretation. */
function handlers(maker: Maker, around: Around, later: readonly string[], isTask: boolean): Definition {
  const { chance } = maker;
  const names = (): readonly string[] => {
    const roll = chance.from(0, 4);
    if (roll === 0) return ["Busy"];
    if (roll === 1) return ["Broken", "Busy", "WorkerSaysNo"];
    if (roll === 2 && isTask) return ["States.TaskFailed"];
    if (roll === 3) return ["States.Timeout", "States.HeartbeatTimeout"];
    return ["States.ALL"];
  };
  const retrier = (): Definition => ({
    ErrorEquals: names(),
    IntervalSeconds: chance.from(1, 2),
    MaxAttempts: chance.from(0, 3),
    ...(chance.likely(0.5) ? { BackoffRate: chance.pick([1, 1.5, 2]) } : {}),
    ...(chance.likely(0.3) ? { MaxDelaySeconds: 3 } : {}),
    ...(chance.likely(0.4) ? { JitterStrategy: "FULL" } : {}),
  });
  const isAll = ({ ErrorEquals: errors }: Definition): boolean => (errors as string[]).includes("States.ALL");
  // States.ALL stands alone in the last one.
  const last = <T extends Definition>(list: readonly T[]): readonly T[] => {
    const all = list.findIndex(isAll);
    return all < 0 ? list : list.slice(0, all + 1);
  };
  const catcher = (): Definition => ({
    ErrorEquals: names(),
    Next: later[0],
    ResultPath: "$.e",
    ...(around.isRoot && around.variables.length > 0 && chance.likely(0.5)
      ? { Assign: { "y.$": "$.Error" } }
      : {}),
  });
  return {
    ...(chance.likely(0.5) ? { Retry: last(chance.likely(0.4) ? [retrier(), retrier()] : [retrier()]) } : {}),
    ...(later.length > 0 && chance.likely(0.5)
      ? { Catch: last(chance.likely(0.3) ? [catcher(), catcher()] : [catcher()]) }
      : {}),
  };
}

/** An input that every generated definition can live on. */
export function randomInput(chance: Chance): string {
  const value = {
    n: chance.from(0, 5),
    flag: chance.likely(0.5),
    few: [1, 2].slice(0, chance.from(0, 2)),
    items: ["a", { b: 1 }, null, "d"].slice(0, chance.from(0, 4)),
    text: chance.pick(["", "plain", 'quotes " and \\', "umlaut ä €, 😀", "x".repeat(chance.from(1, 600))]),
  };
  return chance.likely(0.3) ? JSON.stringify(value, null, 1) : JSON.stringify(value);
}
