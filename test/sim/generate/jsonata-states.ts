// The JSONata forms of the states of generated definitions: what definition.ts asks for where a state's language is
// JSONata, each with the fields of its type but for Next, End, Retry and Catch's common parts.
//
// Data is handed on in the same shape as by JSONPath states: `$states.input` with results beside it.

import type { Chance } from "./chance.ts";
import {
  anyText,
  arrayText,
  booleanText,
  expression,
  failingText,
  numberText,
  type Sight,
  stringText,
} from "./expressions.ts";

type Fields = { readonly [name: string]: unknown };

/** How likely an expression that may fail does. */
const FAILING = 0.05;

/** `$states.input` with one more member. */
export function beside(slot: string, text: string): string {
  return expression(`$merge([$states.input, {'${slot}': ${text}}])`);
}

/** Something to hand on: as one expression, or as a template with expressions in it. */
export function given(chance: Chance, sight: Sight, extra: Fields = {}): Fields {
  return {
    n: expression("$states.input.n"),
    any: expression(anyText(chance, sight)),
    ...(chance.likely(0.3) ? { name: expression("$states.context.Execution.Name") } : {}),
    ...(chance.likely(0.3) ? { list: ["fixed", expression(numberText(chance, sight)), null] } : {}),
    ...(chance.likely(0.2) ? { constant: { __proto__2: [true, null, 1.5], half: "{% no" } } : {}),
    ...(chance.likely(FAILING) ? { fails: expression(failingText(chance)) } : {}),
    ...extra,
  };
}

/** Output that puts `text` beside the input. Rarely something else: then what comes after lacks its data. */
function output(chance: Chance, sight: Sight, slot: string, text: string): Fields {
  const roll = chance.next();
  if (roll < 0.8) return { Output: beside(slot, text) };
  if (roll < 0.84 && !sight.isShapeKept)
    return { Output: { only: expression(text), more: [expression(anyText(chance, sight))] } };
  if (roll < 0.88) return { Output: beside(slot, failingText(chance)) };
  // Too much for any output.
  if (roll < 0.885) return { Output: beside(slot, "$pad('', 30000, '#')") };
  return { Output: beside(slot, anyText(chance, sight)) };
}

/**
 * Assign: numbers stay numbers, others may become anything. Both sides are read before either is written.
 *
 * @param own The variables that this scope may assign.
 */
export function assign(chance: Chance, own: Sight, readable: Sight, source: string): Fields {
  if (own.variables.length === 0 || !chance.likely(0.4)) return {};
  const others = own.variables.filter((name) => !own.numbers.includes(name));
  const [first, second] = others;
  const roll = chance.from(0, 9);
  if (roll <= 2 && first !== undefined && second !== undefined)
    return { Assign: { [first]: expression(`$${second}`), [second]: expression(`$${first}`) } };
  if (roll === 3) return { Assign: { [chance.pick(own.variables)]: expression(failingText(chance)) } };
  const name = chance.pick(own.variables);
  if (own.numbers.includes(name)) return { Assign: { [name]: expression(numberText(chance, readable)) } };
  // What grows with each state meets the limits of variables.
  if (roll === 4)
    return { Assign: { [name]: { was: expression(`$${name}`), again: expression(`$${name}`) } } };
  return {
    Assign: {
      [name]: expression(chance.pick([source, "$states.input", anyText(chance, readable)])),
    },
  };
}

export function pass(chance: Chance, sight: Sight, slot: string): Fields {
  return {
    Type: "Pass",
    ...(chance.likely(0.85) ? output(chance, sight, slot, anyText(chance, sight)) : {}),
  };
}

export function succeed(chance: Chance, sight: Sight, slot: string): Fields {
  return { Type: "Succeed", ...(chance.likely(0.5) ? output(chance, sight, slot, "$states.input.n") : {}) };
}

export function fail(chance: Chance, sight: Sight): Fields {
  return {
    Type: "Fail",
    Error: chance.likely(0.7) ? expression("'Chosen' & $states.input.n") : "Chosen",
    ...(chance.likely(0.6) ? { Cause: expression(stringText(chance, sight)) } : {}),
    ...(chance.likely(FAILING) ? { Cause: expression(numberText(chance, sight)) } : {}),
  };
}

