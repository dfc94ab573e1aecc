// Task tokens: only what was issued opens (K1, K2).

import assert from "node:assert/strict";
import { test } from "node:test";
import { TaskTokens } from "../../src/runtime/tokens.ts";
import { mulberry32 } from "../chance.ts";

const ARN = "arn:aws:states:us-east-1:123456789012:execution:machine:run";
const INVALID = { code: "InvalidToken", message: "Invalid Token: 'Invalid token'" };
const tokens = new TaskTokens(new Uint8Array(32).fill(7));
const MUTATIONS = Number(process.env["TOKEN_MUTATIONS"] ?? 10_000);

test("a token names its execution and attempt, and is the same whenever it is asked for", () => {
  const seen = new Set<string>();
  for (const executionArn of [ARN, `${ARN}2`, `${ARN}-ü😀`]) {
    for (const task of [1, 2, 25_000]) {
      const token = tokens.issue(executionArn, task);
      assert.equal(tokens.issue(executionArn, task), token);
      assert.equal(new TaskTokens(new Uint8Array(32).fill(7)).issue(executionArn, task), token);
      assert.deepEqual(tokens.open(token), { executionArn, task });
      seen.add(token);
    }
  }
  assert.equal(seen.size, 9);
});

test("a token of the longest ARN fits the API's 1,024 characters", () => {
  const arn = ARN.padEnd(256, "x");
  assert.ok(tokens.issue(arn, 25_000).length <= 1024);
});

test("no text that is not a token opens", () => {
  const token = tokens.issue(ARN, 1);
  const texts = [
    "",
    "x",
    "AQ==",
    "not a token",
    token.slice(0, -4),
    `${token}AAAA`,
    `${token}=`,
    ` ${token}`,
    `${token}\n`,
    token.replace(/[+/]/gu, (char) => (char === "+" ? "-" : "_")).replaceAll("=", ""),
    Buffer.from(`1\n${ARN}`).toString("base64"),
    new TaskTokens(new Uint8Array(32).fill(8)).issue(ARN, 1),
  ].filter((text) => text !== token);
  assert.ok(texts.length >= 11);
  for (const text of texts) assert.throws(() => tokens.open(text), INVALID, text);
});

test(`none of ${MUTATIONS} mutations opens`, () => {
  const random = mulberry32(11);
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-_ ";
  const pick = (n: number): number => Math.floor(random() * n);
  let count = 0;
  while (count < MUTATIONS) {
    const token = tokens.issue(ARN, 1 + pick(9));
    const at = pick(token.length);
    const char = alphabet[pick(alphabet.length)] as string;
    const mutations = [
      token.slice(0, at) + char + token.slice(at + 1),
      token.slice(0, at) + token.slice(at + 1),
      token.slice(0, at) + char + token.slice(at),
      token.slice(at) + token.slice(0, at),
      token.slice(0, at) + tokens.issue(`${ARN}2`, 1).slice(at),
    ];
    const mutated = mutations[pick(mutations.length)] as string;
    if (mutated === token || mutated === tokens.issue(`${ARN}2`, 1)) continue;
    assert.throws(() => tokens.open(mutated), INVALID, mutated);
    count += 1;
  }
});
