// Those who have a task token: they answer it in time, late, twice, not at all, and try tokens that nobody gave them.

import { Payload } from "../../../src/base/json.ts";
import type { Runtime } from "../../../src/runtime/index.ts";
import type { Request } from "../checker/evidence.ts";
import type { Chance } from "../generate/chance.ts";
import { isUnanswered, send } from "./calls.ts";
import { strikes, type World } from "./world.ts";

/** Somebody received the token and does something about it. */
export function workOn(world: World, chance: Chance, token: string): void {
  const { scheduler } = world;
  let atMs = chance.likely(0.2) ? 0 : chance.from(0, 4_000);
  if (strikes(world, chance, "worker silent", 0.15)) return;
  if (chance.likely(0.5)) {
    const beats = chance.from(1, 4);
    for (let beat = 0; beat < beats; beat++) {
      scheduler.add(undefined, atMs, "worker", () => heartbeat(world, chance, token));
      atMs += chance.from(500, 3_000);
    }
  }
  scheduler.add(undefined, atMs, "worker", () => complete(world, chance, token, 5));
  if (strikes(world, chance, "token used twice", 0.2)) {
    const again = chance.likely(0.5) ? atMs : atMs + chance.from(1, 5_000);
    scheduler.add(undefined, again, "worker", () => complete(world, chance, token, 0));
  }
  if (strikes(world, chance, "token forged", 0.3)) {
    scheduler.add(undefined, chance.from(0, 5_000), "worker", () =>
      succeed(world, chance, forged(chance, token), true, 0),
    );
  }
}

function complete(world: World, chance: Chance, token: string, tries: number): void {
  if (chance.likely(0.75)) return succeed(world, chance, token, false, tries);
  const error = chance.pick(["WorkerSaysNo", "Busy", "WorkerSaysNo", undefined]);
  fail(world, chance, token, error, chance.likely(0.5) ? `because ${chance.from(0, 999)}` : undefined, tries);
}

/** A worker that got no answer tries again, so many times: its first try may have been taken. */
export function succeed(world: World, chance: Chance, token: string, isForged: boolean, tries: number): void {
  const output = JSON.stringify({ answer: chance.from(0, 1_000_000), ok: true });
  const request = { operation: "SendTaskSuccess", token, output, isForged } as const;
  const work = (runtime: Runtime): Promise<void> => runtime.tasks.succeed(token, Payload.ofText(output));
  sendUntilAnswered(world, chance, request, work, tries);
}

export function fail(
  world: World,
  chance: Chance,
  token: string,
  error: string | undefined,
  cause: string | undefined,
  tries: number,
): void {
  const request = { operation: "SendTaskFailure", token, error, cause } as const;
  const work = (runtime: Runtime): Promise<void> => runtime.tasks.fail(token, error, cause);
  sendUntilAnswered(world, chance, request, work, tries);
}

export function heartbeat(world: World, chance: Chance, token: string): void {
  const work = (runtime: Runtime): Promise<void> => runtime.tasks.heartbeat(token);
  send(world, chance, { operation: "SendTaskHeartbeat", token }, work);
}

export function sendUntilAnswered(
  world: World,
  chance: Chance,
  request: Request,
  work: (runtime: Runtime) => Promise<unknown>,
  tries: number,
  then: () => void = () => undefined,
): void {
  send(world, chance, request, work, (answer) => {
    if (!isUnanswered(answer)) return then();
    if (tries === 0) return;
    world.scheduler.add(undefined, 400, "again", () =>
      sendUntilAnswered(world, chance, request, work, tries - 1, then),
    );
  });
}

/** The token with one character changed, cut, or grown. */
function forged(chance: Chance, token: string): string {
  const place = chance.from(0, token.length - 1);
  const other = chance.pick("ABCxyz019+/".split("").filter((each) => each !== token[place]));
  const roll = chance.from(0, 3);
  if (roll === 0) return token.slice(0, place);
  if (roll === 1) return `${token.slice(0, place)}${other}${token.slice(place)}`;
  return `${token.slice(0, place)}${other}${token.slice(place + 1)}`;
}
