// The results of service tasks as JSON texts, with what the old SDK adds to every answer: `SdkHttpMetadata` and
// `SdkResponseMetadata`. Members stand in alphabetical order, as the service writes them.

import { fromMembers, type Json, type JsonObject, Payload } from "../base/json.ts";

/** The text of an object made of documents: a document that came as text goes in as it is, never parsed. */
export function objectOf(members: Iterable<readonly [name: string, document: Payload]>): Payload {
  const parts: string[] = [];
  for (const [name, document] of members) parts.push(`${JSON.stringify(name)}:${document.text}`);
  return Payload.ofText(`{${parts.join(",")}}`);
}

/**
 * What the old SDK tells about an HTTP answer. The service shows the headers twice: as lists in no order, and as
 * texts in alphabetical order; in the letter cases that the services send.
 *
 * @param headers Lower-case names.
 */
export function httpMetadata(
  headers: Readonly<Record<string, string>>,
  statusCode: number,
  spelling: Readonly<Record<string, string>>,
): JsonObject {
  const lists: [string, Json][] = [];
  const texts: [string, Json][] = [];
  for (const name of Object.keys(headers).toSorted()) {
    const spelled = Object.hasOwn(spelling, name) ? (spelling[name] as string) : capitals(name);
    const value = headers[name] as string;
    lists.push([spelled, [value]]);
    texts.push([spelled, value]);
  }
  return {
    AllHttpHeaders: fromMembers(lists),
    HttpHeaders: fromMembers(texts),
    HttpStatusCode: statusCode,
  };
}

/** `content-type` as `Content-Type`. */
function capitals(header: string): string {
  return header.replace(/(?:^|-)[a-z]/gu, (letter) => letter.toUpperCase());
}
