// Objects in a folder: names never lead out of it, and every key comes back as it went in.

import assert from "node:assert/strict";
import { mkdir, readdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";

import { ObjectError, type ObjectStore } from "../../src/datasets/object-store.ts";
import { localBucket, put } from "./support.ts";

/** Each is written, listed and read. */
const KEYS: readonly string[] = [
  "plain",
  "x/..",
  "x/.",
  "../data2/x",
  "a/../../b",
  "/absolute",
  "two//slashes",
  "ends/",
  "nul\u0000byte",
  "line\nend",
  "100%",
  "%2E%2E/y",
  "%",
  "%~temporary",
  'back\\slash:*?"<>|',
  "\u{1f600}/é",
];

test("every key is kept inside its bucket and comes back", async (t) => {
  const { store, folder } = await localBucket(t);
  for (const key of KEYS) await put(store, key, `of ${key}`);
  const listed = await Array.fromAsync(store.list("data", {}));
  assert.deepEqual(
    listed.map(({ key }) => key),
    KEYS.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
  for (const key of KEYS) assert.equal(await textOf(store, key), `of ${key}`);
  assert.deepEqual(await readdir(folder), ["data"]);
});

test("a symbolic link is no object and no way out", async (t) => {
  const { store, folder } = await localBucket(t);
  await mkdir(join(folder, "outside"));
  await writeFile(join(folder, "outside", "secret"), "secret");
  await symlink(join(folder, "outside"), join(folder, "data", "folder"));
  await symlink(join(folder, "outside", "secret"), join(folder, "data", "file"));
  await symlink(join(folder, "outside"), join(folder, "linked-bucket"));
  await assert.rejects(textOf(store, "folder/secret"), code("NoSuchKey"));
  await assert.rejects(textOf(store, "file"), code("NoSuchKey"));
  await assert.rejects(put(store, "folder/new", "x"), code("OperationAborted"));
  await assert.rejects(store.head("linked-bucket", "secret"), code("NoSuchBucket"));
  assert.deepEqual(await Array.fromAsync(store.list("data", {})), []);
  assert.deepEqual(await readdir(join(folder, "outside")), ["secret"]);
});

for (const bucket of ["..", ".", "", "a/b", "/etc", "no-such", "..%2f", "nul\u0000"]) {
  test(`${JSON.stringify(bucket)} is no bucket`, async (t) => {
    const { store } = await localBucket(t);
    await assert.rejects(store.head(bucket, "x"), code("NoSuchBucket"));
    await assert.rejects(store.writer(bucket, "x"), code("NoSuchBucket"));
  });
}

test("nobody sees what is not committed, and nothing stays of what is aborted", async (t) => {
  const { store, folder } = await localBucket(t);
  await put(store, "key", "old");
  const writer = await store.writer("data", "key");
  await writer.write(Buffer.from("n"));
  assert.equal(await textOf(store, "key"), "old");
  assert.equal((await Array.fromAsync(store.list("data", {}))).length, 1);
  await writer.write(Buffer.from("ew"));
  await writer.commit();
  assert.equal(await textOf(store, "key"), "new");
  const other = await store.writer("data", "key");
  await other.write(Buffer.from("lost"));
  await other.abort();
  assert.equal(await textOf(store, "key"), "new");
  assert.deepEqual(await readdir(join(folder, "data")), ["key"]);
});

test("a range is read of the version that was asked for", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "key", "0123456789");
  const { etag, size } = await store.head("data", "key");
  assert.equal(size, 10);
  const chunks = await Array.fromAsync(store.read("data", "key", { start: 2, end: 5, etag }));
  assert.equal(Buffer.concat(chunks).toString(), "234");
  await put(store, "key", "0123456789");
  await assert.rejects(Array.fromAsync(store.read("data", "key", { etag })), code("PreconditionFailed"));
});

test("a key cannot be a file and a folder, nor too long", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "a", "x");
  await assert.rejects(put(store, "a/b", "x"), code("OperationAborted"));
  await put(store, "c/d", "x");
  await assert.rejects(put(store, "c", "x"), code("OperationAborted"));
  await assert.rejects(put(store, "k".repeat(1025), "x"), code("KeyTooLongError"));
  await assert.rejects(put(store, "k".repeat(241), "x"), code("KeyTooLongError"));
});

async function textOf(store: ObjectStore, key: string): Promise<string> {
  return Buffer.concat(await Array.fromAsync(store.read("data", key))).toString();
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ObjectError, String(error));
    assert.equal(error.code, expected);
    return true;
  };
}

test("there are no versions, and nobody gets another one than was asked for", async (t) => {
  const { store } = await localBucket(t);
  await put(store, "k", "x");
  await assert.rejects(store.head("data", "k", "v1"), code("NoSuchVersion"));
  await assert.rejects(Array.fromAsync(store.read("data", "k", { versionId: "v1" })), code("NoSuchVersion"));
});
