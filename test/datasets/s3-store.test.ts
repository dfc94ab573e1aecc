// Objects at an endpoint with S3's API: a stand-in with faults, and moto where it is installed.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createInterface } from "node:readline";
import { after, describe, it, type TestContext } from "node:test";

import { ObjectError, type ObjectStore } from "../../src/datasets/object-store.ts";
import { S3Store } from "../../src/datasets/s3-store.ts";
import { type Fault, fakeS3, KEY, signerOf } from "./s3-fake.ts";
import { itemsOf, put, textOfObject } from "./support.ts";

const PART = 8 * 1024 * 1024;
const MISSING_MOTO =
  spawnSync("moto_server", ["--help"], { stdio: "ignore" }).status === 0
    ? false
    : "moto_server is not installed: this test looked at nothing";

let motoEndpoint: Promise<string> | undefined;
let stopMoto = (): void => undefined;
after(() => stopMoto());

/** As S3 orders them. */
const KEYS: readonly string[] = [
  "%",
  "100%25",
  "a&b=c?d#e",
  "a+b c",
  "ends/",
  "plus+",
  "quote'(\"!)*",
  "two//slashes",
  "x/y.txt",
  "é/\u{1f600}",
];

describe("any S3", () => {
  for (const [name, skip, open] of [
    ["the stand-in", false, async (t: TestContext) => (await fakeS3(t)).store],
    ["moto", MISSING_MOTO, moto],
  ] as const) {
    it(`${name}: every key is written, listed in order and read`, { skip }, async (t) => {
      const store = await open(t);
      for (const key of KEYS.toReversed()) await put(store, key, `of ${key}`);
      const listed = await Array.fromAsync(store.list("data", {}));
      assert.deepEqual(
        listed.map(({ key }) => key),
        KEYS,
      );
      for (const { key, size, etag, storageClass, lastModifiedMs } of listed) {
        assert.equal(await textOfObject(store, key), `of ${key}`);
        const head = await store.head("data", key);
        assert.deepEqual({ size: head.size, etag: head.etag }, { size, etag });
        assert.match(etag, /^".+"$/u);
        assert.equal(storageClass, "STANDARD");
        assert.ok(lastModifiedMs > 0);
      }
      assert.deepEqual(
        (await Array.fromAsync(store.list("data", { prefix: "a", startAfter: "a&b=c?d#e" }))).map(
          ({ key }) => key,
        ),
        ["a+b c"],
      );
    });

    it(`${name}: parts are read, of one version`, { skip }, async (t) => {
      const store = await open(t);
      await put(store, "k", "0123456789");
      await put(store, "empty", "");
      const { etag } = await store.head("data", "k");
      const read = async (key: string, range: object): Promise<string> =>
        Buffer.concat(await Array.fromAsync(store.read("data", key, range))).toString();
      assert.equal(await read("k", { start: 3, end: 5 }), "34");
      assert.equal(await read("k", { start: 8, etag }), "89");
      assert.equal(await read("k", { end: 4 }), "0123");
      assert.equal(await read("k", { start: 10 }), "");
      assert.equal(await read("k", { start: 4, end: 4 }), "");
      assert.equal(await read("empty", {}), "");
      assert.equal(await read("empty", { end: 4 }), "");
      await assert.rejects(read("k", { etag: '"0"' }), failure(412, "PreconditionFailed"));
    });

    it(`${name}: errors have S3's codes`, { skip }, async (t) => {
      const store = await open(t);
      await assert.rejects(textOfObject(store, "none"), failure(404, "NoSuchKey"));
      await assert.rejects(store.head("data", "none"), failure(404, "NoSuchKey"));
      await assert.rejects(store.head("no-such-bucket", "none"), failure(404, "NoSuchBucket"));
      await assert.rejects(Array.fromAsync(store.list("no-such-bucket", {})), failure(404, "NoSuchBucket"));
      const writer = await store.writer("no-such-bucket", "k");
      await assert.rejects(writer.commit(), failure(404, "NoSuchBucket"));
    });

    it(`${name}: a large object is written in parts, whole or not at all`, { skip }, async (t) => {
      const store = await open(t);
      const bytes = Buffer.alloc(2 * PART + 100, "stepwell");
      const writer = await store.writer("data", "large");
      for (let at = 0; at < bytes.length; at += 1_000_000)
        await writer.write(bytes.subarray(at, at + 1_000_000));
      await assert.rejects(store.head("data", "large"), failure(404, "NoSuchKey"));
      await writer.commit();
      const { size, etag } = await store.head("data", "large");
      assert.equal(size, bytes.length);
      assert.match(etag, /-3"$/u);
      assert.ok(bytes.equals(Buffer.concat(await Array.fromAsync(store.read("data", "large")))));

      const given = await store.writer("data", "given-up");
      await given.write(bytes);
      await given.abort();
      await assert.rejects(store.head("data", "given-up"), failure(404, "NoSuchKey"));
    });

    it(`${name}: a listing has as many pages as it needs`, { skip }, async (t) => {
      const store = await open(t);
      const keys = Array.from({ length: 7 }, (_, i) => `p/${i}`);
      for (const key of keys) await put(store, key, key);
      const items = await itemsOf(store, { resource: "listObjectsV2", prefix: "p/" });
      assert.deepEqual(
        items.map(({ cursor }) => cursor.key),
        keys,
      );
      const rest = await itemsOf(
        store,
        { resource: "listObjectsV2", prefix: "p/" },
        { after: items[3]!.cursor },
      );
      assert.deepEqual(
        rest.map(({ cursor }) => cursor.key),
        keys.slice(4),
      );
    });
  }
});

describe("a stand-in with faults", () => {
  const passing: readonly Fault[] = [
    { kind: "status", status: 503, code: "SlowDown" },
    { kind: "status", status: 500, code: "InternalError" },
    { kind: "status", status: 400, code: "RequestTimeout" },
    { kind: "lost", done: false },
    { kind: "lost", done: true },
    { kind: "cut", bytes: 10 },
  ];
  for (const fault of passing) {
    it(`every request is made again after ${JSON.stringify(fault)}`, async (t) => {
      const fake = await fakeS3(t);
      const failed = new Set<string>();
      fake.fault = (request) => {
        // Each kind of request fails the first time.
        const kind = request.replace(/=u\d+/u, "");
        if (failed.has(kind)) return undefined;
        failed.add(kind);
        return fault;
      };
      const { store } = fake;
      const bytes = Buffer.alloc(PART + 1, "ab");
      await put(store, "large", bytes);
      await put(store, "small", "content of it");
      assert.equal((await store.head("data", "small")).size, 13);
      assert.equal(await textOfObject(store, "small"), "content of it");
      assert.ok(bytes.equals(Buffer.concat(await Array.fromAsync(store.read("data", "large")))));
      assert.equal((await Array.fromAsync(store.list("data", {}))).length, 2);
      assert.ok(failed.size >= 8);
      // Of a beginning whose answer was lost nobody knows: S3 keeps it until a lifecycle rule removes it.
      assert.equal(fake.uploads.size, fault.kind === "cut" || (fault.kind === "lost" && fault.done) ? 1 : 0);
    });
  }

  it("a completion that fails inside an answer of 200 is asked for again", async (t) => {
    const fake = await fakeS3(t);
    let failures = 0;
    fake.fault = (request) =>
      /^POST .*uploadId/u.test(request) && failures++ === 0 ? { kind: "errorInside" } : undefined;
    await put(fake.store, "large", Buffer.alloc(PART + 1));
    assert.equal(failures, 2);
    assert.equal(fake.objects.get("large")?.body.length, PART + 1);
  });

  it("a read that breaks off again and again gives each byte once", async (t) => {
    const fake = await fakeS3(t);
    const bytes = Buffer.from(Array.from({ length: 50_000 }, (_, i) => `${i}`).join());
    await put(fake.store, "k", bytes);
    fake.fault = () => ({ kind: "cut", bytes: 30_000 });
    const read = Buffer.concat(await Array.fromAsync(fake.store.read("data", "k", { start: 7 })));
    assert.ok(bytes.subarray(7).equals(read));
  });

  it("an object that is replaced while it is read is not read on", async (t) => {
    const fake = await fakeS3(t);
    await put(fake.store, "k", Buffer.alloc(100_000, "a"));
    fake.fault = (request) => {
      if (!request.startsWith("GET")) return undefined;
      fake.fault = () => undefined;
      // After the first part was on its way.
      setImmediate(() => fake.objects.set("k", { body: Buffer.alloc(100_000, "b"), etag: '"other"' }));
      return { kind: "cut", bytes: 30_000 };
    };
    await assert.rejects(
      textOfObject(fake.store, "k"),
      failure(412, "PreconditionFailed", "The object has changed since it was first read."),
    );
  });

  it("what stays away fails after six tries, and what is refused at once", async (t) => {
    const fake = await fakeS3(t);
    fake.fault = () => ({ kind: "status", status: 503, code: "SlowDown" });
    await assert.rejects(textOfObject(fake.store, "k"), failure(503, "SlowDown"));
    assert.equal(fake.requests.length, 6);
    fake.fault = () => ({ kind: "status", status: 403, code: "AccessDenied" });
    await assert.rejects(put(fake.store, "k", "x"), failure(403, "AccessDenied"));
    assert.equal(fake.requests.length, 7);
  });

  it("an endpoint that is not there says so", async () => {
    const store = new S3Store({ endpoint: "http://127.0.0.1:1", sign: signerOf(KEY), delayMs: () => 1 });
    await assert.rejects(
      store.head("data", "k"),
      failure(503, "ECONNREFUSED", "connect ECONNREFUSED 127.0.0.1:1"),
    );
  });

  it("a listing out of order fails, since no cursor could say where it goes on", async (t) => {
    const fake = await fakeS3(t);
    for (const key of ["a", "b"]) await put(fake.store, key, key);
    fake.isSorted = false;
    await assert.rejects(
      Array.fromAsync(fake.store.list("data", {})),
      failure(
        501,
        "UnexpectedAnswer",
        "The endpoint answers with a listing that is not in the order of its keys.",
      ),
    );
  });

  it("an endpoint that knows nothing of ranges gives the same parts", async (t) => {
    const fake = await fakeS3(t);
    const bytes = Buffer.alloc(300_000, "0123456789");
    await put(fake.store, "k", bytes);
    fake.hasRanges = false;
    const ranges = [
      { start: 3, end: 5 },
      { start: 299_998 },
      { end: 4 },
      { start: 299_999, end: 300_005 },
      { start: 300_000 },
    ];
    const parts: string[] = [];
    for (const range of ranges) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other is enough
      parts.push(Buffer.concat(await Array.fromAsync(fake.store.read("data", "k", range))).toString());
    }
    assert.deepEqual(parts, ["34", "89", "0123", "9", ""]);
  });

  it("a version of an object is read where it is asked for", async (t) => {
    const fake = await fakeS3(t);
    await put(fake.store, "file", "[2]");
    fake.versions.set("file v1", { body: Buffer.from("[1,1]"), etag: '"one"' });
    const source = { resource: "getObject", key: "file", inputType: "JSON" } as const;
    assert.deepEqual(textsOf(await itemsOf(fake.store, { ...source, versionId: "v1" })), ["1", "1"]);
    assert.deepEqual(textsOf(await itemsOf(fake.store, source)), ["2"]);
    await assert.rejects(
      itemsOf(fake.store, { ...source, versionId: "v2" }),
      /Reading s3:\/\/data\/file failed: .* \(NoSuchKey, status 404\)/u,
    );
  });

  it("a wrong key is refused", async (t) => {
    const fake = await fakeS3(t);
    const store = new S3Store({ endpoint: fake.url, sign: signerOf({ ...KEY, secretAccessKey: "other" }) });
    await assert.rejects(textOfObject(store, "k"), failure(403, "SignatureDoesNotMatch"));
  });

  for (const bucket of ["", ".", "..", "a/b", "a?b", "a b"]) {
    it(`${JSON.stringify(bucket)} is no bucket, and nobody is asked`, async (t) => {
      const fake = await fakeS3(t);
      await assert.rejects(fake.store.head(bucket, "k"), failure(400, "InvalidBucketName"));
      assert.deepEqual(fake.requests, []);
    });
  }

  it("keys go on the wire as they are, dots and all", async (t) => {
    const fake = await fakeS3(t);
    for (const key of ["a/../b", "./c", "../../etc/passwd"]) await put(fake.store, key, key);
    assert.deepEqual(fake.requests, ["PUT /data/a/../b", "PUT /data/./c", "PUT /data/../../etc/passwd"]);
    assert.deepEqual([...fake.objects.keys()], ["a/../b", "./c", "../../etc/passwd"]);
  });
});

