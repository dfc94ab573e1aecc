// Races about one execution: its end, its token, its name, its definition, its redrives.

import type { Arena, Call } from "./arena.ts";
import {
  ACTIVITY,
  check,
  checkRefusals,
  codeOf,
  createMachine,
  isLost,
  isOk,
  look,
  MACHINE,
  marked,
  ONE_TASK,
  payload,
  perhapsCrash,
  poll,
  type Race,
  revised,
  soon,
  start,
  valueOf,
} from "./race.ts";

const SENDERS = 8;
const TASK_OVER = "TaskTimedOut";

const stopAgainstCompletion: Race = {
  name: "a stop against the completion of the last task",
  invariants: "I5 I6 I12 I22 I24 I25",
  ways: ["stopped", "succeeded", "failed", "still running"],
  async play(arena) {
    const arn = await start(arena, await createMachine(arena, ONE_TASK), "x");
    const token = await poll(arena);
    const isFailing = arena.chance.likely(0.3);
    const completion = arena.call(soon(arena), (runtime) =>
      isFailing ? runtime.tasks.fail(token, "No", "why") : runtime.tasks.succeed(token, payload("done")),
    );
    const stop = arena.call(soon(arena), (runtime) => runtime.executions.stop(arn, "Enough", "stopped"));
    const isCrashing = perhapsCrash(arena);
    await arena.settle();
    const { execution, row } = await look(arena, arn);
    const { status, error, cause, output } = execution;
    const completed = isFailing ? "FAILED" : "SUCCEEDED";
    checkRefusals("I12", [completion], [TASK_OVER]);
    if (isOk(completion))
      check("I12", status === completed, () => `${status}, though the task's end was taken`);
    if (codeOf(completion) === TASK_OVER)
      check("I12", status === "ABORTED", () => `${status}, though refused`);
    check("I24", codeOf(stop) === undefined, () => `the stop was refused: ${codeOf(stop)}`);
    if (isOk(stop)) {
      check("I24", status === "ABORTED" || (status === completed && !isFailed(completion)), () => status);
      check("I25", valueOf(stop).stoppedAtMs === row.stoppedAtMs, () => "the stop named another time");
    }
    if (!isCrashing) check("I31", status !== "RUNNING", () => "neither was taken");
    if (status === "ABORTED")
      check("I24", error === "Enough" && cause === "stopped", () => `${error} ${cause}`);
    if (status === "SUCCEEDED") check("I13", output?.text === '"done"', () => String(output?.text));
    return status === "ABORTED" ? "stopped" : status === "RUNNING" ? "still running" : status.toLowerCase();
  },
};

const isFailed = <T>(call: Call<T>): boolean => codeOf(call) !== undefined;

const eightSenders: Race = {
  name: "eight senders with one token",
  invariants: "I5 I12 I13 I15 I22",
  ways: ["a success was first", "a failure was first", "nobody"],
  async play(arena) {
    const arn = await start(arena, await createMachine(arena, ONE_TASK), "x");
    const token = await poll(arena);
    const senders = Array.from({ length: SENDERS }, (_, i) => {
      const isFailing = arena.chance.likely(0.4);
      const call = arena.call(soon(arena), (runtime) =>
        isFailing ? runtime.tasks.fail(token, `E${i}`, undefined) : runtime.tasks.succeed(token, payload(i)),
      );
      return { call, isFailing, mark: isFailing ? `E${i}` : String(i) };
    });
    const beat = arena.call(soon(arena), (runtime) => runtime.tasks.heartbeat(token));
    const isCrashing = perhapsCrash(arena);
    await arena.settle();
    const { execution } = await look(arena, arn);
    const calls = senders.map(({ call }) => call);
    checkRefusals("I15", [...calls, beat], [TASK_OVER]);
    const taken = senders.filter(({ call }) => isOk(call));
    check("I15", taken.length <= 1, () => `${taken.length} senders were taken`);
    if (!isCrashing) check("I15", taken.length === 1, () => "no sender was taken");
    const mark = execution.status === "FAILED" ? execution.error : execution.output?.text;
    const [first] = taken;
    if (first !== undefined)
      check("I13", mark === first.mark, () => `${mark} is recorded, ${first.mark} was taken`);
    else if (mark !== undefined) {
      const unknown = senders.some(({ call, mark: sent }) => isLost(call) && sent === mark);
      check("I15", unknown, () => `${mark} is recorded, of a sender that was refused`);
    }
    const late = await arena.answered(
      arena.call(0, (runtime) => runtime.tasks.succeed(token, payload("late"))),
    );
    if (execution.status !== "RUNNING")
      check("I15", codeOf(late) === TASK_OVER, () => "a token was used again");
    if (execution.status === "RUNNING") return "nobody";
    return execution.status === "FAILED" ? "a failure was first" : "a success was first";
  },
};

