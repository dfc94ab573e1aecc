// The command line: what is understood, and what is said of the rest.

import assert from "node:assert/strict";
import { test } from "node:test";
import { runCli } from "../../src/cli/index.ts";
import { COMMANDS } from "../../src/cli/run.ts";
import { fakeTerminal } from "./environment-fake.ts";

interface Refusal {
  readonly name: string;
  readonly argv: readonly string[];
  readonly exitCode?: number;
  /** The whole of stderr but the usage line. */
  readonly expected: string;
}

const REFUSALS: readonly Refusal[] = [
  {
    name: "an unknown command",
    argv: ["strat"],
    expected: 'error: There is no command "strat". Did you mean "start"?',
  },
  {
    name: "a command like no other",
    argv: ["xylophone"],
    expected:
      'error: There is no command "xylophone". There are: ' +
      "serve, dev, demo, start, history, list, describe, stop, cost, logs, approve, reject, validate, test, test-state, limits, env, doctor, torture.",
  },
  {
    name: "an unknown option",
    argv: ["serve", "--prot", "1"],
    expected: "error: serve has no option --prot. Did you mean --port?",
  },
  { name: "an unknown short option", argv: ["serve", "-x"], expected: "error: serve has no option -x." },
  {
    name: "an option without its value",
    argv: ["serve", "--port"],
    expected: "error: --port needs a value: --port PORT.",
  },
  {
    name: "an option that takes the next one for its value",
    argv: ["serve", "--host", "--memory"],
    expected:
      "error: --host needs a value: --host ADDRESS. For a value that begins with a dash write --host=--memory.",
  },
  {
    name: "a value for an option that takes none",
    argv: ["serve", "--memory=yes"],
    expected: "error: --memory takes no value.",
  },
  {
    name: "an argument too many",
    argv: ["serve", "now"],
    expected: 'error: There is one argument too many: "now".',
  },
  {
    name: "an argument that is missing",
    argv: ["stop"],
    expected: "error: The ARN of the execution is missing.",
  },
  {
    name: "a port that is no number",
    argv: ["serve", "--port", "http"],
    expected: 'error: --port must be a number from 0 to 65535, but is "http".',
  },
  {
    name: "a port out of range",
    argv: ["serve", "--port", "65536"],
    expected: 'error: --port must be a number from 0 to 65535, but is "65536".',
  },
  {
    name: "an account of eleven digits",
    argv: ["serve", "--account", "12345678901"],
    expected: 'error: --account must be 12 digits, but is "12345678901".',
  },
  {
    name: "a region that is none",
    argv: ["serve", "--region", "Frankfurt"],
    expected: 'error: --region must be a region like eu-central-1, but is "Frankfurt".',
  },
  {
    name: "an endpoint that is no URL",
    argv: ["serve", "--lambda-endpoint", "localhost:3001"],
    expected: 'error: --lambda-endpoint must be a URL like http://127.0.0.1:4566, but is "localhost:3001".',
  },
  {
    name: "an address beyond this machine, where nobody is asked for credentials",
    argv: ["serve", "--host", "0.0.0.0"],
    expected:
      "error: --host 0.0.0.0 is reachable from other machines, and nobody would be asked for credentials: " +
      "whoever reaches the port could start executions and run your functions. Add --credentials FILE with the keys " +
      "that may call (docs/security.md), or --unauthenticated if that network is trusted.",
  },
  {
    name: "keys and nobody asked for them",
    argv: ["serve", "--credentials", "c", "--unauthenticated"],
    expected: "error: --credentials and --unauthenticated exclude each other: choose one.",
  },
  {
    name: "an origin with a path",
    argv: ["serve", "--cors-origin", "https://a.example,https://b.example/"],
    expected:
      "error: --cors-origin must be origins like https://console.example.org, with commas between, " +
      'but is "https://b.example/".',
  },
  {
    name: "every origin",
    argv: ["serve", "--cors-origin", "*"],
    expected:
      'error: --cors-origin must be origins like https://console.example.org, with commas between, but is "*".',
  },
  {
    name: "memory and a directory at once",
    argv: ["serve", "--memory", "--data", "x"],
    expected: "error: --memory and --data exclude each other: choose one.",
  },
  {
    name: "buckets in two places",
    argv: ["serve", "--s3", "buckets", "--s3-endpoint", "http://localhost:9000"],
    expected: "error: --s3 and --s3-endpoint exclude each other: buckets are in one place.",
  },
  {
    name: "input that is no JSON",
    argv: ["start", "orders", "--input", "{a:1}"],
    expected:
      "error: --input must be JSON, @FILE or - (standard input): " +
      "Expected property name or '}' in JSON at position 1 (line 1 column 2)",
  },
  {
    name: "an input file that is not there",
    argv: ["start", "orders", "--input", "@nowhere/x.json"],
    exitCode: 1,
    expected: "error: Cannot read nowhere/x.json: there is no such file.",
  },
  {
    name: "a type that is none",
    argv: ["validate", "x.asl.json", "--type", "fast"],
    expected: 'error: --type must be STANDARD or EXPRESS, but is "FAST".',
  },
  {
    name: "an endpoint of a client that is no URL",
    argv: ["list", "--endpoint", "here"],
    expected: 'error: --endpoint must be a URL like http://127.0.0.1:8083, but is "here".',
  },
  {
    name: "torture in a directory that holds something",
    argv: ["torture", "--data", "src"],
    expected: "error: --data must be an empty directory, but there is something in src.",
  },
  {
    name: "torture without a kill",
    argv: ["torture", "--kills", "0"],
    expected: 'error: --kills must be a number from 1 to 1000000, but is "0".',
  },
  {
    name: "control characters in an argument",
    argv: ["\u001b[2J"],
    expected:
      'error: There is no command "\\u001b[2J". There are: ' +
      "serve, dev, demo, start, history, list, describe, stop, cost, logs, approve, reject, validate, test, test-state, limits, env, doctor, torture.",
  },
];

