// The real server of this checkout as a process, and calls to it.

import { fileURLToPath } from "node:url";
import { ServerProcess as AnyServerProcess } from "../../src/torture/index.ts";

export { Answered, call, callOnce, freePort } from "../../src/torture/index.ts";

const COMMAND = fileURLToPath(new URL("../../bin/stepwell", import.meta.url));

export class ServerProcess extends AnyServerProcess {
  constructor(port: number, serveArguments: readonly string[], env: NodeJS.ProcessEnv = {}) {
    super([COMMAND], port, serveArguments, env);
  }
}
