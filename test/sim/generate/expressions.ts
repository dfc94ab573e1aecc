// Random JSONata for generated definitions: texts of each type, and texts that fail.
//
// Knows:          what the data of a generated block holds (definition.ts): `n`, `flag`, `few`, `items`, perhaps `e`.
// Does not know:  fields, states.
//
// What a text gives may depend on the data in the language's own ways (one item is not an array); what looks like an
// array may then fail its field. That is meant: the reference interpreter evaluates with the language's own package.

import type { Chance } from "./chance.ts";

/** What an expression can read. */
export interface Sight {
  /** Of any type; those with numbers among them. */
  readonly variables: readonly string[];
  readonly numbers: readonly string[];
  /** JSONPath states come after: what they read must stay where it is. */
  readonly isShapeKept: boolean;
}

/** As a field holds it. */
export function expression(text: string): string {
  return `{% ${text} %}`;
}

export function numberText(chance: Chance, { numbers }: Sight): string {
  return chance.pick([
    "$states.input.n",
    "$states.input.n * 2 + 1",
    "$sum([1, $states.input.n, 3])",
    "$count($states.input.items)",
    "$length($states.context.State.Name)",
    "($a := $states.input.n; $f := function($x) { $x * $a }; $f(3))",
    "$reduce([1..4], function($i, $j) { $i + $j })",
    "$round($states.input.n / 3, 2)",
    "$states.input.flag ? 1 : -1.5",
    "[4, 2, 9]^(>$)[0]",
    "$max($append($states.input.few, 0))",
    ...numbers.map((name) => `$${name} + 1`),
    ...numbers.map((name) => `$${name}`),
  ]);
}

export function stringText(chance: Chance, { variables }: Sight): string {
  return chance.pick([
    "$states.context.State.Name & '-' & $states.input.n",
    "$string($states.input.few)",
    "$states.context.Execution.Name",
    "$states.context.State.EnteredTime",
    "$uppercase('ä and ß') & $substring('abcdef', 2, 3)",
    "$join($map([1..3], $string), '/')",
    "$states.input.flag ? 'yes' : 'no'",
    "$replace('a-b-c', /-/, '+')",
    "$states.context.Execution.Input.text ~> $substringBefore('x')",
    "$pad('é', 5, '😀')",
    "$type($states.input.e)",
    ...variables.map((name) => `$type($${name})`),
  ]);
}

export function booleanText(chance: Chance, { numbers }: Sight): string {
  return chance.pick([
    "$states.input.flag = true",
    "$states.input.n > 2",
    "$exists($states.input.e) and $states.input.e.Error = 'Busy'",
    "$states.input.n in [1, 2, 3]",
    "$not($states.input.flag)",
    "$boolean($states.input.items)",
    "$contains($states.context.State.Name, /[13579]$/)",
    ...numbers.map((name) => `$${name} < 4`),
  ]);
}

/** An array, whatever the data is. */
export function arrayText(chance: Chance): string {
  return chance.pick([
    "[1..3]",
    "[]",
    "[1..$states.input.n]",
    "[$states.input.few]",
    "[$states.input.few[$ > 1]]",
    "[$map($states.input.items, function($v, $i) { {'i': $i, 'v': $v} })]",
    "[[1..3].{'id': $uuid(), 'k': $}]",
    "$append([{'b': 1}, null], $states.input.few)",
    "$sort(['q', 'b', 'c'])",
  ]);
}

export function anyText(chance: Chance, sight: Sight): string {
  const roll = chance.from(0, 9);
  if (roll <= 2) return numberText(chance, sight);
  if (roll <= 4) return stringText(chance, sight);
  if (roll === 5) return booleanText(chance, sight);
  if (roll === 6) return arrayText(chance);
  return chance.pick([
    "null",
    "$uuid()",
    "{'one': $states.input.n, 'two': {'three': $states.input.nowhere}, 'four': [$states.input.flag]}",
    "$keys($merge([$states.input, {'z': 1}]))",
    "$spread({'a': 1, 'b': $states.input.n})",
    "$states.input ~> |$|{'added': true}, ['text']|",
    "[{'k': 'a', 'v': 1}, {'k': 'b', 'v': 2}, {'k': 'a', 'v': 3}]{k: $sum(v)}",
    "$each({'p': 1, 'q': 2}, function($v, $k) { $k & $v })",
    "$states.input.*[0]",
    ...sight.variables.map((name) => `$${name}`),
    ...sight.variables.map((name) => `[$${name}, $states.input.n]`),
  ]);
}

/** Fails, always or nearly so, each for another reason. */
export function failingText(chance: Chance): string {
  return chance.pick([
    "$states.input.nowhere.at.all",
    "$nosuch",
    "$uppercase($states.input.n)",
    "$states.input.n + 'x'",
    "$sum",
    "$error('as it was told')",
    "$number('three')",
    "$substring()",
    "{'f': function($x) { $x }}",
    "$lookup($states.input, 'nowhere')",
    "$states.input.few[99]",
    "$states.input.flag()",
    // Succeeds at the second try.
    "$states.context.State.RetryCount > 0 ? 'at last' : $nosuch",
  ]);
}
