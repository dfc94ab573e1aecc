export { folderStore } from "./folder-store.ts";
export { NoObjects } from "./no-objects.ts";
export type { ObjectStore } from "./object-store.ts";
export { S3Store } from "./s3-store.ts";
