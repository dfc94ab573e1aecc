// `dev` on a real folder, with a server that only remembers what it was given.

import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runCli } from "../../src/cli/index.ts";
import { type FakeTerminal, fakeServer, fakeTerminal } from "./environment-fake.ts";

const PASS = '{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}';
const ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:";

interface Session {
  readonly folder: string;
  readonly terminal: FakeTerminal;
  readonly server: ReturnType<typeof fakeServer>;
  readonly reloaded: (string | undefined)[];
}

async function withDev(
  files: Readonly<Record<string, string>>,
  run: (session: Session) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "stepwell-dev-"));
  await mkdir(join(folder, "functions", "greet"), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const reloaded: (string | undefined)[] = [];
  const server = fakeServer({
    functions: {
      list: () => [{ name: "greet", problems: [] }],
      reload: (name) => {
        reloaded.push(name);
        return Promise.resolve();
      },
    },
  });
  const terminal = fakeTerminal(["dev", "--memory"], {
    workingDirectory: folder,
    openServer: () => Promise.resolve(server),
  });
  const exit = runCli(terminal.environment);
  try {
    await terminal.until(/^ready |^error: /m);
    await run({ folder, terminal, server, reloaded });
    terminal.signal("SIGINT");
    assert.equal(await exit, 0);
  } finally {
    terminal.signal("SIGINT");
    await exit;
    await rm(folder, { recursive: true });
  }
}

test("the files of the folder become state machines, Express ones by their name", async () => {
  const yaml = "StartAt: A\nStates:\n  A:\n    Type: Succeed\n";
  await withDev(
    { "one.asl.json": PASS, "two.express.asl.yaml": yaml, "README.md": "# no" },
    ({ terminal, server, folder }) => {
      assert.deepEqual([...server.machines.keys()], [`${ARN}one`, `${ARN}two`]);
      assert.deepEqual(server.machines.get(`${ARN}one`), {
        name: "one",
        definition: PASS,
        type: "STANDARD",
        roleArn: "arn:aws:iam::000000000000:role/stepwell",
      });
      assert.deepEqual(server.machines.get(`${ARN}two`), {
        name: "two",
        definition: JSON.stringify({ StartAt: "A", States: { A: { Type: "Succeed" } } }, null, 2),
        type: "EXPRESS",
        roleArn: "arn:aws:iam::000000000000:role/stepwell",
      });
      assert.equal(terminal.err(), `one: created  ${ARN}one\ntwo: created  ${ARN}two\nfunctions: greet\n`);
      assert.equal(terminal.opened[0]?.functionsDirectory, join(folder, "functions"));
      return Promise.resolve();
    },
  );
});

test("a change updates, an error changes nothing and shows its place, and a repair goes on", async () => {
  await withDev({ "one.asl.json": PASS }, async ({ folder, terminal, server }) => {
    const file = join(folder, "one.asl.json");
    const broken =
      '{\n  "StartAt": "A",\n  "States": {\n    "A": {"Type": "Pass", "Next": "Bee"},\n    "B": {"Type": "Succeed"}\n  }\n}';
    await writeFile(file, broken);
    await terminal.until(/^one: .*not changed$/m);
    assert.match(terminal.err(), /^one\.asl\.json:4:\d+: error: .*MISSING_TRANSITION_TARGET/m);
    assert.equal(server.machines.get(`${ARN}one`)?.["definition"], PASS);
    const repaired = broken.replace("Bee", "B");
    await writeFile(file, repaired);
    await terminal.until(/^one: updated /m);
    assert.equal(server.machines.get(`${ARN}one`)?.["definition"], repaired);
  });
});

test("an error in YAML is shown at its line of the YAML", async () => {
  const yaml = "# comment\nStartAt: A\nStates:\n  A:\n    Type: Pass\n    Next: Bee\n  B: {Type: Succeed}\n";
  await withDev({ "one.asl.yaml": yaml }, ({ terminal, server }) => {
    assert.match(terminal.err(), /^one\.asl\.yaml:6:\d+: error: .*MISSING_TRANSITION_TARGET/m);
    assert.equal(server.machines.size, 0);
    return Promise.resolve();
  });
});

test("a new file is taken up, a second one for the same name is not", async () => {
  await withDev({}, async ({ folder, terminal, server }) => {
    assert.match(terminal.err(), /^no \*\.asl\.json/m);
    await writeFile(join(folder, "new.asl.json"), PASS);
    await terminal.until(/^new: created /m);
    await writeFile(join(folder, "new.asl.yaml"), "StartAt: B\nStates: {B: {Type: Succeed}}\n");
    await terminal.until(/both define "new"$/m);
    assert.equal(server.machines.get(`${ARN}new`)?.["definition"], PASS);
  });
});

test("a change of a function's code reloads that function, a new folder all of them", async () => {
  await withDev({}, async ({ folder, terminal, reloaded }) => {
    await writeFile(join(folder, "functions", "greet", "index.mjs"), "export const handler = async () => 1;");
    await terminal.until(/^reloaded greet$/m);
    assert.deepEqual(new Set(reloaded), new Set(["greet"]));
    await mkdir(join(folder, "functions", "part"));
    await terminal.until(/^reloaded all functions$/m);
    assert.equal(reloaded.at(-1), undefined);
  });
});

test("what is no folder is refused", async () => {
  const terminal = fakeTerminal(["dev", "/nowhere/at-all"]);
  assert.equal(await runCli(terminal.environment), 1);
  assert.equal(terminal.err(), "error: /nowhere/at-all is no folder.\n");
  assert.deepEqual(terminal.opened, []);
});
