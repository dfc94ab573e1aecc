// Which functions a directory holds: one folder each, found by convention.
//
// Knows:          file names, function.json, which runtime a file means.
// Does not know:  processes, invocations.
//
// Invariants
//   F1. Every folder is a function or a function with problems; none is passed over in silence. Only folders that
//       cannot be meant are skipped: those whose name begins with a dot, `node_modules` and `__pycache__`.
//   F2. No path leaves the directory: a folder, or the file a handler names, that a symbolic link leads out of it
//       is a problem, not a function.
//
// Convention, first match wins: index.mjs, index.js, index.cjs, index.ts (`handler`), lambda_function.py
// (`lambda_handler`), bootstrap (an executable that speaks the Runtime API). function.json's `handler` names others.

import { constants } from "node:fs";
import { access, readFile, readdir, realpath, stat } from "node:fs/promises";
import path from "node:path";
import { Suggester } from "../asl/suggest.ts";
import { DEFAULT_CONFIG, type FunctionConfig, parseFunctionConfig } from "./function-config.ts";
import { isFunctionName } from "./function-name.ts";

export type RuntimeFamily = "nodejs" | "python" | "provided";

export interface FunctionDefinition extends FunctionConfig {
  readonly name: string;
  /** The folder, with symbolic links resolved. */
  readonly directory: string;
  /** Undefined only when there are problems. */
  readonly family: RuntimeFamily | undefined;
  readonly handler: string;
  /** Sentences. A function that has any is not run. */
  readonly problems: readonly string[];
}

/** The order in which the Node bootstrap tries them too. */
const NODE_EXTENSIONS = [".mjs", ".js", ".cjs", ".ts", ".mts", ".cts"];

const CONVENTION: readonly {
  readonly file: string;
  readonly family: RuntimeFamily;
  readonly handler: string;
}[] = [
  { file: "index.mjs", family: "nodejs", handler: "index.handler" },
  { file: "index.js", family: "nodejs", handler: "index.handler" },
  { file: "index.cjs", family: "nodejs", handler: "index.handler" },
  { file: "index.ts", family: "nodejs", handler: "index.handler" },
  { file: "lambda_function.py", family: "python", handler: "lambda_function.lambda_handler" },
  { file: "bootstrap", family: "provided", handler: "bootstrap" },
];

/**
 * Reads the directory.
 * @throws Error when it cannot be read at all.
 */
export async function discoverFunctions(directory: string): Promise<readonly FunctionDefinition[]> {
  const root = await realpath(directory);
  const entries = await readdir(root, { withFileTypes: true });
  const definitions: FunctionDefinition[] = [];
  for (const entry of entries.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (entry.name.startsWith(".") || entry.name === "node_modules" || entry.name === "__pycache__") continue;
    if (!entry.isDirectory() && !entry.isSymbolicLink()) continue;
    const definition = await readFunction(root, entry.name);
    if (definition !== undefined) definitions.push(definition);
  }
  return definitions;
}

/** One folder; undefined when the entry is a link to a plain file. */
async function readFunction(root: string, name: string): Promise<FunctionDefinition | undefined> {
  const unresolved = path.join(root, name);
  const unusable = (problem: string): FunctionDefinition => ({
    ...DEFAULT_CONFIG,
    name,
    directory: unresolved,
    family: undefined,
    handler: "",
    problems: [problem],
  });
  let directory: string;
  try {
    directory = await realpath(unresolved);
    if (!(await stat(directory)).isDirectory()) return undefined;
  } catch (error) {
    return unusable(`${name} is a link that leads nowhere: ${(error as Error).message}`);
  }
  if (!isInside(root, directory)) {
    return unusable(
      `${name} is a link to ${directory}, which is outside ${root}. Copy the folder, or move the directory.`,
    );
  }
  if (!isFunctionName(name)) {
    return unusable(
      `"${name}" is no function name: expected 1 to 64 letters, digits, "-" and "_". Rename the folder.`,
    );
  }
  const files = new Set(await readdir(directory));
  const { config, problems } = files.has("function.json")
    ? parseFunctionConfig(await readFile(path.join(directory, "function.json"), "utf8"))
    : { config: DEFAULT_CONFIG, problems: [] };
  if (problems.length > 0) {
    return { ...config, name, directory, family: undefined, handler: config.handler ?? "", problems };
  }
  const { family, handler, file, problem } = await resolveEntry(directory, files, config);
  const found = problem ?? (await entryProblem(root, directory, family, file));
  return { ...config, name, directory, family, handler, problems: found === undefined ? [] : [found] };
}

