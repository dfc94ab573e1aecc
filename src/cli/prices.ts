// The price table: what AWS asks for state transitions and for Express executions, as a document that users can change.
//
// Knows:          the default table and where its numbers come from; how a changed table is checked.
// Does not know:  executions.
//
// Spec: https://aws.amazon.com/step-functions/pricing/

import { isArray, isObject, type Json, type JsonObject, member } from "../base/json.ts";
import { CliError } from "./problem.ts";
import { nearest, printable } from "./text.ts";

/** A part of the GB-seconds of a month; the last has no end. */
interface Tier {
  /** GB-seconds of the month up to which this price is asked. */
  readonly upTo?: number;
  readonly perGbSecond: number;
}

export interface Prices {
  readonly region: string;
  /** When the numbers were looked up, and where. */
  readonly asOf: string;
  readonly source: string;
  readonly currency: string;
  readonly standard: {
    readonly perTransition: number;
    /** Taken off a month's transitions, where that is asked for. */
    readonly freeTransitions: number;
    /** What a start counts beside its states: the service counts the edge into the first state. */
    readonly transitionsPerStart: number;
  };
  readonly express: { readonly perRequest: number; readonly tiers: readonly Tier[] };
}

const GB_HOUR = 3_600;

export const DEFAULT_PRICES: Prices = {
  region: "us-east-1",
  asOf: "2026-09",
  source: "https://aws.amazon.com/step-functions/pricing/",
  currency: "USD",
  standard: { perTransition: 0.000_025, freeTransitions: 4_000, transitionsPerStart: 1 },
  express: {
    perRequest: 0.000_001,
    tiers: [
      { upTo: 1_000 * GB_HOUR, perGbSecond: 0.000_016_67 },
      { upTo: 5_000 * GB_HOUR, perGbSecond: 0.000_008_33 },
      { perGbSecond: 0.000_004_56 },
    ],
  },
};

/**
 * The default table with what the document says otherwise.
 * @throws CliError that names the member and what was expected
 */
export function parsePrices(text: string, file: string): Prices {
  const fail = (problem: string): CliError => new CliError(`Prices of ${printable(file)}: ${problem}`, 2);
  let document: Json;
  try {
    document = JSON.parse(text) as Json;
  } catch (error) {
    throw fail(`no JSON: ${printable((error as Error).message)}.`);
  }
  const given = structure(document, "the document", Object.keys(DEFAULT_PRICES));
  const standard = structure(
    member(given, "standard") ?? {},
    "standard",
    Object.keys(DEFAULT_PRICES.standard),
  );
  const express = structure(member(given, "express") ?? {}, "express", Object.keys(DEFAULT_PRICES.express));
  const tiers = member(express, "tiers");
  return {
    region: words(given, "region", DEFAULT_PRICES.region),
    asOf: words(given, "asOf", DEFAULT_PRICES.asOf),
    source: words(given, "source", DEFAULT_PRICES.source),
    currency: words(given, "currency", DEFAULT_PRICES.currency),
    standard: {
      perTransition: amount(standard, "perTransition", DEFAULT_PRICES.standard.perTransition),
      freeTransitions: amount(standard, "freeTransitions", DEFAULT_PRICES.standard.freeTransitions),
      transitionsPerStart: amount(
        standard,
        "transitionsPerStart",
        DEFAULT_PRICES.standard.transitionsPerStart,
      ),
    },
    express: {
      perRequest: amount(express, "perRequest", DEFAULT_PRICES.express.perRequest),
      tiers: tiers === undefined ? DEFAULT_PRICES.express.tiers : readTiers(tiers),
    },
  };

  function structure(value: Json, name: string, known: readonly string[]): JsonObject {
    if (!isObject(value)) throw fail(`${name} must be an object.`);
    const stranger = Object.keys(value).find((key) => !known.includes(key));
    if (stranger === undefined) return value;
    const guess = nearest(stranger, known);
    const hint = guess === undefined ? `It knows ${known.join(", ")}.` : `Did you mean "${guess}"?`;
    throw fail(`${name} has no member "${printable(stranger)}". ${hint}`);
  }

  function words(object: JsonObject, name: string, otherwise: string): string {
    const value = member(object, name) ?? otherwise;
    if (typeof value !== "string") throw fail(`${name} must be a text.`);
    return value;
  }

  function amount(object: JsonObject, name: string, otherwise?: number): number {
    const value = member(object, name) ?? otherwise;
    if (typeof value !== "number" || value < 0) throw fail(`${name} must be a number, 0 or more.`);
    return value;
  }

  function readTiers(value: Json): readonly Tier[] {
    if (!isArray(value) || value.length === 0) throw fail("tiers must be a list with at least one tier.");
    let before = 0;
    return value.map((item, i) => {
      const tier = structure(item, `tier ${i + 1}`, ["upTo", "perGbSecond"]);
      const perGbSecond = amount(tier, "perGbSecond");
      if (i === value.length - 1) {
        if (member(tier, "upTo") !== undefined) throw fail("the last tier must have no upTo.");
        return { perGbSecond };
      }
      const upTo = amount(tier, "upTo");
      if (upTo <= before) throw fail("the upTo of the tiers must grow.");
      before = upTo;
      return { upTo, perGbSecond };
    });
  }
}

/** What the GB-seconds of one month cost. */
export function durationPrice({ express }: Prices, gbSeconds: number): number {
  let sum = 0;
  let from = 0;
  for (const { upTo = Number.POSITIVE_INFINITY, perGbSecond } of express.tiers) {
    sum += Math.max(0, Math.min(gbSeconds, upTo) - from) * perGbSecond;
    from = upTo;
  }
  return sum;
}

/** `0.000175 USD`: enough digits for one transition, no float noise. */
export function money(value: number, { currency }: Prices): string {
  const digits = value.toFixed(10).replace(/\.?0+$/, "");
  return `${value > 0 && digits === "0" ? "less than 0.0000000001" : digits} ${printable(currency)}`;
}
