// The mock file: which test cases a state machine has, and what a mocked state answers at its n-th attempt.
//
//   { "StateMachines": { <machine>: { "TestCases": { <case>: { <state>: <response> } } } },
//     "MockedResponses": { <response>: { "0": { "Return": … }, "1-2": { "Throw": { "Error": …, "Cause": … } } } } }
//
// Knows:          the form of the file, every fault in it with its place.
// Does not know:  files, executions, how an answer becomes an outcome.
//
// Invariants
//   M1. `readMockConfig` never throws. A fault spoils the test cases that use what is at fault, and no other: suites
//       build such files by program, and leave in them what a test does not reach.
//   M2. Within one response no attempt has two answers.
//
// Spec: developer guide, "Configuration file for mocked service integrations in Step Functions".

import { isObject, type Json, type JsonObject, member, Payload } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { Suggester } from "../../asl/suggest.ts";

export interface MockFault {
  /** JSON pointer into the file. */
  readonly location: string;
  readonly message: string;
}

export type MockAnswer =
  | { readonly kind: "return"; readonly output: Payload }
  | { readonly kind: "throw"; readonly error: string; readonly cause?: string };

export interface MockedResponse {
  readonly name: string;
  /** Ascending, without overlaps (M2); attempts count from 0, both ends included. */
  readonly ranges: readonly { readonly from: number; readonly to: number; readonly answer: MockAnswer }[];
}

export interface MockTestCase {
  readonly name: string;
  readonly responses: ReadonlyMap<string, MockedResponse>;
  /** Of the case and of what it uses. Not empty: it cannot be run. */
  readonly faults: readonly MockFault[];
}

export interface MockConfig {
  readonly machines: ReadonlyMap<string, ReadonlyMap<string, MockTestCase>>;
  /** All there are. */
  readonly faults: readonly MockFault[];
}

const NO_CASES: ReadonlyMap<string, MockTestCase> = new Map();

/** Undefined: the text is no JSON object at all, and `faults` says why. */
export function readMockConfig(text: string): {
  readonly config: MockConfig | undefined;
  readonly faults: readonly MockFault[];
} {
  const parsed = parseJson(text);
  if (!parsed.ok) {
    const faults = [{ location: "", message: `it is no JSON: ${parsed.message} (offset ${parsed.offset})` }];
    return { config: undefined, faults };
  }
  if (!isObject(parsed.value)) {
    const faults = [{ location: "", message: "expected an object with StateMachines and MockedResponses" }];
    return { config: undefined, faults };
  }
  const config = new Reader(parsed.value).read();
  return { config, faults: config.faults };
}

/** What the response answers at this attempt (from 0); undefined: the file has nothing for it. */
export function answerAt({ ranges }: MockedResponse, attempt: number): MockAnswer | undefined {
  return ranges.find(({ from, to }) => from <= attempt && attempt <= to)?.answer;
}

