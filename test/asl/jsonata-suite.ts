// Runs the official JSONata test suite: npm run jsonata-suite -- DIRECTORY (groups/*.json, datasets/*.json).
// Prints what differs; fails below 99.5 %, or when a case differs that EXCEPTIONS does not explain.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Json } from "../../src/base/json.ts";
import { Random } from "../../src/base/random.ts";
import { JsonataError, JsonataFunction, compileJsonata } from "../../src/asl/jsonata/index.ts";
import type { Run } from "../../src/asl/jsonata/limits.ts";
import { Signature } from "../../src/asl/jsonata/signature.ts";
import type { Value } from "../../src/asl/jsonata/values.ts";

interface Case {
  readonly id: string;
  readonly expr: string;
  readonly data?: Json;
  readonly dataset?: string;
  readonly bindings?: Record<string, Json>;
  readonly result?: Json;
  readonly undefinedResult?: boolean;
  readonly code?: string;
  readonly token?: string;
  readonly error?: { readonly code?: string; readonly token?: string; readonly message?: string };
  readonly timelimit?: number;
  readonly depth?: number;
}

/** Cases that differ, each with its reason, by the beginning of their id. */
const EXCEPTIONS: readonly (readonly [id: string, reason: string])[] = [
  ["function-eval/case006", "AWS has no $eval, so its error codes are not in the catalogue"],
  ["function-eval/case007", "AWS has no $eval, so its error codes are not in the catalogue"],
];

/** AWS has no $eval, nor have we; the suite brings one, so that its cases say something about the rest. */
class Eval extends JsonataFunction {
  readonly arity = 2;

  constructor() {
    super(new Signature("<sx-:x>"));
  }

  call([text, input]: readonly Value[], caller: Run): Value {
    if (text === undefined) return undefined;
    const expression = compileJsonata(text as string);
    return expression.evaluate(
      new Map(),
      { nowMs: caller.nowMs, random: caller.random },
      input as Json | undefined,
    );
  }
}

const directory = process.argv[2];
if (directory === undefined) {
  console.error("usage: npm run jsonata-suite -- DIRECTORY");
  process.exit(2);
}

function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(...path), "utf8"));
}

const datasets = new Map(
  readdirSync(join(directory, "datasets")).map((file) => [
    file.replace(/\.json$/, ""),
    readJson(directory, "datasets", file) as Json,
  ]),
);

function run(test: Case): string | undefined {
  const input = test.dataset === undefined ? test.data : datasets.get(test.dataset);
  const bindings = new Map<string, Json | JsonataFunction>(Object.entries(test.bindings ?? {}));
  bindings.set("eval", new Eval());
  const code = test.code ?? test.error?.code;
  const token = test.token ?? test.error?.token;
  let outcome: string;
  let isRight: boolean;
  try {
    const expression = compileJsonata(test.expr);
    const result = expression.evaluate(
      bindings,
      {
        nowMs: Date.now(),
        random: new Random([1, 2, 3, 4]),
        limits: {
          maxSteps: 25_000_000,
          maxItems: 10_000_000,
          // The suite counts nodes within nodes; three of them make a call within a call.
          ...(test.depth === undefined ? {} : { maxDepth: Math.floor(test.depth / 3) }),
        },
      },
      input,
    );
    outcome = result instanceof JsonataFunction ? "a function" : (JSON.stringify(result) ?? "nothing");
    isRight =
      code === undefined &&
      (test.undefinedResult === true || test.result === undefined
        ? result === undefined
        : isDeepStrictEqual(result, test.result));
  } catch (fault) {
    if (!(fault instanceof JsonataError))
      return `threw ${fault instanceof Error ? fault.stack : String(fault)}`;
    outcome = `${fault.code} (token ${fault.token ?? "none"}): ${fault.message}`;
    isRight =
      fault.code === code ||
      // The suite's own word for a timeout or a stack that is too deep.
      (code === "U1001" && (fault.code === "D1011" || fault.code === "D1012"));
    if (token !== undefined && fault.token !== token) isRight = false;
    if (test.error?.message !== undefined && fault.message !== test.error.message) isRight = false;
  }
  if (isRight) return undefined;
  const expected = code ?? (test.undefinedResult === true ? "nothing" : JSON.stringify(test.result));
  return `gave ${outcome}\n     not ${expected}`;
}

let count = 0;
let passed = 0;
const unexplained: string[] = [];
const used = new Set<string>();
for (const file of readdirSync(join(directory, "groups")).toSorted()) {
  for (const test of readJson(directory, "groups", file) as readonly Case[]) {
    count += 1;
    const difference = run(test);
    if (difference === undefined) {
      passed += 1;
      continue;
    }
    const exception = EXCEPTIONS.find(([id]) => test.id.startsWith(id));
    console.log(`${test.id}: ${test.expr.replaceAll(/\s+/g, " ").slice(0, 200)}\n     ${difference}`);
    if (exception === undefined) unexplained.push(test.id);
    else {
      used.add(exception[0]);
      console.log(`     because ${exception[1]}`);
    }
  }
}
const percent = (100 * passed) / count;
console.log(`${passed} of ${count} cases pass (${percent.toFixed(2)} %), ${unexplained.length} unexplained`);
if (count === 0 || percent < 99.5 || unexplained.length > 0) process.exit(1);