export function wait(chance: Chance): Fields {
  const roll = chance.from(0, 9);
  if (roll <= 4) return { Type: "Wait", Seconds: expression("$states.input.n + 1") };
  if (roll === 5) return { Type: "Wait", Seconds: expression("$states.input.n / 2") };
  if (roll === 6) return { Type: "Wait", Seconds: chance.from(0, 4) };
  if (roll === 7) {
    const text = chance.pick(["'2026-13-05T21:29:29Z'", "'tomorrow'", "$states.input.n", "$nosuch"]);
    return { Type: "Wait", Timestamp: expression(text) };
  }
  const later = "$fromMillis($toMillis($states.context.State.EnteredTime) + 2500)";
  return { Type: "Wait", Timestamp: expression(later) };
}

export function choice(
  chance: Chance,
  sight: Sight,
  own: Sight,
  slot: string,
  later: readonly string[],
): Fields {
  const rule = (): Fields => ({
    Condition: chance.likely(FAILING)
      ? expression(chance.pick([failingText(chance), numberText(chance, sight)]))
      : chance.pick([expression(booleanText(chance, sight)), expression(booleanText(chance, sight)), false]),
    Next: chance.pick(later),
    ...(chance.likely(0.3) ? output(chance, sight, slot, "'by rule'") : {}),
    ...assign(chance, own, sight, "$states.input.n"),
  });
  const rules = chance.likely(0.4) ? [rule(), rule()] : [rule()];
  if (chance.likely(0.1)) return { Type: "Choice", Choices: [{ ...rules[0], Next: later[0] }] };
  return {
    Type: "Choice",
    Choices: rules,
    Default: later[0],
    ...(chance.likely(0.3) ? output(chance, sight, slot, "'by default'") : {}),
    ...assign(chance, own, sight, "$states.input.flag"),
  };
}

/** Seconds, as a number or as an expression. */
export function seconds(chance: Chance, count: number): number | string {
  if (chance.likely(FAILING / 2))
    return expression(chance.pick(["-1", "'5'", "$states.input.n / 7", "$nosuch"]));
  return chance.likely(0.5) ? expression(`${count - 1} + 1`) : count;
}

/** Output and Assign of a state with a result. */
export function afterWork(chance: Chance, sight: Sight, own: Sight, slot: string, isLast: boolean): Fields {
  const text = chance.pick([
    "$states.result",
    "$states.result",
    "$states.result.Payload",
    "$count($states.result)",
    "{'got': $states.result.Payload.n, 'of': $states.input.n}",
  ]);
  return {
    ...(isLast && chance.likely(0.4) ? {} : output(chance, sight, slot, text)),
    ...assign(chance, own, sight, "$states.result"),
  };
}

export function mapFields(chance: Chance, { isShapeKept }: Sight): Fields {
  const roll = chance.from(0, 9);
  const items =
    roll <= 5
      ? expression(arrayText(chance))
      : roll === 6
        ? [1, expression("$states.input.n"), { deep: [expression("$states.input.flag")] }]
        : // One item is no array, none is nothing.
          expression(chance.pick(["$states.input.items", "$states.input.few", "$states.input"]));
  const number = (count: number): number | string =>
    chance.likely(0.5) ? expression(`$length('${"x".repeat(count)}')`) : count;
  const selected = {
    n: expression("$states.context.Map.Item.Index"),
    item: expression("$states.context.Map.Item.Value"),
    flag: expression("$states.input.flag"),
    few: [1, 2],
    items: ["p"],
    ...(chance.likely(FAILING * 2)
      ? { risk: expression(`$states.context.Map.Item.Index = ${chance.from(0, 2)} ? $nosuch : 'fine'`) }
      : {}),
  };
  return {
    Type: "Map",
    ...(chance.likely(0.97) ? { Items: items } : {}),
    ...(chance.likely(0.6) ? { MaxConcurrency: number(chance.from(0, 3)) } : {}),
    ...(isShapeKept || chance.likely(0.93) ? { ItemSelector: selected } : {}),
    ...(chance.likely(0.3) ? { ToleratedFailureCount: number(chance.from(0, 2)) } : {}),
    ...(chance.likely(0.2)
      ? {
          ToleratedFailurePercentage: chance.pick([
            50,
            expression("100 / 3"),
            expression("$states.input.n * 30"),
          ]),
        }
      : {}),
  };
}

export function catcher(chance: Chance, sight: Sight, own: Sight): Fields {
  const roll = chance.next();
  return {
    ...(roll < 0.75 || (roll >= 0.9 && sight.isShapeKept)
      ? { Output: beside("e", "$states.errorOutput") }
      : roll < 0.85
        ? {
            Output: beside(
              "e",
              "{'Error': $states.errorOutput.Error, 'length': $length($states.errorOutput.Error)}",
            ),
          }
        : roll < 0.9
          ? { Output: expression(failingText(chance)) }
          : {}),
    ...assign(chance, own, sight, "$states.errorOutput.Error"),
  };
}
