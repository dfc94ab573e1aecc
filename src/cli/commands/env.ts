// `stepwell env`: what a shell, a profile or a program needs to call this server with clients of AWS.

import { parseCredentials } from "../../api/index.ts";
import { type Credentials, credentialsOf } from "../../integrations/sigv4.ts";
import { type OptionDeclaration, type ParsedArguments, patternOption } from "../arguments.ts";
import { endpointOf } from "../client.ts";
import {
  ANY_CREDENTIALS,
  type ClientSettings,
  howToTake,
  profileText,
  SHELLS,
  type Shell,
  shellOf,
  statements,
  variablesOf,
} from "../client-settings.ts";
import { type Command, ENDPOINT_OPTION, readTextFile, say } from "../command.ts";
import type { CliEnvironment } from "../environment.ts";
import { CliError } from "../problem.ts";
import { printable } from "../text.ts";

export const SETTINGS_OPTIONS: Readonly<Record<string, OptionDeclaration>> = {
  credentials: { value: "FILE", help: "File with keys, as `serve --credentials` takes it; its first key." },
  "access-key": { value: "ID", help: "With --credentials: this key instead of the first." },
  region: { value: "REGION", help: "Region (else AWS_REGION, AWS_DEFAULT_REGION, us-east-1)." },
  endpoint: ENDPOINT_OPTION,
};

export const env: Command = {
  name: "env",
  usage: "[--shell SHELL | --profile NAME | --json] [options]",
  summary: "Print what the AWS CLI and the SDKs need to call the server.",
  options: {
    shell: { value: "SHELL", help: "sh (also bash and zsh), fish or powershell (else by SHELL)." },
    profile: { value: "NAME", help: "A profile for ~/.aws/config instead of variables." },
    json: { help: "The variables as one JSON object; null: must not be set." },
    ...SETTINGS_OPTIONS,
  },
  positionals: { least: 0, most: 0, names: "" },
  examples: [
    'eval "$(stepwell env)"',
    "stepwell env --shell fish | source",
    "stepwell env --profile local --credentials keys >> ~/.aws/config",
  ],
  run: async (environment, args) => {
    const profile = args.value("profile");
    if (
      [args.value("shell"), profile, args.flag("json") || undefined].filter((given) => given !== undefined)
        .length > 1
    ) {
      throw new CliError("--shell, --profile and --json exclude each other: choose one.", 2);
    }
    const shell = shellOption(environment, args);
    const settings = await settingsOf(environment, args);
    if (profile !== undefined) {
      const name = patternOption(
        "profile",
        profile,
        /^[\w.-]{1,64}$/,
        "a name of letters, digits, '.', '_' or '-'",
      );
      say(environment, profileText(name, settings));
      return 0;
    }
    const variables = variablesOf(settings);
    if (args.flag("json")) {
      say(environment, JSON.stringify(variables, null, 2));
      return 0;
    }
    say(environment, statements(variables, shell));
    // Not on stdout: an unquoted eval makes one line of all, and a comment would swallow what follows it.
    if (environment.isTerminal) {
      environment.stderr.write(
        `\nTo take this up: ${howToTake(shell, optionsText(args))}\n${JAVASCRIPT_HINT}\n`,
      );
    }
    return 0;
  },
};

export const JAVASCRIPT_HINT =
  "The SDK for JavaScript has no variable for StartSyncExecution and TestState: new SFNClient({ disableHostPrefix: true }).";

/** The settings that were given, to be given again. */
export function optionsText(args: ParsedArguments): string {
  return Object.keys(SETTINGS_OPTIONS)
    .map((name) => [name, args.value(name)] as const)
    .map(([name, value]) => (value === undefined ? "" : ` --${name} ${value}`))
    .join("");
}

function shellOption(environment: CliEnvironment, args: ParsedArguments): Shell {
  const written = args.value("shell");
  if (written === undefined) return shellOf(environment.env, process.platform);
  const shell = SHELLS.find((name) => name === written);
  if (shell !== undefined) return shell;
  if (["bash", "zsh", "dash", "ksh"].includes(written)) return "sh";
  if (written === "pwsh") return "powershell";
  throw new CliError(`--shell must be ${SHELLS.join(", ")}, but is "${printable(written)}".`, 2);
}

/** @throws CliError in words for a file without the key that was asked for */
export async function settingsOf(
  environment: CliEnvironment,
  args: ParsedArguments,
): Promise<ClientSettings> {
  const { env: variables } = environment;
  const region =
    args.value("region") ?? (variables["AWS_REGION"] || variables["AWS_DEFAULT_REGION"] || "us-east-1");
  return {
    endpoint: endpointOf(args.value("endpoint"), variables),
    region: patternOption("region", region, /^[a-z]{2}(?:-[a-z0-9]+)+$/, "a region like eu-central-1"),
    credentials: (await keyOf(environment, args)) ?? fallback(variables),
  };
}

/** Whoever has keys or a profile keeps them; the others get a pair that clients are content with. */
function fallback(variables: CliEnvironment["env"]): Credentials | undefined {
  const isThere = credentialsOf(variables) !== undefined || Boolean(variables["AWS_PROFILE"]);
  return isThere ? undefined : ANY_CREDENTIALS;
}

async function keyOf(environment: CliEnvironment, args: ParsedArguments): Promise<Credentials | undefined> {
  const path = args.value("credentials");
  const wanted = args.value("access-key");
  if (path === undefined) {
    if (wanted !== undefined) throw new CliError("--access-key needs --credentials FILE.", 2);
    return undefined;
  }
  const keys = await readKeys(environment, path);
  const key = wanted === undefined ? [...keys.values()][0] : keys.get(wanted);
  if (key === undefined)
    throw new CliError(`${printable(path)} has no access key ${printable(wanted ?? "")}.`);
  const { accessKeyId, secretAccessKey, sessionToken } = key;
  return { accessKeyId, secretAccessKey, ...(sessionToken === undefined ? {} : { sessionToken }) };
}

async function readKeys(
  environment: CliEnvironment,
  path: string,
): Promise<ReturnType<typeof parseCredentials>> {
  const text = await readTextFile(environment, path);
  try {
    return parseCredentials(text);
  } catch (error) {
    throw new CliError(`Cannot use ${printable(path)}: ${printable((error as Error).message)}.`);
  }
}
