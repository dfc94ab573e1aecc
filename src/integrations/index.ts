export type { Integration, ServiceClient, TaskCall, TaskOutcome } from "./integration.ts";
export type { LambdaEndpointOptions } from "./lambda-endpoint.ts";
export { LambdaEndpoint } from "./lambda-endpoint.ts";
export type { InvokeRequest, InvokeResponse, LambdaInvoker } from "./lambda-invoker.ts";
export { FileMocks } from "./mocked/index.ts";
export type { IntegrationOptions } from "./registry.ts";
export { createIntegrations, NO_FUNCTIONS } from "./registry.ts";
export type { Credentials } from "./sigv4.ts";
export { credentialsOf, signParts } from "./sigv4.ts";
