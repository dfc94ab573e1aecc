// The keys that may call, from a file that is read again when it changes.
//
// Knows:          two formats: an AWS credentials file (INI) and JSON in the words of credential_process.
// Does not know:  signatures.
//
// Invariants
//   K1. A file that cannot be understood as a whole is not used at all: at the start that is an error, later the
//       keys stay as they were and the log says why. A slip of an editor locks nobody out and lets nobody in.
//   K2. A key that was taken out of the file is refused within RECHECK_MS. Deleting the file revokes nothing (K1).
//   K3. Neither the log nor an error ever holds a secret.

import type { Log } from "../../base/log.ts";
import { readFile, stat } from "node:fs/promises";
import type { Json, JsonObject } from "../../base/json.ts";
import { isArray, isObject } from "../../base/json.ts";
import { parseJson } from "../../base/json-text.ts";
import { parseTimestampMs } from "../../base/time.ts";
import type { AccessKey, KeySource } from "./authenticator.ts";

/** How old what we know of the file may be, in milliseconds. */
const RECHECK_MS = 1_000;

export interface CredentialsFileOptions {
  readonly path: string;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** One line: what is wrong with the file, or that it was read again. */
  readonly log: Log;
}

/** @throws Error in words, if the file cannot be read or understood or is empty */
export async function openCredentialsFile({ path, now, log }: CredentialsFileOptions): Promise<KeySource> {
  let version = "";
  let checkedAtMs = now();
  let checking: Promise<void> | undefined;
  let problem: string | undefined;
  let keys = await read();

  async function read(): Promise<ReadonlyMap<string, AccessKey>> {
    const { mode, mtimeMs, size, ino } = await stat(path);
    version = `${mtimeMs} ${size} ${ino}`;
    if ((mode & 0o077) !== 0 && process.platform !== "win32") {
      const octal = (mode & 0o777).toString(8).padStart(4, "0");
      log(
        `${path} holds secrets, but others than its owner may use it (mode ${octal}): chmod 600 ${path}`,
        "warn",
      );
    }
    return parseCredentials(await readFile(path, "utf8"));
  }

  async function check(): Promise<void> {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      if (version === `${mtimeMs} ${size} ${ino}`) return;
      keys = await read();
      problem = undefined;
      log(`read ${path} again: ${keys.size} access ${keys.size === 1 ? "key" : "keys"}`);
    } catch (error) {
      const { message } = error as Error;
      // Said once for each state of the file, not once a second.
      if (message !== problem) log(`the access keys stay as they were: ${path}: ${message}`, "warn");
      problem = message;
    }
  }

  return {
    find: async (accessKeyId) => {
      const nowMs = now();
      // `<` too: a clock that was set back must not keep the file from being read.
      if (nowMs - checkedAtMs >= RECHECK_MS || nowMs < checkedAtMs) {
        checkedAtMs = nowMs;
        checking = check().finally(() => {
          checking = undefined;
        });
      }
      // Whoever comes while the file is read waits: the answer may depend on it (K2).
      await checking;
      return keys.get(accessKeyId);
    },
  };
}

/**
 * The keys of a file's text, by their ids.
 * @throws Error that says where and what, never a value
 */
