// Versions and aliases, as a caller sees them: stories of calls and their whole answers.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createApi } from "../../src/api/index.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { createFakeEngine, type FakeEngine } from "./fake-engine.ts";

const caller = { region: "us-east-1", account: "123456789012" };
const arn = (rest: string): string => `arn:aws:states:us-east-1:123456789012:${rest}`;
const machineArn = arn("stateMachine:m");
const [v1, v2, v3] = [`${machineArn}:1`, `${machineArn}:2`, `${machineArn}:3`];
const live = `${machineArn}:live`;
const roleArn = "arn:aws:iam::123456789012:role/r";
const definitionOf = (comment: string): string =>
  JSON.stringify({ Comment: comment, StartAt: "A", States: { A: { Type: "Pass", End: true } } });
const m = { name: "m", definition: definitionOf("0"), roleArn };
/** The fake engine's clock, as the wire shows it. */
const now = 1767323045.678;
const settings = {
  encryptionConfiguration: { type: "AWS_OWNED_KEY" },
  loggingConfiguration: { includeExecutionData: false, level: "OFF" },
  tracingConfiguration: { enabled: false },
};
const described = { name: "m", status: "ACTIVE", type: "STANDARD", roleArn, ...settings };

/**
 * An operation, its input, and its answer: all of it, or `[code, message, members]`, or nothing if it does not matter.
 * A number moves the clock by so many seconds.
 */
type Step =
  | number
  | readonly [
      operation: string,
      input: JsonObject,
      expected?: JsonObject | readonly [string, string, JsonObject],
    ];

const fails = (
  code: string,
  message: string,
  members: JsonObject = {},
): readonly [string, string, JsonObject] => [code, message, members];
const noMachine = (shown: string): readonly [string, string, JsonObject] =>
  fails("StateMachineDoesNotExist", `State Machine Does Not Exist: '${shown}'`);
const notFound = (resourceName: string): readonly [string, string, JsonObject] =>
  fails("ResourceNotFound", "Request references a resource that does not exist.", { resourceName });
const invalidRouting = (message: string): readonly [string, string, JsonObject] =>
  fails("ValidationException", message, { reason: "INVALID_ROUTING_CONFIGURATION" });
const invalidArn = (problem: string): readonly [string, string, JsonObject] =>
  fails("InvalidArn", `Invalid Arn: '${problem}'`);

const created: Step = ["CreateStateMachine", m, { stateMachineArn: machineArn, creationDate: now }];
const publish: Step = ["PublishStateMachineVersion", { stateMachineArn: machineArn }];
const update = (comment: string, more: JsonObject = {}): Step => [
  "UpdateStateMachine",
  { stateMachineArn: machineArn, definition: definitionOf(comment), ...more },
];
/** Versions 1, 2 and 3, a second between them. */
const threeVersions: readonly Step[] = [
  created,
  publish,
  1,
  update("2", { publish: true }),
  1,
  update("3", { publish: true }),
];
const to = (...routes: readonly (readonly [string, number])[]): JsonObject[] =>
  routes.map(([stateMachineVersionArn, weight]) => ({ stateMachineVersionArn, weight }));
const aliasTo = (...routes: readonly (readonly [string, number])[]): JsonObject => ({
  name: "live",
  routingConfiguration: to(...routes),
});
const versionsAre = (...seconds: readonly (readonly [string, number])[]): Step => [
  "ListStateMachineVersions",
  { stateMachineArn: machineArn },
  {
    stateMachineVersions: seconds.map(([stateMachineVersionArn, after]) => ({
      stateMachineVersionArn,
      creationDate: now + after,
    })),
  },
];
const aliasesAre = (stateMachineArn: string, ...arns: readonly string[]): Step => [
  "ListStateMachineAliases",
  { stateMachineArn },
  {
    stateMachineAliases: arns.map((stateMachineAliasArn) => ({
      stateMachineAliasArn,
      creationDate: now + 2,
    })),
  },
];

