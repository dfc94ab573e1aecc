// Requests with a valid signature, changed in one place: none may be accepted.
//
// AUTH_MUTATIONS=1000000 tries more, AUTH_SEED=n others. A failure prints the request.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createAuthenticator } from "../../src/api/auth/authenticator.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import { mulberry32 } from "../chance.ts";
import {
  headOf,
  KEYS,
  NOW_MS,
  SESSION,
  type Signed,
  signedRequest,
  signedWithHash,
} from "./auth-requests.ts";

const MUTATIONS = Number(process.env["AUTH_MUTATIONS"] ?? 100_000);
const SEED = Number(process.env["AUTH_SEED"] ?? 1);

type Random = () => number;
type Mutator = (request: Signed, random: Random) => Signed;

const pick = <Item>(items: readonly Item[], random: Random): Item =>
  items[Math.floor(random() * items.length)] as Item;

/** Printable characters, so that what is tried could arrive through an HTTP parser. */
function withOtherCharacter(text: string, random: Random): string {
  const at = Math.floor(random() * text.length);
  const other = String.fromCharCode(32 + Math.floor(random() * 95));
  const kind = random();
  if (kind < 0.7) return text.slice(0, at) + other + text.slice(at + 1);
  return kind < 0.85 ? text.slice(0, at) + text.slice(at + 1) : text.slice(0, at) + other + text.slice(at);
}

function withOtherHeader(request: Signed, name: string, random: Random): Signed {
  const value = withOtherCharacter(request.headers[name] ?? "", random);
  return { ...request, headers: { ...request.headers, [name]: value } };
}

const MUTATORS: Readonly<Record<string, Mutator>> = {
  authorization: (request, random) => withOtherHeader(request, "authorization", random),
  signature: (request, random) => {
    const digit = Math.floor(random() * 64);
    const authorization = (request.headers["authorization"] ?? "").replace(/[0-9a-f]{64}$/, (digits) => {
      const other = (Number.parseInt(digits[digit] as string, 16) + 1 + Math.floor(random() * 15)) % 16;
      return digits.slice(0, digit) + other.toString(16) + digits.slice(digit + 1);
    });
    return { ...request, headers: { ...request.headers, authorization } };
  },
  header: (request, random) => withOtherHeader(request, pick(Object.keys(request.headers), random), random),
  "missing header": (request, random) => {
    const name = pick(Object.keys(request.headers), random);
    return {
      ...request,
      headers: Object.fromEntries(Object.entries(request.headers).filter(([key]) => key !== name)),
    };
  },
  "swapped headers": (request, random) => {
    const [one, other] = [
      pick(Object.keys(request.headers), random),
      pick(Object.keys(request.headers), random),
    ];
    const headers = {
      ...request.headers,
      [one]: request.headers[other] ?? "",
      [other]: request.headers[one] ?? "",
    };
    return { ...request, headers };
  },
  body: (request, random) => {
    const body = Buffer.from(request.body);
    const at = Math.floor(random() * body.length);
    body[at] = ((body[at] as number) + 1 + Math.floor(random() * 255)) % 256;
    return { ...request, body };
  },
  "shorter body": (request, random) => ({
    ...request,
    body: request.body.subarray(0, Math.floor(random() * request.body.length)),
  }),
  "longer body": (request, random) => ({
    ...request,
    body: Buffer.concat([request.body, Buffer.from([Math.floor(random() * 256)])]),
  }),
  method: (request, random) => ({ ...request, method: withOtherCharacter(request.method, random) }),
  path: (request, random) => ({ ...request, path: `/${withOtherCharacter("a", random)}` }),
  query: (request, random) => ({ ...request, query: `a${Math.floor(random() * 1_000)}=${random()}` }),
};

/** Of two requests alike, but for blanks that the algorithm passes over, the same: such a change may be accepted. */
function formOf({ method, path, query, headers, body }: Signed): string {
  const names = Object.keys(headers).toSorted();
  const values = names.map((name) => {
    const value = headers[name] ?? "";
    return name === "authorization" ? value.replaceAll(" ", "") : value.replace(/ +/g, " ").trim();
  });
  return [method, path, query, ...names, ...values, body.toString("latin1")].join("\n");
}

test(`of ${MUTATIONS} requests that were changed after they were signed none is accepted`, async () => {
  const random = mulberry32(SEED);
  const authenticator = createAuthenticator(KEYS, () => NOW_MS);
  const originals = [
    signedRequest(),
    signedWithHash(),
    signedRequest({ key: SESSION, region: "eu-central-1" }),
    signedWithHash({ key: SESSION }),
  ];
  for (const request of originals) (await authenticator.examine(headOf(request))).prove(request.body);
  const forms = new Map(originals.map((request) => [request, formOf(request)]));
  const names = Object.keys(MUTATORS);
  const refused = new Map<string, number>();
  let same = 0;
  let tried = 0;
  while (tried < MUTATIONS) {
    const original = pick(originals, random);
    const name = pick(names, random);
    const mutated = (MUTATORS[name] as Mutator)(original, random);
    if (formOf(mutated) === forms.get(original)) {
      same++;
      continue;
    }
    tried++;
    try {
      (await authenticator.examine(headOf(mutated))).prove(mutated.body);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      refused.set(error.code, (refused.get(error.code) ?? 0) + 1);
      continue;
    }
    assert.fail(
      `accepted (${name}, seed ${SEED}): ${JSON.stringify({ ...mutated, body: mutated.body.toString("latin1") })}`,
    );
  }
  const total = [...refused.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(total, MUTATIONS);
  assert.ok(same < MUTATIONS / 20, `${same} changes were none`);
  // Every refusal but that of an expired token was reached.
  assert.deepEqual([...refused.keys()].toSorted(), [
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "UnrecognizedClientException",
  ]);
});
