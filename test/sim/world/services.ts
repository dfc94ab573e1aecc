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
import { workOn } from "./workers.ts";
import { momentOf, strikes, type World } from "./world.ts";

export class Services {
  readonly #world: World;
  readonly #chance: Chance;
  readonly #limits: Limits;
  #replies = 0;

  constructor(world: World, limits: Limits) {
    this.#world = world;
    this.#chance = world.chanceFor("services");
    this.#limits = limits;
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
        own = this.#watched(integration, receipts);
        wrapped.set(integration, own);
      }
      return own;
    };
  }

  #watched(integration: Integration, receipts: WeakMap<AbortSignal, Receipt>): Integration {
    const { resume } = integration;
    const note = (call: TaskCall, isResumed: boolean): TaskCall => {
      const { resource, executionArn, attemptId, parameters } = call;
      const receipt: Receipt = {
        executionArn,
        attemptId,
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
        const noted = note(call, false);
        if (strikes(this.#world, this.#chance, "integration throws", 0.01)) throw new Error("a bug of it");
        return integration.call(noted);
      },
      ...(resume === undefined
        ? {}
        : { resume: async (call: TaskCall, submitted: boolean) => resume(note(call, true), submitted) }),
    };
  }

  /** An integration that says twice that a call was accepted. */
  #submittedTwice(call: TaskCall): TaskCall {
    if (!this.#chance.likely(0.1)) return call;
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
      get tasks() {
        return runtime().tasks;
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
    const world = this.#world;
    const chance = this.#chance;
    const { promise, resolve, reject } = Promise.withResolvers<InvokeResponse>();
    const token = tokenIn(request.payload);
    if (receipt !== undefined) receipt.token = token;
    if (token !== undefined) workOn(world, chance, token);
    let afterMs = chance.likely(0.7) ? chance.from(0, 40) : chance.from(0, 2_500);
    if (strikes(world, chance, "function late", 0.03)) afterMs = chance.from(5_000, 30_000);
    const answer = (work: () => void): void => {
      world.scheduler.add(life, afterMs, "function answers", work);
    };
    const respond = (payload: string, functionError?: string): void => {
      if (receipt !== undefined)
        receipt.reply = functionError === undefined ? { kind: "output", text: payload } : { kind: "other" };
      answer(() =>
        resolve({
          statusCode: 200,
          requestId: `r${this.#replies}`,
          executedVersion: "$LATEST",
          payload,
          headers: { "content-type": "application/json" },
          ...(functionError === undefined ? {} : { functionError }),
        }),
      );
    };
    this.#replies += 1;
    if (strikes(world, chance, "function lost", 0.02)) {
      // Somebody notices in the end: a function has a time limit of its own.
      afterMs = 60_000;
      respond('{"errorType":"Sandbox.Timedout","errorMessage":"it took too long"}', "Unhandled");
    } else if (strikes(world, chance, "function fails", 0.08)) {
      const errorType = chance.pick(["Busy", "Busy", "Broken"]);
      respond(JSON.stringify({ errorType, errorMessage: "no" }), chance.pick(["Unhandled", "Handled"]));
    } else if (strikes(world, chance, "function throttled", 0.02)) {
      answer(() =>
        reject(new ServiceError("TooManyRequestsException", "Rate Exceeded.", { requestId: "t" }, 429)),
      );
    } else if (strikes(world, chance, "function unreachable", 0.02)) {
      answer(() => reject(new Error("connect ECONNREFUSED")));
    } else if (strikes(world, chance, "function answers no JSON", 0.02)) {
      respond(chance.pick(["oops {", "", "not json at all"]));
    } else if (strikes(world, chance, "function answers too much", 0.02)) {
      respond(JSON.stringify("y".repeat(this.#limits.payloadBytes)));
    } else {
      respond(JSON.stringify({ nonce: this.#replies, n: chance.from(0, 5), list: [1, null, "z"] }));
    }
    return promise;
  }
}

function tokenIn(payload: string): string | undefined {
  return /"token":"([^"]+)"/u.exec(payload)?.[1];
}