const stories: Readonly<Record<string, readonly Step[]>> = {
  // Publishing
  "a revision is published once; to publish it again answers with its version": [
    created,
    1,
    [
      "PublishStateMachineVersion",
      { stateMachineArn: machineArn, description: "first" },
      { stateMachineVersionArn: v1, creationDate: now + 1 },
    ],
    1,
    [
      "PublishStateMachineVersion",
      { stateMachineArn: machineArn, description: "again" },
      { stateMachineVersionArn: v1, creationDate: now + 1 },
    ],
    versionsAre([v1, 1]),
    [
      "DescribeStateMachine",
      { stateMachineArn: v1 },
      {
        ...described,
        stateMachineArn: v1,
        definition: definitionOf("0"),
        creationDate: now + 1,
        description: "first",
      },
    ],
    [
      "DescribeStateMachine",
      { stateMachineArn: machineArn },
      { ...described, stateMachineArn: machineArn, definition: definitionOf("0"), creationDate: now },
    ],
  ],
  "a machine can be published as it is created; its repetition must say the same": [
    [
      "CreateStateMachine",
      { ...m, publish: true, versionDescription: "d" },
      { stateMachineArn: machineArn, creationDate: now, stateMachineVersionArn: v1 },
    ],
    1,
    [
      "CreateStateMachine",
      { ...m, publish: true, versionDescription: "d", roleArn: `${roleArn}2` },
      { stateMachineArn: machineArn, creationDate: now, stateMachineVersionArn: v1 },
    ],
    ...[{}, { publish: true }, { publish: true, versionDescription: "e" }].map(
      (given): Step => [
        "CreateStateMachine",
        { ...m, ...given },
        fails("StateMachineAlreadyExists", `State Machine Already Exists: '${machineArn}'`),
      ],
    ),
    versionsAre([v1, 0]),
  ],
  "a machine that was created without a version is not created again with one": [
    created,
    [
      "CreateStateMachine",
      { ...m, publish: true },
      fails("StateMachineAlreadyExists", `State Machine Already Exists: '${machineArn}'`),
    ],
    versionsAre(),
  ],
  "an update that changes nothing publishes what is there, once": [
    created,
    1,
    [
      "UpdateStateMachine",
      { stateMachineArn: machineArn, definition: m.definition, publish: true },
      { updateDate: now, stateMachineVersionArn: v1 },
    ],
    [
      "UpdateStateMachine",
      { stateMachineArn: machineArn, definition: m.definition, publish: true },
      { updateDate: now, stateMachineVersionArn: v1 },
    ],
    versionsAre([v1, 1]),
  ],
  "versions are listed newest first": [...threeVersions, versionsAre([v3, 2], [v2, 1], [v1, 0])],
  "a number is not given out twice": [
    ...threeVersions,
    ["DeleteStateMachineVersion", { stateMachineVersionArn: v3 }, {}],
    ["DeleteStateMachineVersion", { stateMachineVersionArn: v3 }, {}],
    [
      "PublishStateMachineVersion",
      { stateMachineArn: machineArn },
      { stateMachineVersionArn: `${machineArn}:4`, creationDate: now + 2 },
    ],
    versionsAre([`${machineArn}:4`, 2], [v2, 1], [v1, 0]),
  ],
  "a revision that is not the current one is not published": [
    created,
    [
      "PublishStateMachineVersion",
      { stateMachineArn: machineArn, revisionId: "r" },
      fails(
        "ConflictException",
        "Failed to publish the State Machine version for revision r. The current State Machine revision is INITIAL.",
      ),
    ],
    versionsAre(),
    [
      "PublishStateMachineVersion",
      { stateMachineArn: machineArn, revisionId: "INITIAL" },
      { stateMachineVersionArn: v1, creationDate: now },
    ],
  ],
  "what cannot be published": [
    created,
    publish,
    ["PublishStateMachineVersion", { stateMachineArn: `${machineArn}2` }, noMachine(`${machineArn}2`)],
    ["PublishStateMachineVersion", { stateMachineArn: v1 }, noMachine(v1)],
    ["PublishStateMachineVersion", { stateMachineArn: "x" }, invalidArn("Invalid ARN prefix: x")],
    [
      "UpdateStateMachine",
      { stateMachineArn: v1, definition: definitionOf("1"), publish: true },
      noMachine(v1),
    ],
    [
      "UpdateStateMachine",
      { stateMachineArn: machineArn, publish: true },
      fails(
        "MissingRequiredParameter",
        "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be specified",
      ),
    ],
    [
      "UpdateStateMachine",
      { stateMachineArn: machineArn, definition: definitionOf("1"), versionDescription: "d" },
      fails("ValidationException", "Version description can only be set when publish is true"),
    ],
    versionsAre([v1, 0]),
  ],
  "a version that is not there": [
    created,
    ["DescribeStateMachine", { stateMachineArn: v1 }, noMachine(v1)],
    ["StartExecution", { stateMachineArn: v1 }, noMachine(v1)],
    ["ListExecutions", { stateMachineArn: v1 }, noMachine(v1)],
    ["DeleteStateMachineVersion", { stateMachineVersionArn: v1 }, {}],
    ["DeleteStateMachineVersion", { stateMachineVersionArn: `${machineArn}2:1` }, {}],
    [
      "DeleteStateMachineVersion",
      { stateMachineVersionArn: machineArn },
      invalidArn(`Invalid state machine version ARN: ${machineArn}`),
    ],
    [
      "DeleteStateMachineVersion",
      { stateMachineVersionArn: live },
      invalidArn(`Invalid state machine version ARN: ${live}`),
    ],
    ["ListStateMachineVersions", { stateMachineArn: `${machineArn}2` }, noMachine(`${machineArn}2`)],
  ],

  // Aliases
  "an alias is created once; to create it again answers with it": [
    ...threeVersions,
    [
      "CreateStateMachineAlias",
      { ...aliasTo([v1, 70], [v2, 30]), description: "d" },
      { stateMachineAliasArn: live, creationDate: now + 2 },
    ],
    1,
    [
      "CreateStateMachineAlias",
      { ...aliasTo([v1, 70], [v2, 30]), description: "d" },
      { stateMachineAliasArn: live, creationDate: now + 2 },
    ],
    ...[
      { ...aliasTo([v1, 70], [v2, 30]), description: "e" },
      aliasTo([v1, 70], [v2, 30]),
      { ...aliasTo([v1, 100]), description: "d" },
      { ...aliasTo([v1, 30], [v2, 70]), description: "d" },
    ].map(
      (other): Step => [
        "CreateStateMachineAlias",
        other,
        fails(
          "ConflictException",
          "Failed to create alias because an alias with the same name and a different routing configuration already exists.",
        ),
      ],
    ),
    [
      "DescribeStateMachineAlias",
      { stateMachineAliasArn: live },
      {
        stateMachineAliasArn: live,
        name: "live",
        description: "d",
        routingConfiguration: to([v1, 70], [v2, 30]),
        creationDate: now + 2,
        updateDate: now + 2,
      },
    ],
    aliasesAre(machineArn, live),
  ],
  "an update changes what it names, and its date only if something changes": [
    ...threeVersions,
    ["CreateStateMachineAlias", aliasTo([v1, 100])],
    1,
    ["UpdateStateMachineAlias", { stateMachineAliasArn: live, description: "d" }, { updateDate: now + 3 }],
    1,
    ["UpdateStateMachineAlias", { stateMachineAliasArn: live, description: "d" }, { updateDate: now + 3 }],
    [
      "UpdateStateMachineAlias",
      { stateMachineAliasArn: live, routingConfiguration: to([v1, 0], [v2, 100]) },
      { updateDate: now + 4 },
    ],
    [
      "DescribeStateMachineAlias",
      { stateMachineAliasArn: live },
      {
        stateMachineAliasArn: live,
        name: "live",
        description: "d",
        routingConfiguration: to([v1, 0], [v2, 100]),
        creationDate: now + 2,
        updateDate: now + 4,
      },
    ],
  ],
  "what cannot be updated": [
    ...threeVersions,
    ["UpdateStateMachineAlias", { stateMachineAliasArn: live, description: "d" }, notFound(live)],
    ["CreateStateMachineAlias", aliasTo([v1, 100])],
    [
      "UpdateStateMachineAlias",
      { stateMachineAliasArn: live },
      fails("ValidationException", "Either the description or the routing configuration must be specified", {
        reason: "MISSING_REQUIRED_PARAMETER",
      }),
    ],
    [
      "UpdateStateMachineAlias",
      { stateMachineAliasArn: live, routingConfiguration: to([`${machineArn}:9`, 100]) },
      notFound(`${machineArn}:9`),
    ],
    [
      "UpdateStateMachineAlias",
      { stateMachineAliasArn: live, routingConfiguration: to([`${machineArn}2:1`, 100]) },
      invalidRouting(
        `Routing configuration must contain versions of the same state machine. Received: [${live}, ${machineArn}2:1]`,
      ),
    ],
    [
      "UpdateStateMachineAlias",
      { stateMachineAliasArn: v1, description: "d" },
      invalidArn(`Invalid state machine alias ARN: ${v1}`),
    ],
  ],
  "routings that are none": [
    ...threeVersions,
    [
      "CreateStateMachineAlias",
      aliasTo([machineArn, 70], [v2, 30]),
      invalidRouting(
        `Routing configuration must contain state machine version ARNs. Received: [${machineArn}, ${v2}]`,
      ),
    ],
    [
      "CreateStateMachineAlias",
      aliasTo([live, 100]),
      invalidRouting(`Routing configuration must contain state machine version ARNs. Received: [${live}]`),
    ],
    [
      "CreateStateMachineAlias",
      aliasTo(["x", 100]),
      invalidRouting("Routing configuration must contain state machine version ARNs. Received: [x]"),
    ],
    [
      "CreateStateMachineAlias",
      aliasTo([v1, 50], [v1, 50]),
      invalidRouting(
        `Routing configuration must contain distinct state machine version ARNs. Received: [${v1}, ${v1}]`,
      ),
    ],
    [
      "CreateStateMachineAlias",
      aliasTo([v1, 50], [`${machineArn}2:1`, 50]),
      invalidRouting(
        `Routing configuration must contain versions of the same state machine. Received: [${v1}, ${machineArn}2:1]`,
      ),
    ],
    [
      "CreateStateMachineAlias",
      aliasTo([v1, 70], [v2, 29]),
      invalidRouting("Sum of routing configuration weights must equal 100. Received: [70, 29]"),
    ],
    ["CreateStateMachineAlias", aliasTo([v1, 50], [`${machineArn}:9`, 50]), notFound(`${machineArn}:9`)],
    ["CreateStateMachineAlias", aliasTo([`${machineArn}2:1`, 100]), notFound(`${machineArn}2:1`)],
    aliasesAre(machineArn),
  ],
  "a version is kept as long as aliases refer to it": [
    ...threeVersions,
    ["CreateStateMachineAlias", aliasTo([v1, 50], [v2, 50])],
    ["CreateStateMachineAlias", { ...aliasTo([v2, 100]), name: "next" }],
    [
      "DeleteStateMachineVersion",
      { stateMachineVersionArn: v2 },
      fails(
        "ConflictException",
        "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: [live, next]",
      ),
    ],
    ["DeleteStateMachineAlias", { stateMachineAliasArn: `${machineArn}:next` }, {}],
    ["DeleteStateMachineAlias", { stateMachineAliasArn: `${machineArn}:next` }, {}],
    ["UpdateStateMachineAlias", { stateMachineAliasArn: live, routingConfiguration: to([v3, 100]) }],
    ["DeleteStateMachineVersion", { stateMachineVersionArn: v2 }, {}],
    ["DeleteStateMachineVersion", { stateMachineVersionArn: v1 }, {}],
    versionsAre([v3, 2]),
    aliasesAre(machineArn, live),
  ],
  "aliases are listed by age, of a version those that refer to it": [
    ...threeVersions,
    ["CreateStateMachineAlias", { ...aliasTo([v1, 100]), name: "b" }],
    ["CreateStateMachineAlias", { ...aliasTo([v1, 50], [v2, 50]), name: "a" }],
    aliasesAre(machineArn, `${machineArn}:a`, `${machineArn}:b`),
    aliasesAre(v1, `${machineArn}:a`, `${machineArn}:b`),
    aliasesAre(v2, `${machineArn}:a`),
    aliasesAre(v3),
    ["ListStateMachineAliases", { stateMachineArn: `${machineArn}:9` }, notFound(`${machineArn}:9`)],
    ["ListStateMachineAliases", { stateMachineArn: `${machineArn}2` }, noMachine(`${machineArn}2`)],
  ],
  "an alias that is not there": [
    ...threeVersions,
    ["DescribeStateMachineAlias", { stateMachineAliasArn: live }, notFound(live)],
    ["DescribeStateMachine", { stateMachineArn: live }, noMachine(live)],
    ["StartExecution", { stateMachineArn: live }, noMachine(live)],
    ["ListExecutions", { stateMachineArn: live }, noMachine(live)],
    ["DeleteStateMachineAlias", { stateMachineAliasArn: live }, {}],
    [
      "DeleteStateMachineAlias",
      { stateMachineAliasArn: machineArn },
      invalidArn(`Invalid state machine alias ARN: ${machineArn}`),
    ],
  ],
  "all goes with the machine; a machine of the same name begins anew": [
    ...threeVersions,
    ["CreateStateMachineAlias", aliasTo([v3, 100])],
    [
      "DeleteStateMachine",
      { stateMachineArn: v1 },
      fails(
        "ValidationException",
        `'${v1}' is a version or an alias: DeleteStateMachineVersion and DeleteStateMachineAlias delete those.`,
      ),
    ],
    versionsAre([v3, 2], [v2, 1], [v1, 0]),
    ["DeleteStateMachine", { stateMachineArn: machineArn }, {}],
    ["StartExecution", { stateMachineArn: live }, noMachine(live)],
    ["DescribeStateMachineAlias", { stateMachineAliasArn: live }, notFound(live)],
    [
      "CreateStateMachine",
      { ...m, publish: true },
      { stateMachineArn: machineArn, creationDate: now + 2, stateMachineVersionArn: v1 },
    ],
    versionsAre([v1, 2]),
    aliasesAre(machineArn),
  ],

  // Executions
  "executions say what they were started through, and are listed by it": [
    ...threeVersions,
    ["CreateStateMachineAlias", aliasTo([v2, 100])],
    ["StartExecution", { stateMachineArn: machineArn, name: "plain" }],
    [
      "StartExecution",
      { stateMachineArn: v1, name: "version" },
      { executionArn: arn("execution:m:version"), startDate: now + 2 },
    ],
    [
      "StartExecution",
      { stateMachineArn: live, name: "alias" },
      { executionArn: arn("execution:m:alias"), startDate: now + 2 },
    ],
    ...(
      [
        [machineArn, ["alias", "version", "plain"]],
        [v1, ["version"]],
        [v2, ["alias"]],
        [live, ["alias"]],
        [v3, []],
      ] as const
    ).map(([stateMachineArn, names]): Step => ["ListExecutions", { stateMachineArn }, listOf(names)]),
  ],
};