interface Entry {
  readonly family: RuntimeFamily | undefined;
  readonly handler: string;
  /** Relative to the function's folder. */
  readonly file: string;
  readonly problem?: string;
}

async function resolveEntry(
  directory: string,
  files: ReadonlySet<string>,
  config: FunctionConfig,
): Promise<Entry> {
  const wanted =
    config.runtime === undefined ? undefined : (/^[a-z]+/.exec(config.runtime)?.[0] as RuntimeFamily);
  if (config.handler !== undefined && wanted !== "provided") {
    const { handler } = config;
    // Where the module ends: for Node at the first dot of the last part (exports may be nested), for Python at the last.
    const nodeModule = handler.replace(/\.[^/]*$/, "");
    const pythonModule = handler.slice(0, handler.lastIndexOf("."));
    const candidates = [
      ...(wanted === "python"
        ? []
        : NODE_EXTENSIONS.map((extension) => ({ file: nodeModule + extension, family: "nodejs" as const }))),
      ...(wanted === "nodejs"
        ? []
        : pythonFiles(pythonModule).map((file) => ({ file, family: "python" as const }))),
    ];
    for (const { file, family } of candidates) {
      if (await isFile(path.join(directory, file))) return { family, handler, file };
    }
    const modules = [...files]
      .filter((file) => /\.(mjs|js|cjs|ts|py)$/.test(file))
      .map((file) => file.replace(/\.\w+$/, ""));
    const module = wanted === "python" ? pythonModule : nodeModule;
    const guess = new Suggester().nearest(module, modules);
    const expected = candidates.map(({ file }) => file).join(", ");
    return {
      family: wanted,
      handler,
      file: "",
      problem: `function.json: handler names "${handler}", but none of ${expected} exists.${guess === undefined ? "" : ` Did you mean "${guess}${handler.slice(module.length)}"?`}`,
    };
  }
  const match = CONVENTION.find(
    ({ file, family }) => files.has(file) && (wanted === undefined || wanted === family),
  );
  if (match !== undefined) return { ...match, handler: config.handler ?? match.handler };
  const expected = CONVENTION.filter(({ family }) => wanted === undefined || wanted === family).map(
    ({ file }) => file,
  );
  const guess = [...files].find((file) => /\.(mjs|js|cjs|ts|py)$/.test(file));
  return {
    family: wanted,
    handler: "",
    file: "",
    problem: `No code found: expected one of ${expected.join(", ")}, or a function.json with a "handler".${guess === undefined ? "" : ` Is "handler": "${guess.replace(/\.\w+$/, "")}.${guess.endsWith(".py") ? "lambda_handler" : "handler"}" meant?`}`,
  };
}

/** `pkg.module` and `pkg/module` both name pkg/module.py or the package pkg/module/__init__.py. */
function pythonFiles(module: string): readonly string[] {
  const base = module.replaceAll(".", "/");
  return [`${base}.py`, `${base}/__init__.py`];
}

async function isFile(file: string): Promise<boolean> {
  return stat(file).then(
    (status) => status.isFile(),
    () => false,
  );
}

async function entryProblem(
  root: string,
  directory: string,
  family: RuntimeFamily | undefined,
  file: string,
): Promise<string | undefined> {
  const resolved = await realpath(path.join(directory, file));
  if (!isInside(root, resolved))
    return `${file} is a link to ${resolved}, which is outside ${root}. Copy the file.`;
  if (family !== "provided") return undefined;
  return access(resolved, constants.X_OK).then(
    () => undefined,
    () => `${file} is not executable: chmod +x ${path.join(directory, file)}`,
  );
}

/** Whether `inner` (resolved) lies below `root` (resolved). */
function isInside(root: string, inner: string): boolean {
  const relative = path.relative(root, inner);
  return (
    relative !== "" &&
    relative !== ".." &&
    !relative.startsWith(`..${path.sep}`) &&
    !path.isAbsolute(relative)
  );
}
