// What `env` prints: for each shell, and that a shell takes it up as it was meant.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { statements } from "../../src/cli/client-settings.ts";
import { runCli } from "../../src/cli/index.ts";
import { fakeTerminal } from "./environment-fake.ts";

let directory = "";
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "stepwell-env-"));
  const keys = [
    { AccessKeyId: "AKIDA", SecretAccessKey: "it's a \\ secret" },
    { AccessKeyId: "ASIAB", SecretAccessKey: "another one", SessionToken: "tok/en==" },
  ];
  await writeFile(join(directory, "keys"), JSON.stringify(keys));
  await writeFile(join(directory, "bad"), "[a]\naws_access_key_id = A\n");
});
after(() => rm(directory, { recursive: true }));

interface Case {
  readonly name: string;
  readonly argv: readonly string[];
  readonly env?: Record<string, string>;
  readonly exit?: number;
  readonly out?: string;
  readonly err?: string;
}

const ANY = [
  "export AWS_ACCESS_KEY_ID='stepwell'",
  "export AWS_SECRET_ACCESS_KEY='stepwell'",
  "unset AWS_SESSION_TOKEN",
  "unset AWS_PROFILE",
  "unset AWS_DEFAULT_PROFILE",
];
const forSh = (endpoint: string, region: string, keys: readonly string[]): string =>
  [
    `export AWS_ENDPOINT_URL_SFN='${endpoint}'`,
    "unset AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "export AWS_DISABLE_HOST_PREFIX_INJECTION='true'",
    `export AWS_REGION='${region}'`,
    `export AWS_DEFAULT_REGION='${region}'`,
    ...keys,
    "export AWS_EC2_METADATA_DISABLED='true'",
    "",
  ].join("\n");

