// JSON texts that callers hand in as data: an execution's input, a task's output.

import { utf8Bytes } from "../../base/json.ts";
import { checkJson } from "../../base/json-text.ts";
import type { Limits } from "../../engine/limits.ts";

/** What is wrong with `text` as JSON data, in the service's words where they are known; undefined if nothing. */
export function checkData(text: string, limits: Limits): string | undefined {
  const bytes = utf8Bytes(text);
  if (bytes > limits.payloadBytes)
    return `Size ${bytes} bytes exceeds the limit of ${limits.payloadBytes} bytes`;
  const checked = checkJson(text);
  return checked.ok ? undefined : checked.message;
}