function listOf(names: readonly ("plain" | "version" | "alias")[]): JsonObject {
  const through = {
    plain: {},
    version: { stateMachineVersionArn: v1 },
    alias: { stateMachineVersionArn: v2, stateMachineAliasArn: live },
  };
  return {
    executions: names.map((name) => ({
      executionArn: arn(`execution:m:${name}`),
      stateMachineArn: machineArn,
      name,
      status: "SUCCEEDED",
      startDate: now + 2,
      stopDate: now + 2,
      redriveCount: 0,
      ...through[name],
    })),
  };
}

function setUp(): {
  readonly engine: FakeEngine;
  readonly call: (operation: string, input: JsonObject) => Promise<JsonObject>;
} {
  const engine = createFakeEngine();
  const options = {
    account: "000000000000",
    region: "us-east-1",
    limits: SERVICE_LIMITS,
    activityPollMs: 1000,
  };
  const api = createApi(engine, options);
  const { signal } = new AbortController();
  return { engine, call: (operation, input) => api.call(operation, input, caller, signal) };
}

for (const [name, steps] of Object.entries(stories)) {
  test(name, async () => {
    const { call, engine } = setUp();
    assert.ok(steps.length > 0);
    for (const step of steps) {
      if (typeof step === "number") {
        engine.advance(step * 1000);
        continue;
      }
      const [operation, input, expected] = step;
      const outcome = await call(operation, input).catch((error: unknown) => {
        if (error instanceof ServiceError) return [error.code, error.message, error.members] as const;
        throw error;
      });
      if (expected !== undefined)
        assert.deepEqual(outcome, expected, `${operation} ${JSON.stringify(input)}`);
      else assert.ok(!Array.isArray(outcome), `${operation} ${JSON.stringify(input)}: ${String(outcome)}`);
    }
  });
}

