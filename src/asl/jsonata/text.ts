// Values as text: what $string and `&` give.
//
// Knows:          JSON as the language prints it: numbers to 15 digits, functions as "".
// Does not know:  the service's own JSON (payloads print themselves).
//
// Spec: https://docs.jsonata.org/string-functions#string

import { JsonataError } from "./errors.ts";
import type { Run } from "./limits.ts";
import { contextOf } from "./sequences.ts";
import { JsonataFunction, type Value, isArray, isNumeric } from "./values.ts";

/** @throws JsonataError D3001 for a number that is none, D1001 for one inside of a value */
export function toText(value: Value, run: Run, indent = 0): string {
  if (typeof value === "string") return value;
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "number") {
    if (value - value !== 0) throw new JsonataError("D3001", { value });
    return numberText(value);
  }
  if (value instanceof JsonataFunction || value === undefined) return "";
  const printer = new Printer(run, indent);
  printer.print(contextOf(value), "");
  return printer.text;
}

function numberText(value: number): string {
  // `+ 0`: there is no negative zero in JSON text.
  return String(Number.isInteger(value) ? value + 0 : Number(value.toPrecision(15)));
}

class Printer {
  text = "";
  readonly #run: Run;
  readonly #indent: number;
  #paid = 0;

  constructor(run: Run, indent: number) {
    this.#run = run;
    this.#indent = indent;
  }

  /** Pays for the text so far in large pieces: most values are small. */
  #pay(): void {
    if (this.text.length - this.#paid < 1024) return;
    this.#run.spendText(this.text.length - this.#paid);
    if (this.text.length > this.#run.limits.maxStringLength) this.#run.spendText(this.text.length);
    this.#paid = this.text.length;
  }

  print(value: Value, margin: string): void {
    this.#run.spend(1);
    if (typeof value === "string") this.text += quoted(value);
    else if (typeof value === "number") this.text += isNumeric(value) ? numberText(value) : "null";
    else if (typeof value === "boolean") this.text += value ? "true" : "false";
    else if (value === undefined || value === null) this.text += "null";
    else if (value instanceof JsonataFunction) this.text += '""';
    else if (isArray(value)) this.#printArray(value, margin);
    else this.#printObject(value, margin);
    this.#pay();
  }

  #printArray(items: readonly Value[], margin: string): void {
    if (items.length === 0) {
      this.text += "[]";
      return;
    }
    const inner = this.#inner(margin);
    let before = `[${this.#line(inner)}`;
    for (let i = 0; i < items.length; i++) {
      this.text += before;
      this.print(items[i], inner);
      before = `,${this.#line(inner)}`;
    }
    this.text += `${this.#line(margin)}]`;
  }

  #printObject(object: { readonly [key: string]: Value }, margin: string): void {
    const inner = this.#inner(margin);
    const colon = this.#indent > 0 ? ": " : ":";
    let before = `{${this.#line(inner)}`;
    let isEmpty = true;
    for (const key of Object.keys(object)) {
      const value = object[key];
      if (value === undefined) continue;
      isEmpty = false;
      this.text += `${before}${quoted(key)}${colon}`;
      this.print(value, inner);
      before = `,${this.#line(inner)}`;
    }
    this.text += isEmpty ? "{}" : `${this.#line(margin)}}`;
  }

  #inner(margin: string): string {
    if (this.#indent === 0) return "";
    // The margin of deep values is long, and is repeated on every line.
    this.#run.spend(margin.length / 16);
    return margin + " ".repeat(this.#indent);
  }

  #line(margin: string): string {
    return this.#indent > 0 ? `\n${margin}` : "";
  }
}

/** Text in which nothing has to be escaped is the usual text. */
// oxlint-disable-next-line no-control-regex
const PLAIN = /^[^"\\\u0000-\u001f\ud800-\udfff]*$/;

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text);
}
