// The ObjectStore of a server that was not told where buckets are: every call says so.

import type { ObjectHead, ObjectStore, ObjectSummary, ObjectWriter } from "./object-store.ts";
import { ObjectError } from "./object-store.ts";

export class NoObjects implements ObjectStore {
  async head(bucket: string): Promise<ObjectHead> {
    throw nowhere(bucket);
  }

  // oxlint-disable-next-line require-yield -- there is nothing to read
  async *read(bucket: string): AsyncGenerator<Uint8Array> {
    throw nowhere(bucket);
  }

  // oxlint-disable-next-line require-yield -- there is nothing to list
  async *list(bucket: string): AsyncGenerator<ObjectSummary> {
    throw nowhere(bucket);
  }

  async writer(bucket: string): Promise<ObjectWriter> {
    throw nowhere(bucket);
  }
}

function nowhere(bucket: string): ObjectError {
  return new ObjectError(
    { bucket, status: 404, code: "NoSuchBucket" },
    "This server was not told where buckets are: start it with --s3 DIR, --s3-endpoint URL or --service-endpoint URL",
  );
}