test("an alias is described as its heavier version, under its own ARN, description and date", async () => {
  const { call, engine } = setUp();
  await call("CreateStateMachine", { ...m, publish: true });
  await call("UpdateStateMachine", {
    stateMachineArn: machineArn,
    definition: definitionOf("2"),
    publish: true,
  });
  engine.advance(5000);
  for (const [first, second, shown] of [
    [49, 51, "2"],
    [50, 50, "0"],
    [100, 0, "0"],
  ] as const) {
    await call("CreateStateMachineAlias", { ...aliasTo([v1, first], [v2, second]), description: "d" });
    const answer = await call("DescribeStateMachine", { stateMachineArn: live });
    assert.equal(answer["definition"], definitionOf(shown));
    assert.equal(answer["stateMachineArn"], live);
    assert.equal(answer["description"], "d");
    assert.equal(answer["creationDate"], now + 5);
    await call("DeleteStateMachineAlias", { stateMachineAliasArn: live });
  }
});

test("a guard of the current revision lets it be published, one of an older revision does not", async () => {
  const { call } = setUp();
  await call("CreateStateMachine", m);
  const stateMachineArn = machineArn;
  const { revisionId: older } = await call("UpdateStateMachine", {
    stateMachineArn,
    definition: definitionOf("1"),
  });
  const { revisionId } = await call("UpdateStateMachine", { stateMachineArn, definition: definitionOf("2") });
  assert.ok(typeof older === "string" && typeof revisionId === "string");
  for (const wrong of [older, "INITIAL"]) {
    await assert.rejects(call("PublishStateMachineVersion", { stateMachineArn, revisionId: wrong }), {
      code: "ConflictException",
      message: `Failed to publish the State Machine version for revision ${wrong}. The current State Machine revision is ${revisionId}.`,
    });
  }
  const { stateMachineVersionArn } = await call("PublishStateMachineVersion", {
    stateMachineArn,
    revisionId,
  });
  assert.equal(stateMachineVersionArn, v1);
  assert.equal((await call("DescribeStateMachine", { stateMachineArn: v1 }))["revisionId"], revisionId);
});

