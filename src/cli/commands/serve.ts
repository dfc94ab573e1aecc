// `stepwell serve`: the server, until a signal ends it.

import type { Command } from "../command.ts";
import {
  listenForSignals,
  logTo,
  open,
  SERVE_OPTIONS,
  sayReady,
  serveOptions,
  serveUntilEnd,
} from "../serving.ts";

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
  ],
  run: async (environment, args) => {
    const options = serveOptions(environment, args, { data: ".stepwell" }, logTo(environment));
    const { first, off } = listenForSignals(environment);
    try {
      const server = await open(environment, options);
      sayReady(environment, server);
      return await serveUntilEnd(environment, server, first);
    } finally {
      off();
    }
  },
};
