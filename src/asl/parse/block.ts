// A block: StartAt and States. The machine itself, a branch of a Parallel, the processor of a Map.
//
// Spec: https://states-language.net/spec.html#toplevelfields, #states-fields

import { type Json, isObject, member } from "../../base/json.ts";
import type { Block, State, StateType } from "../ast.ts";
import { checkStateName } from "../rules/names.ts";
import { checkQueryLanguage, languageOf, type StateSource, target } from "./common.ts";
import { type Values, readFields } from "./fields.ts";
import { type Place, inside, locationOf } from "./place.ts";
import type { BlockGraph, Reading } from "./reading.ts";
import { readChoice } from "./states/choice.ts";
import { readMap } from "./states/map.ts";
import { readParallel } from "./states/parallel.ts";
import { readPass } from "./states/pass.ts";
import { readFail, readSucceed } from "./states/succeed-fail.ts";
import { readTask } from "./states/task.ts";
import { readWait } from "./states/wait.ts";
import { ignored, integer, object, oneOf, string } from "./values.ts";

type ReadState = (source: StateSource, reading: Reading) => State | undefined;

/** In the order in which the service lists them. */
const STATE_TYPES: { readonly [type in StateType]: ReadState } = {
  Task: readTask,
  Wait: readWait,
  Pass: readPass,
  Succeed: readSucceed,
  Fail: readFail,
  Choice: readChoice,
  Parallel: readParallel,
  Map: readMap,
};

/** Those with a $states.result. */
const WITH_RESULT: readonly StateType[] = ["Task", "Parallel", "Map"];

function isStateType(type: Json): type is StateType {
  return typeof type === "string" && Object.hasOwn(STATE_TYPES, type);
}

const BLOCK = {
  States: { required: true, read: object },
  StartAt: { required: true, read: target },
  Comment: { read: string },
} as const;

const PROCESSOR = { ...BLOCK, ProcessorConfig: { read: ignored } } as const;

const MACHINE = {
  ...BLOCK,
  QueryLanguage: { read: checkQueryLanguage },
  Version: { read: oneOf("1.0") },
  TimeoutSeconds: { read: integer(1) },
} as const;

export interface Machine {
  readonly block: Block | undefined;
  readonly comment?: string;
  readonly timeoutSeconds?: number;
}

/** The outermost block, with the fields that only it has. */
export function readMachine(value: Json, place: Place, reading: Reading): Machine {
  if (isObject(value)) reading.queryLanguage = languageOf(member(value, "QueryLanguage"), "JSONPath");
  let values: Values<typeof MACHINE> = {};
  const block = readBlockWith(value, place, reading, (source) => {
    values = readFields(source, MACHINE, place, reading, undefined);
    return values;
  });
  const { comment, timeoutSeconds } = values;
  return {
    block,
    ...(comment === undefined ? {} : { comment }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  };
}

/** A branch, or the processor of a Map (which may have a ProcessorConfig). */
export function readBlock(value: Json, place: Place, reading: Reading): Block | undefined {
  const isBranch = typeof place.key === "number";
  return readBlockWith(value, place, reading, (source) =>
    isBranch
      ? readFields(source, BLOCK, place, reading, undefined)
      : readFields(source, PROCESSOR, place, reading, undefined),
  );
}

function readBlockWith(
  value: Json,
  place: Place,
  reading: Reading,
  read: (source: { readonly [key: string]: Json }) => Values<typeof BLOCK>,
): Block | undefined {
  const source = object(value, place, reading);
  if (source === undefined) return undefined;
  const states = member(source, "States");
  const graph: BlockGraph = {
    place,
    names: new Set(isObject(states) ? Object.keys(states) : []),
    targets: [],
    hasTerminal: false,
    isComplete: isObject(states) && typeof member(source, "StartAt") === "string",
  };
  const { graph: outerGraph, stateName: outerState, stateLanguage: outerLanguage } = reading;
  const { statePointer: outerPointer, hasResult: outerHasResult } = reading;
  reading.graph = graph;
  reading.stateName = undefined;
  const values = read(source);
  const compiled = values.states === undefined ? undefined : readStates(values.states, place, reading);
  reading.graph = outerGraph;
  reading.stateName = outerState;
  reading.stateLanguage = outerLanguage;
  reading.statePointer = outerPointer;
  reading.hasResult = outerHasResult;
  reading.graphs.push(graph);
  if (values.startAt === undefined || compiled === undefined) return undefined;
  return { startAt: values.startAt, states: compiled };
}

function readStates(
  source: { readonly [name: string]: Json },
  blockPlace: Place,
  reading: Reading,
): ReadonlyMap<string, State> {
  const place = inside(blockPlace, "States");
  const states = new Map<string, State>();
  const entries = Object.entries(source);
  if (entries.length === 0) reading.fault("Value cannot be empty", place);
  for (const [name, value] of entries) {
    const at = inside(place, name);
    checkStateName(name, at, reading);
    reading.stateName = name;
    const state = readOneState(name, value, at, reading);
    if (state === undefined) continue;
    states.set(name, state);
    reading.states.set(name, state);
  }
  return states;
}

/** One state, whatever its type. What is wrong with it was reported when the answer is undefined. */
export function readOneState(name: string, value: Json, place: Place, reading: Reading): State | undefined {
  const source = object(value, place, reading);
  const type = source === undefined ? undefined : stateType(source, place, reading);
  if (source === undefined || type === undefined) {
    if (reading.graph !== undefined) reading.graph.isComplete = false;
    return undefined;
  }
  const declared = member(source, "QueryLanguage");
  const language = languageOf(declared, reading.queryLanguage);
  const isMixed = language === "JSONPath" && reading.queryLanguage === "JSONata";
  if (isMixed) {
    reading.fault(
      "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
      place,
      {
        focus: inside(place, "QueryLanguage"),
      },
    );
  }
  reading.stateLanguage = isMixed ? undefined : language;
  // A state on its own is the root of its text: fields below it begin after the one slash.
  reading.statePointer = place.parent === undefined ? "" : locationOf(place);
  reading.hasResult = WITH_RESULT.includes(type);
  return STATE_TYPES[type]({ object: source, place, name, language, isMixed }, reading);
}

function stateType(
  source: { readonly [key: string]: Json },
  place: Place,
  reading: Reading,
): StateType | undefined {
  const type = member(source, "Type");
  if (type === undefined) return reading.fault("These fields are required: [Type]", place);
  if (isStateType(type)) return type;
  const types = Object.keys(STATE_TYPES);
  return reading.fault(
    `The field 'Type' should have one of these values: [${types.join(", ")}]`,
    inside(place, "Type"),
    {
      expected: `one of [${types.join(", ")}]`,
      suggestion: typeof type === "string" ? reading.didYouMean(type, types) : undefined,
      value: type,
    },
  );
}
