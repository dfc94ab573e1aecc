export type { Answered, Api, ApiOptions, Fault, Page } from "./api.ts";
export { createApi } from "./api.ts";
export type { AccessKey, Authenticator, KeySource } from "./auth/authenticator.ts";
export { createAuthenticator } from "./auth/authenticator.ts";
export { openCredentialsFile, parseCredentials } from "./auth/credentials-file.ts";
export type { Caller } from "./operations/call.ts";
export type { OperationName } from "./requests.ts";
export type { Listening, ListenOptions } from "./server.ts";
