// How a function's process is started: command, arguments and environment, as Lambda's own would be.
//
// Knows:          the bootstraps, Lambda's environment variables, where Python is.
// Does not know:  what becomes of the process.
//
// Invariant (E3 of execution-environment.ts): the environment begins empty. Of this process's own variables only
// PATH is handed on; credentials are dummies unless the user gives others.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { FunctionDefinition } from "./discovery.ts";
import type { Launch } from "./execution-environment.ts";

const BOOTSTRAPS = fileURLToPath(new URL("./bootstraps/", import.meta.url));

export interface Python {
  readonly executable: string;
  /** `3.12` */
  readonly version: string;
}

/** What was found, and on which PATH: asking costs as much as a start. */
let found: { readonly path: string | undefined; readonly python: Python } | undefined;

/**
 * The interpreter that `python3` on PATH leads to; undefined when there is none. Asked for by its own answer and not
 * by PATH at each start, because what is on PATH may be a script of a version manager that takes longer to start
 * than Python itself.
 */
export async function findPython(): Promise<Python | undefined> {
  const searched = process.env["PATH"];
  if (found !== undefined && found.path === searched) return found.python;
  const script = "import sys; print(sys.executable); print('%d.%d' % sys.version_info[:2])";
  try {
    const { stdout } = await promisify(execFile)("python3", ["-c", script], { timeout: 20_000 });
    const [executable, version] = stdout.trim().split("\n");
    if (executable === undefined || version === undefined) return undefined;
    found = { path: searched, python: { executable, version } };
    return found.python;
  } catch {
    // Missing, or unable to run a line of Python: for a function there is no difference, and the problem says so.
    return undefined;
  }
}

export interface LaunchContext {
  readonly region: string;
  /** For every function; a function's own variables win. */
  readonly environment: Readonly<Record<string, string>>;
  readonly python: Python | undefined;
}

/** `nodejs24.x`, `python3.12`, `provided.al2023`: what function.json says, else what really runs. */
export function runtimeName(definition: FunctionDefinition, python: Python | undefined): string {
  const given = definition.runtime;
  if (given !== undefined && /\d/.test(given)) return given;
  switch (definition.family) {
    case "nodejs":
      return `nodejs${process.versions.node.split(".", 1)[0]}.x`;
    case "python":
      return `python${python?.version ?? "3"}`;
    case "provided":
      return "provided.al2023";
    case undefined:
      return given ?? "unknown";
  }
}

/** @param definition without problems; for Python, `context.python` must be there */
export function toLaunch(definition: FunctionDefinition, context: LaunchContext): Launch {
  return {
    functionName: definition.name,
    ...toCommand(definition, context.python),
    directory: definition.directory,
    environment: toEnvironment(definition, context),
    timeoutSeconds: definition.timeoutSeconds,
    memoryMegabytes: definition.memoryMegabytes,
  };
}

function toCommand(
  { family, directory, memoryMegabytes }: FunctionDefinition,
  python: Python | undefined,
): { readonly command: string; readonly args: readonly string[] } {
  switch (family) {
    case "nodejs": {
      // V8 fails with its own message before the process is killed for its size.
      const heapMegabytes = Math.floor(memoryMegabytes * 0.9);
      return {
        command: process.execPath,
        args: [`--max-old-space-size=${heapMegabytes}`, path.join(BOOTSTRAPS, "node.mjs")],
      };
    }
    case "python":
      return { command: python?.executable ?? "python3", args: [path.join(BOOTSTRAPS, "python.py")] };
    case "provided":
    case undefined:
      return { command: path.join(directory, "bootstrap"), args: [] };
  }
}

function toEnvironment(
  definition: FunctionDefinition,
  context: LaunchContext,
): Readonly<Record<string, string>> {
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LANG: "en_US.UTF-8",
    TZ: ":UTC",
    AWS_REGION: context.region,
    AWS_DEFAULT_REGION: context.region,
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    AWS_SESSION_TOKEN: "local",
    // An SDK that finds no endpoint must not wait for the metadata service of a virtual machine.
    AWS_EC2_METADATA_DISABLED: "true",
    AWS_XRAY_CONTEXT_MISSING: "LOG_ERROR",
    // A watcher of the folder must not take Python's cache for a change of the code.
    ...(definition.family === "python" ? { PYTHONDONTWRITEBYTECODE: "1" } : {}),
    ...context.environment,
    ...definition.environment,
    _HANDLER: definition.handler,
    LAMBDA_TASK_ROOT: definition.directory,
    LAMBDA_RUNTIME_DIR: BOOTSTRAPS,
    AWS_EXECUTION_ENV: `AWS_Lambda_${runtimeName(definition, context.python)}`,
    AWS_LAMBDA_FUNCTION_NAME: definition.name,
    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memoryMegabytes),
    AWS_LAMBDA_INITIALIZATION_TYPE: "on-demand",
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${definition.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${day}/[$LATEST]${randomBytes(16).toString("hex")}`,
  };
}
