// The file of keys: what is understood, what is refused, and that a changed file is read again.

import assert from "node:assert/strict";
import { chmod, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openCredentialsFile, parseCredentials } from "../../src/api/auth/credentials-file.ts";

const SECRET = "wJalrXUtnFEMI/K7MDENG+bPx=#";

interface Case {
  readonly name: string;
  readonly text: string;
  readonly keys?: readonly object[];
  readonly problem?: string;
}

const KEY = { accessKeyId: "AKIDA", secretAccessKey: SECRET };

const CASES: readonly Case[] = [
  {
    name: "an AWS credentials file",
    text: `# mine\n[default]\r\naws_access_key_id = AKIDA\naws_secret_access_key=${SECRET}\n`,
    keys: [KEY],
  },
  {
    name: "profiles, of which one is a session and one has no key",
    text: [
      "[a]",
      "aws_access_key_id=AKIDA",
      `aws_secret_access_key = ${SECRET}`,
      "region = eu-west-1",
      "[profile b]",
      "region = eu-west-1",
      "s3 =",
      "  max_concurrent_requests = 20",
      "[c]",
      "aws_access_key_id=ASIAC",
      `aws_secret_access_key = ${SECRET}`,
      "aws_session_token = tok/en==",
      "expiration = 2026-11-25T12:00:00Z",
    ].join("\n"),
    keys: [
      KEY,
      {
        accessKeyId: "ASIAC",
        secretAccessKey: SECRET,
        sessionToken: "tok/en==",
        expiresAtMs: Date.UTC(2026, 10, 25, 12),
      },
    ],
  },
  {
    name: "one key as JSON, as credential processes print it",
    text: JSON.stringify({ Version: 1, AccessKeyId: "AKIDA", SecretAccessKey: SECRET }),
    keys: [KEY],
  },
  {
    name: "a list as JSON",
    text: JSON.stringify([
      { AccessKeyId: "AKIDA", SecretAccessKey: SECRET },
      {
        AccessKeyId: "B",
        SecretAccessKey: SECRET,
        SessionToken: "t",
        Expiration: "2026-11-25T12:00:00+01:00",
      },
    ]),
    keys: [
      KEY,
      {
        accessKeyId: "B",
        secretAccessKey: SECRET,
        sessionToken: "t",
        expiresAtMs: Date.UTC(2026, 10, 25, 11),
      },
    ],
  },
  { name: "nothing", text: "", problem: "it holds no access key" },
  { name: "an empty list", text: "[]", problem: "it holds no access key" },
  {
    name: "a profile without keys",
    text: "[default]\nregion = eu-west-1\n",
    problem: "it holds no access key",
  },
  {
    name: "broken JSON",
    text: `{"AccessKeyId":"A","SecretAccessKey":"${SECRET}`,
    problem: "it is no valid JSON",
  },
  {
    name: "a list of texts",
    text: '[{}, "x"]',
    problem: "item 1: the access key id must be 1 to 128 letters",
  },
  {
    name: "a member with a slip of the pen",
    text: `{"AccessKeyId":"A","SecretAccessKey":"${SECRET}","Expires":"2026-11-25T12:00:00Z"}`,
    problem: "item 1 has a member of another name than Version, AccessKeyId,",
  },
  {
    name: "a setting with a slip of the pen",
    text: `[a]\naws_access_key_id=A\naws_secret_access_key=${SECRET}\naws_session_tokn=t`,
    problem: "line 4 has an aws_ setting of another name than aws_access_key_id,",
  },
  {
    name: "a secret that is no text",
    text: '{"AccessKeyId":"A","SecretAccessKey":12345678}',
    problem: "item 1: SecretAccessKey is no text",
  },
  {
    name: "a key without its secret",
    text: "[a]\naws_access_key_id=A",
    problem: "profile a: the secret access key must have at least 8 characters",
  },
  {
    name: "a secret that anyone guesses",
    text: "[a]\naws_access_key_id=A\naws_secret_access_key=test",
    problem: "profile a: the secret access key must have at least 8 characters",
  },
  {
    name: "a secret without its key",
    text: `[a]\naws_secret_access_key=${SECRET}`,
    problem: "profile a: the access key id must be",
  },
  {
    name: "a key twice",
    text: `[a]\naws_access_key_id=A\naws_secret_access_key=${SECRET}\n[b]\naws_access_key_id=A\naws_secret_access_key=${SECRET}x`,
    problem: "profile b repeats the access key A",
  },
  {
    name: "a profile twice",
    text: `[a]\naws_access_key_id=A\naws_secret_access_key=${SECRET}\n[a]\naws_access_key_id=B`,
    problem: "line 5 repeats aws_access_key_id",
  },
  {
    name: "an expiration that is no moment",
    text: `{"AccessKeyId":"A","SecretAccessKey":"${SECRET}","Expiration":"tomorrow"}`,
    problem: "item 1: the expiration must be a moment like",
  },
  {
    name: "any other text",
    text: SECRET,
    problem: "line 1 is neither JSON nor part of an AWS credentials file",
  },
];

