// Compiled definitions: once per revision, shared by its executions, as many as fit.
//
// The children of a Map Run run a part of their machine's program (revision-id.ts). A revision is immutable, so what was compiled stays right. Weighed by the length of the text: a program takes
// some multiple of it.

import { parse, type Program } from "../asl/index.ts";
import { assert } from "../base/assert.ts";
import { itemProcessorProgram } from "../engine/index.ts";
import type { Revision } from "./interface.ts";
import { Lru } from "./lru.ts";
import { splitRevisionId } from "./revision-id.ts";

const MAX_CHARS = 32 * 1024 * 1024;

export class Programs {
  readonly #programs = new Lru<string, Program>(MAX_CHARS);
  readonly #loading = new Map<string, Promise<Program>>();
  readonly #getRevision: (revisionId: string) => Promise<Revision | undefined>;

  constructor(getRevision: (revisionId: string) => Promise<Revision | undefined>) {
    this.#getRevision = getRevision;
  }

  /** The program of a revision that is at hand. */
  of(revision: Revision): Program {
    const { revisionId, state } = splitRevisionId(revision.revisionId);
    const program = this.#machine({ ...revision, revisionId });
    return state === undefined ? program : itemProcessorProgram(program, state);
  }

  #machine({ revisionId, definition }: Revision): Program {
    const known = this.#programs.get(revisionId);
    if (known !== undefined) return known;
    // It was accepted under the limits of its time; a lower limit now must not stop its executions.
    const { program, diagnostics } = parse(definition, { maxBytes: Number.MAX_SAFE_INTEGER });
    assert(
      program !== undefined,
      `revision ${revisionId} does not compile any more: ${diagnostics[0]?.message ?? "no reason given"}`,
    );
    this.#programs.set(revisionId, program, definition.length + 1);
    return program;
  }

  /** The program of a stored revision. Rejects with a Bug if there is none. */
  get(id: string): Promise<Program> {
    const { revisionId, state } = splitRevisionId(id);
    const program = this.#find(revisionId);
    return state === undefined ? program : program.then((whole) => itemProcessorProgram(whole, state));
  }

  #find(revisionId: string): Promise<Program> {
    const known = this.#programs.get(revisionId);
    if (known !== undefined) return Promise.resolve(known);
    let loading = this.#loading.get(revisionId);
    if (loading === undefined) {
      loading = this.#load(revisionId).finally(() => this.#loading.delete(revisionId));
      this.#loading.set(revisionId, loading);
    }
    return loading;
  }

  async #load(revisionId: string): Promise<Program> {
    const revision = await this.#getRevision(revisionId);
    assert(revision !== undefined, `revision ${revisionId} is not stored`);
    return this.#machine(revision);
  }
}
