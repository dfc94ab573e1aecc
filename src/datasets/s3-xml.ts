// The little XML that S3 speaks: elements without attributes, text, five entities.
//
// Knows:          how to find an element by its name. Does not know:  which names there are.
// A parser was not worth it: the documents come from a service, are flat, and what is not found is undefined.

/** What is inside each element of that name, one after another; not of those nested in one of the same name. */
export function* elements(xml: string, name: string): Generator<string> {
  const end = `</${name}>`;
  // With its namespace the root has an attribute.
  for (const { index, 0: start } of xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>`, "gu"))) {
    const from = index + start.length;
    const to = xml.indexOf(end, from);
    if (to >= 0) yield xml.slice(from, to);
  }
}

/** The text of the first element of that name. */
export function textOfElement(xml: string, name: string): string | undefined {
  for (const inside of elements(xml, name)) return unescaped(inside);
  return undefined;
}

export function escaped(text: string): string {
  return text.replace(/[&<>"']/gu, (char) => `&#${char.charCodeAt(0)};`);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#([0-9]+)|([a-z]+));/giu, (whole, hex, decimal, name) => {
    if (hex !== undefined) return codePoint(Number.parseInt(hex as string, 16), whole);
    if (decimal !== undefined) return codePoint(Number(decimal), whole);
    return ENTITIES[name as string] ?? whole;
  });
}

function codePoint(code: number, whole: string): string {
  return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
}
