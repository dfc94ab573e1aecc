// Asks a person to approve. A real one would send a message with a link; this one writes to its log how to
// answer. The execution waits for the token, for days if it must, and costs nothing meanwhile.

/** @param {{ applicationId: string, applicant: string, limit: number, taskToken: string }} event */
export async function handler({ applicationId, applicant, limit, taskToken }) {
  const endpoint = process.env.AWS_ENDPOINT_URL_SFN;
  const server = endpoint === undefined ? "" : ` --endpoint ${endpoint}`;
  console.log(`${applicationId}: ${applicant} would get a limit of ${limit}. To approve:`);
  console.log(`  bin/stepwell approve ${taskToken} --output '{"by":"me"}'${server}`);
  console.log(
    `or: bin/stepwell reject ${taskToken} --error ApplicationRejected --cause "not this time"${server}`,
  );
  return { asked: true };
}
