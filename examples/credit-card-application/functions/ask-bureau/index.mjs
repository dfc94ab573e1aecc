// Asks one credit bureau for the score of a person: here a number made of the two names, from 500 to 799.

import { createHash } from "node:crypto";

/** Bureaus answer slowly; without that there would be nothing to see in the demonstration. */
const ANSWER_MS = 400;

/** @param {{ bureau: string, nationalId: string }} event */
export async function handler({ bureau, nationalId }) {
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS));
  const digest = createHash("sha256").update(`${bureau}/${nationalId}`).digest();
  return { bureau, score: 500 + (digest.readUInt32BE() % 300) };
}
