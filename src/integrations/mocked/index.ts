// Mocked answers: what the tasks of a test case get in the place of real calls.

export { FileMocks, type Mocks, NO_MOCKS } from "./mocks.ts";
