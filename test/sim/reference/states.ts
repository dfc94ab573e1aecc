// What each state does, as threads (threads.ts): the events that an execution of it must show, one after the other.
//
// Knows:          the order of fields, Retry and Catch, how a state is left. What a Task, a Parallel or a Map does in
//                 between is work.ts.
//
// Slow and plain, written from the States Language specification and the service's rules of order; it shares nothing
// with src/engine or src/asl, so that the two can only agree by being right, or by the same misreading of a text.
//
// Spec: https://states-language.net/spec.html; order of events: developer guide and recordings.

import { placeResult, ruleHolds, selectBy } from "./expressions.ts";
import { type Block, Failure, type Fields, type Frame, type Visit } from "./frames.ts";
import { type Extras, Query, unlessFaulty } from "./query.ts";
import { now, oneOf, type RecordedEvent, type Thread, type Want } from "./threads.ts";
import { textOf, Unknown, type Value } from "./values.ts";
import {
  agree,
  agreeOnVariables,
  byteLength,
  delayMs,
  fill,
  guarded,
  latest,
  matches,
  parsed,
  select,
  sightOf,
  waitsUntil,
} from "./visit.ts";
import { work } from "./work.ts";

/** Runs the states of a block; returns the output of the last. */
export function* runBlock(block: Block, input: Value, frame: Frame): Thread<Value> {
  let data = input;
  for (let name: string | undefined = block.StartAt; name !== undefined; ) {
    const fields: Fields = block.States[name] as Fields;
    const type = fields["Type"] as string;
    const entered: RecordedEvent = yield* now(frame, `${type}StateEntered`, { name }, (event) => {
      agree(event, "input", data);
    });
    frame.type = type;
    const isJsonata = (fields["QueryLanguage"] ?? frame.world.queryLanguage) === "JSONata";
    const visit: Visit = { name, type, fields, isJsonata, frame, input: data, entered, retries: 0 };
    const next: Left = yield* runState(visit);
    data = next.output;
    name = next.next;
  }
  return data;
}

interface Left {
  readonly output: Value;
  readonly next: string | undefined;
}

/** How a state is left. */
interface Exit {
  /** Of the state, of a rule, of a Catcher. */
  readonly fields: Fields;
  /** Before the names of these fields where they are reported: `Choices[0]/`. */
  readonly place?: string;
  readonly next: string | undefined;
  /** What ResultPath puts into the input, or what is handed on without an Output. */
  readonly result: Value;
  /** `$` of Assign. */
  readonly raw: Value;
  readonly extras?: Extras;
  /** When; absent: now. */
  readonly bounds?: Pick<Want, "fromMs" | "toMs">;
}

function* runState(visit: Visit): Thread<Left> {
  const { fields, type, input, isJsonata } = visit;
  const next = fields["Next"] as string | undefined;
  switch (type) {
    case "Pass": {
      if (isJsonata) return yield* leave(visit, { fields, next, result: input, raw: input });
      const effective = select(visit, "InputPath", input);
      const result =
        fields["Result"] ??
        (fields["Parameters"] === undefined ? effective : fill(visit, fields["Parameters"], effective));
      return yield* leave(visit, { fields, next, result, raw: result });
    }
    case "Wait":
      return yield* wait(visit);
    case "Choice":
      return yield* isJsonata ? chooseByCondition(visit) : chooseByRule(visit);
    case "Succeed": {
      const effective = isJsonata ? input : select(visit, "InputPath", input);
      return yield* leave(visit, { fields, next: undefined, result: effective, raw: effective });
    }
    case "Fail": {
      const query = new Query(visit);
      const error = isJsonata ? query.typed(fields["Error"], "Error", "string") : fields["Error"];
      const cause = isJsonata ? query.typed(fields["Cause"], "Cause", "string") : fields["Cause"];
      yield* unlessFaulty(visit, query);
      throw new Failure(error as string | undefined, cause as string | undefined, visit.frame);
    }
    default:
      return yield* withRetriesAndCatchers(visit);
  }
}

