// `stepwell dev`: a server whose state machines and functions are the files of a folder, as they are now.
//
// A file with errors changes nothing: the state machine stays as it was, and the errors are shown.

import { stat } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import type { Log } from "../../base/log.ts";
import { ServiceError } from "../../base/service-error.ts";
import { checkDefinition, countProblems, problemLines } from "../check.ts";
import { type Command, paletteOf, reasonOf } from "../command.ts";
import type { CliEnvironment, RunningServer, ServeOptions } from "../environment.ts";
import { type FolderNews, readFolder, type SourceFile, watchFolder } from "../folder.ts";
import { CliError } from "../problem.ts";
import { publishMachine } from "../publish.ts";
import { type ServerLog, serverLog } from "../server-log.ts";
import { runServer, SERVE_OPTIONS, sayReady, serveOptions, serveUntilEnd } from "../serving.ts";
import { NO_COLOURS, type Palette, printable } from "../text.ts";

export const dev: Command = {
  name: "dev",
  usage: "[folder] [options]",
  summary: "Run the server with the state machines and functions of a folder, and follow their changes.",
  options: SERVE_OPTIONS,
  positionals: { least: 0, most: 1, names: "" },
  examples: ["stepwell dev", "stepwell dev examples/credit-card-application --port 0"],
  run: async (environment, args) => {
    const folder = resolve(environment.workingDirectory, args.positionals[0] ?? ".");
    if (!(await isDirectory(folder))) throw new CliError(`${printable(folder)} is no folder.`);
    const functions = join(folder, "functions");
    const defaults = { data: ".stepwell", ...((await isDirectory(functions)) ? { functions } : {}) };
    const log = serverLog(environment, args);
    const options = serveOptions(environment, args, defaults, log);
    return runServer(environment, options, log, false, async (server, stop) => {
      const session = new DevSession(environment, server, options, folder, log);
      await session.publishAll();
      session.sayFunctions();
      const watching = watchFolder(
        folder,
        options.functionsDirectory,
        (news) => session.handle(news),
        (error) =>
          log.say(`error: ${printable(error instanceof Error ? error.message : String(error))}`, "error"),
      );
      sayReady(environment, server);
      try {
        return await serveUntilEnd(server, stop, log);
      } finally {
        watching.close();
      }
    });
  },
};

async function isDirectory(path: string): Promise<boolean> {
  return stat(path).then(
    (status) => status.isDirectory(),
    () => false,
  );
}

class DevSession {
  readonly #environment: CliEnvironment;
  readonly #server: RunningServer;
  readonly #options: ServeOptions;
  readonly #folder: string;
  /** What was last seen of each file, so that a touched file is no change. */
  readonly #seen = new Map<string, string>();
  readonly #palette: Palette;
  readonly #say: Log;

  constructor(
    environment: CliEnvironment,
    server: RunningServer,
    options: ServeOptions,
    folder: string,
    { format, say }: ServerLog,
  ) {
    this.#environment = environment;
    this.#server = server;
    this.#options = options;
    this.#folder = folder;
    this.#palette = format === "text" ? paletteOf(environment) : NO_COLOURS;
    this.#say = say;
  }

  sayFunctions(): void {
    const functions = this.#server.functions?.list() ?? [];
    if (functions.length > 0)
      this.#say(`functions: ${functions.map(({ name }) => printable(name)).join(", ")}`);
  }

  /** After a reload; of those at the start the server tells itself. */
  #sayFunctionProblems(): void {
    for (const { name, problems } of this.#server.functions?.list() ?? []) {
      for (const problem of problems)
        this.#say(`error: function ${printable(name)}: ${printable(problem)}`, "error", {
          functionName: name,
        });
    }
  }

  async handle(news: FolderNews): Promise<void> {
    if (news.functions.size > 0) await this.#reload(news.functions);
    if (news.definitions) await this.publishAll();
  }

  /** Publishes the files that are new or have changed since they were last looked at. */
  async publishAll(): Promise<void> {
    let sources: readonly SourceFile[];
    try {
      sources = await readFolder(this.#folder);
    } catch (error) {
      this.#say(`error: cannot read ${printable(this.#folder)}: ${reasonOf(error)}`, "error");
      return;
    }
    const present = new Set(sources.map(({ file }) => file));
    for (const file of this.#seen.keys()) {
      if (present.has(file)) continue;
      this.#seen.delete(file);
      this.#say(`${printable(file)} is gone; its state machine stays`);
    }
    const owners = new Map<string, string>();
    for (const source of sources) {
      const owner = owners.get(source.name);
      if (owner === undefined) owners.set(source.name, source.file);
      if (this.#seen.get(source.file) === source.content) continue;
      this.#seen.set(source.file, source.content);
      if (owner === undefined) await this.#publish(source);
      else
        this.#say(
          `error: ${printable(source.file)} and ${printable(owner)} both define "${printable(source.name)}"`,
          "error",
        );
    }
    if (sources.length === 0) this.#say(`no *.asl.json or *.asl.yaml in ${printable(this.#folder)} yet`);
  }

  async #publish(source: SourceFile): Promise<void> {
    const path = relative(this.#environment.workingDirectory, join(this.#folder, source.file));
    const { json, problems } = checkDefinition(path, source.content, source.type);
    for (const problem of problems) {
      const lines = problemLines(problem, this.#palette);
      this.#say(lines.join("\n"), problem.severity === "ERROR" ? "error" : "warn");
    }
    if (json === undefined) {
      this.#say(`${printable(source.name)}: ${countProblems(problems)}; not changed`, "error");
      return;
    }
    // A definition from YAML is one long line; it is kept as people will want to read it.
    const definition = source.file.endsWith(".json") ? json : JSON.stringify(JSON.parse(json), null, 2);
    try {
      const { outcome, arn } = await publishMachine(this.#server.call, this.#options, {
        ...source,
        definition,
      });
      this.#say(`${printable(source.name)}: ${outcome}  ${printable(arn)}`);
    } catch (error) {
      if (!(error instanceof ServiceError || error instanceof CliError)) throw error;
      const code = error instanceof ServiceError ? `${error.code}: ` : "";
      this.#say(`${printable(path)}: error: ${code}${printable(error.message)}`, "error");
    }
  }

  async #reload(changed: ReadonlySet<string>): Promise<void> {
    const functions = this.#server.functions;
    if (functions === undefined) return;
    const known = new Set(functions.list().map(({ name }) => name));
    // A folder that is new or gone changes the list itself.
    const isNew = [...changed].some((name) => !known.has(name));
    try {
      if (isNew) await functions.reload();
      else for (const name of changed) await functions.reload(name);
      this.#say(`reloaded ${isNew ? "all functions" : [...changed].map(printable).join(", ")}`);
      this.#sayFunctionProblems();
    } catch (error) {
      this.#say(
        `error: functions not reloaded: ${printable(error instanceof Error ? error.message : String(error))}`,
        "error",
      );
    }
  }
}
