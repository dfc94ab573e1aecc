// The Parameters of a service task: reading members, and saying what is wrong with them in the service's words.
//
// The service looks at Parameters before it schedules the task, and a fault is States.Runtime, which no Retry and no
// Catch handles: `The Parameters '{…}' could not be used to start the Task: [fault, fault]`.

import { isObject, type Json, type JsonObject, member, type Payload } from "../base/json.ts";
import type { Failed } from "./errors.ts";

/** Collects faults while members are read; a value is meaningless unless there are none. */
export class ParameterReader {
  readonly #parameters: Payload;
  readonly #object: JsonObject;
  readonly #faults: string[] = [];

  constructor(parameters: Payload) {
    this.#parameters = parameters;
    const { value } = parameters;
    this.#object = isObject(value) ? value : {};
    if (!isObject(value)) this.#faults.push("The Parameters must be a JSON object");
  }

  /** Names the members that the API does not have. */
  only(names: readonly string[]): void {
    for (const name of Object.keys(this.#object)) {
      if (!names.includes(name)) this.fault(`The field '${name}' is not supported by Step Functions`);
    }
  }

  /** A text that must be there. */
  required(name: string): string {
    const value = this.optional(name);
    if (value === undefined && !this.#has(name))
      this.fault(`The field '${name}' is required but was missing`);
    return value ?? "";
  }

  /** A text that may be there; null is the same as absent. */
  optional(name: string): string | undefined {
    const value = this.any(name);
    if (value === undefined || typeof value === "string") return value;
    this.invalid(name);
    return undefined;
  }

  /** One of some texts; `missing` if it is not there. */
  choice<T extends string>(name: string, values: readonly T[], missing: T): T {
    const value = this.optional(name);
    if (value === undefined) return missing;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) this.invalid(name);
    return found ?? missing;
  }

  /** Any value; undefined if it is absent or null. */
  any(name: string): Json | undefined {
    return member(this.#object, name) ?? undefined;
  }

  invalid(name: string): void {
    this.fault(`The value of the field '${name}' has an invalid format`);
  }

  fault(text: string): void {
    this.#faults.push(text);
  }

  /** Undefined if there was no fault. */
  failure(): Failed | undefined {
    if (this.#faults.length === 0) return undefined;
    const faults = this.#faults.join(", ");
    return {
      kind: "failed",
      phase: "schedule",
      error: "States.Runtime",
      cause: `The Parameters '${this.#parameters.text}' could not be used to start the Task: [${faults}]`,
      runtime: true,
    };
  }

  #has(name: string): boolean {
    return this.any(name) !== undefined;
  }
}
