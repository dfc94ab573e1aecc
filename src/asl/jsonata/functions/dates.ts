// Functions over points in time, and those that picture numbers. The clock is the input's time.
//
// Without a picture, times are ISO 8601 in UTC: a time without an offset is UTC here, whatever the zone of the
// machine (the language's own evaluator takes the machine's).
//
// Spec: https://docs.jsonata.org/date-time-functions

import { formatTimestamp, parseTimestampMs } from "../../../base/time.ts";
import { JsonataError } from "../errors.ts";
import type { Value } from "../values.ts";
import {
  type PackageDate,
  formatInteger,
  formatMillis,
  formatNumber,
  parseInteger,
  parseMillis,
} from "./borrowed.ts";
import { type Definitions, define } from "./builtin.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;

const ISO_8601 =
  /^(\d{4})(?:-([01]\d))?(?:-([0-3]\d))?(?:T([0-2]\d):([0-5]\d):([0-5]\d))?(?:\.(\d+))?(?:([+-])([0-2]\d):?([0-5]\d)|Z)?$/;

/** Days past the end of a month count into the next one, as in the language's evaluator. */
function parseIso(text: string): number {
  const parts = ISO_8601.exec(text);
  const number = (group: number, missing: number): number => {
    const part = parts?.[group];
    return part === undefined ? missing : Number(part);
  };
  const month = number(2, 1);
  const day = number(3, 1);
  const hour = number(4, 0);
  // A fraction belongs to a second; the form admits it elsewhere, no date does.
  const isOrphan = parts?.[7] !== undefined && parts[4] === undefined;
  const start = parseTimestampMs(`${parts?.[1] ?? ""}-${String(month).padStart(2, "0")}-01T00:00:00Z`);
  const isRest = number(5, 0) + number(6, 0) > 0;
  if (start === undefined || isOrphan || day < 1 || day > 31 || hour > 24 || (hour === 24 && isRest)) {
    throw new JsonataError("D3110", { value: text });
  }
  const milliseconds = Number((parts?.[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const offset = (parts?.[8] === "-" ? -1 : 1) * (number(9, 0) * 60 + number(10, 0));
  const minutes = hour * 60 + number(5, 0) - offset;
  return start + (day - 1) * DAY_MS + minutes * MINUTE_MS + number(6, 0) * 1000 + milliseconds;
}

/** What fits the plain form is printed here; years beyond four digits are left to the picture. */
const FIRST_PLAIN_MS: number = parseTimestampMs("0000-01-01T00:00:00Z") ?? 0;
const LAST_PLAIN_MS: number = parseTimestampMs("9999-12-31T23:59:59.999Z") ?? 0;

function toIso(ms: number, picture: string | undefined, zone: string | undefined): Value {
  if (picture === undefined && zone === undefined && ms >= FIRST_PLAIN_MS && ms <= LAST_PLAIN_MS) {
    return formatTimestamp(Math.trunc(ms));
  }
  return formatMillis(ms, picture, zone);
}

/** Now, as the package's parser asks for it. */
function dateOf(ms: number): PackageDate {
  const text = formatTimestamp(ms);
  const part = (from: number, to: number): (() => number) => {
    const value = Number(text.slice(from, to));
    return () => value;
  };
  return {
    getUTCFullYear: part(0, 4),
    getUTCMonth: () => Number(text.slice(5, 7)) - 1,
    getUTCDate: part(8, 10),
    // 1 January 1970 was a Thursday.
    getUTCDay: () => (((Math.floor(ms / DAY_MS) + 4) % 7) + 7) % 7,
    getUTCHours: part(11, 13),
    getUTCMinutes: part(14, 16),
    getUTCSeconds: part(17, 19),
    getUTCMilliseconds: part(20, 23),
    getTime: () => ms,
  };
}

type Text = string | undefined;

export const DATES: Definitions = {
  now: define("<s?s?:s>", 2, ([picture, zone], run) => toIso(run.nowMs, picture as Text, zone as Text)),
  millis: define("<:n>", 0, (_args, run) => run.nowMs),
  toMillis: define("<s-s?:n>", 2, ([text, picture], run) => {
    if (typeof text !== "string") return undefined;
    if (picture === undefined) return parseIso(text);
    run.spend(2000);
    return parseMillis(text, picture as string, dateOf(run.nowMs));
  }),
  fromMillis: define("<n-s?s?:s>", 3, ([ms, picture, zone], run) => {
    if (typeof ms !== "number") return undefined;
    run.spend(100);
    return toIso(ms, picture as Text, zone as Text);
  }),
  formatNumber: define("<n-so?:s>", 3, ([number, picture, options], run) => {
    if (typeof number !== "number") return undefined;
    run.spend(200);
    return formatNumber(number, pictureOf(picture), options);
  }),
  formatInteger: define("<n-s:s>", 2, ([number, picture], run) => {
    if (typeof number !== "number") return undefined;
    run.spend(200);
    return formatInteger(number, pictureOf(picture));
  }),
  parseInteger: define("<s-s:n>", 2, ([text, picture], run) => {
    if (typeof text !== "string") return undefined;
    run.spend(200);
    return parseInteger(text, pictureOf(picture));
  }),
};

function pictureOf(picture: Value): string {
  if (typeof picture === "string") return picture;
  throw new JsonataError("D3094", { message: "it is missing" });
}
