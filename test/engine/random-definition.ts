// Random state machines that always end, for tests that want variety rather than a known result.

import type { Answer } from "./player.ts";

export type Chance = () => number;

/** A definition with up to `size` states (more with nesting), from a generator of numbers in [0, 1). */
export function randomDefinition(chance: Chance, size = 8): object {
  const names = { count: 0 };
  return {
    ...block(chance, names, size, 2),
    ...(chance() < 0.2 ? { TimeoutSeconds: 1 + Math.floor(chance() * 30) } : {}),
  };
}

function block(chance: Chance, names: { count: number }, size: number, depth: number): object {
  const count = 1 + Math.floor(chance() * size);
  const own = Array.from({ length: count }, () => `S${names.count++}`);
  const states: Record<string, object> = {};
  // Each goes to the next one (a state that nothing names is refused), and further only forward: every run ends.
  own.forEach((name, i) => {
    const later = own.slice(i + 1);
    states[name] = state(chance, names, later[0], later, depth);
  });
  return { StartAt: own[0], States: states };
}

function state(
  chance: Chance,
  names: { count: number },
  next: string | undefined,
  later: readonly string[],
  depth: number,
): object {
  const transition = next === undefined ? { End: true } : { Next: next };
  const kind = Math.floor(chance() * (depth > 0 ? 10 : 7));
  switch (kind) {
    case 0:
      return {
        Type: "Pass",
        Parameters: { "was.$": "$", retry: 1 },
        ResultPath: chance() < 0.5 ? "$.p" : null,
        ...transition,
      };
    case 1:
      return { Type: "Wait", Seconds: Math.floor(chance() * 4), ...transition };
    case 2:
      if (next === undefined) return chance() < 0.5 ? { Type: "Succeed" } : { Type: "Fail", Error: "Chosen" };
      return {
        Type: "Choice",
        Choices: [{ Variable: "$.t", IsPresent: true, Next: next }],
        Default: later[Math.floor(chance() * later.length)],
      };
    case 3:
      return { Type: "Pass", Assign: { v: 1, "w.$": "$" }, ...transition };
    case 4:
    case 5:
    case 6:
      return { ...task(chance), ...faults(chance, later), ...transition };
    case 7:
      return {
        Type: "Parallel",
        Branches: Array.from({ length: 1 + Math.floor(chance() * 3) }, () =>
          block(chance, names, 3, depth - 1),
        ),
        ResultPath: "$.r",
        ...faults(chance, later),
        ...transition,
      };
    default:
      return {
        Type: "Map",
        ItemsPath: "$$.Execution.Input.items",
        MaxConcurrency: Math.floor(chance() * 3),
        ItemSelector: { "item.$": "$$.Map.Item.Value", "index.$": "$$.Map.Item.Index" },
        ItemProcessor: block(chance, names, 3, depth - 1),
        ResultPath: "$.m",
        ...faults(chance, later),
        ...transition,
      };
  }
}

function task(chance: Chance): object {
  const common = { Type: "Task", TimeoutSeconds: 2 + Math.floor(chance() * 5), ResultPath: "$.t" };
  if (chance() < 0.5) return { ...common, Resource: "arn:aws:lambda:us-east-1:123456789012:function:f" };
  return {
    ...common,
    Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
    Parameters: { FunctionName: "f", Payload: { "token.$": "$$.Task.Token", "id.$": "States.UUID()" } },
    ...(chance() < 0.5 ? { HeartbeatSeconds: 1 } : {}),
  };
}

function faults(chance: Chance, later: readonly string[]): object {
  const retry = {
    ErrorEquals: [chance() < 0.5 ? "Busy" : "States.ALL"],
    IntervalSeconds: 1,
    MaxAttempts: Math.floor(chance() * 3),
    ...(chance() < 0.5 ? { JitterStrategy: "FULL", MaxDelaySeconds: 5 } : {}),
  };
  return {
    ...(chance() < 0.6 ? { Retry: [retry] } : {}),
    ...(chance() < 0.6 && later.length > 0
      ? { Catch: [{ ErrorEquals: ["States.ALL"], Next: later[0], ResultPath: "$.e" }] }
      : {}),
  };
}

/** A random end of an attempt; undefined leaves it open until its time-out. */
export function randomAnswer(chance: Chance): Answer | undefined {
  const roll = chance();
  if (roll < 0.6) return { output: { ok: Math.floor(chance() * 100) } };
  if (roll < 0.8) return { error: "Busy", cause: "busy" };
  if (roll < 0.9) return { error: "Broken" };
  return undefined;
}
