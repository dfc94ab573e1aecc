// A CSV file of invented orders.

/** Pieces of the file, header first. */
export function* ordersCsv(count: number): Generator<string> {
  yield "id,customer,amount,country\n";
  const countries = ["DE", "FR", "NL", "US", "JP"];
  for (let from = 0; from < count; from += 1000) {
    let piece = "";
    for (let i = from; i < Math.min(from + 1000, count); i++) {
      piece += `${i},customer-${(i * 7919) % 100_003},${(i * 31) % 9973}.95,${countries[i % 5]}\n`;
    }
    yield piece;
  }
}