export function parseCredentials(text: string): ReadonlyMap<string, AccessKey> {
  const found = /^\s*[{[]\s*(?:["{}\]]|$)/.test(text) ? ofJson(text) : ofIni(text);
  const keys = new Map<string, AccessKey>();
  for (const { where, key } of found) {
    if (keys.has(key.accessKeyId)) throw new Error(`${where} repeats the access key ${key.accessKeyId}`);
    keys.set(key.accessKeyId, key);
  }
  if (keys.size === 0) throw new Error("it holds no access key");
  return keys;
}

interface Found {
  /** `profile admin`, `item 2` */
  readonly where: string;
  readonly key: AccessKey;
}

const JSON_MEMBERS = ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"];

/** One object or a list of them: `{ "AccessKeyId", "SecretAccessKey", "SessionToken"?, "Expiration"? }`. */
function ofJson(text: string): Found[] {
  const parsed = parseJson(text);
  // Not why: the parser's message may quote the text.
  if (!parsed.ok) throw new Error("it is no valid JSON");
  const items: readonly Json[] = isArray(parsed.value) ? parsed.value : [parsed.value];
  return items.map((item, index) => {
    const where = `item ${index + 1}`;
    if (!isObject(item)) throw new Error(`${where} is no object`);
    // A slip of the pen in `Expiration` must not make a key that never ends.
    const unknown = Object.keys(item).find((name) => !JSON_MEMBERS.includes(name));
    if (unknown !== undefined)
      throw new Error(`${where} has a member of another name than ${JSON_MEMBERS.join(", ")}`);
    const get = (name: string): string | undefined => textOf(item, name, where);
    return {
      where,
      key: keyOf(where, {
        id: get("AccessKeyId"),
        secret: get("SecretAccessKey"),
        token: get("SessionToken"),
        expiration: get("Expiration"),
      }),
    };
  });
}

function textOf(item: JsonObject, name: string, where: string): string | undefined {
  if (!Object.hasOwn(item, name)) return undefined;
  const value = item[name];
  if (typeof value !== "string") throw new Error(`${where}: ${name} is no text`);
  return value;
}

const INI_SETTINGS = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_account_id"];

/** `[profile]` sections with `aws_access_key_id = …`; other settings of AWS's files are passed over. */
function ofIni(text: string): Found[] {
  const sections = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const section = /^\[\s*(.+?)\s*\]$/.exec(line)?.[1];
    if (section !== undefined) {
      current = sections.get(section) ?? new Map<string, string>();
      sections.set(section, current);
      continue;
    }
    const [, name = "", value = ""] = /^([^=\s]+)\s*=\s*(.*)$/.exec(line) ?? [];
    if (name === "" || current === undefined) {
      throw new Error(`line ${index + 1} is neither JSON nor part of an AWS credentials file`);
    }
    if (name.startsWith("aws_") && !INI_SETTINGS.includes(name)) {
      throw new Error(
        `line ${index + 1} has an aws_ setting of another name than ${INI_SETTINGS.join(", ")}`,
      );
    }
    if (current.has(name) && /^(?:aws_|expiration$)/.test(name)) {
      throw new Error(`line ${index + 1} repeats ${name}`);
    }
    current.set(name, value);
  }
  return [...sections]
    .filter(([, settings]) => [...settings.keys()].some((name) => name.startsWith("aws_")))
    .map(([name, settings]) => {
      const where = `profile ${name}`;
      return {
        where,
        key: keyOf(where, {
          id: settings.get("aws_access_key_id"),
          secret: settings.get("aws_secret_access_key"),
          token: settings.get("aws_session_token"),
          expiration: settings.get("expiration"),
        }),
      };
    });
}

function keyOf(
  where: string,
  {
    id,
    secret,
    token,
    expiration,
  }: Readonly<Record<"id" | "secret" | "token" | "expiration", string | undefined>>,
): AccessKey {
  if (id === undefined || !/^[\w.-]{1,128}$/.test(id)) {
    throw new Error(`${where}: the access key id must be 1 to 128 letters, digits, '.', '_' or '-'`);
  }
  if (secret === undefined || secret.length < 8) {
    throw new Error(`${where}: the secret access key must have at least 8 characters`);
  }
  if (token === "") throw new Error(`${where}: the session token is empty`);
  const expiresAtMs = expiration === undefined ? undefined : parseTimestampMs(expiration);
  if (expiration !== undefined && expiresAtMs === undefined) {
    throw new Error(`${where}: the expiration must be a moment like 2026-11-25T12:00:00Z`);
  }
  return {
    accessKeyId: id,
    secretAccessKey: secret,
    ...(token === undefined ? {} : { sessionToken: token }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
  };
}
