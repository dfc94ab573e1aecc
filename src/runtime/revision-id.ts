// What an execution is pinned to. Of a Map Run's child it is a part of its machine's revision: `<revision>#<Map state>`.
// State names may hold further `#`, ids of revisions none.

export interface RevisionParts {
  readonly revisionId: string;
  /** The Map state whose ItemProcessor it is; undefined: the whole machine. */
  readonly state: string | undefined;
}

export function splitRevisionId(id: string): RevisionParts {
  const at = id.indexOf("#");
  if (at < 0) return { revisionId: id, state: undefined };
  return { revisionId: id.slice(0, at), state: id.slice(at + 1) };
}

/** The ItemProcessor of a Map state in the machine that the revision is of, or in an ItemProcessor of it. */
export function childRevisionId(id: string, state: string): string {
  return `${splitRevisionId(id).revisionId}#${state}`;
}
