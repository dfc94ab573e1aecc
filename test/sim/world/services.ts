// The services that tasks call: the real integrations, over a Lambda that answers as the seed says.
//
// Every attempt that is handed to an integration is written down before anything else happens to it.

import { createApi } from "../../../src/api/index.ts";
import type { Resource } from "../../../src/asl/index.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import { ServiceError } from "../../../src/base/service-error.ts";
import type { Limits } from "../../../src/engine/index.ts";
import {
  createIntegrations,
  type InvokeRequest,
  type InvokeResponse,
} from "../../../src/integrations/index.ts";
import type { Integration, ServiceClient, TaskCall } from "../../../src/integrations/integration.ts";
import type { EngineService, Runtime } from "../../../src/runtime/index.ts";
import type { Receipt } from "../checker/evidence.ts";
import type { Chance } from "../generate/chance.ts";
import type { Life } from "./scheduler.ts";
import { type Functions, momentOf, strikes, type World } from "./world.ts";

export class Services {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #limits: Limits;
  readonly #functions: Functions;
  #replies = 0;

  constructor(world: World, limits: Limits, functions: Functions) {
    this.#world = world;
    this.#chance = world.chanceFor("services");
    this.#limits = limits;
    this.#functions = functions;
  }

  /** The integrations of one process. `runtime` is there once calls are made. */
  of(life: Life, runtime: () => Runtime): (resource: Resource) => Integration | undefined {
    const receipts = new WeakMap<AbortSignal, Receipt>();
    const real = createIntegrations({
      lambda: { invoke: (request) => this.#invoke(life, request, receipts.get(request.signal)) },
      service: this.#client(runtime),
    });
    const wrapped = new Map<Integration, Integration>();
    return (resource) => {
      const integration = real(resource);
      if (integration === undefined) return undefined;
      let own = wrapped.get(integration);
      if (own === undefined) {
        own = this.#watched(life, integration, receipts);
        wrapped.set(integration, own);
      }
      return own;
    };
  }

  #watched(life: Life, integration: Integration, receipts: WeakMap<AbortSignal, Receipt>): Integration {
    const { resume } = integration;
    const note = (call: TaskCall, isResumed: boolean): TaskCall => {
      const { resource, executionArn, attemptId, parameters } = call;
      const receipt: Receipt = {
        executionArn,
        attemptId,
        life: life.number,
        resource: resource.arn,
        parameters: parameters.text,
        isResumed,
        at: momentOf(this.#world),
        durableTurns: this.#world.durableTurns(executionArn),
        reply: undefined,
        token: undefined,
      };
      this.#world.evidence.receipts.push(receipt);
      receipts.set(call.signal, receipt);
      return this.#submittedTwice(call);
    };
    return {
      call: async (call) => {
        const fault = this.#world.callFault();
        if (fault === "crash before") {
          this.#world.kill();
          return never();
        }
        const noted = note(call, false);
        if (fault === "error" || fault === "error for ever") throw new Error("connect ECONNREFUSED");
        if (strikes(this.#world, this.#chance, "integration throws", 0.07)) throw new Error("a bug of it");
        if (fault === "crash after") {
          // A start of a child needs a moment to be done.
          const afterMs = call.resource.arn.includes(":states:") ? this.#chance.from(1, 30) : 1;
          this.#world.scheduler.add(undefined, afterMs, "crash after a call", () => this.#world.kill());
        }
        const outcome = await integration.call(noted);
        if (fault === "done but reported as failed") throw new Error("socket hang up");
        return outcome;
      },
      ...(resume === undefined
        ? {}
        : { resume: async (call: TaskCall, submitted: boolean) => resume(note(call, true), submitted) }),
    };
  }

  /** An integration that says twice that a call was accepted. */
  #submittedTwice(call: TaskCall): TaskCall {
    if (!this.#chance.likely(0.4)) return call;
    return {
      resource: call.resource,
      parameters: call.parameters,
      executionArn: call.executionArn,
      stateMachineArn: call.stateMachineArn,
      attemptId: call.attemptId,
      region: call.region,
      account: call.account,
      signal: call.signal,
      submitted: async (output) => {
        const isTwice = strikes(this.#world, this.#chance, "call submitted twice", 1);
        await Promise.all([call.submitted(output), ...(isTwice ? [call.submitted(output)] : [])]);
      },
    };
  }

  #client(runtime: () => Runtime): ServiceClient {
    // The operations that nested executions need go through the real API, without HTTP.
    const engine: EngineService = {
      get catalog() {
        return runtime().catalog;
      },
      get executions() {
        return runtime().executions;
      },
      get mapRuns() {
        return runtime().mapRuns;
      },
      get express() {
        return runtime().express;
      },
      get tasks() {
        return runtime().tasks;
      },
      get tests() {
        return runtime().tests;
      },
      now: () => runtime().now(),
      statistics: () => runtime().statistics(),
    };
    const api = createApi(engine, {
      limits: this.#limits,
      region: "us-east-1",
      account: "123456789012",
      forceAccount: undefined,
      forceRegion: undefined,
    });
    const caller = { region: "us-east-1", account: "123456789012" };
    return {
      call: async (operation, input, signal) => {
        try {
          return await api.call(operation, input, caller, signal);
        } catch (error) {
          if (!(error instanceof ServiceError)) throw error;
          // A request id of the seed, where the integration would make one up.
          const members: JsonObject = { ...error.members, requestId: `request-${this.#chance.word32()}` };
          throw new ServiceError(error.code, error.message, members, error.status);
        }
      },
      waitForEnd: (arn, signal) => runtime().executions.waitForEnd(arn, signal),
    };
  }

  #invoke(life: Life, request: InvokeRequest, receipt: Receipt | undefined): Promise<InvokeResponse> {
    const { scheduler } = this.#world;
    const { promise, resolve, reject } = Promise.withResolvers<InvokeResponse>();
    const token = tokenIn(request.payload);
    if (receipt !== undefined) receipt.token = token;
    const { afterMs, answer } = this.#functions.invoke(request, token);
    if (receipt !== undefined && answer.kind === "body")
      receipt.reply =
        answer.functionError === undefined ? { kind: "output", text: answer.body } : { kind: "other" };
    this.#replies += 1;
    const requestId = `r${this.#replies}`;
    scheduler.add(life, afterMs, "function answers", () => {
      if (answer.kind === "throws") return reject(answer.error);
      resolve({
        statusCode: 200,
        requestId,
        executedVersion: "$LATEST",
        payload: answer.body,
        headers: { "content-type": "application/json" },
        ...(answer.functionError === undefined ? {} : { functionError: answer.functionError }),
      });
    });
    return promise;
  }
}

function tokenIn(payload: string): string | undefined {
  return /"token":"([^"]+)"/u.exec(payload)?.[1];
}

function never<T>(): Promise<T> {
  return new Promise(() => undefined);
}
