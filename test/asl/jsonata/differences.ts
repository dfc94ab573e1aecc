// The comparison itself, and which differences are known.

import { type Node, childrenOf } from "../../../src/asl/jsonata/ast.ts";
import { compileJsonata } from "../../../src/asl/jsonata/index.ts";
import type { Json } from "../../../src/base/json.ts";
import type { Random } from "../../../src/base/random.ts";
import { type Outcome, evaluateOurs, evaluateTheirs, isLimit } from "./compare.ts";
import { Generator } from "./generate.ts";

export interface Difference {
  readonly text: string;
  readonly input: Json;
  readonly ours: Outcome;
  readonly theirs: Outcome;
}

export interface Report {
  readonly pairs: number;
  readonly differences: readonly Difference[];
  /** How the pairs came out. */
  readonly tally: Readonly<Record<string, number>>;
}

function isError(outcome: Outcome): boolean {
  return /^[SDT]\d{4}$/.test(outcome);
}

/**
 * Whether the package evaluates parts of it concurrently, and so reports another one of several errors: the members
 * of array constructors, the values of object constructors.
 */
function isConcurrent(text: string): boolean {
  const visit = (node: Node): boolean =>
    (node.type === "unary" && node.value === "[" && node.expressions.length > 1) ||
    (node.type === "unary" && node.value === "{" && node.lhs.length > 1) ||
    (node.group !== undefined && node.group.lhs.length > 0) ||
    childrenOf(node).some(visit);
  return visit(compileJsonata(text).ast);
}

/** Whether a function of the language is applied in part, `$substring(?, 1)`: the package forgets its types then. */
function isPartial(text: string): boolean {
  const visit = (node: Node): boolean => node.type === "partial" || childrenOf(node).some(visit);
  return visit(compileJsonata(text).ast);
}

/** Differences that are meant (docs/decisions/0009-jsonata-compiled.md). */
function meant(text: string, ours: Outcome, theirs: Outcome): string | undefined {
  // As the service: a number that JSON does not have becomes a text.
  if (theirs === "D1001" && /"(?:NaN|-?Infinity)"/u.test(ours)) return "no finite number";
  if (/^T04\d\d$/u.test(ours) && isPartial(text)) return "types of a function applied in part";
  return undefined;
}

export async function fuzz(random: Random, pairs: number): Promise<Report> {
  const differences: Difference[] = [];
  const tally: Record<string, number> = {};
  const count = (what: string): void => {
    tally[what] = (tally[what] ?? 0) + 1;
  };
  const generator = new Generator(random);
  for (let i = 0; i < pairs; i++) {
    const input = generator.data();
    const text = generator.expression();
    const ours = evaluateOurs(text, input);
    // The package has no limits: what goes on for ever here would not end there.
    if (isLimit(ours)) {
      count("limit");
      continue;
    }
    const theirs = await evaluateTheirs(text, input);
    if (ours === theirs) count(isError(ours) ? "same error" : ours === "nothing" ? "nothing" : "same value");
    else if (theirs.startsWith("host: ")) count("the package fails");
    else if (isError(ours) && isError(theirs) && isConcurrent(text)) count("another error");
    else if (meant(text, ours, theirs) !== undefined) count(`meant: ${meant(text, ours, theirs)}`);
    else {
      count("different");
      differences.push({ text, input, ours, theirs });
    }
  }
  return { pairs, differences, tally };
}
