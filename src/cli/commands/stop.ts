// `stepwell stop`: StopExecution.

import { type Command, callerFor, ENDPOINT_OPTION, moment, say, sayJson } from "../command.ts";
import { numberOf } from "../timeline.ts";

export const stop: Command = {
  name: "stop",
  usage: "<execution arn> [--error NAME] [--cause TEXT]",
  summary: "Stop a running execution.",
  options: {
    error: { value: "NAME", help: "Error name to record." },
    cause: { value: "TEXT", help: "Cause to record." },
    endpoint: ENDPOINT_OPTION,
  },
  positionals: { least: 1, most: 1, names: "The ARN of the execution" },
  examples: [
    'stepwell stop arn:aws:states:us-east-1:000000000000:execution:orders:1 --cause "asked by support"',
  ],
  run: async (environment, args) => {
    const error = args.value("error");
    const cause = args.value("cause");
    const answer = await callerFor(environment, args)("StopExecution", {
      executionArn: args.positionals[0] as string,
      ...(error === undefined ? {} : { error }),
      ...(cause === undefined ? {} : { cause }),
    });
    if (environment.isTerminal) say(environment, `stopped at ${moment(numberOf(answer, "stopDate"))}`);
    else sayJson(environment, answer);
    return 0;
  },
};
