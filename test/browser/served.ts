// A server as a process, behind a wire, with one state machine whose executions are looked at from outside.

import assert from "node:assert/strict";
import { call, freePort, ServerProcess } from "../crash/server.ts";
import { Wire } from "./wire.ts";

/** The headers of a start, as clients send them. */
export const START_HEADERS: Readonly<Record<string, string>> = {
  "Content-Type": "application/x-amz-json-1.0",
  "X-Amz-Target": "AWSStepFunctions.StartExecution",
};

export class Served {
  readonly wire: Wire;
  readonly stateMachineArn: string;
  readonly #server: ServerProcess;

  /** @param pages What the wire answers by itself. */
  static async start(
    serveArguments: readonly string[],
    pages?: ReadonlyMap<string, string>,
  ): Promise<Served> {
    const server = new ServerProcess(await freePort(), ["--memory", ...serveArguments]);
    await server.start();
    const definition = '{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}';
    const roleArn = "arn:aws:iam::000000000000:role/r";
    const { stateMachineArn } = await call(server.url, "CreateStateMachine", {
      name: "m",
      definition,
      roleArn,
    });
    return new Served(server, await Wire.to(server.url, pages), stateMachineArn as string);
  }

  private constructor(server: ServerProcess, wire: Wire, stateMachineArn: string) {
    this.#server = server;
    this.wire = wire;
    this.stateMachineArn = stateMachineArn;
  }

  async executionNames(): Promise<readonly string[]> {
    const { stateMachineArn } = this;
    const { executions } = await call(this.#server.url, "ListExecutions", { stateMachineArn });
    return (executions as readonly { readonly name: string }[]).map(({ name }) => name);
  }

  async close(): Promise<void> {
    await this.wire.close();
    assert.equal(await this.#server.stop(), 0, this.#server.errors);
  }
}
