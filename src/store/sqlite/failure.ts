// What an error of SQLite means for the promises of the store.
//
// Knows:          SQLite's result codes.
// Does not know:  what was being done.

import { Bug } from "../../base/assert.ts";

/** Primary result codes (https://www.sqlite.org/rescode.html). */
export const SQLITE_BUSY = 5;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CONSTRAINT = 19;
export const SQLITE_NOTADB = 26;

/** The primary result code of an error of `node:sqlite`; undefined for any other error. */
export function sqliteCode(error: unknown): number | undefined {
  const isSqlite = error instanceof Error && "errcode" in error && typeof error.errcode === "number";
  return isSqlite ? (error.errcode as number) & 0xff : undefined;
}

/** There was no room for a write. */
export function isFull(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_FULL;
}

/** A page is not what it should be. */
export function isCorrupt(error: unknown): boolean {
  return sqliteCode(error) === SQLITE_CORRUPT;
}

/** The caller's fault: what it wrote contradicts what is stored. Nothing is wrong with the storage. */
export function isCallersFault(error: unknown): boolean {
  return error instanceof Bug || sqliteCode(error) === SQLITE_CONSTRAINT;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
