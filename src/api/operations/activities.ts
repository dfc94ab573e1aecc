// Activities, and the answers that workers give by task token.

import { jsonEquals, Payload } from "../../base/json.ts";
import type { JsonObject } from "../../base/json.ts";
import { ServiceError } from "../../base/service-error.ts";
import type { Activity, EngineService } from "../../runtime/interface.ts";
import { parseActivityArn, toActivityArn } from "../arns.ts";
import { checkName } from "../names.ts";
import type { Call, Operations } from "./call.ts";
import { requiredText, structureOf, textOf, wireTime } from "./call.ts";
import { checkData } from "./data.ts";
import { listPage } from "./list-page.ts";
import { toEncryptionConfiguration } from "./settings.ts";
import { newTags } from "./tags.ts";

type ActivityOperation =
  | "CreateActivity"
  | "DeleteActivity"
  | "DescribeActivity"
  | "ListActivities"
  | "GetActivityTask"
  | "SendTaskSuccess"
  | "SendTaskFailure"
  | "SendTaskHeartbeat";

export const activityOperations: Pick<Operations, ActivityOperation> = {
  CreateActivity: createActivity,
  DeleteActivity: deleteActivity,
  DescribeActivity: describeActivity,
  ListActivities: listActivities,
  GetActivityTask: getActivityTask,
  SendTaskSuccess: sendTaskSuccess,
  SendTaskFailure: sendTaskFailure,
  SendTaskHeartbeat: sendTaskHeartbeat,
};

/** Waits for a task; answers with nothing when none came in time. */
async function getActivityTask(call: Call): Promise<JsonObject> {
  const { request, engine, settings } = call;
  const arn = parseActivityArn(requiredText(request, "activityArn"));
  await existing(engine, arn);
  const waiting = new AbortController();
  const stop = (): void => waiting.abort();
  const timer = setTimeout(stop, settings.activityPollMs);
  call.signal.addEventListener("abort", stop);
  if (call.signal.aborted) stop();
  try {
    const task = await engine.tasks.poll(arn, textOf(request, "workerName"), waiting.signal);
    return task ? { taskToken: task.taskToken, input: task.input } : {};
  } finally {
    clearTimeout(timer);
    call.signal.removeEventListener("abort", stop);
  }
}

/** Idempotent by name: other tags are ignored, another encryption is refused. */
async function createActivity({ request, caller, engine }: Call): Promise<JsonObject> {
  const name = requiredText(request, "name");
  checkName(name);
  const arn = toActivityArn(caller, name);
  const tags = newTags(request, arn);
  const encryptionConfiguration = toEncryptionConfiguration(structureOf(request, "encryptionConfiguration"));
  const wanted: Activity = { arn, name, createdAtMs: engine.now(), encryptionConfiguration };
  const { activity } = await engine.catalog.createActivity(wanted, tags);
  if (!jsonEquals(activity.encryptionConfiguration, encryptionConfiguration)) {
    throw new ServiceError("ActivityAlreadyExists", `Activity Already Exists: '${arn}'`);
  }
  return { activityArn: activity.arn, creationDate: wireTime(activity.createdAtMs) };
}

async function deleteActivity({ request, engine }: Call): Promise<JsonObject> {
  await engine.catalog.deleteActivity(parseActivityArn(requiredText(request, "activityArn")));
  return {};
}

async function describeActivity({ request, engine }: Call): Promise<JsonObject> {
  const activity = await existing(engine, parseActivityArn(requiredText(request, "activityArn")));
  return {
    activityArn: activity.arn,
    name: activity.name,
    creationDate: wireTime(activity.createdAtMs),
    encryptionConfiguration: activity.encryptionConfiguration,
  };
}

function listActivities(call: Call): Promise<JsonObject> {
  return listPage(call, {
    prefix: toActivityArn(call.caller, ""),
    member: "activities",
    list: (afterArn, limit) => call.engine.catalog.listActivities(afterArn, limit),
    show: ({ arn, name, createdAtMs }) => ({ activityArn: arn, name, creationDate: wireTime(createdAtMs) }),
  });
}

async function sendTaskSuccess({ request, engine, settings }: Call): Promise<JsonObject> {
  const output = requiredText(request, "output");
  const problem = checkData(output, settings.limits);
  if (problem !== undefined) throw new ServiceError("InvalidOutput", `Invalid Output: '${problem}'`);
  await engine.tasks.succeed(requiredText(request, "taskToken"), Payload.ofText(output));
  return {};
}

async function sendTaskFailure({ request, engine }: Call): Promise<JsonObject> {
  await engine.tasks.fail(
    requiredText(request, "taskToken"),
    textOf(request, "error"),
    textOf(request, "cause"),
  );
  return {};
}

async function sendTaskHeartbeat({ request, engine }: Call): Promise<JsonObject> {
  await engine.tasks.heartbeat(requiredText(request, "taskToken"));
  return {};
}

async function existing(engine: EngineService, arn: string): Promise<Activity> {
  const activity = await engine.catalog.getActivity(arn);
  if (!activity) throw new ServiceError("ActivityDoesNotExist", `Activity Does Not Exist: '${arn}'`);
  return activity;
}
