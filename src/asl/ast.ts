// The compiled definition: what `parse` makes of the text, and all that the engine needs of it.
//
// Everything that can be compiled is compiled once: paths, templates and rules are closures over a Scope.
// A Program is immutable and shared by all executions of one revision of a state machine.
//
// Invariants
//   A1. State names are unique in the whole machine (also across branches), so `Program.states` is flat:
//       a frame needs only the name of its state to be restored.
//   A2. An expression reads its Scope and nothing else; it fails by throwing a StatesError (errors.ts).
//   A3. Text that the service echoes or names in its errors (paths, resources) is kept as written.
//
// Spec: https://states-language.net/spec.html, and the developer guide of AWS Step Functions.

import type { Json, JsonObject, Payload } from "../base/json.ts";
import type { Random } from "../base/random.ts";
import type { ExecutionType, ItemBatcher, ItemReader, ResultWriter } from "./distributed-ast.ts";
import type { JsonataLimits, Meter } from "./jsonata/index.ts";

export type QueryLanguage = "JSONPath" | "JSONata";

/** All that an expression may read. */
export interface Scope {
  /** What `$` stands for in JSONPath. */
  readonly input: Json;
  /** The context object, `$$`. Made when first asked for. */
  readonly context: () => Json;
  /** The value of the variable `$name`, from the nearest scope that has it; undefined if none has. */
  readonly variable: (name: string) => Json | undefined;
  /** For States.UUID and $uuid, States.MathRandom and $random without a seed. */
  readonly random: Random;
  /** What $now and $millis of JSONata tell: the input's time. */
  readonly nowMs: number;
  readonly jsonataLimits: JsonataLimits;
  /** Counts what evaluations use. */
  readonly meter: Meter;
  /** JSONata's $states, with those of the given members that exist here. */
  readonly states: (members: readonly StatesMember[]) => JsonObject;
}

export type StatesMember = "input" | "result" | "errorOutput" | "context";

/** A path that only reads: InputPath, OutputPath, ItemsPath, …Path fields, Variable of a Choice rule. */
export interface Path {
  readonly text: string;
  /** The steps of a plain path into `$`: names and indices only. */
  readonly plain?: readonly (string | number)[];
  /** False if it may select several values; then it reads as an array (the dialect of AWS). */
  readonly definite: boolean;
  /** @throws StatesError States.Runtime `Invalid path '$.a' : No results for path: $['a']` */
  readonly read: (scope: Scope) => Json;
  /** Like `read`, but undefined where it would throw because nothing is there. */
  readonly find: (scope: Scope) => Json | undefined;
}

/** A Reference Path: names one place of a document. */
export interface ReferencePath {
  readonly text: string;
  /** True for `$`. */
  readonly isRoot: boolean;
  /** `input` with `result` put in the place. @throws StatesError States.ReferencePathConflict */
  readonly put: (input: Json, result: Json) => Json;
}

/** A payload template (Parameters, Arguments, Output, Assign …), or any other compiled expression. */
export interface Template {
  /** @throws StatesError States.Runtime, States.IntrinsicFailure, States.QueryEvaluationError */
  readonly evaluate: (scope: Scope) => Json;
}

/** A JSONata expression, `{% … %}`, that is the whole of a value. All may throw States.QueryEvaluationError. */
export interface Expression extends Template {
  /** Without the brackets. */
  readonly text: string;
  /** As causes name it: `Output/total`. */
  readonly field: string;
  /** Like `evaluate`, for fields that take one type only. */
  readonly array: (scope: Scope) => readonly Json[];
  readonly boolean: (scope: Scope) => boolean;
  readonly string: (scope: Scope) => string;
  /** @param expected What `isRight` asks for, in words: `a positive integer`. */
  readonly number: (scope: Scope, isRight: (value: number) => boolean, expected: string) => number;
}

export interface Block {
  readonly startAt: string;
  readonly states: ReadonlyMap<string, State>;
}

export interface Program {
  readonly comment?: string;
  readonly queryLanguage: QueryLanguage;
  /** For the whole execution. */
  readonly timeoutSeconds?: number;
  readonly root: Block;
  /** All states, of every block (A1). */
  readonly states: ReadonlyMap<string, State>;
}

export type State =
  | PassState
  | TaskState
  | ChoiceState
  | WaitState
  | SucceedState
  | FailState
  | ParallelState
  | MapState;
export type StateType = State["type"];

interface StateBase {
  readonly name: string;
  readonly queryLanguage: QueryLanguage;
  readonly comment?: string;
  /** JSON pointer of the state in the definition. */
  readonly pointer: string;
}
/** Of the paths undefined is the default `$`, null the empty object; JSONata has `output` in their place. */
interface InputOutput {
  readonly inputPath?: Path | null;
  readonly outputPath?: Path | null;
  readonly output?: Template;
}
/** `next` undefined: the state ends its block (`End: true`). */
interface Transition {
  readonly next?: string;
  readonly assign?: Template;
}
/** `resultPath` undefined: the default `$`; null: the result is discarded. */
interface Result {
  readonly resultPath?: ReferencePath | null;
}
interface Fallible {
  readonly retry: readonly Retrier[];
  readonly catch: readonly Catcher[];
}

