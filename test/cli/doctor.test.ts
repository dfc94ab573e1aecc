// What `doctor` finds: the server, the shell, and clients that are stand-ins or the real ones.

import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createApi, createAuthenticator, type Listening } from "../../src/api/index.ts";
import { runCli } from "../../src/cli/index.ts";
import { SERVICE_LIMITS } from "../../src/engine/limits.ts";
import { createFakeEngine } from "../api/fake-engine.ts";
import { fakeTerminal } from "./environment-fake.ts";

const KEY = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG" };
const SKIP = process.platform === "win32" ? "the stand-ins are scripts of a POSIX shell" : false;

let directory = "";
let open: Listening;
let closed: Listening;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), "stepwell-doctor-"));
  const options = { account: "000000000000", region: "us-east-1", limits: SERVICE_LIMITS };
  const find = async (id: string) => (id === KEY.accessKeyId ? KEY : undefined);
  const authenticator = createAuthenticator({ find }, Date.now);
  open = await createApi(createFakeEngine(), options).listen({ host: "localhost", port: 0 });
  closed = await createApi(createFakeEngine(), { ...options, authenticator }).listen({
    host: "localhost",
    port: 0,
  });
});
after(async () => {
  await open.close(0);
  await closed.close(0);
  await rm(directory, { recursive: true });
});

interface Found {
  readonly exit: number;
  readonly findings: readonly { about: string; state: string; text: string; advice?: string }[];
  readonly err: string;
}

async function examine(
  url: string,
  env: Record<string, string | undefined>,
  more: { readonly now?: () => number } = {},
): Promise<Found> {
  const terminal = fakeTerminal(["doctor", "--endpoint", url], {
    env: { SHELL: "/bin/sh", ...env },
    workingDirectory: directory,
    now: Date.now,
    ...more,
  });
  const exit = await runCli(terminal.environment);
  const lines = terminal
    .out()
    .split("\n")
    .filter((line) => line !== "");
  return {
    exit,
    findings: lines.map((line) => JSON.parse(line) as Found["findings"][0]),
    err: terminal.err(),
  };
}

/** A folder with an `aws` that answers a list and a StartSyncExecution with these lines of a shell. */
async function standIn(list: string, sync: string): Promise<string> {
  const folder = await mkdtemp(join(directory, "bin-"));
  const script = `#!/bin/sh
case "$*" in
  --version) echo aws-cli/2.9.19 Python/3.11.2 ;;
  *list-state-machines*) ${list} ;;
  *) ${sync} ;;
esac
`;
  await writeFile(join(folder, "aws"), script);
  await chmod(join(folder, "aws"), 0o755);
  return folder;
}

const works = "exit 0";
const noMachine = "echo; echo 'An error occurred (StateMachineDoesNotExist) when calling: No' >&2; exit 254";
const unreached = "echo 'Could not connect to the endpoint URL: \"http://sync-127.0.0.1:1/\"' >&2; exit 255";

test("a client that works, and a shell that is not prepared", { skip: SKIP }, async () => {
  const { exit, findings } = await examine(open.url, { PATH: await standIn(works, noMachine) });
  assert.equal(exit, 1);
  assert.deepEqual(findings, [
    { about: "server", state: "good", text: `${open.url} answers; it asks nobody for credentials` },
    {
      about: "this shell",
      state: "change",
      text:
        "not set, or to something else: AWS_ENDPOINT_URL_SFN, AWS_DISABLE_HOST_PREFIX_INJECTION, AWS_REGION, " +
        "AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_EC2_METADATA_DISABLED",
      advice: `eval "$(stepwell env --endpoint ${open.url})"`,
    },
    { about: "AWS CLI (aws-cli/2.9.19)", state: "good", text: "works" },
    { about: "boto3", state: "absent", text: "not found on this machine" },
    { about: "SDK for JavaScript", state: "absent", text: "not found in this folder" },
  ]);
});

test("a prepared shell and a client that works: nothing to change", { skip: SKIP }, async () => {
  const { exit, findings } = await examine(open.url, {
    PATH: await standIn('[ "$AWS_ENDPOINT_URL_SFN" ] && [ "$AWS_DISABLE_HOST_PREFIX_INJECTION" ]', noMachine),
    AWS_ENDPOINT_URL_SFN: open.url,
    AWS_DISABLE_HOST_PREFIX_INJECTION: "true",
    AWS_REGION: "us-east-1",
    AWS_DEFAULT_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "x",
    AWS_SECRET_ACCESS_KEY: "x",
    AWS_EC2_METADATA_DISABLED: "true",
  });
  assert.deepEqual(
    findings.map(({ state }) => state),
    ["good", "good", "good", "absent", "absent"],
  );
  assert.equal(exit, 0);
});

