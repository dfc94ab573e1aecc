// Random state machines for the simulation: every state type, every kind of task, Retry, Catch, Assign, nesting.
//
// Knows:          the language, as far as the reference interpreter (reference/) knows it too.
// Does not know:  how they will be run.
//
// Every run ends: transitions go forward only, every task that somebody must answer has a TimeoutSeconds. The data stays
// small: `$` of a block keeps the members that it began with (`n`, `flag`, `few`, `items`), results go beside them.
//
// Variables: `x` and those of inner scopes are numbers, `y` and `z` anything.

import type { Chance } from "./chance.ts";
import { expression, type Sight } from "./expressions.ts";
import * as jsonata from "./jsonata-states.ts";

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
  /** Mixed: JSONPath, with states that say that they are JSONata. */
  readonly language: Language;
  /** Nothing that an Express state machine refuses: activities, task tokens, waiting for a child. */
  readonly isExpress?: boolean;
}

export type Language = "JSONPath" | "JSONata" | "mixed";
export const LANGUAGES: readonly Language[] = ["JSONPath", "JSONata", "mixed"];

interface Maker {
  readonly chance: Chance;
  readonly options: DefinitionOptions;
  names: number;
}

/** One block's surroundings. */
interface Around {
  readonly depth: number;
  /** The variables that an expression may read; those among them that belong to this scope, and may be assigned. */
  readonly readable: Sight;
  readonly own: Sight;
}

const NONE: Sight = { variables: [], numbers: [], isShapeKept: false };
const OUTERMOST: Sight = { ...NONE, variables: ["x", "y", "z"], numbers: ["x"] };

export function randomDefinition(chance: Chance, options: DefinitionOptions): Definition {
  const maker: Maker = { chance, options, names: 0 };
  const sight = chance.likely(0.6) ? OUTERMOST : NONE;
  const readable = { ...sight, isShapeKept: options.language === "mixed" };
  const inner = block(maker, { depth: 2, readable, own: sight }, options.size);
  const machine =
    sight === NONE
      ? inner
      : withFirst(maker, inner, {
          ...(isJsonata(maker) ? { x: expression("$states.input.n") } : { "x.$": "$.n" }),
          y: { deep: [1, "two", null] },
          z: "at first",
        });
  return {
    ...(options.language === "JSONata" ? { QueryLanguage: "JSONata" } : {}),
    ...machine,
    ...(chance.likely(0.15) ? { TimeoutSeconds: chance.from(3, 60) } : {}),
  };
}

/** Whether the next state is. */
function isJsonata({ chance, options }: Maker): boolean {
  return options.language === "JSONata" || (options.language === "mixed" && chance.likely(0.5));
}

/** What a state of a mixed machine says of itself. */
function languageMark(maker: Maker, isJsonataState: boolean): Definition {
  return maker.options.language === "mixed" && isJsonataState ? { QueryLanguage: "JSONata" } : {};
}

type Block = { readonly StartAt: string; readonly States: { readonly [name: string]: Definition } };