/** `0, 1-2, 5`; what the response has answers for. */
export function attemptsOf({ ranges }: MockedResponse): string {
  const texts = ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`));
  return texts.length === 0 ? "none" : texts.join(", ");
}

interface Read {
  readonly response: MockedResponse;
  readonly faults: readonly MockFault[];
}

class Reader {
  readonly #root: JsonObject;
  readonly #faults: MockFault[] = [];
  readonly #suggester = new Suggester();

  constructor(root: JsonObject) {
    this.#root = root;
  }

  read(): MockConfig {
    this.#only(this.#root, "", ["StateMachines", "MockedResponses"], this.#faults);
    const responses = new Map<string, Read>();
    for (const [name, value] of this.#members(this.#root, "", "MockedResponses", this.#faults)) {
      const read = this.#response(name, value);
      responses.set(name, read);
      this.#faults.push(...read.faults);
    }
    const machines = new Map<string, ReadonlyMap<string, MockTestCase>>();
    for (const [name, value] of this.#members(this.#root, "", "StateMachines", this.#faults)) {
      machines.set(name, this.#machine(name, value, responses));
    }
    return { machines, faults: this.#faults };
  }

  #machine(
    name: string,
    value: Json,
    responses: ReadonlyMap<string, Read>,
  ): ReadonlyMap<string, MockTestCase> {
    const location = `/StateMachines/${escaped(name)}`;
    if (!isObject(value)) {
      this.#faults.push({ location, message: "expected an object with TestCases" });
      return NO_CASES;
    }
    this.#only(value, location, ["TestCases"], this.#faults);
    const cases = new Map<string, MockTestCase>();
    for (const [caseName, states] of this.#members(value, location, "TestCases", this.#faults)) {
      const place = `${location}/TestCases/${escaped(caseName)}`;
      const testCase = this.#testCase(caseName, states, place, responses);
      cases.set(caseName, testCase.read);
      this.#faults.push(...testCase.own);
    }
    return cases;
  }

  #testCase(
    name: string,
    value: Json,
    location: string,
    responses: ReadonlyMap<string, Read>,
  ): { readonly read: MockTestCase; readonly own: readonly MockFault[] } {
    const own: MockFault[] = [];
    const ofResponses = new Map<string, readonly MockFault[]>();
    const used = new Map<string, MockedResponse>();
    if (!isObject(value)) {
      own.push({ location, message: "expected an object that gives a response's name to each mocked state" });
    } else {
      for (const state of Object.keys(value)) {
        const place = `${location}/${escaped(state)}`;
        const responseName = member(value, state);
        if (typeof responseName !== "string") {
          own.push({ location: place, message: "expected the name of one of the MockedResponses" });
          continue;
        }
        const response = responses.get(responseName);
        if (response === undefined) {
          const guess = this.#guess(responseName, responses.keys());
          own.push({ location: place, message: `there is no mocked response "${responseName}".${guess}` });
          continue;
        }
        used.set(state, response.response);
        ofResponses.set(responseName, response.faults);
      }
    }
    const faults = [...own, ...[...ofResponses.values()].flat()];
    return { read: { name, responses: used, faults }, own };
  }

  #response(name: string, value: Json): Read {
    const location = `/MockedResponses/${escaped(name)}`;
    const faults: MockFault[] = [];
    const ranges: { from: number; to: number; answer: MockAnswer }[] = [];
    if (!isObject(value)) {
      faults.push({ location, message: 'expected an object with an answer for each attempt: "0", "1-2"' });
      return { response: { name, ranges }, faults };
    }
    for (const key of Object.keys(value)) {
      const place = `${location}/${escaped(key)}`;
      const range = rangeOf(key);
      if (typeof range === "string") faults.push({ location: place, message: range });
      const answer = this.#answer(member(value, key) as Json, place, faults);
      if (typeof range === "string" || answer === undefined) continue;
      ranges.push({ ...range, answer });
    }
    ranges.sort((a, b) => a.from - b.from || a.to - b.to);
    for (const [i, range] of ranges.entries()) {
      const before = ranges[i - 1];
      if (before === undefined || before.to < range.from) continue;
      const message = `attempt ${range.from} has two answers: of ${shown(before)} and of ${shown(range)}`;
      faults.push({ location, message });
    }
    return { response: { name, ranges }, faults };
  }

  #answer(value: Json, location: string, faults: MockFault[]): MockAnswer | undefined {
    if (!isObject(value)) {
      faults.push({ location, message: "expected an object with either Return or Throw" });
      return undefined;
    }
    this.#only(value, location, ["Return", "Throw"], faults);
    const returned = member(value, "Return");
    const thrown = member(value, "Throw");
    if ((returned === undefined) === (thrown === undefined)) {
      const what = returned === undefined ? "neither Return nor Throw" : "both Return and Throw";
      faults.push({ location, message: `it has ${what}: expected one of them` });
      return undefined;
    }
    if (returned !== undefined) return { kind: "return", output: Payload.ofValue(returned) };
    return this.#thrown(thrown as Json, `${location}/Throw`, faults);
  }

  #thrown(value: Json, location: string, faults: MockFault[]): MockAnswer | undefined {
    if (!isObject(value)) {
      faults.push({ location, message: "expected an object with Error, and perhaps Cause" });
      return undefined;
    }
    this.#only(value, location, ["Error", "Cause"], faults);
    const error = member(value, "Error");
    const cause = member(value, "Cause");
    if (typeof error !== "string" || error === "") {
      faults.push({ location, message: "Error is missing: expected the name of an error" });
      return undefined;
    }
    if (cause !== undefined && typeof cause !== "string") {
      faults.push({ location: `${location}/Cause`, message: "expected a text" });
      return undefined;
    }
    return { kind: "throw", error, ...(cause === undefined ? {} : { cause }) };
  }

  /** The members of an object within `parent`; none if it is not there. */
  #members(
    parent: JsonObject,
    location: string,
    name: string,
    faults: MockFault[],
  ): readonly (readonly [string, Json])[] {
    const value = member(parent, name);
    if (isObject(value)) return Object.keys(value).map((key) => [key, member(value, key) as Json]);
    const message = value === undefined ? `${name} is missing` : `${name} is no object`;
    faults.push({ location, message: `${message}: expected an object` });
    return [];
  }

  #only(object: JsonObject, location: string, names: readonly string[], faults: MockFault[]): void {
    for (const key of Object.keys(object)) {
      if (names.includes(key)) continue;
      const guess = this.#guess(key, names);
      const message = `there is no such member here.${guess === "" ? ` Expected ${names.join(", ")}.` : guess}`;
      faults.push({ location: `${location}/${escaped(key)}`, message });
    }
  }

  #guess(word: string, candidates: Iterable<string>): string {
    const guess = this.#suggester.didYouMean(word, candidates);
    return guess === undefined ? "" : ` ${guess}`;
  }
}

/** `"0"`, `"1-2"`; else what is wrong with it. */
function rangeOf(key: string): { readonly from: number; readonly to: number } | string {
  const [, first = "", last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/u.exec(key) ?? [];
  if (first === "") return 'expected the number of an attempt, counted from 0 ("0"), or a range ("1-2")';
  const from = Number(first);
  const to = Number(last);
  return from <= to ? { from, to } : `the range ends before it begins; expected "${to}-${from}"`;
}

function shown({ from, to }: { readonly from: number; readonly to: number }): string {
  return from === to ? `"${from}"` : `"${from}-${to}"`;
}

/** As part of a JSON pointer. */
function escaped(name: string): string {
  return name.replaceAll("~", "~0").replaceAll("/", "~1");
}
