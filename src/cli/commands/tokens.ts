// `stepwell approve` and `stepwell reject`: the end of a task that waits for its token.

import { type Command, callerFor, ENDPOINT_OPTION, jsonArgument, say, sayJson } from "../command.ts";

const TOKEN = { least: 1, most: 1, names: "The task token" };

export const approve: Command = {
  name: "approve",
  usage: "<task token> [--output JSON|@FILE|-]",
  summary: "Let a task that waits for a token succeed (SendTaskSuccess).",
  options: {
    output: { value: "JSON", help: "The output of the task: JSON, @FILE, or - for standard input ({})." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: TOKEN,
  examples: [`stepwell approve "$TOKEN" --output '{"by":"me"}'`],
  run: async (environment, args) => {
    const output = await jsonArgument(environment, "output", args.value("output") ?? "{}");
    const answer = await callerFor(environment, args)("SendTaskSuccess", {
      taskToken: args.positionals[0] as string,
      output,
    });
    if (environment.isTerminal) say(environment, "the task succeeded");
    else sayJson(environment, answer);
    return 0;
  },
};

export const reject: Command = {
  name: "reject",
  usage: "<task token> [--error NAME] [--cause TEXT]",
  summary: "Let a task that waits for a token fail (SendTaskFailure).",
  options: {
    error: { value: "NAME", help: "Error name that Retry and Catch see (Rejected)." },
    cause: { value: "TEXT", help: "Cause that goes with it (rejected with the command line)." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: TOKEN,
  examples: ['stepwell reject "$TOKEN" --error ApplicationRejected --cause "income not proven"'],
  run: async (environment, args) => {
    const answer = await callerFor(environment, args)("SendTaskFailure", {
      taskToken: args.positionals[0] as string,
      error: args.value("error") ?? "Rejected",
      cause: args.value("cause") ?? "rejected with the command line",
    });
    if (environment.isTerminal) say(environment, "the task failed, as asked");
    else sayJson(environment, answer);
    return 0;
  },
};
