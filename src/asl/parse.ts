// From the text of a definition to a Program, or to all that is wrong with it.
//
// Knows:          JSON, the fields of the language (parse/), the rules between states (rules/).
// Does not know:  executions, inputs, which integrations are configured on this server.
//
// Invariants
//   P1. Never throws for a text, whatever it holds, and takes time linear in it (nesting is bounded first).
//   P2. `program` is there exactly when no diagnostic is an ERROR.
//   P3. One reading reports everything: a fault in one state does not hide those of another.
//
// Spec: https://states-language.net/spec.html

import { isObject, utf8Bytes } from "../base/json.ts";
import { type JsonFault, parseJson } from "../base/json-text.ts";
import type { Json } from "../base/json.ts";
import type { Program } from "./ast.ts";
import { type Diagnostic, serviceText } from "./diagnostics.ts";
import { readBlock, readMachine, readOneState } from "./parse/block.ts";
import { ROOT, locationOf } from "./parse/place.ts";
import { Reading, placeholderHint } from "./parse/reading.ts";
import { survey } from "./parse/text-scan.ts";
import { advise } from "./rules/advice.ts";
import { duplicateState } from "./rules/names.ts";
import { checkTransitions } from "./rules/transitions.ts";

export interface ParseOptions {
  /** Express workflows may not wait for anything outside. STANDARD unless told. */
  readonly type?: "STANDARD" | "EXPRESS";
  /** Deepest nesting of JSON objects and arrays; a branch or an iteration takes three or four levels. */
  readonly maxDepth?: number;
  /** In UTF-8. */
  readonly maxBytes?: number;
  /** Also look for what is valid and yet cannot be meant (rules/advice.ts). Costs about as much again. */
  readonly advice?: boolean;
}

export interface Parsed {
  readonly program?: Program;
  /** In the order of reading; those without a place come without an offset. */
  readonly diagnostics: readonly Diagnostic[];
}

const MAX_DEPTH = 200;
const MAX_BYTES = 1_048_576;

export function parse(text: string, options: ParseOptions = {}): Parsed {
  return read(text, options, (value, reading) => {
    const { block, ...machine } = readMachine(value, ROOT, reading);
    const { graphs } = reading;
    // The outermost block is read last to its end, and judged first: its faults explain the others.
    const outermost = graphs.at(-1);
    if (outermost !== undefined) checkTransitions(outermost, true, reading);
    for (const graph of graphs.slice(0, -1)) checkTransitions(graph, false, reading);
    if (options.advice === true && !reading.hasError && isObject(value)) advise(value, ROOT, reading);
    return block === undefined
      ? undefined
      : { ...machine, queryLanguage: reading.queryLanguage, root: block, states: reading.states };
  });
}

/**
 * A single state as a program of its own, for TestState: what it leads to does not have to exist.
 * Locations are relative to the state.
 *
 * @param name What the state is called in events and errors.
 */
export function parseState(text: string, name: string, options: ParseOptions = {}): Parsed {
  return read(text, options, (value, reading) => {
    const state = readOneState(name, value, ROOT, reading);
    for (const graph of reading.graphs) checkTransitions(graph, false, reading);
    if (state === undefined) return undefined;
    reading.states.set(name, state);
    return {
      queryLanguage: reading.queryLanguage,
      root: { startAt: name, states: new Map([[name, state]]) },
      states: reading.states,
    };
  });
}

/** The text of the service's InvalidDefinition: every ERROR with its place, `null` where there is none. */
export function toServiceMessage(diagnostics: readonly Diagnostic[]): string {
  const clauses = diagnostics
    .filter((diagnostic) => diagnostic.severity === "ERROR")
    .map((each) => `${each.code}: ${serviceText(each)} at ${each.location === "" ? "null" : each.location}`);
  return `Invalid State Machine Definition: '${clauses.join(", ")}'`;
}

function read(
  text: string,
  options: ParseOptions,
  readValue: (value: Json, reading: Reading) => Program | undefined,
): Parsed {
  const maxBytes = options.maxBytes ?? MAX_BYTES;
  if (text.length > maxBytes || utf8Bytes(text) > maxBytes) {
    return refusal("SCHEMA_VALIDATION_FAILED", `Definition must not be larger than ${maxBytes} bytes`);
  }
  if (text.trim() === "")
    return refusal("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object");
  const json = parseJson(text, { maxDepth: Number.POSITIVE_INFINITY });
  if (!json.ok) {
    return refusal("INVALID_JSON_DESCRIPTION", json.message, {
      excerpt: excerptOf(text, stoppedAt(text, json)),
      offset: json.offset,
      suggestion: placeholderHint(placeholderAt(text, json.offset)),
    });
  }
  if (!isObject(json.value)) {
    return refusal("SCHEMA_VALIDATION_FAILED", "Definition must be a valid JSON object", { offset: 0 });
  }
  const { depth, duplicates } = survey(text);
  const maxDepth = options.maxDepth ?? MAX_DEPTH;
  if (depth > maxDepth) {
    return refusal("TOO_DEEPLY_NESTED", `Definition is nested ${depth} levels deep`, {
      location: locationOf(ROOT),
      expected: `at most ${maxDepth} levels`,
    });
  }

  const reading = new Reading(options.type === "EXPRESS", readBlock);
  const program = readValue(json.value, reading);
  // A name that comes twice in one object is lost before the states are read: the last one wins.
  for (const { keys } of duplicates) {
    const place = keys.reduce<typeof ROOT>((parent, key) => ({ parent, key }), ROOT);
    const first = reading.names.get(String(keys.at(-1)));
    if (first !== undefined && locationOf(first) === locationOf(place)) {
      duplicateState(String(keys.at(-1)), place, reading);
    }
  }
  const diagnostics = reading.diagnostics(text);
  return reading.hasError || program === undefined ? { diagnostics } : { program, diagnostics };
}

/** A definition that is not looked at any further. */
function refusal(
  code: Diagnostic["code"],
  message: string,
  rest: {
    readonly location?: string;
    readonly excerpt?: string;
    readonly offset?: number;
    readonly expected?: string;
    readonly suggestion?: string | undefined;
  } = {},
): Parsed {
  const { suggestion, ...known } = rest;
  return {
    diagnostics: [
      {
        severity: "ERROR",
        code,
        message,
        location: "",
        ...known,
        ...(suggestion === undefined ? {} : { suggestion }),
      },
    ],
  };
}

/** Where the service's JSON parser stands when it gives up: after the character, or the word, that it refuses. */
function stoppedAt(text: string, { message, offset }: JsonFault): number {
  const token = /^Unrecognized token '(.*)':/su.exec(message)?.[1];
  return Math.min(text.length, offset + (token?.length ?? 1));
}

const EXCERPT_CHARS = 500;

/** As the service's JSON parser (Jackson) ends its messages. */
function excerptOf(text: string, at: number): string {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  const left = text.length - EXCERPT_CHARS;
  const start = `"${text.slice(0, EXCERPT_CHARS)}"${left > 0 ? `[truncated ${left} chars]` : ""}`;
  return `\n at [Source: (String)${start}; line: ${line}, column: ${column}]`;
}

/** The `${…}` that stands at or just before an offset where JSON ends to be JSON. */
function placeholderAt(text: string, offset: number): string | undefined {
  const start = text.lastIndexOf("${", offset);
  return start < 0 || offset - start > 200 ? undefined : text.slice(start, offset + 200).split("\n", 1)[0];
}
