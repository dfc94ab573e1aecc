// Verifies that the applicant exists and is of age.

/** A refusal: it has a name of its own, for Retry and Catch. */
class IdentityNotVerified extends Error {
  name = "IdentityNotVerified";
}

/** @param {{ applicant: { name: string, nationalId: string, dateOfBirth: string }, appliedAt: string }} event */
export async function handler({ applicant, appliedAt }) {
  if (!/^[A-Z]{2}-\d{8}$/.test(applicant.nationalId)) {
    throw new IdentityNotVerified(`${applicant.nationalId} is no identity number`);
  }
  const age = yearsBetween(new Date(applicant.dateOfBirth), new Date(appliedAt));
  if (!(age >= 18)) throw new IdentityNotVerified(`${applicant.name} is under 18 years old`);
  return { verified: true, age };
}

/** Whole years, as birthdays count them. */
function yearsBetween(birth, day) {
  const years = day.getUTCFullYear() - birth.getUTCFullYear();
  const hadBirthday =
    day.getUTCMonth() > birth.getUTCMonth() ||
    (day.getUTCMonth() === birth.getUTCMonth() && day.getUTCDate() >= birth.getUTCDate());
  return hadBirthday ? years : years - 1;
}
