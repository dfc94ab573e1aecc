// Distributed Maps in a running engine: which children there are, with which inputs, and what comes of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json, JsonObject } from "../../src/base/json.ts";
import { createMachine, open, outcome, start } from "./harness.ts";
import { broken, Buckets, lastRun, mapOf, reader, shown, untilEnded, Worker } from "./map-run-harness.ts";

interface Story {
  readonly name: string;
  /** Of the Map state. */
  readonly map: JsonObject;
  /** Around it; default: a machine of the Map alone. */
  readonly machine?: (definition: Json) => Json;
  readonly input?: Json;
  /** By key, in the bucket `data`. */
  readonly objects?: Readonly<Record<string, string>>;
  /** Inputs of the children that fail, as JSON. */
  readonly failing?: readonly string[];
  readonly calls: readonly Json[];
  readonly outcome: string;
  readonly run: string;
}

const stories: readonly Story[] = [
  {
    name: "the input is an array: a child for each element, the output in the order of the items",
    map: {},
    input: [3, { a: 1 }, "x", null],
    calls: [3, { a: 1 }, "x", null],
    outcome: 'SUCCEEDED [3,{"a":1},"x",null]',
    run: 'SUCCEEDED {"succeeded":4,"total":4,"resultsWritten":4}',
  },
  {
    name: "no items: no children, an empty array",
    map: {},
    input: [],
    calls: [],
    outcome: "SUCCEEDED []",
    run: "SUCCEEDED {}",
  },
  {
    name: "ItemsPath selects an object: its members are the items, keys that are traps among them",
    map: {
      ItemsPath: "$.of",
      ItemSelector: {
        "key.$": "$$.Map.Item.Key",
        "value.$": "$$.Map.Item.Value",
        "at.$": "$$.Map.Item.Index",
      },
    },
    input: JSON.parse('{"of":{"b":1,"__proto__":2,"a":{"c":3}}}') as Json,
    calls: [
      { key: "b", value: 1, at: 0 },
      { key: "__proto__", value: 2, at: 1 },
      { key: "a", value: { c: 3 }, at: 2 },
    ],
    outcome:
      'SUCCEEDED [{"key":"b","value":1,"at":0},{"key":"__proto__","value":2,"at":1},{"key":"a","value":{"c":3},"at":2}]',
    run: 'SUCCEEDED {"succeeded":3,"total":3,"resultsWritten":3}',
  },
  {
    name: "batches by number: the last is smaller, BatchInput goes with each",
    map: { ItemBatcher: { MaxItemsPerBatch: 2, BatchInput: { "run.$": "$$.State.Name", fixed: true } } },
    input: [1, 2, 3, 4, 5],
    calls: [
      { BatchInput: { run: "M", fixed: true }, Items: [1, 2] },
      { BatchInput: { run: "M", fixed: true }, Items: [3, 4] },
      { BatchInput: { run: "M", fixed: true }, Items: [5] },
    ],
    outcome:
      'SUCCEEDED [{"BatchInput":{"run":"M","fixed":true},"Items":[1,2]},{"BatchInput":{"run":"M","fixed":true},"Items":[3,4]},{"BatchInput":{"run":"M","fixed":true},"Items":[5]}]',
    run: 'SUCCEEDED items {"succeeded":5,"total":5,"resultsWritten":5} children {"succeeded":3,"total":3,"resultsWritten":3}',
  },
  {
    // {"Items":["aaaa","bbbb"]} has 25 bytes.
    name: "batches by bytes hold what fits exactly, and no byte more",
    map: { ItemBatcher: { MaxInputBytesPerBatch: 25 } },
    input: ["aaaa", "bbbb", "cccc", "ddddd", "é"],
    calls: [{ Items: ["aaaa", "bbbb"] }, { Items: ["cccc"] }, { Items: ["ddddd", "é"] }],
    outcome: 'SUCCEEDED [{"Items":["aaaa","bbbb"]},{"Items":["cccc"]},{"Items":["ddddd","é"]}]',
    run: 'SUCCEEDED items {"succeeded":5,"total":5,"resultsWritten":5} children {"succeeded":3,"total":3,"resultsWritten":3}',
  },
  {
    // {"Items":["aaaaaa"]} has 20 bytes.
    name: "an item that fills a batch to the last byte fits",
    map: { ItemBatcher: { MaxInputBytesPerBatch: 20 } },
    input: ["aaaaaa", "b"],
    calls: [{ Items: ["aaaaaa"] }, { Items: ["b"] }],
    outcome: 'SUCCEEDED [{"Items":["aaaaaa"]},{"Items":["b"]}]',
    run: 'SUCCEEDED {"succeeded":2,"total":2,"resultsWritten":2}',
  },
  {
    name: "an item that is larger than a batch may be fails the Map Run",
    map: { ItemBatcher: { MaxInputBytesPerBatch: 20 } },
    input: ["aaaaaaa"],
    calls: [],
    outcome:
      "FAILED States.ItemReaderFailed Item 0 has 9 bytes; the input of a child execution may have 20, 12 of which are around the items.",
    run: 'FAILED items {"pending":1,"total":1} children {}',
  },
  {
    name: "ItemSelector sees the state's input, the item and variables",
    map: {
      ItemsPath: "$.list",
      ItemSelector: { "item.$": "$$.Map.Item.Value", "from.$": "$.who", "factor.$": "$factor" },
    },
    machine: (definition) => ({
      StartAt: "A",
      States: {
        A: { Type: "Pass", Assign: { factor: 7 }, Next: "M" },
        M: (definition as { States: { M: Json } }).States.M,
      },
    }),
    input: { list: [1, 2], who: "me" },
    calls: [
      { item: 1, from: "me", factor: 7 },
      { item: 2, from: "me", factor: 7 },
    ],
    outcome: 'SUCCEEDED [{"item":1,"from":"me","factor":7},{"item":2,"from":"me","factor":7}]',
    run: 'SUCCEEDED {"succeeded":2,"total":2,"resultsWritten":2}',
  },
  {
    name: "JSONata: Items, ItemSelector, BatchInput and the limits are expressions",
    map: {
      QueryLanguage: "JSONata",
      Items: "{% [1..$states.input.n] %}",
      ItemSelector: { i: "{% $states.context.Map.Item.Value * 10 %}" },
      ItemBatcher: {
        MaxItemsPerBatch: "{% $states.input.size %}",
        BatchInput: { of: "{% $states.context.Execution.Name = 'e' %}" },
      },
      MaxConcurrency: "{% $states.input.size %}",
      Output: "{% $sum($states.result.Items.i) %}",
    },
    input: { n: 3, size: 2 },
    calls: [
      { BatchInput: { of: true }, Items: [{ i: 10 }, { i: 20 }] },
      { BatchInput: { of: true }, Items: [{ i: 30 }] },
    ],
    outcome: "SUCCEEDED 60",
    run: 'SUCCEEDED items {"succeeded":3,"total":3,"resultsWritten":3} children {"succeeded":2,"total":2,"resultsWritten":2}',
  },
  {
    name: "JSONata: an ItemSelector that cannot be evaluated fails the Map Run",
    map: { QueryLanguage: "JSONata", Items: [1], ItemSelector: { i: "{% $error('no') %}" } },
    calls: [],
    outcome:
      "FAILED States.QueryEvaluationError ItemSelector: An error occurred while executing the state 'M' (entered at the event id #2). The JSONata expression '$error('no')' specified for the field 'ItemSelector/i' threw an error during evaluation. D3137: no",
    run: 'FAILED {"pending":1,"total":1}',
  },
  {
    name: "a JSON array of an object is read; its elements stay as they are written",
    map: reader("list.json"),
    objects: { "list.json": '[1.0, {"b": 2, "a": 1},\n "x"]' },
    calls: [1, { b: 2, a: 1 }, "x"],
    outcome: 'SUCCEEDED [1,{"b":2,"a":1},"x"]',
    run: 'SUCCEEDED {"succeeded":3,"total":3,"resultsWritten":3}',
  },
  {
    name: "rows of a CSV, in batches, up to MaxItems",
    map: {
      ...reader("rows.csv", { InputType: "CSV", CSVHeaderLocation: "FIRST_ROW", MaxItems: 3 }),
      ItemBatcher: { MaxItemsPerBatch: 2 },
    },
    objects: { "rows.csv": "id,name\n1,a\n2,b\n3,c\n4,d\n" },
    calls: [
      {
        Items: [
          { id: "1", name: "a" },
          { id: "2", name: "b" },
        ],
      },
      { Items: [{ id: "3", name: "c" }] },
    ],
    outcome:
      'SUCCEEDED [{"Items":[{"id":"1","name":"a"},{"id":"2","name":"b"}]},{"Items":[{"id":"3","name":"c"}]}]',
    run: 'SUCCEEDED items {"succeeded":3,"total":3,"resultsWritten":3} children {"succeeded":2,"total":2,"resultsWritten":2}',
  },
  {
    name: "an object that is not there fails the Map Run",
    map: reader("none.json"),
    calls: [],
    outcome: "FAILED States.ItemReaderFailed *",
    run: "FAILED {}",
  },
  {
    name: "one child fails and none may: the Map Run fails, and its state",
    map: { MaxConcurrency: 1 },
    input: [1, 2, 3],
    failing: ["2"],
    calls: [1, 2],
    outcome:
      "FAILED States.ExceedToleratedFailureThreshold The specified tolerated failure threshold was exceeded",
    run: 'FAILED {"pending":1,"succeeded":1,"failed":1,"total":3}',
  },
  {
    name: "a Catcher takes the failure of the Map Run",
    map: { ItemsPath: "$.list", Catch: [{ ErrorEquals: ["States.ALL"], ResultPath: "$.caught", Next: "C" }] },
    machine: (definition) => ({
      StartAt: "M",
      States: {
        M: (definition as { States: { M: Json } }).States.M,
        C: { Type: "Pass", End: true },
      },
    }),
    input: { list: [1] },
    failing: ["1"],
    calls: [1],
    outcome:
      'SUCCEEDED {"list":[1],"caught":{"Error":"States.ExceedToleratedFailureThreshold","Cause":"The specified tolerated failure threshold was exceeded"}}',
    run: 'FAILED {"failed":1,"total":1}',
  },
];

for (const type of ["STANDARD", "EXPRESS"] as const) {
  for (const story of stories) {
    test(`${type} children: ${story.name}`, async (t) => {
      const buckets = await Buckets.create(t);
      for (const [key, text] of Object.entries(story.objects ?? {})) buckets.put(key, text);
      const harness = await open({ objects: buckets.store });
      const worker = new Worker().attach(harness);
      const { judge } = worker;
      worker.judge = (input) =>
        story.failing?.includes(JSON.stringify(input)) === true ? broken : judge(input);
      const definition = mapOf(story.map, type);
      const machine = await createMachine(harness, story.machine?.(definition) ?? definition);
      const execution = await start(harness, machine, story.input ?? {}, "e");
      await untilEnded(harness, execution);

      const ended = await outcome(harness, execution);
      if (story.outcome.endsWith("*")) assert(ended.startsWith(story.outcome.slice(0, -1)), ended);
      else assert.equal(ended, story.outcome);
      assert.deepEqual(worker.take(), story.calls);
      assert.equal(shown(await lastRun(harness, execution)), story.run);
      assert.deepEqual(harness.log, []);
      assert.deepEqual(harness.fatal, []);
    });
  }
}
