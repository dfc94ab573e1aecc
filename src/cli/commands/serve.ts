// `stepwell serve`: the server, until a signal ends it.

import type { Command } from "../command.ts";
import { serverLog } from "../server-log.ts";
import { runServer, SERVE_OPTIONS, sayReady, serveOptions, serveUntilEnd } from "../serving.ts";

export const serve: Command = {
  name: "serve",
  usage: "[options]",
  summary: "Run the server.",
  options: SERVE_OPTIONS,
  positionals: { least: 0, most: 0, names: "" },
  examples: [
    "stepwell serve",
    "stepwell serve --port 4566 --data /var/lib/stepwell --functions ./functions",
    "stepwell serve --memory --port 0",
    "stepwell serve --log-format json --log-level debug",
  ],
  run: (environment, args) => {
    const log = serverLog(environment, args);
    const options = serveOptions(environment, args, { data: ".stepwell" }, log);
    return runServer(environment, options, log, false, (server, stop) => {
      sayReady(environment, server);
      return serveUntilEnd(server, stop, log);
    });
  },
};
