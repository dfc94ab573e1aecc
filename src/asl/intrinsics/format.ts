// States.Format: `'Hello {}, \{not me\}'` and its arguments.
//
// A brace that is not escaped must be a whole `{}`; the service finds a lone one when it runs, not before.

import type { Json } from "../../base/json.ts";
import { javaText } from "../paths/java-text.ts";

/** Why a call has no value; index.ts names the call and the error. */
export class Refused {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** The texts around the placeholders: one more than there are placeholders. */
export type FormatParts = readonly string[];

/** @param template With its escapes: what stood between the quotes, or a text found by a path. */
export function formatParts(template: string): FormatParts | Refused {
  const parts: string[] = [];
  let part = "";
  for (let i = 0; i < template.length; i++) {
    const char = template.charAt(i);
    const next = template.charAt(i + 1);
    if (char === "\\" && next !== "" && "'{}\\".includes(next)) {
      part += next;
      i += 1;
    } else if (char === "{" && next === "}") {
      parts.push(part);
      part = "";
      i += 1;
    } else if (char === "{" || char === "}") {
      const other = char === "{" ? "}" : "{";
      return new Refused(`Invalid template in States.Format: matching '${other}' not found for '${char}'.`);
    } else {
      part += char;
    }
  }
  parts.push(part);
  return parts;
}

export function format(parts: FormatParts, values: readonly Json[]): string | Refused {
  if (values.length !== parts.length - 1) {
    const numbers = `${values.length} for ${parts.length - 1} occurrences of {}`;
    return new Refused(`Invalid arguments in States.Format: number of arguments (${numbers}) does not match`);
  }
  let text = parts[0] ?? "";
  for (const [i, value] of values.entries()) text += javaText(value) + (parts[i + 1] ?? "");
  return text;
}
