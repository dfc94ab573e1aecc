// A local bucket for one test, and what reading it gave.

import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";

import { folderStore } from "../../src/datasets/folder-store.ts";
import type { Cursor, Item, Limits } from "../../src/datasets/item.ts";
import type { ObjectStore } from "../../src/datasets/object-store.ts";
import { type ItemSource, readItems } from "../../src/datasets/read-items.ts";

export async function localBucket(t: TestContext): Promise<{ store: ObjectStore; folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), "stepwell-datasets-"));
  t.after(() => rm(folder, { recursive: true }));
  await mkdir(join(folder, "data"));
  return { store: await folderStore(folder), folder };
}

export async function put(store: ObjectStore, key: string, content: string | Uint8Array): Promise<void> {
  const writer = await store.writer("data", key);
  await writer.write(Buffer.from(content));
  await writer.commit();
}

export async function itemsOf(
  store: ObjectStore,
  source: Omit<ItemSource, "bucket">,
  options: { after?: Cursor; limits?: Limits } = {},
): Promise<Item[]> {
  return Array.fromAsync(readItems(store, { bucket: "data", ...source }, options));
}

export async function textOfObject(store: ObjectStore, key: string): Promise<string> {
  return Buffer.concat(await Array.fromAsync(store.read("data", key))).toString();
}
