// The definitions in a folder, and the news of changes to it.
//
// Knows:          file names, directories, node:fs watchers.
// Does not know:  servers, the States Language.
//
// Invariants
//   N1. A change that happens while another is being handled is handled after it; none is lost.
//   N2. A watcher that fails says so; it never ends the process.

import { type FSWatcher, watch } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DEFINITION_FILE } from "./definition-file.ts";

export interface SourceFile {
  /** Within the folder. */
  readonly file: string;
  /** The state machine's. */
  readonly name: string;
  readonly type: "STANDARD" | "EXPRESS";
  readonly content: string;
}

/**
 * The definition files directly in the folder, by name: `orders.asl.json` is the state machine `orders`,
 * `quotes.express.asl.yaml` the Express one `quotes`.
 */
export async function readFolder(directory: string): Promise<readonly SourceFile[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && DEFINITION_FILE.test(entry.name));
  const sources: SourceFile[] = [];
  for (const { name: file } of files.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    const stem = file.replace(DEFINITION_FILE, "");
    const isExpress = stem.endsWith(".express");
    sources.push({
      file,
      name: isExpress ? stem.slice(0, -".express".length) : stem,
      type: isExpress ? "EXPRESS" : "STANDARD",
      content: await readFile(join(directory, file), "utf8"),
    });
  }
  return sources;
}

/** An editor that saves a file causes several events; they become one piece of news. */
const SETTLE_MS = 60;

export interface FolderNews {
  /** Whether a definition file may have changed. */
  readonly definitions: boolean;
  /** First parts of the changed paths below the functions directory. */
  readonly functions: ReadonlySet<string>;
}

/** Watches until `close`. `onNews` is never called again before the promise of its last call settled (N1). */
export function watchFolder(
  directory: string,
  functionsDirectory: string | undefined,
  onNews: (news: FolderNews) => Promise<void>,
  onError: (error: unknown) => void,
): { readonly close: () => void } {
  let definitions = false;
  let functions = new Set<string>();
  let timer: NodeJS.Timeout | undefined;
  let busy = false;
  let closed = false;

  const soon = (): void => {
    if (closed || busy) return;
    clearTimeout(timer);
    timer = setTimeout(() => void tell(), SETTLE_MS);
  };
  const tell = async (): Promise<void> => {
    if (!definitions && functions.size === 0) return;
    const news = { definitions, functions };
    definitions = false;
    functions = new Set();
    busy = true;
    try {
      await onNews(news);
    } catch (error) {
      onError(error);
    } finally {
      busy = false;
      if (definitions || functions.size > 0) soon();
    }
  };
  const watchers: FSWatcher[] = [
    watch(directory, (_event, file) => {
      if (file !== null && !DEFINITION_FILE.test(file)) return;
      definitions = true;
      soon();
    }),
  ];
  if (functionsDirectory !== undefined) {
    watchers.push(
      watch(functionsDirectory, { recursive: true }, (_event, path) => {
        const parts = (path ?? "").split(/[\\/]/);
        // What a runtime writes beside the code is no change of the code.
        if (parts.includes("__pycache__") || parts.some((part) => part.startsWith("."))) return;
        functions.add(parts[0] as string);
        soon();
      }),
    );
  }
  for (const watcher of watchers) watcher.on("error", onError);
  return {
    close: () => {
      closed = true;
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}
