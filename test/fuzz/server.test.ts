// A share of the fuzz that fits into every test run; `npm run fuzz` does as much as one likes.

import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzServer, speedRatio } from "./server.ts";
import { SOCKET_ATTACKS } from "./sockets.ts";

const REQUESTS = 2_000;
const SOCKETS = 400;
/** Far below what is expected: other tests run at the same time. `npm run fuzz` asks for more. */
const LEAST_SPEED = 0.3;

test(`${REQUESTS} damaged requests and ${SOCKETS} hostile sockets leave the server up, and as fast`, async () => {
  const report = await fuzzServer({
    seed: 1,
    requests: REQUESTS,
    sockets: SOCKETS,
    calls: 40,
    serveArguments: ["--memory"],
    controlArguments: ["--memory"],
  });
  const { requests, sockets, faults } = report;
  assert.deepEqual([...requests.failures, ...sockets.failures, ...faults], []);
  const answered = [...requests.statuses.values()].reduce((sum, n) => sum + n, 0);
  assert.equal(answered, REQUESTS);
  assert.ok((requests.statuses.get(200) ?? 0) > REQUESTS / 20, "some requests are good");
  assert.deepEqual([...sockets.kinds.keys()].toSorted(), SOCKET_ATTACKS.toSorted());
  for (const status of [200, 400, 403, 431]) {
    assert.ok(
      (sockets.statuses.get(status) ?? 0) > 0,
      `no ${status} among ${JSON.stringify([...sockets.statuses])}`,
    );
  }
  assert.ok(speedRatio(report) > LEAST_SPEED, JSON.stringify([report.before, report.after]));
});
