// Torture of a real server, for the command line and for the tests.

export { Answered, call, callOnce, Client, pause } from "./client.ts";
export { assertLooked, percentile, reportLines, spread } from "./report.ts";
export { freePort, ServerProcess } from "./server-process.ts";
export { torture, type TortureOptions, type TortureReport } from "./torture.ts";
