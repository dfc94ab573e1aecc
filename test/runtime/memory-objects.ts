// Buckets in memory: an object is there when its writer commits it.

import { type ObjectHead, ObjectError, type ObjectStore } from "../../src/datasets/object-store.ts";

export class MemoryObjects implements ObjectStore {
  readonly #objects = new Map<string, Buffer>();

  put(bucket: string, key: string, text: string): void {
    this.#objects.set(`${bucket}/${key}`, Buffer.from(text));
  }

  text(bucket: string, key: string): string {
    return this.#find(bucket, key).toString();
  }

  async head(bucket: string, key: string): Promise<ObjectHead> {
    return headOf(this.#find(bucket, key));
  }

  async *read(
    bucket: string,
    key: string,
    range: { readonly start?: number; readonly end?: number } = {},
  ): AsyncGenerator<Uint8Array> {
    yield this.#find(bucket, key).subarray(range.start ?? 0, range.end);
  }

  async *list(
    bucket: string,
    { prefix = "" }: { prefix?: string },
  ): AsyncGenerator<ObjectHead & { readonly key: string; readonly storageClass: string }> {
    for (const [path, bytes] of this.#objects) {
      if (!path.startsWith(`${bucket}/${prefix}`)) continue;
      yield { ...headOf(bytes), key: path.slice(bucket.length + 1), storageClass: "STANDARD" };
    }
  }

  async writer(bucket: string, key: string): ReturnType<ObjectStore["writer"]> {
    const parts: Uint8Array[] = [];
    return {
      write: async (bytes) => void parts.push(bytes),
      commit: async () => void this.#objects.set(`${bucket}/${key}`, Buffer.concat(parts)),
      abort: async () => undefined,
    };
  }

  #find(bucket: string, key: string): Buffer {
    const found = this.#objects.get(`${bucket}/${key}`);
    if (found === undefined) {
      throw new ObjectError(
        { bucket, key, status: 404, code: "NoSuchKey" },
        "The specified key does not exist.",
      );
    }
    return found;
  }
}

function headOf(bytes: Buffer): ObjectHead {
  return { size: bytes.length, etag: `"${bytes.length}"`, lastModifiedMs: 0 };
}
