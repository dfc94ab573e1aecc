// The Authorization header of SigV4: from its text to its parts, or to what is wrong with it.
//
// Invariants
//   H1. Each part occurs exactly once and in one form only: what is verified and what is used (the access key, the
//       region in ARNs) cannot be two readings of one header.

import { ALGORITHM, TERMINATOR } from "../../integrations/sigv4.ts";
import { incompleteSignature, invalidSignature, missingAuthentication } from "./faults.ts";

export interface Authorization {
  readonly accessKeyId: string;
  /** `20150830` */
  readonly day: string;
  readonly region: string;
  /** Lower-case names in order; not empty. */
  readonly signedHeaders: readonly string[];
  /** 32 bytes. */
  readonly signature: Buffer;
}

const SERVICE = "states";
const PARTS = ["Credential", "Signature", "SignedHeaders"] as const;

/** @throws ServiceError MissingAuthenticationToken-, IncompleteSignature-, InvalidSignatureException */
export function parseAuthorization(header: string | undefined): Authorization {
  if (header === undefined || header === "") throw missingAuthentication();
  const [, algorithm = "", rest = ""] = /^(\S+)(?:[ \t]+(.*))?$/s.exec(header) ?? [];
  if (algorithm.startsWith("AWS4-") && algorithm !== ALGORITHM) {
    throw incompleteSignature(`Unsupported AWS 'algorithm': only ${ALGORITHM} is accepted.`, header);
  }
  const parts = algorithm === ALGORITHM ? partsOf(rest, header) : new Map<string, string>();
  const [credential, signature, signedHeaders] = PARTS.map((name) => parts.get(name));
  if (credential === undefined || signature === undefined || signedHeaders === undefined) {
    const missing = PARTS.filter((name) => !parts.has(name));
    const problems = missing.map((name) => `Authorization header requires '${name}' parameter.`);
    throw incompleteSignature(problems.join(" "), header);
  }
  if (!/^[0-9a-f]{64}$/.test(signature)) {
    throw incompleteSignature("'Signature' must be 64 lower-case hexadecimal digits.", header);
  }
  return {
    ...scopeOf(credential, header),
    signedHeaders: namesOf(signedHeaders, header),
    signature: Buffer.from(signature, "hex"),
  };
}

function partsOf(text: string, header: string): ReadonlyMap<string, string> {
  const parts = new Map<string, string>();
  for (const part of text.split(",").map((piece) => piece.trim())) {
    const [, name = "", value = ""] = /^([A-Za-z]+)=(\S+)$/.exec(part) ?? [];
    if (name === "") {
      throw incompleteSignature(
        "Invalid key=value pair (missing equal-sign) in Authorization header.",
        header,
      );
    }
    if (parts.has(name) || !PARTS.some((known) => known === name)) {
      throw incompleteSignature(
        "A parameter of the Authorization header is unknown or occurs twice.",
        header,
      );
    }
    parts.set(name, value);
  }
  return parts;
}

function scopeOf(credential: string, header: string): Pick<Authorization, "accessKeyId" | "day" | "region"> {
  const parts = credential.split("/");
  const [accessKeyId = "", day = "", region = "", service = "", terminator = ""] = parts;
  if (parts.length !== 5 || !/^[\w.-]{1,128}$/.test(accessKeyId) || !/^\d{8}$/.test(day)) {
    const expected = `<access key id>/YYYYMMDD/<region>/${SERVICE}/${TERMINATOR}`;
    throw incompleteSignature(`Credential must have the form ${expected}.`, header);
  }
  if (!/^[a-z0-9-]{1,32}$/.test(region)) {
    throw invalidSignature("Credential should be scoped to a valid region.");
  }
  if (service !== SERVICE) {
    throw invalidSignature(`Credential should be scoped to correct service: '${SERVICE}'.`);
  }
  if (terminator !== TERMINATOR) {
    throw invalidSignature(`Credential should be scoped with a valid terminator: '${TERMINATOR}'.`);
  }
  return { accessKeyId, day, region };
}

function namesOf(text: string, header: string): readonly string[] {
  const names = text.split(";");
  const isOrdered = names.every((name, index) => index === 0 || (names[index - 1] as string) < name);
  if (!isOrdered || !names.every((name) => /^[a-z0-9!#$%&'*+.^_`|~-]+$/.test(name))) {
    throw incompleteSignature("'SignedHeaders' must be lower-case names in order, each once.", header);
  }
  return names;
}
