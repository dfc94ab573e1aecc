// The operations that the service has and this version has not: they say so, in an error that no SDK repeats.

import type { Operation, Operations } from "./call.ts";
import { notAvailable } from "./call.ts";

const refuse: Operation = ({ operation }) => Promise.reject(notAvailable(operation));

type UnavailableOperation = "DescribeMapRun" | "UpdateMapRun";

export const unavailableOperations: Pick<Operations, UnavailableOperation> = {
  DescribeMapRun: refuse,
  UpdateMapRun: refuse,
};
