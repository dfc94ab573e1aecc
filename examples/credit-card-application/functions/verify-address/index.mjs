// Verifies that the address can exist and that cards are sent there.

/** The form of a postal code, by country. */
const POSTAL_CODES = { DE: /^\d{5}$/, ES: /^\d{5}$/, FR: /^\d{5}$/, PT: /^\d{4}-\d{3}$/ };

class AddressNotVerified extends Error {
  name = "AddressNotVerified";
}

/** @param {{ address: { street: string, postalCode: string, city: string, country: string } }} event */
export async function handler({ address }) {
  const form = Object.hasOwn(POSTAL_CODES, address.country) ? POSTAL_CODES[address.country] : undefined;
  if (form === undefined) throw new AddressNotVerified(`no cards are sent to ${address.country}`);
  if (!form.test(address.postalCode)) {
    throw new AddressNotVerified(`${address.postalCode} is no postal code of ${address.country}`);
  }
  return { verified: true, label: `${address.street}, ${address.postalCode} ${address.city}` };
}
