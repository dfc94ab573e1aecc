// `stepwell limits`: what `--limit` of the serving commands may set.

import { type Command, paletteOf, say, sayJson } from "../command.ts";
import { type LimitLine, limitLines, parseLimits } from "../limits.ts";
import { LIMIT_OPTION } from "../serving.ts";
import { table } from "../text.ts";

export const limits: Command = {
  name: "limits",
  usage: "[--limit NAME=VALUE …] [--markdown | --json]",
  summary: "List the limits that --limit can set.",
  options: {
    limit: LIMIT_OPTION,
    markdown: { help: "As a table in Markdown." },
    json: { help: "One limit a line as JSON; what a pipe gets anyway." },
  },
  positionals: { least: 0, most: 0, names: "" },
  examples: ["stepwell limits", "stepwell limits --limit payloadBytes=1048576"],
  run: (environment, args) => {
    const lines = limitLines(parseLimits(args.values("limit")));
    if (args.flag("markdown")) {
      say(environment, limitsMarkdown(lines));
    } else if (environment.isTerminal && !args.flag("json")) {
      const rows = lines.map((line) => [
        line.name,
        String(line.value),
        String(line.default),
        line.service ?? "",
        line.meaning,
      ]);
      const { columns } = environment.size();
      const [head, ...rest] = table([["NAME", "VALUE", "DEFAULT", "AWS", "MEANING"], ...rows], columns - 1);
      say(environment, paletteOf(environment).dim(head as string));
      for (const line of rest) say(environment, line);
    } else {
      for (const { service, ...line } of lines) sayJson(environment, { ...line, service: service ?? null });
    }
    return Promise.resolve(0);
  },
};

/** The table of docs/limits.md. */
function limitsMarkdown(lines: readonly LimitLine[]): string {
  const rows = lines.map(
    ({ name, default: normal, service = "", bounds, meaning }) =>
      `| \`${name}\` | ${normal} | ${service} | ${bounds} | ${meaning} |`,
  );
  return ["| name | default | AWS | possible | meaning |", "|---|---|---|---|---|", ...rows].join("\n");
}
