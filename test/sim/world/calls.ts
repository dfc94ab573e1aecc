// Calls of the running engine over a network that breaks: sent, perhaps refused, answered or lost.

import { ServiceError } from "../../../src/base/service-error.ts";
import type { Runtime } from "../../../src/runtime/index.ts";
import type { Answer, Call, Request } from "../checker/evidence.ts";
import type { Chance } from "../generate/chance.ts";
import { momentOf, type World } from "./world.ts";

/**
 * Sends the request, and returns what becomes of it; `then` is told how it ended, if it ends.
 *
 * @param work What it asks of the engine that receives it.
 */
export function send(
  world: World,
  chance: Chance,
  request: Request,
  work: (runtime: Runtime) => Promise<unknown>,
  then: (answer: Answer) => void = () => undefined,
): Call {
  const { scheduler, evidence, watch } = world;
  const call: Call = {
    id: evidence.calls.length,
    request,
    sent: momentOf(world),
    floor: "arn" in request ? watch.floorOf(request.arn) : undefined,
    answered: undefined,
    answer: undefined,
  };
  evidence.calls.push(call);
  const finish = (answer: Answer): void => {
    if (call.answer !== undefined) return;
    call.answer = answer;
    call.answered = momentOf(world);
    scheduler.note(`${request.operation} ${answer.kind}`);
    try {
      watch.answered(call);
    } catch (problem) {
      world.problem ??= problem;
    }
    then(answer);
  };
  scheduler.add(undefined, chance.from(0, 3), request.operation, () => {
    const { server } = world;
    if (server === undefined || server.life.state !== "running") return finish({ kind: "refused" });
    const breaks = (): void => {
      scheduler.add(undefined, chance.from(0, 3), "connection breaks", () => finish({ kind: "lost" }));
    };
    server.breaking.add(breaks);
    const deliver = (answer: Answer): void => {
      scheduler.add(server.life, chance.from(0, 3), "answer", () => {
        server.breaking.delete(breaks);
        finish(answer);
      });
    };
    work(server.runtime).then(
      (value) => deliver({ kind: "ok", value }),
      (error: unknown) => {
        deliver(errorOf(error));
      },
    );
  });
  return call;
}

/** Whether the caller may try again, not knowing what became of it. */
export function isUnanswered(answer: Answer): boolean {
  if (answer.kind === "error")
    return answer.code === "ServiceUnavailable" || answer.code === "ThrottlingException";
  return answer.kind !== "ok";
}

/** The API answers what is no ServiceError with a 500: right where the store has failed, else a bug. */
function errorOf(error: unknown): Answer {
  if (error instanceof ServiceError) return { kind: "error", code: error.code, message: error.message };
  if (!(error instanceof Error)) return { kind: "error", code: "Bug", message: String(error) };
  if (STORE_FAILURES.has(error.name))
    return { kind: "error", code: "ServiceUnavailable", message: error.message };
  return { kind: "error", code: "Bug", message: error.stack ?? error.message };
}

export const STORE_FAILURES: ReadonlySet<string> = new Set(["OutcomeUnknown", "StorageFull", "StaleEpoch"]);
