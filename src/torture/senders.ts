// Who answers task tokens: several at once for each token, and some who make tokens up.

import { Buffer } from "node:buffer";
import type { Random } from "../base/random.ts";
import { Answered, type Client } from "./client.ts";
import type { Records, Sender } from "./records.ts";

/** The error that senders of failures send: a State retries it as any failed task. */
const REFUSED = "Refused";

/**
 * Sends the outcome of one task `count` times at once, each under a mark of its own, until each was answered.
 * Now and then one of them says that the task has failed.
 * @throws Answered for any refusal but that the task is no longer there
 */
export async function sendByMany(
  client: Client,
  records: Records,
  random: Random,
  token: string,
  output: object,
  count: number,
): Promise<void> {
  const senders = Array.from({ length: count }, (_, mark): Sender => {
    return { mark, isFailure: random.next01() < 0.03, wasLost: false };
  });
  records.senders.set(token, senders);
  await Promise.all(
    senders.map(async (sender) => {
      const { mark } = sender;
      const [operation, input] = sender.isFailure
        ? ["SendTaskFailure", { error: REFUSED, cause: JSON.stringify({ mark }) }]
        : ["SendTaskSuccess", { output: JSON.stringify({ ...output, mark }) }];
      try {
        await client.call(operation, { taskToken: token, ...input }, () => (sender.wasLost = true));
        sender.result = "accepted";
      } catch (error) {
        if (!(error instanceof Answered && error.code === "TaskTimedOut")) throw error;
        sender.result = "refused";
      }
    }),
  );
}

/** Another text than `token`, near to it: a byte changed, cut off, put in, or the end of another token. */
export function forge(token: string, other: string, random: Random): string {
  const bytes = Buffer.from(token, "base64");
  const at = random.next32() % bytes.length;
  switch (random.next32() % 5) {
    case 0:
      bytes[at] = (bytes[at] as number) ^ (1 << (random.next32() % 8));
      return bytes.toString("base64");
    case 1:
      return bytes.subarray(0, at).toString("base64") || "AA==";
    case 2:
      return Buffer.concat([bytes, Buffer.of(random.next32() & 0xff)]).toString("base64");
    case 3:
      return token === other ? `${token}A` : token.slice(0, token.length / 2) + other.slice(token.length / 2);
    default:
      return token.replace(/=*$/, "") + (token.endsWith("=") ? "" : "=");
  }
}

/** Sends the outcome of a task under a token that nobody was given. @throws Error if it is taken */
export async function tryForgery(client: Client, records: Records, forged: string): Promise<void> {
  try {
    await client.call("SendTaskSuccess", { taskToken: forged, output: '{"forged":true}' });
  } catch (error) {
    if (error instanceof Answered && error.code === "InvalidToken") {
      records.forgedTokens += 1;
      return;
    }
    throw error;
  }
  throw new Error(`I16: a forged token was accepted: ${forged}`);
}