const FAULTS: readonly (readonly [name: string, list: string, sync: string, finding: object])[] = [
  [
    "an old CLI that knows no variable for the endpoint",
    "case \"$*\" in *--endpoint-url*) exit 0 ;; *) echo 'Could not connect to the endpoint URL' >&2; exit 255 ;; esac",
    noMachine,
    {
      text: "it does not know AWS_ENDPOINT_URL_SFN: Could not connect to the endpoint URL",
      advice: "Take version 2.13 or newer, or always give --endpoint-url <url>",
    },
  ],
  [
    "a CLI that prefixes the host",
    works,
    unreached,
    {
      text:
        "all but StartSyncExecution and TestState: Could not connect to the endpoint URL: " +
        '"http://sync-127.0.0.1:1/"',
      advice:
        "Call the server by a name (http://localhost:<port>) and let sync-localhost resolve: 127.0.0.1 sync-localhost " +
        "in the hosts file.",
    },
  ],
  [
    "a CLI that fails altogether",
    "echo broken >&2; exit 1",
    unreached,
    {
      text: "it does not get there: broken",
      advice: "Tried with the variables and with the endpoint itself.",
    },
  ],
];
for (const [name, list, sync, finding] of FAULTS) {
  test(`what to change for ${name}`, { skip: SKIP }, async () => {
    const { exit, findings } = await examine(open.url, { PATH: await standIn(list, sync) });
    assert.equal(exit, 1);
    const { about: _about, ...cli } = findings[2] as Found["findings"][0];
    const text = JSON.stringify(cli).replaceAll(open.url, "<url>").replaceAll(String(open.port), "<port>");
    assert.deepEqual(JSON.parse(text), { state: "change", ...finding });
  });
}

const SERVERS: readonly (readonly [
  name: string,
  env: Record<string, string>,
  text: RegExp,
  advice: RegExp,
])[] = [
  [
    "a key that the server does not know",
    { AWS_ACCESS_KEY_ID: "AKIDOTHER", AWS_SECRET_ACCESS_KEY: "x" },
    /^UnrecognizedClientException: /,
    /^The server has no such key/,
  ],
  [
    "another secret",
    { AWS_ACCESS_KEY_ID: KEY.accessKeyId, AWS_SECRET_ACCESS_KEY: "x" },
    /^InvalidSignatureException: /,
    /^The secret is not the one/,
  ],
];
for (const [name, env, text, advice] of SERVERS) {
  test(`a server that asks for signatures, and ${name}`, async () => {
    const { exit, findings } = await examine(closed.url, { PATH: directory, ...env });
    assert.equal(exit, 1);
    assert.equal(findings.length, 1);
    assert.match(findings[0]?.text ?? "", text);
    assert.match(findings[0]?.advice ?? "", advice);
  });
}

test("a server that asks for signatures, and takes the key", { skip: SKIP }, async () => {
  const env = { AWS_ACCESS_KEY_ID: KEY.accessKeyId, AWS_SECRET_ACCESS_KEY: KEY.secretAccessKey };
  const { findings } = await examine(closed.url, { PATH: await standIn(works, noMachine), ...env });
  assert.equal(findings[0]?.text, `${closed.url} answers; it asks for signatures, and takes yours`);
});

test("no server", async () => {
  const { exit, findings } = await examine("http://127.0.0.1:1", { PATH: directory });
  assert.equal(exit, 1);
  assert.deepEqual(findings, [
    {
      about: "server",
      state: "change",
      text: "no answer from http://127.0.0.1:1 (ECONNREFUSED)",
      advice: "Start one with `stepwell serve`, or name it with --endpoint URL.",
    },
  ]);
});

test("a clock that is wrong", async () => {
  const { exit, findings } = await examine(
    open.url,
    { PATH: directory },
    { now: () => Date.now() - 600_000 },
  );
  assert.equal(exit, 1);
  assert.match(
    findings[0]?.text ?? "",
    /^the clock of this machine is (599|600|601) seconds behind the server's$/,
  );
});

test("a machine without clients is said to be one", async () => {
  const { exit, err } = await examine(open.url, { PATH: directory });
  assert.equal(exit, 1);
  assert.match(err, /^error: None of the clients that this command knows is on this machine/);
});

test("the real SDK for JavaScript is tried, and never calls another host", { timeout: 60_000 }, async () => {
  const terminal = fakeTerminal(["doctor", "--endpoint", open.url], {
    env: { PATH: directory, SHELL: "/bin/sh" },
    now: Date.now,
  });
  await runCli(terminal.environment);
  const lines = terminal.out().trim().split("\n");
  const found = JSON.parse(lines.at(-1) ?? "{}") as Found["findings"][0];
  assert.match(found.about, /^SDK for JavaScript \(3\.\d+\.\d+\)$/);
  assert.equal(found.state, "good");
  assert.match(found.advice ?? "", /disableHostPrefix: true/);
});
