// The compensation of reserve-card. Releasing what is not reserved does nothing, so it may be repeated.

/** @param {{ cardNumber: string }} event */
export async function handler({ cardNumber }) {
  console.log(`card number ${cardNumber} is free again`);
  return { released: cardNumber };
}