function* wait(visit: Visit): Thread<Left> {
  const { fields, frame, input, isJsonata } = visit;
  const effective = isJsonata ? input : select(visit, "InputPath", input);
  const untilMs = isJsonata ? yield* wakesAt(visit) : guarded(visit, () => waitsUntil(visit, effective));
  const exit: Exit = {
    fields,
    next: fields["Next"] as string | undefined,
    result: effective,
    raw: effective,
  };
  if (untilMs <= frame.nowMs) return yield* leave(visit, exit);
  frame.open = { type: "Wait", children: [] };
  return yield* leave(visit, { ...exit, bounds: { fromMs: untilMs, ...latest(frame.world, untilMs) } });
}

function* wakesAt(visit: Visit): Thread<number> {
  const { fields, frame } = visit;
  const query = new Query(visit);
  const seconds = query.number(
    fields["Seconds"],
    "Seconds",
    (number) => Number.isInteger(number) && number >= 0 && number <= 99_999_999,
  );
  const timestamp = query.typed(fields["Timestamp"], "Timestamp", "string") as string | undefined;
  const momentMs = timestamp === undefined ? 0 : Date.parse(timestamp);
  if (Number.isNaN(momentMs)) {
    const wanted = "an ISO-8601 extended offset date-time format string";
    query.refuse("Timestamp", `The Timestamp field cannot be parsed as ${wanted}: ${timestamp}`, true);
  }
  yield* unlessFaulty(visit, query);
  return seconds === undefined ? momentMs : frame.nowMs + seconds * 1000;
}

/** A rule's Assign and Output stand in for the state's, which belong to Default. */
function* chooseByRule(visit: Visit): Thread<Left> {
  const { fields, input } = visit;
  const effective = select(visit, "InputPath", input);
  const rules = fields["Choices"] as readonly Fields[];
  const rule = guarded(visit, () => rules.find((each) => ruleHolds(each, sightOf(visit, effective))));
  const next = chosen(visit, rule);
  const { Assign: _, ...others } = fields;
  const assign = (rule ?? fields)["Assign"];
  const left = { ...others, ...(assign === undefined ? {} : { Assign: assign }) };
  return yield* leave(visit, { fields: left, next, result: effective, raw: effective });
}

function* chooseByCondition(visit: Visit): Thread<Left> {
  const { fields, input } = visit;
  const rules = fields["Choices"] as readonly Fields[];
  for (const [i, rule] of rules.entries()) {
    const place = `Choices[${i}]/`;
    const query = new Query(visit);
    const holds = query.typed(rule["Condition"], `${place}Condition`, "boolean");
    yield* unlessFaulty(visit, query);
    if (holds !== true) continue;
    const exit = { fields: rule, place, next: chosen(visit, rule), result: input, raw: input };
    return yield* leave(visit, exit);
  }
  return yield* leave(visit, { fields, next: chosen(visit, undefined), result: input, raw: input });
}

function chosen(visit: Visit, rule: Fields | undefined): string {
  const next = rule?.["Next"] ?? visit.fields["Default"];
  if (next !== undefined) return next as string;
  throw new Failure("States.NoChoiceMatched", new Unknown("words"), visit.frame);
}

function* withRetriesAndCatchers(visit: Visit): Thread<Left> {
  const { fields, frame, type } = visit;
  const retriers = (fields["Retry"] ?? []) as readonly Fields[];
  const catchers = (fields["Catch"] ?? []) as readonly Fields[];
  const used = retriers.map(() => 0);
  const retrierFor = (failure: Failure): number => {
    const index = retriers.findIndex((retrier) => matches(retrier, failure));
    if (index < 0) return -1;
    const maxAttempts = ((retriers[index] as Fields)["MaxAttempts"] ?? 3) as number;
    return (used[index] as number) < maxAttempts ? index : -1;
  };
  let bounds: Pick<Want, "fromMs" | "toMs"> = { fromMs: frame.nowMs, toMs: frame.nowMs };
  for (;;) {
    try {
      const result = yield* work(visit, bounds, (failure) => retrierFor(failure) >= 0, runBlock);
      const kept =
        fields["ResultSelector"] === undefined ? result : fill(visit, fields["ResultSelector"], result);
      const next = fields["Next"] as string | undefined;
      return yield* leave(visit, { fields, next, result: kept, raw: result, extras: { result } });
    } catch (failure) {
      if (!(failure instanceof Failure)) throw failure;
      frame.cursor = failure.cursor;
      frame.nowMs = failure.atMs;
      const index = failure.isFinal ? -1 : retrierFor(failure);
      if (index >= 0) {
        const retrier = retriers[index] as Fields;
        const [least, most] = delayMs(retrier, used[index] as number);
        used[index] = (used[index] as number) + 1;
        visit.retries += 1;
        frame.open = { type, children: [] };
        bounds = { fromMs: failure.atMs + least, ...latest(frame.world, failure.atMs + most) };
        continue;
      }
      const catcher = failure.isFinal ? -1 : catchers.findIndex((each) => matches(each, failure));
      if (catcher < 0) {
        frame.open = undefined;
        throw failure;
      }
      // Open until the Catcher has let it go: one whose tasks timed out together with another's may be given up before.
      return yield* caught(visit, catchers[catcher] as Fields, `Catch[${catcher}]/`, failure);
    }
  }
}

