// The machine's limit for durable appends: one file, group commit, one fdatasync per batch, nothing else.
//
// Every store is measured beside it in the same run, as a ratio: absolute figures of a shared machine say little.

import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PlainLogOptions {
  /** Below it a temporary directory is made: put it on the disk to be measured. */
  readonly directory?: string;
  readonly recordBytes: number;
  /** Writers that each wait for their record to be durable before they write the next. */
  readonly concurrency: number;
  readonly seconds: number;
}

/** Durable appends per second. All that waits is written and synced at once; the next batch gathers meanwhile. */
export async function plainLogAppendsPerSecond(options: PlainLogOptions): Promise<number> {
  const directory = mkdtempSync(join(options.directory ?? tmpdir(), "plain-log-"));
  const file = await open(join(directory, "log"), "w");
  try {
    const record = Buffer.alloc(options.recordBytes, "x");
    const started = performance.now();
    const endsAt = started + options.seconds * 1000;
    let appended = 0;
    // With every writer waiting for its own record, the batch is all of them: what one sync made durable is
    // written again at once.
    while (performance.now() < endsAt) {
      const batch: Buffer[] = [];
      for (let i = 0; i < options.concurrency; i++) batch.push(record);
      // oxlint-disable-next-line no-await-in-loop -- one sync after the other is what is measured
      await file.write(Buffer.concat(batch));
      // oxlint-disable-next-line no-await-in-loop
      await file.datasync();
      appended += options.concurrency;
    }
    return appended / ((performance.now() - started) / 1000);
  } finally {
    await file.close();
    rmSync(directory, { recursive: true });
  }
}