for (const { name, argv, exitCode = 2, expected } of REFUSALS) {
  test(`${name} is refused, with what was expected`, async () => {
    const terminal = fakeTerminal(argv);
    assert.equal(await runCli(terminal.environment), exitCode);
    assert.equal(terminal.out(), "");
    const lines = terminal.err().trimEnd().split("\n");
    assert.equal(lines.filter((line) => !line.startsWith("Usage: ")).join("\n"), expected);
    assert.deepEqual(terminal.opened, []);
  });
}

test("every command explains itself and runs its own examples through its own options", async () => {
  assert.equal(COMMANDS.length, 19);
  for (const command of COMMANDS) {
    const terminal = fakeTerminal([command.name, "--help"]);
    assert.equal(await runCli(terminal.environment), 0);
    assert.equal(terminal.err(), "");
    assert.ok(terminal.out().includes(`Usage: stepwell ${command.name}`), command.name);
    assert.ok(command.examples.length > 0, command.name);
    for (const example of command.examples) {
      assert.ok(terminal.out().includes(example), example);
      for (const [, option] of example.replace(/\|.*/, "").matchAll(/ --([a-z-]+)/g)) {
        assert.ok(Object.hasOwn(command.options, option as string), `${example}: --${option}`);
      }
    }
  }
});

test("without a command the help goes to stderr, on request to stdout", async () => {
  const bare = fakeTerminal([]);
  assert.equal(await runCli(bare.environment), 2);
  assert.equal(bare.out(), "");
  const asked = fakeTerminal(["--help"]);
  assert.equal(await runCli(asked.environment), 0);
  assert.equal(asked.out(), bare.err());
  assert.match(asked.out(), /^ {2}serve +Run the server\.$/m);
});

test("the version is named", async () => {
  const terminal = fakeTerminal(["--version"]);
  assert.equal(await runCli(terminal.environment), 0);
  assert.equal(terminal.out(), "stepwell 9.9.9\n");
});