function withFirst(maker: Maker, inner: Block, assign: Definition): Block {
  const name = nameOf(maker);
  return {
    StartAt: name,
    States: {
      [name]: {
        Type: "Pass",
        ...languageMark(maker, JSON.stringify(assign).includes("{%")),
        Assign: assign,
        Next: inner.StartAt,
      },
      ...inner.States,
    },
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
  const roll = chance.from(0, around.depth > 0 ? 15 : 12);
  const inJsonata = isJsonata(maker);
  const fields = (inJsonata ? jsonataState : pathState)(maker, around, name.toLowerCase(), roll, later);
  const isOver = ["Choice", "Succeed", "Fail"].includes(fields["Type"] as string);
  return { ...languageMark(maker, inJsonata), ...fields, ...(isOver ? {} : transition) };
}

function jsonataState(
  maker: Maker,
  around: Around,
  slot: string,
  roll: number,
  later: readonly string[],
): Definition {
  const { chance } = maker;
  const { readable, own } = around;
  const isLast = later.length === 0;
  if (roll <= 1)
    return {
      ...jsonata.pass(chance, readable, slot),
      ...jsonata.assign(chance, own, readable, "$states.input.n"),
    };
  if (roll === 2) return jsonata.wait(chance);
  if (roll === 3) {
    if (!isLast) return jsonata.choice(chance, readable, own, slot, later);
    return chance.likely(0.7) ? jsonata.succeed(chance, readable, slot) : jsonata.fail(chance, readable);
  }
  const after = jsonata.afterWork(chance, readable, own, slot, isLast);
  if (roll <= 12)
    return { ...jsonataTask(maker, around), ...after, ...handlers(maker, around, later, true, true) };
  const others = { ...after, ...handlers(maker, around, later, false, true) };
  if (roll <= 13) {
    const branches = Array.from({ length: chance.from(1, 3) }, () => innerBlock(maker, around));
    const extra = chance.likely(0.5)
      ? { Arguments: jsonata.beside("extra", "$states.context.State.Name") }
      : {};
    return { Type: "Parallel", ...extra, Branches: branches, ...others };
  }
  return { ...jsonata.mapFields(chance, readable), ItemProcessor: innerBlock(maker, around), ...others };
}

function pathState(
  maker: Maker,
  around: Around,
  name: string,
  roll: number,
  later: readonly string[],
): Definition {
  const { chance } = maker;
  const slot = `$.${name}`;
  const isLast = later.length === 0;
  if (roll <= 1) return pass(maker, around, slot);
  if (roll === 2) return wait(chance);
  if (roll === 3) {
    if (!isLast) return choice(maker, around, later);
    if (chance.likely(0.7)) return { Type: "Succeed" };
    return { Type: "Fail", Error: "Chosen", ...(chance.likely(0.5) ? { Cause: "as it was told" } : {}) };
  }
  if (roll <= 12) {
    const work = task(maker, around, slot, isLast);
    const assigned = pathAssign(maker, around, { y: "$", x: "$$.State.RetryCount" });
    return { ...work, ...assigned, ...handlers(maker, around, later, true, false) };
  }
  if (roll <= 13) {
    const count = chance.from(1, 3);
    return {
      Type: "Parallel",
      Branches: Array.from({ length: count }, () => innerBlock(maker, around)),
      ResultPath: slot,
      ...(chance.likely(0.7)
        ? { ResultSelector: { "first.$": "$[0]", "count.$": "States.ArrayLength($)" } }
        : {}),
      ...pathAssign(maker, around, { y: "$[0]", x: "$$.State.RetryCount" }),
      ...handlers(maker, around, later, false, false),
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
    ...(chance.likely(0.1) ? { ToleratedFailurePercentage: 50 } : {}),
    ResultPath: slot,
    ...(chance.likely(0.7) ? { ResultSelector: { "count.$": "States.ArrayLength($)" } } : {}),
    ...pathAssign(maker, around, { y: "$", x: "$$.State.RetryCount" }),
    ...handlers(maker, around, later, false, false),
  };
}

/** Assign of a JSONPath state: a value for one variable, or two that change places. */
function pathAssign(
  { chance }: Maker,
  { own }: Around,
  source: { readonly x: string; readonly y: string },
): Definition {
  if (own.variables.length === 0 || !chance.likely(0.3)) return {};
  const others = own.variables.filter((name) => !own.numbers.includes(name));
  const [first, second] = others;
  if (first !== undefined && second !== undefined && chance.likely(0.4))
    return { Assign: { [`${first}.$`]: `$${second}`, [`${second}.$`]: `$${first}` } };
  const name = chance.pick(own.variables);
  if (!own.numbers.includes(name)) return { Assign: { [`${name}.$`]: source.y } };
  return {
    Assign: chance.pick<Definition>([
      { [`${name}.$`]: source.x },
      { [`${name}.$`]: `States.MathAdd($${name}, 1)` },
      { [name]: chance.from(0, 9) },
    ]),
  };
}

/** Variables of an inner scope have names of their own: outer names cannot be assigned there. */
function innerBlock(maker: Maker, around: Around): Block {
  const { chance } = maker;
  const { readable } = around;
  const depth = around.depth - 1;
  if (!chance.likely(0.4)) return block(maker, { depth, readable, own: NONE }, 3);
  const name = `v${maker.names}`;
  const own: Sight = { ...NONE, variables: [name], numbers: [name] };
  const all: Sight = {
    ...readable,
    variables: [...readable.variables, name],
    numbers: [...readable.numbers, name],
  };
  const inner = block(maker, { depth, readable: all, own }, 2);
  return withFirst(
    maker,
    inner,
    isJsonata(maker) ? { [name]: expression("$states.input.n") } : { [`${name}.$`]: "$.n" },
  );
}

/** Something to hand on: a few members, each from somewhere else. */
function template(maker: Maker, { readable: { variables } }: Around): Definition {
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
  const assign = pathAssign(maker, around, { y: "$", x: "$$.Execution.Input.n" });
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
  const source = { y: "$", x: "$$.Execution.Input.n" };
  // Without a Default it may match nothing, which fails the block.
  const rule = { ...chosen, Next: chance.pick(later), ...pathAssign(maker, around, source) };
  if (chance.likely(0.1)) return { Type: "Choice", Choices: [{ ...chosen, Next: later[0] }] };
  return { Type: "Choice", Choices: [rule], Default: later[0], ...pathAssign(maker, around, source) };
}

/** Up to 5: functions. Up to 9: task tokens, activities. Above: children. */
function taskRoll(chance: Chance, { children, isExpress = false }: DefinitionOptions): number {
  if (isExpress) return chance.from(0, 5);
  return chance.from(0, children.length > 0 ? 12 : 9);
}

function task(maker: Maker, around: Around, slot: string, isLast: boolean): Definition {
  const { chance, options } = maker;
  // At the end of a block nobody needs the members of `$` any more: the result may be all of the output.
  const place = isLast && chance.likely(0.5) ? {} : { ResultPath: chance.likely(0.85) ? slot : null };
  const payload = { ...template(maker, around), "retry.$": "$$.State.RetryCount" };
  const limit = (seconds: number): Definition => (chance.likely(0.4) ? { TimeoutSeconds: seconds } : {});
  const roll = taskRoll(chance, options);
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

/** As `task`, in JSONata, without Output and Assign. */
function jsonataTask({ chance, options }: Maker, { readable }: Around): Definition {
  const payload = jsonata.given(chance, readable, { retry: expression("$states.context.State.RetryCount") });
  const limit = (seconds: number): Definition =>
    chance.likely(0.4) ? { TimeoutSeconds: jsonata.seconds(chance, seconds) } : {};
  const limits = (timeout: number): Definition => ({
    // Never a failing one alone: somebody must answer.
    TimeoutSeconds: jsonata.seconds(chance, timeout),
    ...(chance.likely(0.6) ? { HeartbeatSeconds: chance.from(2, timeout - 2) } : {}),
  });
  const roll = taskRoll(chance, options);
  if (roll <= 2) {
    const resource = `arn:aws:lambda:${REGION_ACCOUNT}:function:work`;
    const given = chance.likely(0.6) ? { Arguments: payload } : {};
    return { Type: "Task", Resource: resource, ...given, ...limit(chance.from(2, 8)) };
  }
  if (roll <= 5) {
    const whole = expression(
      "{'FunctionName': 'work', 'Payload': {'n': $states.input.n, 'few': $states.input.few}}",
    );
    return {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke",
      Arguments: chance.likely(0.3) ? whole : { FunctionName: "work", Payload: payload },
      ...limit(chance.from(2, 8)),
    };
  }
  if (roll <= 7) {
    const token = expression("$states.context.Task.Token");
    return {
      Type: "Task",
      Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
      Arguments: { FunctionName: "ask", Payload: { ...payload, token } },
      ...limits(chance.from(5, 25)),
    };
  }
  if (roll <= 9) {
    return {
      Type: "Task",
      Resource: chance.pick(ACTIVITIES),
      ...(chance.likely(0.5) ? { Arguments: payload } : {}),
      ...limits(chance.from(5, 30)),
    };
  }
  const name =
    "$states.context.Execution.Name & '-' & $states.context.State.Name & '-' & $states.context.State.RetryCount";
  return {
    Type: "Task",
    Resource: `arn:aws:states:::states:startExecution${chance.pick(["", ".sync", ".sync:2", ".sync:2"])}`,
    Arguments: {
      StateMachineArn: chance.pick(options.children),
      Input: {
        n: expression("$states.input.n"),
        flag: expression("$states.input.flag"),
        few: [3],
        items: [],
        text: "child",
      },
      ...(chance.likely(0.25) ? { Name: expression(name) } : {}),
    },
    ...(chance.likely(0.3) ? { TimeoutSeconds: jsonata.seconds(chance, chance.from(3, 40)) } : {}),
  };
}

/** Retry and Catch. Only tasks name States.TaskFailed: what else it stands for is open to interpretation. */
function handlers(
  maker: Maker,
  around: Around,
  later: readonly string[],
  isTask: boolean,
  inJsonata: boolean,
): Definition {
  const { chance } = maker;
  const names = (): readonly string[] => {
    const roll = chance.from(0, inJsonata ? 5 : 4);
    if (roll === 0) return ["Busy"];
    if (roll === 1) return ["Broken", "Busy", "WorkerSaysNo"];
    if (roll === 2 && isTask) return ["States.TaskFailed"];
    if (roll === 3) return ["States.Timeout", "States.HeartbeatTimeout"];
    return roll === 5 ? ["States.QueryEvaluationError"] : ["States.ALL"];
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
    ...(inJsonata
      ? jsonata.catcher(chance, around.readable, around.own)
      : { ResultPath: "$.e", ...pathAssign(maker, around, { y: "$.Error", x: "$$.State.RetryCount" }) }),
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
