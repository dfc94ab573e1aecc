// The operations that the service has and this version has not: they say so, in an error that no SDK repeats.

import type { Operation, Operations } from "./call.ts";
import { notAvailable } from "./call.ts";

const refuse: Operation = ({ operation }) => Promise.reject(notAvailable(operation));

type UnavailableOperation =
  | "CreateStateMachineAlias"
  | "DeleteStateMachineAlias"
  | "DeleteStateMachineVersion"
  | "DescribeMapRun"
  | "DescribeStateMachineAlias"
  | "PublishStateMachineVersion"
  | "RedriveExecution"
  | "StartSyncExecution"
  | "TestState"
  | "UpdateMapRun"
  | "UpdateStateMachineAlias";

export const unavailableOperations: Pick<Operations, UnavailableOperation> = {
  CreateStateMachineAlias: refuse,
  DeleteStateMachineAlias: refuse,
  DeleteStateMachineVersion: refuse,
  DescribeMapRun: refuse,
  DescribeStateMachineAlias: refuse,
  PublishStateMachineVersion: refuse,
  RedriveExecution: refuse,
  StartSyncExecution: refuse,
  TestState: refuse,
  UpdateMapRun: refuse,
  UpdateStateMachineAlias: refuse,
};
