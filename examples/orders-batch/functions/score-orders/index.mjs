// Scores orders by how likely they are to be paid, from 0 to 100. Rows of a CSV file: every value is a text.

/** A model takes its time; without that there would be nothing to see in the demonstration. */
const MODEL_MS = 600;

class OrderWithoutAmount extends Error {
  name = "OrderWithoutAmount";
}

/** @param {{ orders: { orderId: string, country: string, amount: string, previousOrders: string }[] }} event */
export async function handler({ orders }) {
  await new Promise((resolve) => setTimeout(resolve, MODEL_MS));
  return { scored: orders.map(scored) };
}

function scored({ orderId, country, amount, previousOrders }) {
  const euros = Number(amount);
  if (amount === "" || !Number.isFinite(euros)) {
    throw new OrderWithoutAmount(`order ${orderId} has the amount "${amount}"`);
  }
  const trust = Math.min(40, Number(previousOrders) * 8);
  const risk = Math.min(50, Math.floor(euros / 40)) + (country === "PT" ? 0 : 5);
  const score = Math.max(0, Math.min(100, 60 + trust - risk));
  return { orderId, score, decision: score >= 50 ? "SHIP" : score >= 25 ? "PREPAY" : "REVIEW" };
}