function* caught(visit: Visit, catcher: Fields, place: string, failure: Failure): Thread<Left> {
  const { error, reason } = failure;
  const cause = reason ?? (error === "States.Timeout" ? "" : null);
  const problem = { Error: error ?? null, Cause: cause };
  const next = catcher["Next"] as string;
  const extras = { errorOutput: problem };
  return yield* leave(visit, { fields: catcher, place, next, result: problem, raw: problem, extras });
}

/** The exit of a state: its output, its variables, where it goes. */
function* leave(visit: Visit, exit: Exit): Thread<Left> {
  const { frame, name, type } = visit;
  const { next, bounds } = exit;
  const { output, assigned } = yield* visit.isJsonata ? transform(visit, exit) : combine(visit, exit);
  checkSizes(visit, output, assigned);
  const exited = yield* oneOf(frame, [
    {
      types: [`${type}StateExited`],
      previous: frame.cursor,
      marks: { name },
      fromMs: bounds?.fromMs ?? frame.nowMs,
      ...(bounds === undefined ? { toMs: frame.nowMs } : bounds),
      check: (event) => {
        agree(event, "output", output);
        agreeOnVariables(event, assigned);
      },
    },
  ]);
  frame.open = undefined;
  const texts = (exited.details?.["assignedVariables"] ?? {}) as { readonly [name: string]: string };
  for (const [variable, text] of Object.entries(texts))
    frame.variables.set(variable, JSON.parse(text) as Value);
  return { output: parsed(exited, "output"), next };
}

interface Outcome {
  readonly output: Value;
  readonly assigned: Fields | undefined;
}

/** JSONPath: ResultPath, OutputPath, Assign. */
// oxlint-disable-next-line require-yield -- beside `transform`
function* combine(visit: Visit, { fields, result, raw }: Exit): Thread<Outcome> {
  const isTransparent = visit.type === "Wait" || visit.type === "Choice" || visit.type === "Succeed";
  const output = guarded(visit, () => {
    const placed = isTransparent ? result : placeResult(fields["ResultPath"], visit.input, result);
    return selectBy(fields["OutputPath"], sightOf(visit, placed));
  });
  const template = fields["Assign"];
  return { output, assigned: template === undefined ? undefined : (fill(visit, template, raw) as Fields) };
}

/** JSONata: Output and Assign see the same values, those of before. */
function* transform(visit: Visit, exit: Exit): Thread<Outcome> {
  const { fields, place = "", result, extras, bounds } = exit;
  const query = new Query(visit, extras);
  const output = fields["Output"] === undefined ? result : query.template(fields["Output"], `${place}Output`);
  const assigned =
    fields["Assign"] === undefined
      ? undefined
      : (query.template(fields["Assign"], `${place}Assign`) as Fields);
  yield* unlessFaulty(visit, query, bounds);
  return { output, assigned };
}

/** Too large an output ends the state for good; too large a variable is a failure like others. */
function checkSizes(visit: Visit, output: Value, assigned: Fields | undefined): void {
  const { frame, name } = visit;
  const { payloadBytes, variableBytes } = frame.world;
  const sizes = Object.values(assigned ?? {}).map((value) => byteLength(textOf(value)));
  if (sizes.reduce((sum, size) => sum + size, 0) > variableBytes)
    throw new Failure("States.DataLimitExceeded", new Unknown("words"), frame);
  if (byteLength(textOf(output)) > payloadBytes) {
    const reason = `The state/task '${name}' returned a result with a size exceeding the maximum number of bytes service limit.`;
    throw new Failure("States.DataLimitExceeded", reason, frame, true);
  }
}
