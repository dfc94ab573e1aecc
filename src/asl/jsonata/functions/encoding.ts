// Base64 and URLs.
//
// Spec: https://docs.jsonata.org/string-functions#base64encode

import { base64Decode, base64Encode } from "../../intrinsics/bytes.ts";
import { JsonataError } from "../errors.ts";
import { type Definitions, type Implementation, define, ofText } from "./builtin.ts";

/** One byte for each UTF-16 unit, its low half: what the language's evaluator takes a text for. */
function toBytes(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length }, (_, i) => text.charCodeAt(i) & 0xff);
}

function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] ?? 0);
  return text;
}

/** Both alphabets, what is no Base64 skipped, the end at the padding: as the language's evaluator reads it. */
function decode(text: string): string {
  const [body = ""] = text.split("=", 1);
  const plain = body
    .replaceAll("-", "+")
    .replaceAll("_", "/")
    .replaceAll(/[^A-Za-z0-9+/]/g, "");
  // A last digit alone is no byte.
  const whole = plain.length % 4 === 1 ? plain.slice(0, -1) : plain;
  return fromBytes(base64Decode(whole) ?? new Uint8Array());
}

function ofUrl(functionName: string, convert: (text: string) => string): Implementation {
  return ofText((text, run) => {
    run.spend(text.length);
    try {
      return convert(text);
    } catch (fault) {
      if (!(fault instanceof URIError)) throw fault;
      throw new JsonataError("D3140", { value: text, functionName });
    }
  });
}

export const ENCODING: Definitions = {
  base64encode: define(
    "<s-:s>",
    1,
    ofText((text, run) => {
      run.spendText((text.length * 4) / 3);
      run.spend(text.length * 2);
      return base64Encode(toBytes(text));
    }),
  ),
  base64decode: define(
    "<s-:s>",
    1,
    ofText((text, run) => {
      run.spend(text.length);
      return decode(text);
    }),
  ),
  encodeUrlComponent: define("<s-:s>", 1, ofUrl("encodeUrlComponent", encodeURIComponent)),
  encodeUrl: define("<s-:s>", 1, ofUrl("encodeUrl", encodeURI)),
  decodeUrlComponent: define("<s-:s>", 1, ofUrl("decodeUrlComponent", decodeURIComponent)),
  decodeUrl: define("<s-:s>", 1, ofUrl("decodeUrl", decodeURI)),
};
