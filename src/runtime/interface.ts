// What the faces (API, console) and nested executions may ask of a running engine.
//
// All times are epoch milliseconds. Errors that a caller can cause are ServiceErrors in the service's words.

import type { Json, JsonObject, Payload } from "../base/json.ts";
import type { Execution, ExecutionStatus } from "../engine/execution.ts";
import type { HistoryEvent } from "../engine/history.ts";
import type { StateTestRequest, TestedState } from "../engine/test-state/index.ts";
import type { ExecutionRow, ListQuery } from "../store/store.ts";

/** A state machine as it is now; its definition and settings are those of `revision`. */
export interface StateMachine {
  readonly arn: string;
  readonly name: string;
  readonly type: "STANDARD" | "EXPRESS";
  readonly status: "ACTIVE" | "DELETING";
  readonly createdAtMs: number;
  /** False until the first update: the service then shows no revisionId. */
  readonly updated: boolean;
  readonly revision: Revision;
  /** Present if its creation published version 1 too: a creation that is repeated must say the same. */
  readonly publication?: Publication;
  /** The highest version number that was ever given out; absent = none. No number is given out twice. */
  readonly lastVersion?: number;
}

export interface Publication {
  readonly description?: string;
}

/** A revision with a number: immutable. */
export interface Version {
  /** `<state machine ARN>:<number>` */
  readonly arn: string;
  readonly stateMachineArn: string;
  /** From 1. */
  readonly number: number;
  readonly revisionId: string;
  readonly description?: string;
  readonly createdAtMs: number;
}

