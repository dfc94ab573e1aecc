// UTF-8 and Base64 without a runtime: this layer has neither TextEncoder nor Buffer.

/** UTF-8 of `text`. A lone surrogate becomes `?`, as in the service's language. */
export function utf8Encode(text: string): Uint8Array {
  // No UTF-16 unit takes more than three bytes.
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    const point = text.codePointAt(i) ?? 0;
    if (point < 0x80) {
      bytes[length++] = point;
    } else if (point < 0x800) {
      bytes[length++] = 0xc0 | (point >> 6);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else if (point >= 0xd800 && point < 0xe000) {
      bytes[length++] = 0x3f;
    } else if (point < 0x10000) {
      bytes[length++] = 0xe0 | (point >> 12);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    } else {
      i += 1;
      bytes[length++] = 0xf0 | (point >> 18);
      bytes[length++] = 0x80 | ((point >> 12) & 0x3f);
      bytes[length++] = 0x80 | ((point >> 6) & 0x3f);
      bytes[length++] = 0x80 | (point & 0x3f);
    }
  }
  return bytes.subarray(0, length);
}

/** The text of UTF-8 bytes; each part that is no UTF-8 becomes U+FFFD. */
export function utf8Decode(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; ) {
    const first = bytes[i] ?? 0;
    const more = first < 0x80 ? 0 : first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : 3;
    i += 1;
    if (first >= 0x80 && (first < 0xc2 || first > 0xf4)) {
      text += "\ufffd";
      continue;
    }
    let point = more === 0 ? first : first & (0x3f >> more);
    let read = 0;
    for (; read < more; read++) {
      const next = bytes[i] ?? 0;
      // The second byte rules out overlong forms, surrogates and points past U+10FFFF.
      const low = read > 0 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
      const high = read > 0 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
      if (i >= bytes.length || next < low || next > high) break;
      point = (point << 6) | (next & 0x3f);
      i += 1;
    }
    text += read === more ? String.fromCodePoint(point) : "\ufffd";
  }
  return text;
}

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

export function base64Encode(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    text += ALPHABET.charAt(group >> 18) + ALPHABET.charAt((group >> 12) & 63);
    text += i + 1 < bytes.length ? ALPHABET.charAt((group >> 6) & 63) : "=";
    text += i + 2 < bytes.length ? ALPHABET.charAt(group & 63) : "=";
  }
  return text;
}

/**
 * The bytes of Base64 text, as MIME reads it: characters outside of the alphabet are skipped, padding may be
 * missing. Undefined if the text ends in the middle of a byte, or goes on after its padding.
 */
export function base64Decode(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4));
  let length = 0;
  let bits = 0;
  let group = 0;
  let padded = false;
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i);
    const value = ALPHABET.indexOf(char);
    if (char === "=") padded = true;
    if (value < 0) continue;
    if (padded) return undefined;
    group = ((group << 6) | value) & 0xffffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[length++] = (group >> bits) & 0xff;
    }
  }
  return bits === 6 ? undefined : bytes.subarray(0, length);
}