function textsOf(items: readonly { readonly text: string }[]): readonly string[] {
  return items.map(({ text }) => text);
}

function failure(status: number, code: string, message?: string): (error: unknown) => true {
  return (error) => {
    assert.ok(error instanceof ObjectError, String(error));
    assert.deepEqual({ status: error.status, code: error.code }, { status, code });
    if (message !== undefined) assert.equal(error.message, message);
    return true;
  };
}

/** One server for all tests, emptied for each, with the bucket `data`. */
async function moto(): Promise<ObjectStore> {
  motoEndpoint ??= startMoto();
  const endpoint = await motoEndpoint;
  await fetch(`${endpoint}/moto-api/reset`, { method: "POST" });
  const authorization =
    "AWS4-HMAC-SHA256 Credential=k/20250101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
  const answer = await fetch(`${endpoint}/data`, { method: "PUT", headers: { authorization } });
  assert.equal(answer.status, 200, await answer.text());
  return new S3Store({ endpoint, sign: signerOf(KEY) });
}

async function startMoto(): Promise<string> {
  // A group of its own: what is on the path may be a script that starts the server.
  const server = spawn("moto_server", ["-H", "127.0.0.1", "-p", "0"], {
    detached: true,
    stdio: ["ignore", "ignore", "pipe"],
  });
  stopMoto = () => {
    if (server.pid !== undefined) process.kill(-server.pid);
  };
  const lines = createInterface({ input: server.stderr });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  lines.on("line", (line) => {
    const endpoint = /http:\/\/127\.0\.0\.1:\d+/u.exec(line)?.[0];
    if (endpoint !== undefined) resolve(endpoint);
  });
  server.on("error", reject);
  server.on("exit", (code) => reject(new Error(`moto ended with ${code}`)));
  return promise;
}
