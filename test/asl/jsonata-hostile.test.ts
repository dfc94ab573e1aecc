// Expressions that want too much: time, stack, memory, or what is not theirs. Each ends in an error, soon.
import assert from "node:assert/strict";
import { test } from "node:test";
import { JsonataError, JsonataFunction, compileJsonata } from "../../src/asl/jsonata/index.ts";
import type { Json } from "../../src/base/json.ts";
import { Random } from "../../src/base/random.ts";

const TIME = "D1012";
const STACK = "D1011";
const TEXT = "D1014";
const ITEMS = "D2015";

/** What each is, the expression, and the error. */
const CASES: readonly (readonly [name: string, expression: string, code: string])[] = [
  [
    "a pattern that backtracks for ever",
    "$contains($pad('', 50000, 'a') & '!', /^(a+)+$/) ? 1 : $error('no')",
    "D3137",
  ],
  [
    "another one, with alternatives",
    "$match($pad('', 50000, 'a') & '!', /(a|a)*b/) ? 1 : $error('no')",
    "D3137",
  ],
  [
    "a pattern of many open parts",
    "$contains($pad('', 5000, 'a'), /a*a*a*a*a*a*a*a*b/) ? 1 : $error('no')",
    "D3137",
  ],
  [
    "a pattern over a long text, often",
    "$map([1..1000], function($i) { $contains($pad('', 50000, 'a'), /(a?){30}b/) })",
    TIME,
  ],
  ["a pattern that is too large", "$contains('a', /((a{1,100}){1,100}){1,100}/)", "S0303"],
  ["a text of 200 MB", "$pad('', 200000000)", TEXT],
  ["a text of 200 MB, to the left", "$pad('x', -200000000, 'ab')", TEXT],
  ["a text that doubles", "($f := function($s) { $f($s & $s) }; $f('abcdefgh'))", TEXT],
  ["a text that doubles, by joining", "($f := function($s) { $f($join([$s, $s])) }; $f('abcdefgh'))", TEXT],
  [
    "a text that doubles, by replacing",
    "($f := function($s) { $f($replace($s, /a/, 'aa')) }; $f('a'))",
    TIME,
  ],
  [
    "a text that grows by replacing each character",
    "($s := $pad('', 100000, 'a'); $replace($s, 'a', $s))",
    TEXT,
  ],
  ["a text that grows by replacing each match", "($s := $pad('', 100000, 'a'); $replace($s, /a/, $s))", TEXT],
  ["a text that grows by printing", "($f := function($s) { $f($string([$s, $s])) }; $f('abc'))", TEXT],
  ["a text that grows by encoding", "($f := function($s) { $f($base64encode($s & $s)) }; $f('abc'))", TIME],
  [
    "a text that grows by escaping",
    "($f := function($s) { $f($encodeUrlComponent($s & '%')) }; $f('%%%%'))",
    TIME,
  ],
  ["a recursion without an end", "($f := function($n) { 1 + $f($n + 1) }; $f(0))", STACK],
  [
    "a recursion over two functions",
    "($f := function() { [$g()] }; $g := function() { [$f()] }; $f())",
    STACK,
  ],
  ["a recursion in a filter", "($f := function($x) { $x[$f($)] }; $f([1, 2]))", STACK],
  ["a recursion through $map", "($f := function($x) { $map([$x], $f)[0] }; $f(1))", STACK],
  [
    "a recursion through $sort",
    "($f := function($x) { $sort([$x, $x], function($l, $r) { $f($l) > 1 })[0] }; $f(1))",
    STACK,
  ],
  ["a loop without an end", "($f := function($n) { $f($n + 1) }; $f(0))", TIME],
  ["a loop of two functions", "($f := function() { $g() }; $g := function() { $f() }; $f())", TIME],
  ["a function that calls itself twice", "($f := function($n) { $f($n + 1) + $f($n + 1) }; $f(0))", STACK],
  ["Fibonacci of 40", "($f := function($n) { $n < 2 ? $n : $f($n - 1) + $f($n - 2) }; $f(40))", TIME],
  ["the Y combinator without an end", "(λ($f) { $f($f) })(λ($f) { $f($f) })", TIME],
  ["a range of ten million", "$count([1..10000000])", ITEMS],
  ["a range of more", "[1..1000000000]", "D2014"],
  ["a range beyond the integers", "$count([1e300..1e301])", "D2014"],
  ["a million items sorted", "$sort([1..1000000])", TIME],
  ["a hundred thousand items sorted by a function", "$sort([1..100000], function($l, $r) { $l < $r })", TIME],
  ["a hundred thousand items in order", "[1..100000]^(>$)[0]", TIME],
  ["every pair of a thousand", "[1..2000].($x := $; [1..2000].($x * $))", TIME],
  ["an array that doubles", "($f := function($a) { $f($append($a, $a)) }; $f([1]))", TIME],
  ["an array that doubles in a constructor", "($f := function($a) { $f([$a, $a]) }; $f([1]))", TIME],
  ["an array in an array in an array", "$reduce([1..30000], function($a, $i) { [[$a]] })", "D1015"],
  ["an object in an object in an object", "$reduce([1..30000], function($a, $i) { {'a': $a} })", "D1015"],
  ["a deep value printed", "$string($reduce([1..20000], function($a, $i) { [[$a]] }))", STACK],
  [
    "a deep value compared",
    "($d := function() { $reduce([1..20000], function($a, $i) { [[$a]] }) }; $d() = $d())",
    STACK,
  ],
  ["a deep value searched", "$reduce([1..100000], function($a, $i) { {'a': $a} }).**", STACK],
  ["a value in itself", "{'a': 1} ~> |$|{'self': $}|", "D1015"],
  ["a value in itself, printed", "$string({'a': 1} ~> |$|{'self': $}|)", STACK],
  ["descendants of descendants", "[1..3000].{'a': {'b': {'c': {'d': $}}}}.**.**.**.**.**.**", TIME],
  ["descendants of a value in itself", "({'a': 1} ~> |$|{'self': [$]}|).**", STACK],
  ["a text split into millions", "$split($pad('', 4000000, 'a'), '')", TIME],
  ["a text split at every other character", "$split($pad('', 4000000, 'a,'), ',')", TIME],
  ["a large zip", "$zip([1..300000], [1..300000], [1..300000])", TIME],
  ["a large distinct", "$distinct([1..20000].{'a': $})", TIME],
  [
    "keys of many objects",
    "($o := $merge([1..1000].{'k' & $: 1}); $count($map([1..2000], function() { $keys($o) })))",
    TIME,
  ],
  [
    "a join of everything with everything",
    "([1..2000].{'a': $})@$l.([1..2000].{'b': $})@$r[$l.a = $r.b]",
    TIME,
  ],
  ["a large group", "[1..300000]{$string($): $}", TIME],
  [
    "a hash of a long text, often",
    "$map([1..100], function() { $hash($pad('', 1000000, 'a'), 'SHA-512') })",
    TIME,
  ],
  ["$range of a billion", "$range(1, 1000000000, 1)", ITEMS],
  ["$range with a step of nothing", "$range(1, 2, 0.5)", "D3150"],
  ["$partition into nothing", "$partition([1, 2], 0.5)", "D3150"],
  ["a picture with a width of a billion", "$fromMillis(0, '[Y,999999999]')", "D3094"],
  ["a picture that is a text of its own", "$formatNumber(1, $pad('', 100000, '0'))", "D3094"],
  ["a grouping by nothing", "$formatNumber(1000, '#,##0', {'grouping-separator': ''})", "D3094"],
  ["a decimal point that is none", "$formatNumber(1000, '0', {'zero-digit': 5})", "D3094"],
  ["a large roman numeral", "$formatInteger(1e300, 'I')", "D3094"],
  [
    "a time that could be read in many ways",
    "$toMillis($pad('', 900, 'a'), '[FNn][FNn][FNn][FNn][FNn][FNn]1')",
    "D3094",
  ],
  [
    "a signature that could fit in many ways",
    `(${"λ($a)<" + "x?".repeat(30) + "x".repeat(30) + ">"}{$a})(${Array.from({ length: 29 }, () => "1").join(",")})`,
    "T0410",
  ],
  ["$each of a large object", "$each($merge([1..100000].{'k' & $: $}), function($v, $k) { $k })", TIME],
  ["$eval, which is not there", "$eval('1')", "T1006"],
  ["the constructor of a value", "({}).constructor('return 1')()", "T1006"],
  ["the prototype of a value", "{'a': 1}.__proto__.toString()", "nothing"],
  ["a member of a function", "($f := function() { 1 }; $f.call())", "T1006"],
  ["a global", "$process.env", "nothing"],
];

test("expressions that want too much end in an error, soon", () => {
  let count = 0;
  for (const [name, expression, code] of CASES) {
    const began = performance.now();
    let outcome: string;
    try {
      const result = evaluate(expression);
      outcome =
        result instanceof JsonataFunction
          ? "a function"
          : (JSON.stringify(result) ?? "nothing").slice(0, 100);
    } catch (fault) {
      if (!(fault instanceof JsonataError)) throw fault;
      outcome = fault.code;
    }
    const took = performance.now() - began;
    if (process.env["SHOW_TIMES"] === "1")
      console.log(`${took.toFixed(1).padStart(8)} ms  ${outcome.padEnd(8)} ${name}`);
    assert.equal(outcome, code, name);
    // About 50 ms on an idle machine; tests share theirs.
    assert.ok(took < 1000, `${name}: ${took} ms`);
    count += 1;
  }
  assert.ok(count >= 30);
});

function evaluate(expression: string, variables: ReadonlyMap<string, Json> = new Map()): unknown {
  return compileJsonata(expression).evaluate(variables, { nowMs: 0, random: new Random([1, 2, 3, 4]) });
}