for (const { name, text, keys, problem } of CASES) {
  test(`${problem === undefined ? "read" : "refused"}: ${name}`, () => {
    if (problem === undefined) {
      assert.deepEqual([...parseCredentials(text).values()], keys);
      return;
    }
    assert.throws(
      () => parseCredentials(text),
      ({ message }: Error) => message.startsWith(problem) && !message.includes(SECRET),
    );
  });
}

const directories: string[] = [];
after(() => Promise.all(directories.map((directory) => rm(directory, { recursive: true }))));

async function temporaryFile(text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "stepwell-credentials-"));
  directories.push(directory);
  const path = join(directory, "credentials");
  await writeFile(path, text, { mode: 0o600 });
  return path;
}

const file = (...ids: string[]): string =>
  JSON.stringify(ids.map((id) => ({ AccessKeyId: id, SecretAccessKey: SECRET })));

test("a changed file is read again, once a second; a bad one changes nothing; each is said once", async () => {
  const path = await temporaryFile(file("A"));
  let nowMs = 1_000_000;
  const log: string[] = [];
  const keys = await openCredentialsFile({ path, now: () => nowMs, log: (line) => void log.push(line) });
  const known = async (): Promise<string[]> => {
    const found = await Promise.all(["A", "B", "C"].map((id) => keys.find(id)));
    return found.flatMap((key) => (key === undefined ? [] : [key.accessKeyId]));
  };
  /** As editors do it: the file is never seen half written. */
  const replace = async (text: string): Promise<void> => {
    await writeFile(`${path}.new`, text, { mode: 0o600 });
    await rename(`${path}.new`, path);
  };

  assert.deepEqual(await known(), ["A"]);
  await replace(file("B", "C"));
  nowMs += 999;
  assert.deepEqual(await known(), ["A"]);
  nowMs += 1;
  assert.deepEqual(await known(), ["B", "C"]);
  await replace("{");
  for (let round = 0; round < 3; round++) {
    nowMs += 1_000;
    assert.deepEqual(await known(), ["B", "C"]);
  }
  await rm(path);
  for (let round = 0; round < 3; round++) {
    nowMs += 1_000;
    assert.deepEqual(await known(), ["B", "C"]);
  }
  await replace(file("A"));
  nowMs -= 3_600_000;
  assert.deepEqual(await known(), ["A"]);
  assert.deepEqual(
    log.map((line) => line.replaceAll(path, "<file>")),
    [
      "read <file> again: 2 access keys",
      "the access keys stay as they were: <file>: it is no valid JSON",
      "the access keys stay as they were: <file>: ENOENT: no such file or directory, stat '<file>'",
      "read <file> again: 1 access key",
    ],
  );
});

test("a file that others may read is used, with a warning", {
  skip: process.platform === "win32",
}, async () => {
  const path = await temporaryFile(file("A"));
  await chmod(path, 0o644);
  const log: string[] = [];
  const keys = await openCredentialsFile({ path, now: () => 0, log: (line) => void log.push(line) });
  assert.equal((await keys.find("A"))?.accessKeyId, "A");
  assert.deepEqual(log, [
    `${path} holds secrets, but others than its owner may use it (mode 0644): chmod 600 ${path}`,
  ]);
});

test("a file that is not there is an error at the start", async () => {
  const path = `${await temporaryFile("")}-not`;
  await assert.rejects(openCredentialsFile({ path, now: () => 0, log: () => undefined }), { code: "ENOENT" });
});
