// TestState: one state, run by the engine and looked at from inside.

export type { ErrorDetails, Mock, StateTestRequest, TestedState } from "./request.ts";
export { type Moment, type Pending, type PendingOutcome, StateTest, TESTED_NAME } from "./state-test.ts";