/** A name for one or two versions of a state machine, by which executions are started. */
export interface Alias {
  /** `<state machine ARN>:<name>` */
  readonly arn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly description?: string;
  /** Different versions of that state machine; the weights are percentages and make 100. */
  readonly routes: readonly Route[];
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export interface Route {
  readonly stateMachineVersionArn: string;
  readonly weight: number;
}

/** What an execution is pinned to. Immutable. */
export interface Revision {
  readonly revisionId: string;
  readonly stateMachineArn: string;
  readonly createdAtMs: number;
  readonly definition: string;
  readonly roleArn: string;
  /** As the service returns them; defaults filled in. */
  readonly loggingConfiguration: JsonObject;
  readonly tracingConfiguration: JsonObject;
  readonly encryptionConfiguration: JsonObject;
}

export interface Activity {
  readonly arn: string;
  readonly name: string;
  readonly createdAtMs: number;
  readonly encryptionConfiguration: JsonObject;
}

/** Definitions, activities and tags: durable when a call resolves. Writes to one ARN are serialised. */
export interface Catalog {
  /**
   * Stores it if the ARN is free, else returns what is there (`created` tells). The definition was parsed. With
   * `publication` its version 1 is stored too. @throws ServiceError StateMachineLimitExceeded
   */
  readonly createStateMachine: (
    machine: StateMachine,
    tags: readonly Tag[],
  ) => Promise<{ readonly machine: StateMachine; readonly created: boolean }>;
  readonly getStateMachine: (arn: string) => Promise<StateMachine | undefined>;
  /** Makes `change(current)` the machine's new state. @throws ServiceError StateMachineDoesNotExist */
  readonly updateStateMachine: (
    arn: string,
    change: (current: StateMachine) => StateMachine,
  ) => Promise<StateMachine>;
  /** Deletes at once; open executions keep their revision and are aborted. Unknown ARNs are ignored. */
  readonly deleteStateMachine: (arn: string) => Promise<void>;
  /** Ascending by ARN, above `afterArn`. */
  readonly listStateMachines: (afterArn: string, limit: number) => Promise<readonly StateMachine[]>;
  /** That of a Map Run's children, `<revision>#<Map state>`, is that of the machine but for its id. */
  readonly getRevision: (revisionId: string) => Promise<Revision | undefined>;
  /** As createStateMachine. @throws ServiceError ActivityLimitExceeded */
  readonly createActivity: (
    activity: Activity,
    tags: readonly Tag[],
  ) => Promise<{ readonly activity: Activity; readonly created: boolean }>;
  readonly getActivity: (arn: string) => Promise<Activity | undefined>;
  readonly deleteActivity: (arn: string) => Promise<void>;
  readonly listActivities: (afterArn: string, limit: number) => Promise<readonly Activity[]>;
  /** Undefined: there is no such resource. */
  readonly getTags: (resourceArn: string) => Promise<readonly Tag[] | undefined>;
  readonly setTags: (resourceArn: string, tags: readonly Tag[]) => Promise<void>;
  readonly versions: Versions;
}

/** Versions and aliases of state machines: durable when a call resolves, gone with their state machine. */
export interface Versions {
  /** Empty for a state machine that there is not. */
  readonly of: (stateMachineArn: string) => Promise<Qualifiers>;
  /**
   * Makes `change(current)` the machine's new state, as Catalog.updateStateMachine does, and publishes that revision
   * in the same write. A revision that is published already keeps its version.
   *
   * @throws ServiceError StateMachineDoesNotExist, ServiceQuotaExceededException
   */
  readonly publish: (
    stateMachineArn: string,
    change: (current: StateMachine) => StateMachine,
    publication: Publication,
  ) => Promise<{ readonly machine: StateMachine; readonly version: Version }>;
  /** Unknown ones are ignored. Executions that it runs in go on. @throws ServiceError ConflictException: aliases refer to it */
  readonly deleteVersion: (stateMachineArn: string, number: number) => Promise<void>;
  /**
   * Stores it if the name is free, else returns what is there (`created` tells).
   *
   * @throws ServiceError ResourceNotFound (a version that it refers to), ServiceQuotaExceededException
   */
  readonly createAlias: (alias: Alias) => Promise<{ readonly alias: Alias; readonly created: boolean }>;
  /** @throws ServiceError ResourceNotFound (the alias, or a version that it would refer to) */
  readonly updateAlias: (
    stateMachineArn: string,
    name: string,
    change: (current: Alias) => Alias,
  ) => Promise<Alias>;
  /** Unknown ones are ignored. */
  readonly deleteAlias: (stateMachineArn: string, name: string) => Promise<void>;
  /**
   * What a start through a version's number or an alias's name runs: the machine with that version's revision. An
   * alias of two versions draws one of them, anew with each call. Undefined: there is no such version or alias.
   */
  readonly resolve: (stateMachineArn: string, qualifier: string) => Promise<Resolved | undefined>;
}

export interface Qualifiers {
  /** Newest first. */
  readonly versions: readonly Version[];
  /** Oldest first, by name where two are equally old. */
  readonly aliases: readonly Alias[];
}

export interface Resolved {
  readonly machine: StateMachine;
  readonly version: Version;
  /** Present if it was asked for by an alias's name. */
  readonly alias?: Alias;
}

export interface Tag {
  readonly key: string;
  readonly value: string;
}

export interface StartRequest {
  readonly machine: StateMachine;
  /** Absent: a UUID is made. */
  readonly name?: string;
  readonly input: Payload;
  readonly stateMachineVersionArn?: string;
  readonly stateMachineAliasArn?: string;
  readonly traceHeader?: string;
  /** Of the mock file: its tasks get the answers of that test case. */
  readonly testCase?: string;
  /** It is a child of this Map Run: `machine` is the ItemProcessor, under its labelled ARN. */
  readonly mapRunArn?: string;
}

export type MapRunStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "ABORTED";

/** Of its items, or of its children. `total` is the sum of all but resultsWritten and failuresNotRedrivable. */
export interface MapRunCounts {
  readonly pending: number;
  readonly running: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly timedOut: number;
  readonly aborted: number;
  readonly total: number;
  readonly resultsWritten: number;
  /** Of those that failed, timed out or were aborted. */
  readonly failuresNotRedrivable: number;
  readonly pendingRedrive: number;
}

export interface MapRunSummary {
  readonly mapRunArn: string;
  /** The execution whose Map state it is. */
  readonly executionArn: string;
  /** `<state machine>/<label>` */
  readonly stateMachineArn: string;
  readonly startedAtMs: number;
  readonly stoppedAtMs?: number;
}

export interface MapRun extends MapRunSummary {
  readonly status: MapRunStatus;
  /** 0 = no limit of its own. */
  readonly maxConcurrency: number;
  readonly toleratedFailureCount: number;
  readonly toleratedFailurePercentage: number;
  readonly items: MapRunCounts;
  readonly executions: MapRunCounts;
  readonly redriveCount: number;
  /** Of the last. */
  readonly redrivenAtMs?: number;
}

/** What UpdateMapRun may change; absent members stay. */
export interface MapRunChange {
  readonly maxConcurrency?: number;
  readonly toleratedFailureCount?: number;
  readonly toleratedFailurePercentage?: number;
}

export interface MapRunChild {
  readonly executionArn: string;
  readonly name: string;
  readonly status: ExecutionStatus | "PENDING_REDRIVE";
  readonly startedAtMs: number;
  readonly stoppedAtMs?: number;
  readonly itemCount: number;
  readonly redriveCount: number;
  readonly redrivenAtMs?: number;
}

/** An Express child that has ended. */
export interface ExpressChild {
  readonly executionArn: string;
  readonly mapRunArn: string;
  /** `<state machine>/<label>` */
  readonly stateMachineArn: string;
  readonly name: string;
  readonly status: Exclude<ExecutionStatus, "RUNNING">;
  readonly startedAtMs: number;
  readonly stoppedAtMs: number;
  /** JSON texts. The input is kept where the results tell it, and of one that did not succeed. */
  readonly input?: string;
  readonly output?: string;
  readonly error?: string;
  readonly cause?: string;
}

export interface MapRunChildrenQuery {
  readonly mapRunArn: string;
  readonly status?: MapRunChild["status"];
  readonly isRedriven?: boolean;
  /** `next` of the page before. */
  readonly after?: string;
  readonly limit: number;
}

/** The Map Runs of distributed Map states. What is shown of one that runs is as of now, what ended is durable. */
export interface MapRuns {
  /** Undefined: there is none. */
  readonly describe: (mapRunArn: string) => Promise<MapRun | undefined>;
  /** Of an execution, newest first; `skip` of them left out. */
  readonly list: (executionArn: string, skip: number, limit: number) => Promise<readonly MapRunSummary[]>;
  /** Durable when it resolves. False: it has ended, and nothing is changed. @throws ServiceError ResourceNotFound */
  readonly update: (mapRunArn: string, change: MapRunChange) => Promise<boolean>;
  /** Undefined: there is none of this ARN, or it has not ended (ExpressExecutions.describe). */
  readonly expressChild: (executionArn: string) => Promise<ExpressChild | undefined>;
  /** Newest first. Empty for a Map Run that there is not. */
  readonly children: (
    query: MapRunChildrenQuery,
  ) => Promise<{ readonly children: readonly MapRunChild[]; readonly next?: string }>;
}

export interface HistoryQuery {
  readonly reverse: boolean;
  readonly limit: number;
  /** Ordinal in the asked-for order to go on from; 0 = the beginning. */
  readonly offset: number;
}

export interface Executions {
  /**
   * Resolves when the start is durable. Same name and same input while RUNNING: the original answer.
   * @throws ServiceError ExecutionAlreadyExists, ExecutionLimitExceeded, ThrottlingException
   */
  readonly start: (
    request: StartRequest,
  ) => Promise<{ readonly executionArn: string; readonly startedAtMs: number }>;
  /** A closed execution keeps its end: its stop time is returned. @throws ServiceError ExecutionDoesNotExist */
  readonly stop: (
    executionArn: string,
    error: string | undefined,
    cause: string | undefined,
  ) => Promise<{ readonly stoppedAtMs: number }>;
  /**
   * An execution that ended without success goes on where it had ended. Resolves when that is durable. Repeated with
   * the same token for a while: the original answer. Whether its state machine is still there, the caller asks.
   *
   * @throws ServiceError ExecutionDoesNotExist, ExecutionNotRedrivable, ExecutionLimitExceeded, ThrottlingException
   */
  readonly redrive: (
    executionArn: string,
    clientToken: string | undefined,
  ) => Promise<{ readonly redrivenAtMs: number }>;
  /** Undefined if there is none. What it shows is durable. */
  readonly describe: (
    executionArn: string,
  ) => Promise<{ readonly row: ExecutionRow; readonly execution: Execution } | undefined>;
  /** Undefined if there is none. What it shows is durable. `total` counts all events of the history. */
  readonly history: (
    executionArn: string,
    query: HistoryQuery,
  ) => Promise<{ readonly events: readonly HistoryEvent[]; readonly total: number } | undefined>;
  /** Newest first. */
  readonly list: (query: ListQuery) => Promise<readonly ExecutionRow[]>;
  /** Resolves once it has ended; it may be redriven later. @throws ServiceError ExecutionDoesNotExist */
  readonly waitForEnd: (executionArn: string, signal: AbortSignal) => Promise<void>;
}

/** Express executions. What ended is kept for reading while there is room; the service keeps nothing at all. */
export interface ExpressExecutions {
  /** Asynchronous: resolves when the accepted start is durable; it may run more than once. @throws as Executions.start */
  readonly start: (
    request: StartRequest,
  ) => Promise<{ readonly executionArn: string; readonly startedAtMs: number }>;
  /** Synchronous: resolves at its end; it runs once at most. @throws as Executions.start; InternalFailure */
  readonly run: (request: StartRequest) => Promise<KeptExpress>;
  /** Undefined: there is none, or it is not kept any more. */
  readonly describe: (executionArn: string) => KeptExpress | undefined;
  readonly history: (executionArn: string) => readonly HistoryEvent[] | undefined;
  /** Newest first. */
  readonly list: (stateMachineArn: string) => readonly ExpressSummary[];
}

export interface KeptExpress {
  readonly execution: Execution;
  /** Rough: of its definition, payloads and events. */
  readonly usedBytes: number;
}

export interface ExpressSummary {
  readonly executionArn: string;
  readonly stateMachineArn: string;
  readonly name: string;
  readonly status: string;
  readonly startedAtMs: number;
  readonly stoppedAtMs?: number;
  readonly usedBytes: number;
}

export interface Tasks {
  /** @throws ServiceError InvalidToken, TaskTimedOut */
  readonly succeed: (taskToken: string, output: Payload) => Promise<void>;
  readonly fail: (taskToken: string, error: string | undefined, cause: string | undefined) => Promise<void>;
  readonly heartbeat: (taskToken: string) => Promise<void>;
  /**
   * The next task of the activity, waiting for one until `signal` aborts (then undefined). The hand-over is
   * durable before it resolves; a task goes to one poller. @throws ServiceError ActivityWorkerLimitExceeded
   */
  readonly poll: (
    activityArn: string,
    workerName: string | undefined,
    signal: AbortSignal,
  ) => Promise<{ readonly taskToken: string; readonly input: string } | undefined>;
}

export interface Tests {
  /**
   * Runs one state by itself; nothing is stored. A Task without a mock is really called.
   *
   * @param signal Aborts when nobody waits for the answer: what was begun is given up.
   * @throws ServiceError ValidationException for what cannot be mocked so; ServiceUnavailable
   */
  readonly run: (request: StateTestRequest, signal: AbortSignal) => Promise<TestedState>;
}

/** A running engine. */
export interface EngineService {
  readonly catalog: Catalog;
  readonly executions: Executions;
  readonly express: ExpressExecutions;
  readonly mapRuns: MapRuns;
  readonly tasks: Tasks;
  /** TestState. */
  readonly tests: Tests;
  /** Wall clock. */
  readonly now: () => number;
  /** What operators look at: open executions, queue lengths, commits … */
  readonly statistics: () => Promise<Readonly<Record<string, Json>>>;
}