const CASES: readonly Case[] = [
  { name: "nothing", argv: [], out: forSh("http://127.0.0.1:8083", "us-east-1", ANY) },
  {
    name: "keys of the environment, which stay",
    argv: ["--endpoint", "http://localhost:4566/"],
    env: { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "S", AWS_REGION: "eu-west-1" },
    out: forSh("http://localhost:4566", "eu-west-1", []),
  },
  {
    name: "the first key of a file",
    argv: ["--credentials", "keys", "--shell", "zsh"],
    env: { AWS_ACCESS_KEY_ID: "A", AWS_SECRET_ACCESS_KEY: "S" },
    out: forSh("http://127.0.0.1:8083", "us-east-1", [
      "export AWS_ACCESS_KEY_ID='AKIDA'",
      "export AWS_SECRET_ACCESS_KEY='it'\\''s a \\ secret'",
      ...ANY.slice(2),
    ]),
  },
  {
    name: "fish, and the key of a session",
    argv: ["--credentials", "keys", "--access-key", "ASIAB", "--region", "eu-central-1"],
    env: { SHELL: "/usr/bin/fish", STEPWELL_ENDPOINT: "https://sfn.corp" },
    out: [
      "set -gx AWS_ENDPOINT_URL_SFN 'https://sfn.corp'",
      "set -e AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
      "set -gx AWS_DISABLE_HOST_PREFIX_INJECTION 'true'",
      "set -gx AWS_REGION 'eu-central-1'",
      "set -gx AWS_DEFAULT_REGION 'eu-central-1'",
      "set -gx AWS_ACCESS_KEY_ID 'ASIAB'",
      "set -gx AWS_SECRET_ACCESS_KEY 'another one'",
      "set -gx AWS_SESSION_TOKEN 'tok/en=='",
      "set -e AWS_PROFILE",
      "set -e AWS_DEFAULT_PROFILE",
      "set -gx AWS_EC2_METADATA_DISABLED 'true'",
      "",
    ].join("\n"),
  },
  {
    name: "PowerShell",
    argv: ["--shell", "powershell", "--credentials", "keys"],
    out: [
      "$env:AWS_ENDPOINT_URL_SFN = 'http://127.0.0.1:8083'",
      "Remove-Item Env:AWS_IGNORE_CONFIGURED_ENDPOINT_URLS -ErrorAction SilentlyContinue",
      "$env:AWS_DISABLE_HOST_PREFIX_INJECTION = 'true'",
      "$env:AWS_REGION = 'us-east-1'",
      "$env:AWS_DEFAULT_REGION = 'us-east-1'",
      "$env:AWS_ACCESS_KEY_ID = 'AKIDA'",
      "$env:AWS_SECRET_ACCESS_KEY = 'it''s a \\ secret'",
      "Remove-Item Env:AWS_SESSION_TOKEN -ErrorAction SilentlyContinue",
      "Remove-Item Env:AWS_PROFILE -ErrorAction SilentlyContinue",
      "Remove-Item Env:AWS_DEFAULT_PROFILE -ErrorAction SilentlyContinue",
      "$env:AWS_EC2_METADATA_DISABLED = 'true'",
      "",
    ].join("\n"),
  },
  {
    name: "a profile",
    argv: ["--profile", "local", "--credentials", "keys", "--access-key", "ASIAB"],
    out: [
      "[profile local]",
      "region = us-east-1",
      "disable_host_prefix_injection = true",
      "services = local",
      "aws_access_key_id = ASIAB",
      "aws_secret_access_key = another one",
      "aws_session_token = tok/en==",
      "",
      "[services local]",
      "sfn =",
      "  endpoint_url = http://127.0.0.1:8083",
      "",
    ].join("\n"),
  },
  {
    name: "JSON, beside a profile of the environment",
    argv: ["--json"],
    env: { AWS_PROFILE: "p" },
    out: `${JSON.stringify(
      {
        AWS_ENDPOINT_URL_SFN: "http://127.0.0.1:8083",
        AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: null,
        AWS_DISABLE_HOST_PREFIX_INJECTION: "true",
        AWS_REGION: "us-east-1",
        AWS_DEFAULT_REGION: "us-east-1",
        AWS_EC2_METADATA_DISABLED: "true",
      },
      null,
      2,
    )}\n`,
  },
  {
    name: "a shell that nobody knows",
    argv: ["--shell", "cmd"],
    exit: 2,
    err: 'error: --shell must be sh, fish, powershell, but is "cmd".\n',
  },
  {
    name: "two forms at once",
    argv: ["--json", "--profile", "p"],
    exit: 2,
    err: "error: --shell, --profile and --json exclude each other: choose one.\n",
  },
  {
    name: "a key without its file",
    argv: ["--access-key", "A"],
    exit: 2,
    err: "error: --access-key needs --credentials FILE.\n",
  },
  {
    name: "a key that is not in the file",
    argv: ["--credentials", "keys", "--access-key", "A"],
    exit: 1,
    err: "error: keys has no access key A.\n",
  },
  {
    name: "a file that cannot be understood",
    argv: ["--credentials", "bad"],
    exit: 1,
    err: "error: Cannot use bad: profile a: the secret access key must have at least 8 characters.\n",
  },
  {
    name: "a file that is not there",
    argv: ["--credentials", "no"],
    exit: 1,
    err: "error: Cannot read no: there is no such file.\n",
  },
];

for (const { name, argv, env = {}, exit = 0, out = "", err = "" } of CASES) {
  test(`env with ${name}`, async () => {
    const terminal = fakeTerminal(["env", ...argv], {
      env: { SHELL: "/bin/bash", ...env },
      workingDirectory: directory,
    });
    assert.equal(await runCli(terminal.environment), exit);
    assert.equal(terminal.err(), err);
    assert.equal(terminal.out(), out);
  });
}

test("on a terminal it says how to take the variables up, beside them", async () => {
  const argv = ["env", "--endpoint", "http://localhost:1"];
  const terminal = fakeTerminal(argv, { env: { SHELL: "/bin/bash" }, isTerminal: true });
  assert.equal(await runCli(terminal.environment), 0);
  assert.match(
    terminal.err(),
    /To take this up: eval "\$\(stepwell env --endpoint http:\/\/localhost:1\)"\n/,
  );
  assert.equal(terminal.out(), forSh("http://localhost:1", "us-east-1", ANY));
});

test("a POSIX shell takes up exactly the values, whatever is in them", {
  skip: process.platform === "win32",
}, () => {
  const values = { A: "it's", B: 'a b\t$HOME `x` \\ "q" !', C: "é ❄", D: "", E: "line\nline" };
  const script = `${statements({ ...values, GONE: null }, "sh")}printf '%s\\0' "$A" "$B" "$C" "$D" "$E" "\${GONE-gone}"`;
  const out = execFileSync("sh", ["-c", script], { encoding: "utf8", env: { PATH: "/bin", GONE: "x" } });
  assert.deepEqual(out.split("\0").slice(0, -1), [...Object.values(values), "gone"]);
});
