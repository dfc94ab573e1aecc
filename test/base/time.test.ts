// Timestamps: what the service accepts, and that text and milliseconds are inverse.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { formatTimestamp, parseTimestampMs } from "../../src/base/time.ts";

const ACCEPTED: readonly (readonly [text: string, same: string])[] = [
  ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"],
  ["2016-03-14T01:59:00Z", "2016-03-14T01:59:00.000Z"],
  ["2016-03-05T21:29:29.243167252Z", "2016-03-05T21:29:29.243Z"],
  ["2016-03-05T21:29:29.2Z", "2016-03-05T21:29:29.200Z"],
  ["2012-10-09T19:00:55+01:00", "2012-10-09T18:00:55.000Z"],
  ["2012-10-09T00:30:00-05:30", "2012-10-09T06:00:00.000Z"],
  ["2024-02-29T23:59:59Z", "2024-02-29T23:59:59.000Z"],
  ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
  ["1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"],
  ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
  ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.000Z"],
];

const REJECTED = [
  "",
  "2016-12-05",
  "05-12-2016T21:29:29Z",
  "2016-12-05 21:29:29Z",
  "2016-12-05T21:29:29",
  "2016-12-05T21:29Z",
  "2016-12-05t21:29:29Z",
  "2016-12-05T21:29:29z",
  "2016-12-05T25:29:29Z",
  "2016-12-05T24:00:00Z",
  "2016-12-05T21:60:29Z",
  "2016-12-05T21:29:60Z",
  "2016-13-05T21:29:29Z",
  "2016-00-05T21:29:29Z",
  "2016-12-00T21:29:29Z",
  "2023-02-29T00:00:00Z",
  "1900-02-29T00:00:00Z",
  "2016-04-31T00:00:00Z",
  "2016-12-05T21:29:29.Z",
  "2016-12-05T21:29:29+0100",
  "2016-12-05T21:29:29+24:00",
  "2016-12-05T21:29:29+01:60",
  " 2016-12-05T21:29:29Z",
  "2016-12-05T21:29:29Z\n",
  "2023-02-24 12:15:56.832957",
];

test("accepts RFC 3339 with an offset, and cuts fractions to milliseconds", () => {
  for (const [text, same] of ACCEPTED) {
    const ms = parseTimestampMs(text);
    assert.equal(ms, Date.parse(same), text);
    assert.equal(formatTimestamp(ms ?? Number.NaN), same);
  }
});

test("rejects what the service rejects", () => {
  for (const text of REJECTED) assert.equal(parseTimestampMs(text), undefined, JSON.stringify(text));
});

test("prints what Date prints, and reads it back", () => {
  const from = Date.parse("0000-01-01T00:00:00Z");
  const to = Date.parse("9999-12-31T23:59:59.999Z");
  fc.assert(
    fc.property(fc.integer({ min: from, max: to }), (ms) => {
      const text = new Date(ms).toISOString();
      assert.equal(formatTimestamp(ms), text);
      assert.equal(parseTimestampMs(text), ms);
    }),
    { numRuns: 2000 },
  );
});
