// Timestamps of the States Language: RFC 3339 text <-> milliseconds since 1970, by arithmetic alone.
//
// Knows:          the proleptic Gregorian calendar, and which of the many ISO 8601 forms the service accepts.
// Does not know:  clocks. `Date` is not used: it accepts forms that the service rejects, and it is not pure.
//
// Spec: https://states-language.net/spec.html#timestamps

const TIMESTAMP = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:Z|([+-])(\d{2}):(\d{2}))$/;

const DAY_MS = 86_400_000;

/**
 * Milliseconds since 1970-01-01T00:00:00Z, or undefined if `text` is not a timestamp.
 *
 * Accepted: `2016-03-14T01:59:00Z`, any number of fraction digits (cut to milliseconds), offsets `+01:00`.
 * Rejected: a missing offset, a blank or lowercase `t` for the `T`, a lowercase `z`, days that no calendar has,
 * hour 24, second 60 (the service's parser knows no leap seconds).
 */
export function parseTimestampMs(text: string): number | undefined {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return undefined;
  const number = (group: number): number => Number(parts[group] ?? 0);
  const year = number(1);
  const month = number(2);
  const day = number(3);
  const hour = number(4);
  const minute = number(5);
  const second = number(6);
  const offsetHour = number(9);
  const offsetMinute = number(10);
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59 || offsetHour > 23 || offsetMinute > 59) return undefined;
  const ms = Number((parts[7] ?? "").slice(0, 3).padEnd(3, "0"));
  const offsetMinutes = (parts[8] === "-" ? -1 : 1) * (offsetHour * 60 + offsetMinute);
  const minutes = hour * 60 + minute - offsetMinutes;
  return daysFromCivil(year, month, day) * DAY_MS + (minutes * 60 + second) * 1000 + ms;
}

/** `2026-01-02T03:04:05.678Z`. Fractions of a millisecond are cut; years after 9999 have a `+`, before 0 a `-`. */
export function formatTimestamp(ms: number): string {
  const whole = Math.floor(ms);
  const days = Math.floor(whole / DAY_MS);
  const inDay = whole - days * DAY_MS;
  const [year, month, day] = civilFromDays(days);
  const sign = year < 0 ? "-" : year > 9999 ? "+" : "";
  const date = `${sign}${pad(Math.abs(year), 4)}-${pad(month, 2)}-${pad(day, 2)}`;
  const seconds = Math.floor(inDay / 1000);
  const time = `${pad(Math.floor(seconds / 3600), 2)}:${pad(Math.floor(seconds / 60) % 60, 2)}:${pad(seconds % 60, 2)}`;
  return `${date}T${time}.${pad(inDay % 1000, 3)}Z`;
}

function pad(value: number, digits: number): string {
  return String(value).padStart(digits, "0");
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

// Both directions count years from March, so that the leap day is the last of a year, in eras of 400 years.

function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function civilFromDays(days: number): [year: number, month: number, day: number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leapFree =
    dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor(leapFree / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const fromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const month = fromMarch < 10 ? fromMarch + 3 : fromMarch - 9;
  const day = dayOfYear - Math.floor((153 * fromMarch + 2) / 5) + 1;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
