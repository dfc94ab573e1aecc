// One reading of a definition: what was found wrong, and what the parts need to know of each other.
//
// Invariants
//   R1. Reading never stops at a fault: a reader reports and answers undefined, and its caller goes on.
//   R2. What a finding costs is bounded: the first `MAX_FINDINGS` are kept, guesses have a budget (suggest.ts).
//   R3. A definition is free of ERROR findings exactly when a Program can be made of it.

import type { Json } from "../../base/json.ts";
import type { Block, QueryLanguage, State } from "../ast.ts";
import type { Diagnostic, DiagnosticCode, Severity } from "../diagnostics.ts";
import { Suggester } from "../suggest.ts";
import { type Place, keysOf, locationOf } from "./place.ts";
import { locate } from "./text-scan.ts";

const MAX_FINDINGS = 1000;

export interface Hints {
  readonly expected?: string | undefined;
  readonly suggestion?: string | undefined;
  /** What to point at in the text, where the service's location names only the object around it. */
  readonly focus?: Place | undefined;
  /** For values: a `${…}` left in it explains the fault better than any other guess. */
  readonly value?: Json | undefined;
}

interface Finding extends Diagnostic {
  readonly place: Place | undefined;
}

/** A `Next`, `Default` or `StartAt`. */
export interface Target {
  readonly name: string;
  readonly place: Place;
  /** The state that has it; undefined for StartAt. */
  readonly from: string | undefined;
}

/** The transitions of one block, gathered while its states are read; judged by rules/transitions.ts. */
export interface BlockGraph {
  readonly place: Place;
  readonly names: ReadonlySet<string>;
  readonly targets: Target[];
  hasTerminal: boolean;
  /** False once a state was unreadable: then it is unknown where the block goes, and whether it ends. */
  isComplete: boolean;
}

/** Reads a block (of a Parallel or a Map); given in, because blocks hold states and states hold blocks. */
export type ReadBlock = (value: Json, place: Place, reading: Reading) => Block | undefined;

export class Reading {
  readonly isExpress: boolean;
  readonly readBlock: ReadBlock;
  /** Of the whole machine; set once its own field was read. */
  queryLanguage: QueryLanguage = "JSONPath";
  readonly states: Map<string, State> = new Map();
  /** Where each state name was first seen, in all blocks. */
  readonly names: Map<string, Place> = new Map();
  /** Of Maps; unique in the machine. */
  readonly labels: Set<string> = new Set();
  readonly graphs: BlockGraph[] = [];
  /** The block and the state that are being read. */
  graph: BlockGraph | undefined;
  stateName: string | undefined;
  /** Of that state; undefined if its QueryLanguage is at odds with the machine. */
  stateLanguage: QueryLanguage | undefined;
  /** The location of that state, and whether its work has a result ($states.result). */
  statePointer = "";
  hasResult = false;
  readonly #findings: Finding[] = [];
  readonly #suggester = new Suggester();
  #hasError = false;

  constructor(isExpress: boolean, readBlock: ReadBlock) {
    this.isExpress = isExpress;
    this.readBlock = readBlock;
  }

  get hasError(): boolean {
    return this.#hasError;
  }

  /** SCHEMA_VALIDATION_FAILED, the commonest code. */
  fault(message: string, place: Place, hints: Hints = {}): undefined {
    return this.report("ERROR", "SCHEMA_VALIDATION_FAILED", message, place, hints);
  }

  warn(code: DiagnosticCode, message: string, place: Place, hints: Hints = {}): undefined {
    return this.report("WARNING", code, message, place, hints);
  }

  /** `place` undefined: the service gives no location. Answers undefined, for `return reading.fault(…)`. */
  report(
    severity: Severity,
    code: DiagnosticCode,
    message: string,
    place: Place | undefined,
    hints: Hints = {},
  ): undefined {
    if (severity === "ERROR") this.#hasError = true;
    if (this.#findings.length >= MAX_FINDINGS) return;
    const suggestion = placeholderHint(hints.value) ?? hints.suggestion;
    this.#findings.push({
      severity,
      code,
      message,
      location: place === undefined ? "" : locationOf(place),
      ...(hints.expected === undefined ? {} : { expected: hints.expected }),
      ...(suggestion === undefined ? {} : { suggestion }),
      place: hints.focus ?? place,
    });
  }

  didYouMean(word: string, candidates: Iterable<string>): string | undefined {
    return this.#suggester.didYouMean(word, candidates);
  }

  /** Notes a transition of the state that is being read. */
  target(name: string, place: Place): void {
    this.graph?.targets.push({ name, place, from: this.stateName });
  }

  /**
   * All that was found, in order, with offsets into `text`.
   */
  diagnostics(text: string): Diagnostic[] {
    const findings = this.#findings;
    if (findings.length === 0) return [];
    const offsets = locate(
      text,
      findings.map((finding) => (finding.place === undefined ? [] : keysOf(finding.place))),
    );
    return findings.map(({ place, ...diagnostic }, index) => {
      const offset = place === undefined ? undefined : offsets[index];
      return offset === undefined ? diagnostic : { ...diagnostic, offset };
    });
  }
}

const PLACEHOLDER = /\$\{[^{}]{0,200}\}/u;

/** What to say of a value (or of text) that still holds a deployment's `${Name}`. */
export function placeholderHint(value: Json | undefined): string | undefined {
  const found = typeof value === "string" ? PLACEHOLDER.exec(value) : null;
  return found === null ? undefined : `The deployment substitution "${found[0]}" was not filled in.`;
}
