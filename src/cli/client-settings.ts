// What a client of AWS needs in its environment to call this server, and how each shell is told.
//
// Knows:          the variables that the AWS CLI and the SDKs read; how four forms quote.
// Does not know:  whether the server is there, which clients are.
//
// `AWS_ENDPOINT_URL_SFN` is for Step Functions alone: other services stay where they are.

import type { Credentials } from "../integrations/sigv4.ts";

export interface ClientSettings {
  readonly endpoint: URL;
  readonly region: string;
  /** Undefined: those that the environment has already. */
  readonly credentials: Credentials | undefined;
}

/** Variables with their values; null: it must not be set. */
export type Variables = Readonly<Record<string, string | null>>;

/** For a server that asks nobody: clients refuse to send anything without a key. */
export const ANY_CREDENTIALS: Credentials = { accessKeyId: "stepwell", secretAccessKey: "stepwell" };

export function variablesOf({ endpoint, region, credentials }: ClientSettings): Variables {
  return {
    AWS_ENDPOINT_URL_SFN: urlText(endpoint),
    // Else the variable above has no effect.
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: null,
    // StartSyncExecution and TestState would go to the host `sync-…`, which does not resolve.
    AWS_DISABLE_HOST_PREFIX_INJECTION: "true",
    AWS_REGION: region,
    // The CLI of version 1 and boto3 know only this one.
    AWS_DEFAULT_REGION: region,
    ...(credentials === undefined
      ? {}
      : {
          AWS_ACCESS_KEY_ID: credentials.accessKeyId,
          AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
          AWS_SESSION_TOKEN: credentials.sessionToken ?? null,
          // Keys in the environment are passed over once a profile is named.
          AWS_PROFILE: null,
          AWS_DEFAULT_PROFILE: null,
        }),
    // A client without a key must not wait for the metadata service of a virtual machine.
    AWS_EC2_METADATA_DISABLED: "true",
  };
}

function urlText(url: URL): string {
  return url.href.replace(/\/$/, "");
}

export type Shell = "sh" | "fish" | "powershell";
export const SHELLS: readonly Shell[] = ["sh", "fish", "powershell"];

/** By the variable SHELL; the system's own shell where that says nothing. */
export function shellOf(env: Readonly<Record<string, string | undefined>>, platform: string): Shell {
  const name = (env["SHELL"] ?? "").split("/").at(-1);
  if (name === "fish") return "fish";
  if (name === "pwsh") return "powershell";
  return name === "" && platform === "win32" ? "powershell" : "sh";
}

/** Statements for the shell to run, one a line. */
export function statements(variables: Variables, shell: Shell): string {
  const lines = Object.entries(variables).map(([name, value]) =>
    value === null ? UNSET[shell](name) : SET[shell](name, value),
  );
  return `${lines.join("\n")}\n`;
}

const SET: Readonly<Record<Shell, (name: string, value: string) => string>> = {
  sh: (name, value) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
  fish: (name, value) => `set -gx ${name} '${value.replace(/[\\']/g, "\\$&")}'`,
  powershell: (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`,
};

const UNSET: Readonly<Record<Shell, (name: string) => string>> = {
  sh: (name) => `unset ${name}`,
  fish: (name) => `set -e ${name}`,
  powershell: (name) => `Remove-Item Env:${name} -ErrorAction SilentlyContinue`,
};

/** How a shell takes the statements up. @param options What `stepwell env` is given: ` --endpoint …`, or nothing. */
export function howToTake(shell: Shell, options: string): string {
  const command = `stepwell env${options}`;
  const forms: Readonly<Record<Shell, string>> = {
    sh: `eval "$(${command})"`,
    fish: `${command} --shell fish | source`,
    powershell: `${command} --shell powershell | Out-String | Invoke-Expression`,
  };
  return forms[shell];
}

/** Lines for `~/.aws/config`: a profile that carries everything, keys too. */
export function profileText(name: string, { endpoint, region, credentials }: ClientSettings): string {
  const { accessKeyId, secretAccessKey, sessionToken } = credentials ?? ANY_CREDENTIALS;
  return [
    `[profile ${name}]`,
    `region = ${region}`,
    "disable_host_prefix_injection = true",
    `services = ${name}`,
    `aws_access_key_id = ${accessKeyId}`,
    `aws_secret_access_key = ${secretAccessKey}`,
    ...(sessionToken === undefined ? [] : [`aws_session_token = ${sessionToken}`]),
    "",
    `[services ${name}]`,
    "sfn =",
    `  endpoint_url = ${urlText(endpoint)}`,
    "",
  ].join("\n");
}
