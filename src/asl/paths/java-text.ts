// Values as the service prints them in texts: it is written in Java, and lets that show.
//
// `States.Format` gives `{Arg1=1, Arg2=[]}` for an object, not JSON (recorded); error texts do the same.

import { type Json, isArray } from "../../base/json.ts";

/** A string as it is, `null`, `{a=1, b=[x, y]}`; never quotes, never escapes. */
export function javaText(value: Json): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return javaNumber(value);
  if (value === null || typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map(javaText).join(", ")}]`;
  const members = Object.entries(value).map(([key, item]) => `${key}=${javaText(item)}`);
  return `{${members.join(", ")}}`;
}

/** Integers in full; other numbers as `Double.toString`: with an exponent from 1.0E7 on and below 0.001. */
function javaNumber(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(value) : BigInt(value).toString();
  const size = Math.abs(value);
  if (size >= 1e-3 && size < 1e7) return String(value);
  const [mantissa = "", exponent = ""] = value.toExponential().split("e");
  return `${mantissa.includes(".") ? mantissa : `${mantissa}.0`}E${Number(exponent)}`;
}
