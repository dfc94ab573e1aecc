// Faults to be seeded: each is a small change of the source that breaks a promise. Something must notice each.

export interface Fault {
  /** What is broken, in words. */
  readonly name: string;
  readonly file: string;
  /** Must occur exactly once in the file. */
  readonly find: string;
  readonly replace: string;
}

const APPLY = "src/engine/apply.ts";
const DECIDE = "src/engine/decide.ts";
const SHARD = "src/runtime/shard.ts";
const WRITES = "src/store/sqlite/writes.ts";

export const FAULTS: readonly Fault[] = [
  // engine
  {
    name: "a retry is not counted",
    file: APPLY,
    find: "frame.retries[event.retrier] = (frame.retries[event.retrier] as number) + 1;",
    replace: "",
  },
  {
    name: "a retry resets the counts of the other Retriers",
    file: APPLY,
    find: "while (frame.retries.length <= event.retrier) frame.retries.push(0);",
    replace:
      "frame.retries = Array.from({ length: event.retrier + 1 }, (_, i) => (i === event.retrier ? (frame.retries[i] ?? 0) : 0));",
  },
  {
    name: "MaxAttempts grants one retry too many",
    file: "src/engine/retry.ts",
    find: "(granted[index] ?? 0) < (retriers[index] as Retrier).maxAttempts",
    replace: "(granted[index] ?? 0) <= (retriers[index] as Retrier).maxAttempts",
  },
  {
    name: "States.ALL takes States.Runtime",
    file: "src/engine/retry.ts",
    find: "if (failure.error === TERMINAL) return false;",
    replace: "",
  },
  {
    name: "a task that has succeeded stays open: its token works twice",
    file: APPLY,
    find: `      dropWork(execution, frame);
      frame.result = event.output;`,
    replace: "      frame.result = event.output;",
  },
  {
    name: "a heartbeat does not move the deadline",
    file: APPLY,
    find: "taskRest(execution, event.frame, event.task).heartbeatAtMs = event.dueAtMs;",
    replace: "",
  },
  {
    name: "TimeoutSeconds counts in hundredths",
    file: APPLY,
    find: "atMs + event.timeoutSeconds * 1000",
    replace: "atMs + event.timeoutSeconds * 10",
  },
  {
    name: "a timer fires a second early",
    file: DECIDE,
    find: ".filter(({ atMs }) => atMs <= nowMs)",
    replace: ".filter(({ atMs }) => atMs <= nowMs + 1000)",
  },
  {
    name: "time goes back with the wall clock",
    file: DECIDE,
    find: "return Math.max(nowMs, wallMs);",
    replace: "return wallMs;",
  },
  {
    name: "an execution that has ended takes inputs",
    file: DECIDE,
    find: `if (execution.status !== "RUNNING") return { execution, turn: undefined, commands: [], accepted: false };`,
    replace: "",
  },
  {
    name: "the deadline of the execution wakes nobody",
    file: "src/engine/rest.ts",
    find: "let earliest = execution.timeoutAtMs ?? Number.POSITIVE_INFINITY;",
    replace: "let earliest = Number.POSITIVE_INFINITY;",
  },
  {
    name: "open tasks need no attention after a restart",
    file: "src/engine/rest.ts",
    find: "return execution.tasks.size > 0;",
    replace: "return execution.tasks.size > 1_000_000;",
  },
  {
    name: "results stand in the order in which branches end",
    file: APPLY,
    find: "rest.results[child.index] = result;",
    replace: "rest.results[rest.endedCount] = result;",
  },
  {
    name: "a Map starts one iteration too many",
    file: "src/engine/states/map.ts",
    find: "rest.startedCount - rest.endedCount < most",
    replace: "rest.startedCount - rest.endedCount <= most",
  },
  {
    name: "a stored payload refers to the wrong slot",
    file: "src/engine/codec.ts",
    find: `{ o: "output", r: "result" };`,
    replace: `{ o: "output", r: "output" };`,
  },
  {
    name: "the attempt is handed over before it is told to have started",
    file: "src/engine/states/task.ts",
    find: `  turn.admit -= 1;
  turn.commands.push(command);`,
    replace: `  turn.commands.push(command, command);
  turn.admit -= 1;`,
  },
  {
    name: "the limit of the history is not kept",
    file: "src/engine/turn.ts",
    find: "this.execution.eventCount >= this.limits.historyEvents - 1",
    replace: "this.execution.eventCount >= this.limits.historyEvents + 5",
  },
  {
    name: "siblings of a failed branch go on",
    file: "src/engine/failure.ts",
    find: `  if (rest.kind === "task") turn.commands.push({ kind: "CancelTask", task: rest.task });`,
    replace: "",
  },
  // store
  {
    name: "a commit is answered before it is synced",
    file: "src/store/sqlite/open.ts",
    find: `durability === "full" ? "FULL" : "OFF"`,
    replace: `durability === "full" ? "OFF" : "OFF"`,
  },
  {
    name: "an epoch is not checked",
    file: WRITES,
    find: "if (epoch !== numbers[n + 2]) return shard;",
    replace: "",
  },
  {
    name: "a taken name is stored again",
    file: WRITES,
    find: "if (this.#arns.find(arn) !== undefined) return false;",
    replace: "",
  },
  {
    name: "an entity that must be absent is overwritten",
    file: WRITES,
    find: "if (writes.some((write) => write.ifAbsent === true && exists(write))) return false;",
    replace: "",
  },
  {
    name: "executions that are due at the very moment are left out",
    file: "src/store/sqlite/reads.ts",
    find: "wake_at <= ? AND wake_at IS NOT NULL",
    replace: "wake_at < ? AND wake_at IS NOT NULL",
  },
  {
    name: "the state of a later turn is not stored with it",
    file: WRITES,
    find: "if (this.#advanceHead.run(lsn, id, prevLsn, shard, status, stoppedAt, wakeAt, attention).changes === 1)",
    replace:
      "if (this.#advanceHead.run(lsn, id, prevLsn, shard, status, stoppedAt, wakeAt, 0).changes === 1)",
  },
  // runtime
  {
    name: "commands leave before their turn is durable",
    file: SHARD,
    find: "    slot.last = pending;\n    return pending;",
    replace:
      "    slot.last = pending;\n    for (const command of commands) this.#options.hooks.carryOut(slot, command);\n    return pending;",
  },
  {
    name: "callers are answered before their turn is durable",
    file: SHARD,
    find: "    slot.last = pending;\n    return pending;",
    replace: "    slot.last = pending;\n    pending.waiter?.resolve(answer);\n    return pending;",
  },
  {
    name: "who changed nothing is answered before what it saw is durable",
    file: SHARD,
    find: "if (slot.last === undefined) waiter.resolve(answer);",
    replace: "if (slot.last !== null) waiter.resolve(answer);",
  },
  {
    name: "an execution is dropped from memory while a turn is not durable",
    file: SHARD,
    find: `if (slot.state !== "ready" || slot.undurable > 0 || slot.pins > 0) return;`,
    replace: `if (slot.state !== "ready" || slot.pins > 0) return;`,
  },
  {
    name: "started attempts are handed out again after a restart",
    file: "src/runtime/settings.ts",
    find: "redeliverUnknown: false,",
    replace: "redeliverUnknown: true,",
  },
  {
    name: "scheduled tasks are forgotten at a restart",
    file: "src/runtime/recovery.ts",
    find: "else dispatcher.enqueue(slot, task);",
    replace: "",
  },
  {
    name: "the seal of a token is not checked",
    file: "src/runtime/tokens.ts",
    find: `      // The tag does not fit: the one thing that \`final\` says by throwing.
      throw invalidToken();`,
    replace: "",
  },
  {
    name: "a failed commit is passed over",
    file: "src/runtime/committer.ts",
    find: "(error: unknown) => this.abandon(error instanceof Error ? error : new Error(String(error))),",
    replace: "() => { batch.result = { arnTaken: [] }; this.#settle(); },",
  },
  {
    name: "batches are settled as they are answered, not in order",
    file: "src/runtime/committer.ts",
    find: "for (let batch = this.#underWay[0]; batch?.result !== undefined; batch = this.#underWay[0]) {\n      this.#underWay.shift();",
    replace:
      "for (let batch = this.#underWay.find(({ result }) => result !== undefined); batch?.result !== undefined; batch = this.#underWay.find(({ result }) => result !== undefined)) {\n      this.#underWay.splice(this.#underWay.indexOf(batch), 1);",
  },
  {
    name: "an activity's task goes to a poller that has left",
    file: "src/runtime/activities.ts",
    find: "        this.offer(arn, next);\n        return undefined;",
    replace: "        return undefined;",
  },
  {
    name: "what is due beyond the window is never read",
    file: "src/runtime/timers.ts",
    find: ": nowMs >= this.#untilMs - LEAD_MS;",
    replace: ": nowMs < 0;",
  },
  {
    name: "a version's number is given out again after its deletion",
    file: "src/runtime/versions.ts",
    find: "(machine.lastVersion ?? 0) + 1",
    replace:
      "Math.max(0, ...(this.#known.get(machine.arn)?.versions ?? []).map((there) => there.number)) + 1",
  },
  {
    name: "an alias's new routing is answered before it is durable",
    file: "src/runtime/versions.ts",
    find: "await this.#options.records.write([aliasWrite(next)]);",
    replace: "this.#options.records.write([aliasWrite(next)]).catch(() => undefined);",
  },
  {
    name: "a deletion leaves what is started while it is under way",
    file: "src/runtime/catalog.ts",
    find: "this.#machines.get(arn) ?? this.#records.exclusively(arn, () => this.#loadMachine(arn));",
    replace: "this.#machines.get(arn) ?? this.#loadMachine(arn);",
  },
  {
    name: "an Express start is accepted before it is durable",
    file: "src/runtime/express.ts",
    find: "await starts.accept({",
    replace: "void starts.accept({",
  },
  {
    name: "an Express start that is given up is forgotten",
    file: "src/runtime/express.ts",
    find: 'error instanceof ServiceError && error.code === "InternalFailure" ? forget() : undefined',
    replace: "error instanceof ServiceError ? forget() : undefined",
  },
];