test("pages of versions and aliases follow each other, whatever comes and goes between them", async () => {
  const { call, engine } = setUp();
  await call("CreateStateMachine", { ...m, publish: true });
  const stateMachineArn = machineArn;
  for (const number of [2, 3, 4, 5]) {
    await call("UpdateStateMachine", {
      stateMachineArn,
      definition: definitionOf(`${number}`),
      publish: true,
    });
    await call("CreateStateMachineAlias", { ...aliasTo([v1, 100]), name: `alias-${10 - number}` });
    engine.advance(1000);
  }
  const shown = async (operation: string, member: string, key: string, next?: string): Promise<string> => {
    const input = { stateMachineArn, maxResults: 2, ...(next === undefined ? {} : { nextToken: next }) };
    const { [member]: items, nextToken } = await call(operation, input);
    token = nextToken as string | undefined;
    return (items as JsonObject[]).map((item) => String(item[key]).slice(machineArn.length + 1)).join(" ");
  };
  let token: string | undefined;
  const versions = ["ListStateMachineVersions", "stateMachineVersions", "stateMachineVersionArn"] as const;
  assert.equal(await shown(...versions), "5 4");
  await call("DeleteStateMachineVersion", { stateMachineVersionArn: `${machineArn}:4` });
  await call("UpdateStateMachine", { stateMachineArn, definition: definitionOf("6"), publish: true });
  assert.equal(await shown(...versions, token), "3 2");
  assert.equal(await shown(...versions, token), "1");
  assert.equal(token, undefined);

  const aliases = ["ListStateMachineAliases", "stateMachineAliases", "stateMachineAliasArn"] as const;
  assert.equal(await shown(...aliases), "alias-8 alias-7");
  await call("DeleteStateMachineAlias", { stateMachineAliasArn: `${machineArn}:alias-7` });
  await call("CreateStateMachineAlias", { ...aliasTo([v1, 100]), name: "alias-0" });
  const afterTwo = token;
  assert.equal(await shown(...aliases, token), "alias-6 alias-5");
  assert.equal(await shown(...aliases, token), "alias-0");
  assert.equal(token, undefined);
  await assert.rejects(shown(...versions, afterTwo), { code: "InvalidToken" });
  await assert.rejects(shown(...versions, "x"), { code: "InvalidToken" });
});