const sameName: Race = {
  name: "six starts under one name, with two inputs",
  invariants: "I21 I22 I23 I25",
  ways: ["the one input", "the other input", "no execution"],
  async play(arena) {
    const machine = await createMachine(arena, ONE_TASK);
    const starts = Array.from({ length: 6 }, () => {
      const input = arena.chance.pick(["one", "other"]);
      const call = arena.call(soon(arena), (runtime) =>
        runtime.executions.start({ machine, name: "x", input: payload(input) }),
      );
      return { input, call };
    });
    const isCrashing = perhapsCrash(arena);
    await arena.settle();
    const rows = await arena.ask((runtime) =>
      runtime.executions.list({ stateMachineArn: MACHINE, limit: 10 }),
    );
    check("I21", rows.length <= 1, () => `${rows.length} executions have one name`);
    checkRefusals(
      "I21",
      starts.map(({ call }) => call),
      ["ExecutionAlreadyExists"],
    );
    const [row] = rows;
    const taken = starts.filter(({ call }) => isOk(call));
    if (row === undefined) {
      check("I22", isCrashing && taken.length === 0, () => "an answered start is gone");
      return "no execution";
    }
    const { execution } = await look(arena, row.arn);
    const input = JSON.parse(execution.started.input.text) as string;
    for (const { call, input: sent } of starts) {
      if (isOk(call)) {
        const { executionArn, startedAtMs } = valueOf(call);
        check("I21", sent === input, () => `${sent} was answered, ${input} runs`);
        check("I21", executionArn === row.arn && startedAtMs === row.startedAtMs, () => "another start");
      } else if (!isLost(call)) check("I21", sent !== input, () => "the same start was refused");
    }
    return input === "one" ? "the one input" : "the other input";
  },
};

const updateDuringRuns: Race = {
  name: "updates while executions start, wait and end",
  invariants: "I22 I26",
  ways: ["one definition", "several definitions"],
  async play(arena) {
    await createMachine(arena, marked(0));
    const updates = [1, 2, 3].map((mark) =>
      arena.call(soon(arena), (runtime) =>
        runtime.catalog.updateStateMachine(MACHINE, revised(marked(mark), `revision-${mark}`)),
      ),
    );
    const starts = Array.from({ length: 4 }, (_, i) =>
      arena.call(soon(arena), async (runtime) => {
        const machine = await runtime.catalog.getStateMachine(MACHINE);
        check("I22", machine !== undefined, () => "the machine is gone");
        if (machine === undefined) throw new Error("no machine");
        const { executionArn } = await runtime.executions.start({
          machine,
          name: `x${i}`,
          input: payload({}),
        });
        return { executionArn, revisionId: machine.revision.revisionId };
      }),
    );
    perhapsCrash(arena);
    await arena.settle();
    checkRefusals("I26", starts, []);
    checkRefusals("I26", updates, []);
    const rows = await arena.ask((runtime) =>
      runtime.executions.list({ stateMachineArn: MACHINE, limit: 10 }),
    );
    const tokens: string[] = [];
    for (let i = 0; i < rows.length; i++) tokens.push(await poll(arena));
    for (const token of tokens) await arena.ask((runtime) => runtime.tasks.succeed(token, payload({})));
    const seen = new Set<string>();
    for (const { arn, revisionId } of rows) {
      const { execution } = await look(arena, arn);
      const mark = execution.output?.text;
      check("I26", `revision-${mark}` === revisionId, () => `${revisionId} ended with ${mark}`);
      seen.add(revisionId);
    }
    for (const call of starts.filter(isOk)) {
      const { executionArn, revisionId } = valueOf(call);
      const row = rows.find(({ arn }) => arn === executionArn);
      check("I22", row !== undefined, () => `${executionArn} is gone`);
      check(
        "I26",
        row?.revisionId === revisionId,
        () => `${revisionId} was started, ${row?.revisionId} runs`,
      );
    }
    return seen.size > 1 ? "several definitions" : "one definition";
  },
};

