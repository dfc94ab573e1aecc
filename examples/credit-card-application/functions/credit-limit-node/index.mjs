// The twin of credit-limit-python, for machines without Python: same rule, same errors.

const BUSY_TRIES = 2;

class LimitSystemBusy extends Error {
  name = "LimitSystemBusy";
}

/** @param {{ annualIncome: number, scores: { score: number }[], retryCount: number }} event */
export async function handler({ annualIncome, scores, retryCount }) {
  if (retryCount < BUSY_TRIES) throw new LimitSystemBusy(`try ${retryCount + 1}: the limit system is busy`);
  const average = Math.floor(scores.reduce((sum, { score }) => sum + score, 0) / scores.length);
  // Nothing at a score of 400, a quarter of the income at 800.
  const share = Math.max(0, Math.min(average - 400, 400)) / 1600;
  const limit = Math.floor(Math.trunc(annualIncome * share) / 100) * 100;
  console.log(`income ${annualIncome}, average score ${average}: limit ${limit}`);
  return { limit, averageScore: average };
}
