import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { MemoryStore } from "../../src/store/memory.ts";
import { SqliteStore } from "../../src/store/sqlite/store.ts";
import type { Store } from "../../src/store/store.ts";
import { CONTRACT } from "./contract.ts";
import type { Subject } from "./contract.ts";

const STORES: Readonly<Record<string, (directory: string, earlier: Store | undefined) => Store>> = {
  memory: (_, earlier) => earlier ?? new MemoryStore(),
  sqlite: (directory) => new SqliteStore({ directory, durability: "none" }),
};

for (const [name, make] of Object.entries(STORES)) {
  describe(`store contract: ${name}`, () => {
    assert.ok(CONTRACT.length > 0);
    for (const contractCase of CONTRACT) {
      it(contractCase.name, async () => {
        const directory = mkdtempSync(join(tmpdir(), "store-contract-"));
        let current: Store | undefined;
        const openNext = async (): Promise<Subject> => {
          const store = make(directory, current);
          current = store;
          const opening = await store.open();
          assert.ok(opening.nextExecutionId >= 1 && opening.nextLsn >= 1);
          return {
            store,
            reopen: async () => {
              await store.close();
              return openNext();
            },
          };
        };
        try {
          await contractCase.run(await openNext());
        } finally {
          await current?.close();
          rmSync(directory, { recursive: true });
        }
      });
    }
  });
}
