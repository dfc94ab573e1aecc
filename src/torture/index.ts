// Torture of a real server, for the command line and for the tests.

export { Answered, call, callOnce, pause } from "./client.ts";
export { assertLooked, reportLines } from "./report.ts";
export { freePort, ServerProcess } from "./server-process.ts";
export { torture, type TortureOptions, type TortureReport } from "./torture.ts";
