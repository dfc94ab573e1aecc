// All functions of the language by name. `$eval` is not among them: AWS removed it.

import type { JsonataFunction } from "../values.ts";
import { ARRAYS } from "./arrays.ts";
import { AWS } from "./aws.ts";
import { Builtin } from "./builtin.ts";
import { DATES } from "./dates.ts";
import { ENCODING } from "./encoding.ts";
import { HIGHER_ORDER } from "./higher-order.ts";
import { MATCHING } from "./matching.ts";
import { NUMBERS } from "./numbers.ts";
import { OBJECTS } from "./objects.ts";
import { STRINGS } from "./strings.ts";

const FAMILIES = [NUMBERS, STRINGS, ARRAYS, OBJECTS, HIGHER_ORDER, MATCHING, ENCODING, DATES, AWS];

export const FUNCTIONS: ReadonlyMap<string, JsonataFunction> = new Map(
  FAMILIES.flatMap((family) => Object.entries(family)).map(([name, definition]) => [
    name,
    new Builtin(name, definition),
  ]),
);