export interface PassState extends StateBase, InputOutput, Transition, Result {
  readonly type: "Pass";
  readonly result?: Payload;
  readonly parameters?: Template;
}
export interface TaskState extends StateBase, InputOutput, Transition, Result, Fallible {
  readonly type: "Task";
  readonly resource: Resource;
  /** Parameters, or JSONata's Arguments. */
  readonly parameters?: Template;
  readonly resultSelector?: Template;
  readonly timeoutSeconds?: number | Expression;
  readonly timeoutSecondsPath?: Path;
  readonly heartbeatSeconds?: number | Expression;
  readonly heartbeatSecondsPath?: Path;
  /** Evaluates to an object with RoleArn. */
  readonly credentials?: Template;
}
export interface ChoiceState extends StateBase, InputOutput {
  readonly type: "Choice";
  readonly choices: readonly ChoiceRule[];
  readonly default?: string;
  /** This and `output` apply when Default is taken. */
  readonly assign?: Template;
}
export interface ChoiceRule {
  /** @throws StatesError States.Runtime when a variable or an operand is not there, States.QueryEvaluationError */
  readonly test: (scope: Scope) => boolean;
  readonly next: string;
  readonly assign?: Template;
  readonly output?: Template;
}
export interface WaitState extends StateBase, InputOutput, Transition {
  readonly type: "Wait";
  /** Exactly one of these four. A constant Timestamp is epoch milliseconds. */
  readonly seconds?: number | Expression;
  readonly timestamp?: number | Expression;
  readonly secondsPath?: Path;
  readonly timestampPath?: Path;
}
export interface SucceedState extends StateBase, InputOutput {
  readonly type: "Succeed";
}
export interface FailState extends StateBase {
  readonly type: "Fail";
  readonly error?: string | Expression;
  readonly cause?: string | Expression;
  /** A reference path or an intrinsic function; must give a string. `field` names it in errors. */
  readonly errorPath?: Template;
  readonly causePath?: Template;
}
export interface ParallelState extends StateBase, InputOutput, Transition, Result, Fallible {
  readonly type: "Parallel";
  readonly branches: readonly Block[];
  /** Parameters, or JSONata's Arguments. */
  readonly parameters?: Template;
  readonly resultSelector?: Template;
}
export interface MapState extends StateBase, InputOutput, Transition, Result, Fallible {
  readonly type: "Map";
  readonly processor: Block;
  readonly mode: "INLINE" | "DISTRIBUTED";
  readonly itemsPath?: Path;
  /** JSONata: an expression, or a literal. */
  readonly items?: Template | Expression;
  /** ItemSelector, or the older Parameters. */
  readonly itemSelector?: Template;
  /** 0 = no limit. */
  readonly maxConcurrency: number | Expression;
  readonly maxConcurrencyPath?: Path;
  readonly toleratedFailureCount?: number | Expression;
  readonly toleratedFailureCountPath?: Path;
  /** 0 to 100. */
  readonly toleratedFailurePercentage?: number | Expression;
  readonly toleratedFailurePercentagePath?: Path;
  /** Of DISTRIBUTED mode, as are the next four. */
  readonly executionType?: ExecutionType;
  readonly itemReader?: ItemReader;
  readonly itemBatcher?: ItemBatcher;
  readonly resultWriter?: ResultWriter;
  readonly label?: string;
  readonly resultSelector?: Template;
}

export interface Retrier {
  readonly errorEquals: readonly string[];
  readonly intervalSeconds: number;
  /** Counts retries, not tries. 0 = never. */
  readonly maxAttempts: number;
  readonly backoffRate: number;
  readonly maxDelaySeconds?: number;
  readonly jitterStrategy: "NONE" | "FULL";
}
export interface Catcher {
  readonly errorEquals: readonly string[];
  readonly next: string;
  readonly resultPath?: ReferencePath | null;
  readonly output?: Template;
  readonly assign?: Template;
}

/** What a Task's Resource names. */
export type Resource =
  /** `arn:aws:lambda:<region>:<account>:function:<name>[:<qualifier>]` */
  | { readonly kind: "lambda"; readonly arn: string }
  /** `arn:aws:states:<region>:<account>:activity:<name>` */
  | { readonly kind: "activity"; readonly arn: string }
  /** `arn:aws:states:::<service>:<action>[.sync|.sync:2|.waitForTaskToken]` */
  | {
      readonly kind: "service";
      readonly arn: string;
      /** `lambda`, `states`, `sqs`, … or `aws-sdk:<service>`: the `resourceType` of events. */
      readonly service: string;
      /** With its suffix, as the `resource` of events shows it: `invoke.waitForTaskToken`. */
      readonly action: string;
      /** Without its suffix. */
      readonly api: string;
      readonly pattern: "requestResponse" | "sync" | "sync:2" | "waitForTaskToken";
    };
