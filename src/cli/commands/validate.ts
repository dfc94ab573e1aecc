// `stepwell validate`: checks definition files without a server.

import { patternOption } from "../arguments.ts";
import { checkDefinition, countProblems, type Problem, problemLines } from "../check.ts";
import { type Command, paletteOf, readTextFile, say, sayJson } from "../command.ts";

export const validate: Command = {
  name: "validate",
  usage: "<file>… [--type STANDARD|EXPRESS] [--json]",
  summary: "Check definition files (JSON or YAML).",
  options: {
    type: { value: "TYPE", help: "STANDARD or EXPRESS (STANDARD): what the state machine is going to be." },
    json: { help: "One JSON document a line, for programs." },
  },
  positionals: { least: 1, most: 10_000, names: "A file to check" },
  examples: ["stepwell validate orders.asl.json", "stepwell validate workflows/*.asl.yaml --type EXPRESS"],
  run: async (environment, args) => {
    const written = (args.value("type") ?? "STANDARD").toUpperCase();
    const type = patternOption("type", written, /^(?:STANDARD|EXPRESS)$/, "STANDARD or EXPRESS");
    const palette = paletteOf(environment);
    const all: Problem[] = [];
    for (const file of args.positionals) {
      const content = await readTextFile(environment, file);
      const { problems } = checkDefinition(file, content, type === "EXPRESS" ? "EXPRESS" : "STANDARD");
      all.push(...problems);
      if (args.flag("json")) {
        for (const problem of problems) sayJson(environment, { ...problem });
        continue;
      }
      // Plain text when piped too: file:line:column is what editors and CI logs understand.
      for (const problem of problems)
        for (const line of problemLines(problem, palette)) say(environment, line);
      if (problems.length === 0) say(environment, `${file}: ${palette.green("valid")}`);
    }
    if (all.length > 0 && !args.flag("json")) say(environment, countProblems(all));
    return all.some(({ severity }) => severity === "ERROR") ? 1 : 0;
  },
};