const redrives: Race = {
  name: "redrives against redrives, a stop and the redriven task's end",
  invariants: "I1 I5 I6 I22 I24 I27",
  ways: ["once", "twice or more", "never"],
  async play(arena) {
    const arn = await start(arena, await createMachine(arena, ONE_TASK), "x");
    await arena.ask(async (runtime) => runtime.tasks.fail(await nextToken(runtime), "No", undefined));
    const before = await look(arena, arn);
    check("I27", before.execution.status === "FAILED", () => before.execution.status);
    const tokens = ["same", "same", "other", undefined];
    const calls = tokens.map((clientToken) => ({
      clientToken,
      call: arena.call(soon(arena), (runtime) => runtime.executions.redrive(arn, clientToken)),
    }));
    const stop = arena.call(soon(arena), (runtime) => runtime.executions.stop(arn, "Enough", undefined));
    const again = arena.chance.likely(0.5)
      ? arena.call(soon(arena) + 6, (runtime) => runtime.executions.redrive(arn, "late"))
      : undefined;
    perhapsCrash(arena);
    await arena.settle();
    const after = await look(arena, arn);
    const all = [...calls, ...(again === undefined ? [] : [{ clientToken: "late", call: again }])];
    checkRefusals(
      "I27",
      all.map(({ call }) => call),
      ["ExecutionNotRedrivable"],
    );
    check("I24", codeOf(stop) === undefined, () => `the stop was refused: ${codeOf(stop)}`);
    const count = after.row.redrive?.count ?? 0;
    const ok = all.filter(({ call }) => isOk(call));
    const dates = new Map<string, number>();
    for (const { clientToken, call } of ok) {
      if (clientToken === undefined) continue;
      const { redrivenAtMs } = valueOf(call);
      const known = dates.get(clientToken);
      check("I27", known === undefined || known === redrivenAtMs, () => "one client token, two redrives");
      dates.set(clientToken, redrivenAtMs);
    }
    const distinct = dates.size + ok.filter(({ clientToken }) => clientToken === undefined).length;
    const unknown = all.filter(({ call }) => isLost(call)).length;
    check(
      "I27",
      count >= distinct && count <= distinct + unknown,
      () => `${count} redrives, ${distinct} answered`,
    );
    const prefix = after.events.slice(0, before.events.length);
    check("I4", JSON.stringify(prefix) === JSON.stringify(before.events), () => "the history was rewritten");
    // The failed task and nothing else is scheduled again, once for each redrive that a stop did not overtake.
    const scheduled = after.events.filter(({ type }) => type === "ActivityScheduled").length;
    check("I27", scheduled <= 1 + count, () => `${scheduled} schedules after ${count} redrives`);
    return count === 0 ? "never" : count === 1 ? "once" : "twice or more";
  },
};

async function nextToken(runtime: Parameters<Parameters<Arena["ask"]>[0]>[0]): Promise<string> {
  const task = await runtime.tasks.poll(ACTIVITY, "w", new AbortController().signal);
  if (task === undefined) throw new Error("no task");
  return task.taskToken;
}

export const EXECUTION_RACES: readonly Race[] = [
  stopAgainstCompletion,
  eightSenders,
  sameName,
  updateDuringRuns,
  redrives,
];
