// What a directory of functions means, and what is wrong with it: whole lists.

import assert from "node:assert/strict";
import { symlink } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { type FunctionConfig, parseFunctionConfig } from "../../src/functions/function-config.ts";
import { type FunctionReference, parseFunctionReference } from "../../src/functions/function-name.ts";
import { LocalFunctions } from "../../src/functions/local-functions.ts";
import { ACCOUNT, type Files, REGION, python, rig, writeFiles } from "./support.ts";

const MEMBERS = "runtime, handler, timeoutSeconds, memoryMegabytes, environment, reservedConcurrency";
const DEFAULTS: FunctionConfig = { timeoutSeconds: 3, memoryMegabytes: 128, environment: {} };

const configs: readonly {
  readonly name: string;
  readonly text: string;
  readonly config?: FunctionConfig;
  readonly problems?: readonly string[];
}[] = [
  { name: "an empty object has the defaults", text: "{}", config: DEFAULTS },
  {
    name: "every member may be given",
    text: '{"runtime":"nodejs24.x","handler":"src/api.get","timeoutSeconds":900,"memoryMegabytes":10240,"environment":{"A":"1"},"reservedConcurrency":0}',
    config: {
      runtime: "nodejs24.x",
      handler: "src/api.get",
      timeoutSeconds: 900,
      memoryMegabytes: 10_240,
      environment: { A: "1" },
      reservedConcurrency: 0,
    },
  },
  {
    name: "text that is no JSON",
    text: "{,}",
    problems: [
      "function.json is not JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ],
  },
  { name: "JSON that is no object", text: "[1]", problems: ["function.json must hold an object, not [1]."] },
  {
    name: "an unknown member, with a guess by its meaning",
    text: '{"Timeout":3}',
    problems: [
      `function.json: unknown member "Timeout"; expected one of ${MEMBERS}. Did you mean "timeoutSeconds"?`,
    ],
  },
  {
    name: "an unknown member, with a guess by its letters",
    text: '{"handeler":"a.b"}',
    problems: [
      `function.json: unknown member "handeler"; expected one of ${MEMBERS}. Did you mean "handler"?`,
    ],
  },
  {
    name: "an unknown member without a guess",
    text: '{"colour":"red"}',
    problems: [`function.json: unknown member "colour"; expected one of ${MEMBERS}.`],
  },
  {
    name: "__proto__ is an unknown member like any other",
    text: '{"__proto__":{"timeoutSeconds":9}}',
    problems: [`function.json: unknown member "__proto__"; expected one of ${MEMBERS}.`],
  },
  {
    name: "a number written as text",
    text: '{"timeoutSeconds":"30"}',
    problems: [
      'function.json: timeoutSeconds must be a whole number from 1 to 900, not "30". Did you mean 30?',
    ],
  },
  {
    name: "a number out of range",
    text: '{"timeoutSeconds":901}',
    problems: ["function.json: timeoutSeconds must be a whole number from 1 to 900, not 901."],
  },
  {
    name: "a fraction",
    text: '{"memoryMegabytes":128.5}',
    problems: ["function.json: memoryMegabytes must be a whole number from 128 to 10240, not 128.5."],
  },
  {
    name: "a runtime that nobody has",
    text: '{"runtime":"ruby3.3"}',
    problems: [
      'function.json: runtime must be a runtime such as "nodejs24.x", "python3.12" or "provided.al2023", not "ruby3.3".',
    ],
  },
  {
    name: "a handler without a function",
    text: '{"handler":"index"}',
    problems: [
      'function.json: handler must be text of the form "<module>.<function>", such as "index.handler", not "index".',
    ],
  },
  {
    name: "a handler that climbs out of the folder",
    text: '{"handler":"../other/index.handler"}',
    problems: [
      'function.json: handler must be text of the form "<module>.<function>", such as "index.handler", not "../other/index.handler".',
    ],
  },
  {
    name: "an environment with a number",
    text: '{"environment":{"A":1}}',
    problems: ['function.json: environment must be an object of text values, not {"A":1}.'],
  },
  {
    name: "variables that the runtime sets",
    text: '{"environment":{"_HANDLER":"x","AWS_LAMBDA_RUNTIME_API":"y"}}',
    problems: [
      "function.json: environment._HANDLER is set by the runtime itself and cannot be changed. Remove it.",
      "function.json: environment.AWS_LAMBDA_RUNTIME_API is set by the runtime itself and cannot be changed. Remove it.",
    ],
  },
  {
    name: "a variable that no shell could name",
    text: '{"environment":{"A B":"1"}}',
    problems: [
      'function.json: environment has "A B"; expected a name of letters, digits and "_" that begins with no digit.',
    ],
  },
  {
    name: "everything wrong is said at once",
    text: '{"memory":1,"timeoutSeconds":0}',
    problems: [
      `function.json: unknown member "memory"; expected one of ${MEMBERS}. Did you mean "memoryMegabytes"?`,
      "function.json: timeoutSeconds must be a whole number from 1 to 900, not 0.",
    ],
  },
];

assert.ok(configs.length > 0);
for (const { name, text, config, problems = [] } of configs) {
  test(`function.json: ${name}`, () => {
    const parsed = parseFunctionConfig(text);
    assert.deepEqual(parsed.problems, problems);
    if (config !== undefined) assert.deepEqual(parsed.config, config);
  });
}

const references: readonly {
  readonly text: string;
  readonly qualifier?: string;
  readonly reference: FunctionReference | string;
}[] = [
  { text: "fn", reference: { name: "fn" } },
  { text: "fn:$LATEST", reference: { name: "fn", qualifier: "$LATEST" } },
  { text: "fn", qualifier: "live", reference: { name: "fn", qualifier: "live" } },
  { text: "fn:live", qualifier: "live", reference: { name: "fn", qualifier: "live" } },
  { text: "fn:live", qualifier: "7", reference: "InvalidParameterValueException" },
  { text: "function:fn", reference: { name: "fn" } },
  { text: "123456789012:fn", reference: { name: "fn", account: "123456789012" } },
  { text: "123456789012:function:fn:1", reference: { name: "fn", account: "123456789012", qualifier: "1" } },
  {
    text: "us-gov-west-1:123456789012:function:fn",
    reference: { name: "fn", region: "us-gov-west-1", account: "123456789012" },
  },
  {
    text: "arn:aws-cn:lambda:cn-north-1:123456789012:function:fn",
    reference: { name: "fn", partition: "aws-cn", region: "cn-north-1", account: "123456789012" },
  },
  {
    text: "arn:aws:lambda:us-east-1:123456789012:function:fn:$LATEST",
    reference: {
      name: "fn",
      partition: "aws",
      region: "us-east-1",
      account: "123456789012",
      qualifier: "$LATEST",
    },
  },
  { text: "", reference: "ValidationException" },
  { text: "../fn", reference: "ValidationException" },
  { text: "fn:a:b", reference: "ValidationException" },
  { text: "x".repeat(65), reference: "ValidationException" },
  { text: "arn:aws:sqs:us-east-1:123456789012:fn", reference: "ValidationException" },
];

assert.ok(references.length > 0);
for (const { text, qualifier, reference } of references) {
  test(`a request for ${JSON.stringify(text)}${qualifier === undefined ? "" : ` with qualifier ${qualifier}`}`, () => {
    if (typeof reference === "string")
      assert.throws(() => parseFunctionReference(text, qualifier), { code: reference });
    else assert.deepEqual(parseFunctionReference(text, qualifier), reference);
  });
}

/** Each folder, and what `list` says of it: `<runtime> <handler>`, or the problems. */
const folders: Readonly<
  Record<string, { readonly files: Files; readonly found: string | readonly string[] }>
> = {
  mjs: { files: { "index.mjs": "" }, found: "nodejs24.x index.handler" },
  js: { files: { "index.js": "", "index.ts": "" }, found: "nodejs24.x index.handler" },
  cjs: { files: { "index.cjs": "" }, found: "nodejs24.x index.handler" },
  ts: { files: { "index.ts": "" }, found: "nodejs24.x index.handler" },
  programme: { files: { "bootstrap!": "#!/bin/sh" }, found: "provided.al2023 bootstrap" },
  given: {
    files: { "app.js": "", "function.json": '{"runtime":"nodejs20.x","handler":"app.main"}' },
    found: "nodejs20.x app.main",
  },
  chosen: {
    files: { "index.js": "", "bootstrap!": "", "function.json": '{"runtime":"provided"}' },
    found: "provided.al2023 bootstrap",
  },
  empty: {
    files: {},
    found: [
      'No code found: expected one of index.mjs, index.js, index.cjs, index.ts, lambda_function.py, bootstrap, or a function.json with a "handler".',
    ],
  },
  other: {
    files: { "app.py": "" },
    found: [
      'No code found: expected one of index.mjs, index.js, index.cjs, index.ts, lambda_function.py, bootstrap, or a function.json with a "handler". Is "handler": "app.lambda_handler" meant?',
    ],
  },
  plain: {
    files: { bootstrap: "#!/bin/sh" },
    found: ["bootstrap is not executable: chmod +x /root/plain/bootstrap"],
  },
  missing: {
    files: { "index.py": "", "function.json": '{"runtime":"python3.12","handler":"indx.main"}' },
    found: [
      'function.json: handler names "indx.main", but none of indx.py, indx/__init__.py exists. Did you mean "index.main"?',
    ],
  },
  broken: {
    files: { "index.js": "", "function.json": "{" },
    found: [
      "function.json is not JSON: Expected property name or '}' in JSON at position 1 (line 1 column 2)",
    ],
  },
  "has space": {
    files: { "index.js": "" },
    found: [
      '"has space" is no function name: expected 1 to 64 letters, digits, "-" and "_". Rename the folder.',
    ],
  },
  node_modules: { files: { "x/index.js": "" }, found: "" },
  ".git": { files: { HEAD: "" }, found: "" },
};

test("a directory is read by convention, and no folder is passed over in silence", async () => {
  await using functions = await rig(
    Object.fromEntries(Object.entries(folders).map(([name, { files }]) => [name, files])),
  );
  const found = functions.functions
    .list()
    .map((entry) => [
      entry.name,
      entry.problems.length === 0
        ? `${entry.runtime} ${entry.handler}`
        : entry.problems.map((text) => text.replaceAll(functions.directory, "/root")),
    ]);
  const expected = Object.entries(folders)
    .filter(([, { found: what }]) => what !== "")
    .map(([name, { found: what }]) => [name, what]);
  assert.deepEqual(Object.fromEntries(found), Object.fromEntries(expected));
  assert.equal(
    functions.functions.list().find(({ name }) => name === "mjs")?.arn,
    `arn:aws:lambda:${REGION}:${ACCOUNT}:function:mjs`,
  );
  await assert.rejects(functions.invoke("broken"), (error: Error & { code?: string; status?: number }) => {
    assert.equal(error.code, "ResourceConflictException");
    assert.equal(error.status, 409);
    assert.match(error.message, /currently in the following state: Failed\. function\.json is not JSON/);
    return true;
  });
});

test("no link leads out of the directory", async () => {
  await using outside = await rig({ secret: { "index.mjs": "export const handler = async () => 'out';" } });
  await using functions = await rig({
    inner: { "index.mjs": "export const handler = async () => 'in';" },
    partly: {},
  });
  await symlink(path.join(outside.directory, "secret"), path.join(functions.directory, "escape"));
  await symlink(
    path.join(outside.directory, "secret/index.mjs"),
    path.join(functions.directory, "partly/index.mjs"),
  );
  await symlink("inner", path.join(functions.directory, "alias"));
  await symlink("nowhere", path.join(functions.directory, "dangling"));
  await functions.functions.reload();
  const problems = functions.functions
    .list()
    .map(({ name, problems: [problem] }) => [
      name,
      problem?.replaceAll(functions.directory, "/in").replaceAll(outside.directory, "/out"),
    ]);
  assert.deepEqual(
    problems,
    [
      ["alias", undefined],
      [
        "dangling",
        "dangling is a link that leads nowhere: ENOENT: no such file or directory, realpath '/in/dangling'",
      ],
      [
        "escape",
        "escape is a link to /out/secret, which is outside /in. Copy the folder, or move the directory.",
      ],
      ["inner", undefined],
      ["partly", "index.mjs is a link to /out/secret/index.mjs, which is outside /in. Copy the file."],
    ].toSorted(([a], [b]) => ((a ?? "") < (b ?? "") ? -1 : 1)),
  );
  assert.equal((await functions.invoke("alias")).payload, '"in"');
});

test("functions are found by name and every form of ARN, with any region and account; only $LATEST exists", async () => {
  await using functions = await rig({
    fn: { "index.mjs": "export const handler = async (event, context) => context.invokedFunctionArn;" },
  });
  const arn = "arn:aws:lambda:us-east-1:999999999999:function:fn";
  assert.equal((await functions.invoke("fn")).payload, `"arn:aws:lambda:${REGION}:${ACCOUNT}:function:fn"`);
  assert.equal((await functions.invoke(arn)).payload, `"${arn}"`);
  assert.equal((await functions.invoke(`${arn}:$LATEST`)).payload, `"${arn}:$LATEST"`);
  for (const [asked, message] of [
    ["nope", `Function not found: arn:aws:lambda:${REGION}:${ACCOUNT}:function:nope:$LATEST`],
    [`${arn}:live`, `Function not found: ${arn}:live`],
    ["fn:3", `Function not found: arn:aws:lambda:${REGION}:${ACCOUNT}:function:fn:3`],
  ] as const) {
    await assert.rejects(
      functions.invoke(asked),
      (error: Error & { code?: string; status?: number; members?: { requestId?: string } }) => {
        assert.deepEqual(
          [error.code, error.message, error.status],
          ["ResourceNotFoundException", message, 404],
        );
        assert.match(error.members?.requestId ?? "", /^[0-9a-f-]{36}$/);
        return true;
      },
    );
  }
});

test("without python3 a Python function says so", {
  skip: python === undefined ? "python3 is missing anyway" : false,
}, async () => {
  const path_ = process.env["PATH"];
  process.env["PATH"] = "/nonexistent";
  try {
    await using functions = await rig({ py: { "lambda_function.py": "" } });
    const problem =
      "Python functions need python3 on PATH, and there is none. Install Python 3, or start with a PATH that has it.";
    assert.deepEqual(
      functions.functions.list().map(({ problems }) => problems),
      [[problem]],
    );
    await assert.rejects(functions.invoke("py"), {
      code: "InvalidRuntimeException",
      message: problem,
      status: 502,
    });
  } finally {
    process.env["PATH"] = path_;
  }
});

test("a directory that does not exist is an error, and leaves nothing behind", async () => {
  await assert.rejects(
    LocalFunctions.open({ directory: "/no/such/directory", region: REGION, account: ACCOUNT }),
    { code: "ENOENT" },
  );
});

test("a client context that is no JSON object is refused", async () => {
  await using functions = await rig({ fn: { "index.mjs": "export const handler = async () => 1;" } });
  for (const clientContext of [
    "%%%",
    Buffer.from("[1]").toString("base64"),
    Buffer.from("{").toString("base64"),
    "e".repeat(3584),
  ]) {
    await assert.rejects(functions.invoke("fn", {}, { clientContext }), {
      code: "InvalidRequestContentException",
    });
  }
  await writeFiles(functions.directory, {});
});
