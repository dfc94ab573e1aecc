// JSONata: evaluations per second, ours and the `jsonata` package's in the same run, on expressions as users write
// them. Both are compiled once; the package's are awaited one after the other, which is how an engine would use it.
//
//   npm run bench:jsonata [-- --milliseconds 600]
//
// Fails if ours is slower anywhere, or less than ten times as fast as a geometric mean.
import { isDeepStrictEqual, parseArgs } from "node:util";
import jsonata from "jsonata";
import { compileJsonata } from "../src/asl/jsonata/index.ts";
import type { Json } from "../src/base/json.ts";
import { Random } from "../src/base/random.ts";

const { values } = parseArgs({ options: { milliseconds: { type: "string", default: "600" } } });
const milliseconds = Number(values.milliseconds);

const STATUSES = ["open", "paid", "shipped", "lost"] as const;

const orders: Json = Array.from({ length: 100 }, (_, i) => ({
  id: `order-${i}`,
  status: STATUSES[i % 4] ?? "open",
  customer: { name: `Customer ${i % 7}`, email: `c${i % 7}@example.com` },
  total: ((i * 37) % 100) + 0.5,
  createdAt: `2026-01-${String((i % 28) + 1).padStart(2, "0")}T10:00:00Z`,
  items: Array.from({ length: (i % 3) + 1 }, (_unused, j) => ({
    sku: `sku-${j}`,
    price: 10 + j,
    quantity: j + 1,
  })),
}));

const states: Json = {
  input: {
    order: { id: "o-1", total: 42.5, customer: { name: "Ada", address: { city: "London", zip: "N1" } } },
    numbers: Array.from({ length: 100 }, (_, i) => (i * 7919) % 101),
    orders,
    flags: { express: true, gift: false },
    csv: "a,b,c,d,e,f,g,h",
  },
  result: { StatusCode: 200, Payload: { body: '{"ok":true,"count":3}', items: [1, 2, 3] } },
  context: {
    Execution: {
      Id: "arn:aws:states:eu-west-1:000000000000:execution:Orders:1",
      StartTime: "2026-01-02T03:04:05Z",
    },
  },
};

/** Named by what they do; `$states` is what a definition sees. */
const EXPRESSIONS: readonly (readonly [name: string, expression: string])[] = [
  ["a path", "$states.input.order.customer.address.city"],
  ["arithmetic", "$states.input.order.total * 1.2 + 5 - $states.result.StatusCode / 100"],
  ["a condition", "$states.input.order.total > 40 and $states.input.flags.express ? 'fast' : 'slow'"],
  ["a text", "'Order ' & $states.input.order.id & ' for ' & $uppercase($states.input.order.customer.name)"],
  [
    "an object",
    "{'id': $states.input.order.id, 'to': $states.input.order.customer.name, 'total': $states.input.order.total, 'at': $states.context.Execution.StartTime}",
  ],
  ["a merge", "$merge([$states.input.order, $states.result.Payload, {'done': true}])"],
  ["a path through an array", "$states.input.orders.customer.email"],
  ["a filter", "$states.input.orders[status = 'open' and total > 50].id"],
  ["nested arrays", "$sum($states.input.orders.items.(price * quantity))"],
  ["$map", "$map($states.input.numbers, function($v, $i) { $v * 2 + $i })"],
  ["$filter", "$filter($states.input.numbers, function($v) { $v % 2 = 0 })"],
  ["$reduce", "$reduce($states.input.numbers, function($sum, $v) { $sum + $v }, 0)"],
  ["map to objects", "$states.input.orders.{'id': id, 'who': customer.name, 'late': status = 'lost'}"],
  ["a sort", "$states.input.orders^(>total, id).id"],
  ["$sort with a function", "$sort($states.input.numbers, function($l, $r) { $l > $r })"],
  ["a grouping", "$states.input.orders{status: $sum(total)}"],
  [
    "variables",
    "($open := $states.input.orders[status = 'open']; $n := $count($open); $n > 0 ? $sum($open.total) / $n : 0)",
  ],
  ["split and join", "$join($map($split($states.input.csv, ','), function($s) { $pad($s, -3, '0') }), '|')"],
  ["a regular expression", "$states.input.orders[$contains(id, /^order-[13]/)].id"],
  ["replace", "$replace($states.context.Execution.Id, /:([a-z-]+)/, '/$1')"],
  ["recursion", "($f := function($n) { $n <= 1 ? 1 : $n * $f($n - 1) }; $f(20))"],
  ["a transform", "$states.input.order ~> |customer|{'vip': true}, 'name'|"],
  ["$lookup and $exists", "$exists($states.input.order.nothing) ? 1 : $lookup($states.input.flags, 'gift')"],
];

/** Evaluations per second over some time. */
async function rate(evaluate: () => unknown, during: number): Promise<number> {
  const began = performance.now();
  let count = 0;
  let now = began;
  while (now < began + during) {
    for (let i = 0; i < 10; i++) {
      const result = evaluate();
      if (result instanceof Promise) await result;
    }
    count += 10;
    now = performance.now();
  }
  return (count * 1000) / (now - began);
}

const random = new Random([1, 2, 3, 4]);
const bindings = new Map<string, Json>([["states", states]]);
const environment = { nowMs: 1_767_322_800_000, random };

console.log("| expression | ours, per second | jsonata, per second | ratio |");
console.log("|---|---:|---:|---:|");
const ratios: number[] = [];
for (const [name, text] of EXPRESSIONS) {
  const ours = compileJsonata(text);
  const theirs = jsonata(text);
  const expected: unknown = JSON.parse(JSON.stringify(await theirs.evaluate(undefined, { states })));
  const got = ours.evaluate(bindings, environment);
  if (!isDeepStrictEqual(got, expected))
    throw new Error(`${name}: ${JSON.stringify(got)} instead of ${JSON.stringify(expected)}`);
  let theirRate = 0;
  let ourRate = 0;
  // Taking turns, so that what else the machine does hits both; the best round counts for both.
  for (let round = 0; round < 4; round++) {
    const theirRound = await rate(() => theirs.evaluate(undefined, { states }), milliseconds / 4);
    const ourRound = await rate(() => ours.evaluate(bindings, environment), milliseconds / 4);
    theirRate = Math.max(theirRate, theirRound);
    ourRate = Math.max(ourRate, ourRound);
  }
  const ratio = ourRate / theirRate;
  ratios.push(ratio);
  console.log(
    `| ${name} | ${Math.round(ourRate).toLocaleString("en")} | ${Math.round(theirRate).toLocaleString("en")} | ${ratio.toFixed(1)} |`,
  );
}
const mean = Math.exp(ratios.reduce((sum, each) => sum + Math.log(each), 0) / ratios.length);
const least = Math.min(...ratios);
console.log(
  `\n${ratios.length} expressions: ${mean.toFixed(1)} times as fast (geometric mean), ${least.toFixed(1)} at least.`,
);
if (ratios.length === 0 || mean < 10 || least < 1) process.exit(1);
