// Tags of state machines and activities.

import { assert } from "../../base/assert.ts";
import type { JsonObject } from "../../base/json.ts";
import { isObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { EngineService, Tag } from "../../runtime/interface.ts";
import { checkServiceArn } from "../arns.ts";
import type { Call, Operations } from "./call.ts";
import { listOf, requiredText, textOf, validationFailed } from "./call.ts";

const MAX_TAGS = 50;
const TAG_TEXT = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

type TagOperation = "TagResource" | "UntagResource" | "ListTagsForResource";

/**
 * Changes of one resource's tags are made one after another (the catalog replaces all tags of a resource at once,
 * so two changes that both began with the same tags would lose one).
 */
export function tagOperations(): Pick<Operations, TagOperation> {
  const pending = new Map<string, Promise<unknown>>();

  async function change(call: Call, next: (tags: readonly Tag[]) => readonly Tag[]): Promise<JsonObject> {
    const arn = requiredText(call.request, "resourceArn");
    checkServiceArn(arn);
    const before = pending.get(arn) ?? Promise.resolve();
    const mine = before.then(async () => {
      await call.engine.catalog.setTags(arn, next(await tagsOf(call.engine, arn)));
    });
    // The next in line waits for this one, whatever becomes of it; the caller of this one gets the failure.
    const settled = mine.catch(() => undefined);
    pending.set(arn, settled);
    try {
      await mine;
    } finally {
      if (pending.get(arn) === settled) pending.delete(arn);
    }
    return {};
  }

  return {
    TagResource: (call) => {
      const arn = requiredText(call.request, "resourceArn");
      return change(call, (tags) => withinLimit([...tags, ...toTags(call.request)], arn));
    },
    UntagResource: (call) => {
      const keys = new Set(listOf(call.request, "tagKeys"));
      return change(call, (tags) => tags.filter(({ key }) => !keys.has(key)));
    },
    ListTagsForResource: async ({ request, engine }) => {
      const arn = requiredText(request, "resourceArn");
      checkServiceArn(arn);
      const tags = await tagsOf(engine, arn);
      return { tags: tags.map(({ key, value }) => ({ key, value })) };
    },
  };
}

/**
 * The tags of a request that creates `resourceName`.
 *
 * @throws ServiceError TooManyTags, ValidationException
 */
export function newTags(request: JsonObject, resourceName: string): readonly Tag[] {
  return withinLimit(toTags(request), resourceName);
}

/** Later tags replace earlier ones of the same key, in place. */
function withinLimit(tags: readonly Tag[], resourceName: string): readonly Tag[] {
  const byKey = new Map(tags.map((tag) => [tag.key, tag]));
  if (byKey.size > MAX_TAGS) {
    throw new ServiceError("TooManyTags", `Too many tags: at most ${MAX_TAGS} per resource`, {
      resourceName,
    });
  }
  return [...byKey.values()];
}

function toTags(request: JsonObject): readonly Tag[] {
  return (listOf(request, "tags") ?? []).map((tag) => {
    assert(isObject(tag), "a tag is not a structure");
    const key = requiredText(tag, "key");
    const value = textOf(tag, "value") ?? "";
    if (!TAG_TEXT.test(key) || !TAG_TEXT.test(value)) {
      throw validationFailed(
        `Invalid tag '${key}': tags may hold letters, digits, white space and the characters _ . : / = + - @ only.`,
      );
    }
    return { key, value };
  });
}

async function tagsOf(engine: EngineService, arn: string): Promise<readonly Tag[]> {
  const tags = await engine.catalog.getTags(arn);
  if (!tags)
    throw new ServiceError("ResourceNotFound", `Resource not found: '${arn}'`, { resourceName: arn });
  return tags;
}
