// Spec: https://states-language.net/spec.html#parallel-state

import type { ParallelState } from "../../ast.ts";
import {
  ARGUMENTS,
  COMMON,
  INPUT_OUTPUT,
  PARAMETERS,
  RESULT,
  type StateSource,
  TRANSITION,
  checkTransition,
  headOf,
  readState,
} from "../common.ts";
import type { Reading } from "../reading.ts";
import { RETRY_CATCH } from "../retry-catch.ts";
import { listOf } from "../values.ts";

const PARALLEL = {
  ...COMMON,
  Branches: {
    required: true,
    read: listOf((value, place, reading) => reading.readBlock(value, place, reading), { allowEmpty: false }),
  },
  ...INPUT_OUTPUT,
  ...PARAMETERS,
  ...ARGUMENTS,
  ...RESULT,
  ...RETRY_CATCH,
  ...TRANSITION,
} as const;

export function readParallel(source: StateSource, reading: Reading): ParallelState | undefined {
  const { arguments: given, ...values } = readState(source, PARALLEL, reading);
  checkTransition(source, reading);
  if (values.branches === undefined) return undefined;
  return {
    ...headOf(source),
    type: "Parallel",
    retry: [],
    catch: [],
    ...values,
    ...(given === undefined ? {} : { parameters: given }),
    branches: values.branches,
  };
}
