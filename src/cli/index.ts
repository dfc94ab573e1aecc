// The command line, for main.ts.

export {
  type Caller,
  type CliEnvironment,
  type LocalFunctions,
  processEnvironment,
  type RunningServer,
  type ServeOptions,
} from "./environment.ts";
export { runCli } from "./run.ts";
