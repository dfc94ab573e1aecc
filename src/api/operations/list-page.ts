// One page of a list: of what the catalog lists by ascending ARN, restricted to the caller's region and account; or
// of what is at hand whole.

import type { JsonObject } from "../../base/json.ts";
import { issuePageToken, readPageToken, textPosition } from "../page-token.ts";
import type { Call } from "./call.ts";
import { pageSizeOf, textOf } from "./call.ts";

interface Listing<Resource> {
  /** What the ARNs of the caller's resources begin with. */
  readonly prefix: string;
  /** Name of the list in the answer. */
  readonly member: string;
  readonly list: (afterArn: string, limit: number) => Promise<readonly Resource[]>;
  readonly show: (resource: Resource) => JsonObject;
}

export async function listPage<Resource extends { readonly arn: string }>(
  call: Call,
  { prefix, member, list, show }: Listing<Resource>,
): Promise<JsonObject> {
  const { request, caller, engine, operation } = call;
  const question = { operation, scope: caller, request };
  const nowMs = engine.now();
  const afterArn = textPosition(readPageToken(question, textOf(request, "nextToken"), nowMs)) ?? prefix;
  const size = pageSizeOf(request);
  // One more than asked for tells whether there is a next page. The list goes on into other scopes: cut.
  const found = (await list(afterArn, size + 1)).filter(({ arn }) => arn.startsWith(prefix));
  const page = found.slice(0, size);
  const last = page.at(-1);
  return {
    [member]: page.map(show),
    ...(found.length > size && last ? { nextToken: issuePageToken(question, last.arn, nowMs) } : {}),
  };
}

interface Whole<Item> {
  readonly items: readonly Item[];
  /** Name of the list in the answer. */
  readonly member: string;
  /** Where an item is in the order, whether it is still there or not. */
  readonly positionOf: (item: Item) => string;
  readonly isAfter: (item: Item, position: string) => boolean;
  readonly show: (item: Item) => JsonObject;
}

export function pageOfWhole<Item>(
  call: Call,
  { items, member, positionOf, isAfter, show }: Whole<Item>,
): JsonObject {
  const { request, caller, engine, operation } = call;
  const question = { operation, scope: caller, request };
  const nowMs = engine.now();
  const position = textPosition(readPageToken(question, textOf(request, "nextToken"), nowMs));
  const size = pageSizeOf(request);
  const left = position === undefined ? items : items.filter((item) => isAfter(item, position));
  const page = left.slice(0, size);
  const last = page.at(-1);
  return {
    [member]: page.map(show),
    ...(left.length > size && last !== undefined
      ? { nextToken: issuePageToken(question, positionOf(last), nowMs) }
      : {}),
  };
}
