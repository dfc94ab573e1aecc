// Races about versions and aliases: their numbers, their routes, their machine's deletion, the pages that list them.

import type { JsonObject } from "../../../src/base/json.ts";
import type { Arena } from "./arena.ts";
import { answerOf, type Asked, Callers, itemsOf, operate } from "./callers.ts";
import { type Action, qualifierOf, type Routes } from "./machine-model.ts";
import {
  check,
  codeOf,
  createActivity,
  isOk,
  isLost,
  MACHINE,
  perhapsCrash,
  type Race,
  valueOf,
} from "./race.ts";

const ALIAS = "live";

/** A machine with so many versions: version n has mark n. */
async function withVersions(arena: Arena, count: number): Promise<Callers> {
  await createActivity(arena);
  const callers = new Callers(arena);
  await callers.alone({ kind: "create", mark: 0 });
  for (let mark = 1; mark <= count; mark++) await callers.alone({ kind: "update", mark, publish: true });
  return callers;
}

/** In a quarter of the races nothing is in memory when they begin. */
async function perhapsCold(arena: Arena): Promise<void> {
  if (arena.chance.likely(0.25)) await arena.restart();
}

/** Everybody was answered. Half of the time after a crash what is then read has survived another one. */
async function restarted(arena: Arena, isCrashing: boolean): Promise<void> {
  await arena.settle();
  if (isCrashing && arena.chance.likely(0.5)) await arena.restart();
}

const numbers: Race = {
  name: "publishing, updates and deletions of versions",
  invariants: "I22 I23 I25",
  ways: ["a new number", "several new numbers", "none"],
  async play(arena) {
    const { chance } = arena;
    const callers = await withVersions(arena, 2);
    await perhapsCold(arena);
    let mark = 10;
    for (let i = 0; i < 3; i++) {
      if (chance.likely(0.5)) callers.ask({ kind: "publish", isFirstRevision: chance.likely(0.2) });
      else callers.ask({ kind: "update", mark: mark++, publish: chance.likely(0.7) });
    }
    for (let i = 0; i < 3; i++) callers.ask({ kind: "deleteVersion", number: chance.from(1, 4) });
    callers.ask({ kind: "publish", isFirstRevision: false });
    callers.ask({ kind: "listVersions" });
    const isCrashing = perhapsCrash(arena);
    await restarted(arena, isCrashing);
    await callers.readAll([]);
    await callers.alone({ kind: "update", mark, publish: true });
    await callers.alone({ kind: "listVersions" });
    await callers.explain();
    const given = checkNumbers(callers.asked);
    // The last one is given out in every race, and 1 and 2 where they were seen at all.
    return given <= 3 ? "none" : given === 4 ? "a new number" : "several new numbers";
  },
};

/**
 * A number is given out once: to one version. (The model holds this too, in the order that it finds; this needs none.)
 * Returns how many there were.
 */
function checkNumbers(asked: readonly Asked[]): number {
  const dates = new Map<string, string>();
  for (const { call } of asked) {
    if (!isOk(call)) continue;
    const output = valueOf(call);
    for (const version of [output, ...itemsOf(output, "stateMachineVersions")]) {
      const { stateMachineVersionArn, creationDate } = version as { readonly [name: string]: unknown };
      if (stateMachineVersionArn === undefined || creationDate === undefined) continue;
      const number = qualifierOf(stateMachineVersionArn);
      const date = JSON.stringify(creationDate);
      const known = dates.get(number) ?? date;
      check("I23", known === date, () => `${number} was given out twice: ${known}, ${date}`);
      dates.set(number, known);
    }
  }
  return dates.size;
}

const ROUTES: readonly Routes[] = [
  [[1, 100]],
  [[2, 100]],
  [
    [1, 50],
    [2, 50],
  ],
  [
    [2, 90],
    [3, 10],
  ],
  [
    [3, 100],
    [1, 0],
  ],
];

const routes: Race = {
  name: "starts through an alias while it is sent elsewhere",
  invariants: "I22 I23 I25 I26",
  ways: ["one version", "two versions", "three versions"],
  async play(arena) {
    const { chance } = arena;
    const callers = await withVersions(arena, 3);
    await callers.alone({ kind: "createAlias", name: ALIAS, routes: [[1, 100]] });
    await perhapsCold(arena);
    for (let i = 0; i < 3; i++)
      callers.ask({ kind: "updateAlias", name: ALIAS, routes: chance.pick(ROUTES) });
    for (let i = 0; i < 5; i++) callers.ask({ kind: "start", name: `x${i}`, qualifier: ALIAS });
    if (chance.likely(0.3)) callers.ask({ kind: "update", mark: 10, publish: true });
    callers.ask({ kind: "describeAlias", name: ALIAS });
    const isCrashing = perhapsCrash(arena);
    await restarted(arena, isCrashing);
    await callers.readAll([ALIAS]);
    const executions = await callers.explain();
    const seen = new Set<number>();
    for (const { mark } of executions.values()) seen.add(mark);
    await callers.finish(executions.values());
    return seen.size <= 1 ? "one version" : seen.size === 2 ? "two versions" : "three versions";
  },
};

const references: Race = {
  name: "deletions of versions that aliases come, move and go for",
  invariants: "I22 I23 I25 I26",
  ways: ["refused", "deleted", "neither"],
  async play(arena) {
    const { chance } = arena;
    const callers = await withVersions(arena, 3);
    await callers.alone({ kind: "createAlias", name: ALIAS, routes: [[1, 100]] });
    await perhapsCold(arena);
    for (let i = 0; i < 3; i++) callers.ask({ kind: "deleteVersion", number: chance.from(1, 3) });
    for (let i = 0; i < 3; i++) {
      const name = chance.pick([ALIAS, "next"]);
      const kind = chance.pick(["createAlias", "updateAlias", "deleteAlias"] as const);
      callers.ask(kind === "deleteAlias" ? { kind, name } : { kind, name, routes: chance.pick(ROUTES) });
    }
    for (let i = 0; i < 3; i++) {
      const qualifier = chance.pick([ALIAS, "next", "1", "2", "3"]);
      callers.ask({ kind: "start", name: `x${i}`, qualifier });
    }
    const isCrashing = perhapsCrash(arena);
    await restarted(arena, isCrashing);
    await callers.readAll([ALIAS, "next"]);
    const executions = await callers.explain();
    await callers.finish(executions.values());
    const deletions = callers.asked.filter(({ action }) => action.kind === "deleteVersion");
    if (deletions.some(({ call }) => codeOf(call) === "ConflictException")) return "refused";
    return deletions.some(({ call }) => isOk(call)) ? "deleted" : "neither";
  },
};

const machineDeletion: Race = {
  name: "a machine's deletion while it is started, published and made anew",
  invariants: "I22 I23 I25 I26 I31",
  ways: ["made anew", "gone", "still there"],
  async play(arena) {
    const { chance } = arena;
    const callers = await withVersions(arena, 1);
    await callers.alone({ kind: "createAlias", name: ALIAS, routes: [[1, 100]] });
    await callers.alone({ kind: "start", name: "before" });
    await perhapsCold(arena);
    callers.ask({ kind: "delete" });
    if (chance.likely(0.7)) callers.ask({ kind: "create", mark: 20 });
    if (chance.likely(0.2)) callers.ask({ kind: "delete" });
    // Without a qualifier versions and aliases stay unread.
    const qualifiers = chance.likely(0.4) ? [undefined] : [undefined, ALIAS, "1"];
    for (let i = 0; i < 4; i++) {
      const qualifier = chance.pick(qualifiers);
      callers.ask({ kind: "start", name: `x${i}`, ...(qualifier === undefined ? {} : { qualifier }) });
    }
    if (chance.likely(0.6)) callers.ask({ kind: "publish", isFirstRevision: false });
    if (chance.likely(0.6)) callers.ask({ kind: "createAlias", name: "next", routes: [[1, 100]] });
    if (chance.likely(0.6)) callers.ask({ kind: "listVersions" });
    const isCrashing = perhapsCrash(arena);
    await restarted(arena, isCrashing);
    await callers.readAll([ALIAS, "next"]);
    await callers.explain();
    const last = callers.asked.findLast(({ action }) => action.kind === "describe");
    const mark = last === undefined ? undefined : answerOf(last);
    await allAborted(callers, mark);
    await callers.finish((await callers.started()).values());
    if (mark === "20") return "made anew";
    return mark === "StateMachineDoesNotExist" ? "gone" : "still there";
  },
};

/** Soon nothing runs any more but executions of the machine that is there now. */
async function allAborted(callers: Callers, mark: string | undefined): Promise<void> {
  for (let looks = 0; ; looks++) {
    const left = [...(await callers.started())].filter(
      ([, started]) => started.row.status === "RUNNING" && String(started.mark) !== mark,
    );
    if (left.length === 0) return;
    const names = left.map(([name]) => name).join();
    check("I31", looks < 30, () => `of a machine that was deleted there still run: ${names}`);
  }
}

interface Listing {
  readonly operation: string;
  readonly member: string;
  readonly arnName: string;
  readonly input: JsonObject;
}

const VERSIONS: Listing = {
  operation: "ListStateMachineVersions",
  member: "stateMachineVersions",
  arnName: "stateMachineVersionArn",
  input: { stateMachineArn: MACHINE, maxResults: 2 },
};
const ALIASES: Listing = {
  operation: "ListStateMachineAliases",
  member: "stateMachineAliases",
  arnName: "stateMachineAliasArn",
  input: { stateMachineArn: MACHINE, maxResults: 2 },
};
const EXECUTIONS: Listing = {
  operation: "ListExecutions",
  member: "executions",
  arnName: "executionArn",
  input: { stateMachineArn: `${MACHINE}:${ALIAS}`, maxResults: 2 },
};

interface Listed {
  /** What the ARNs end with, in the order of the pages. */
  readonly names: readonly string[];
  readonly pages: number;
  readonly sent: number;
  readonly answered: number;
}

const pages: Race = {
  name: "pages of versions, aliases and executions while these come and go",
  invariants: "I22 I25",
  ways: ["versions", "aliases", "executions"],
  async play(arena) {
    const { chance } = arena;
    const callers = await withVersions(arena, 5);
    await callers.alone({ kind: "createAlias", name: ALIAS, routes: [[1, 100]] });
    for (const name of ["a", "b", "c"])
      await callers.alone({ kind: "createAlias", name, routes: [[chance.from(1, 2), 100]] });
    for (const name of ["x0", "x1", "x2"]) await callers.alone({ kind: "start", name, qualifier: ALIAS });
    await perhapsCold(arena);
    for (let mark = 10; mark < 13; mark++) callers.ask({ kind: "update", mark, publish: true });
    for (let i = 0; i < 2; i++) callers.ask({ kind: "deleteVersion", number: chance.from(3, 6) });
    for (const name of ["d", "e"]) callers.ask({ kind: "createAlias", name, routes: [[1, 100]] });
    callers.ask({ kind: "deleteAlias", name: chance.pick(["a", "b", "c", "d"]) });
    for (const name of ["y0", "y1"]) callers.ask({ kind: "start", name, qualifier: ALIAS });
    perhapsCrash(arena);
    const way = chance.pick(["versions", "aliases", "executions"]);
    const listing = { versions: VERSIONS, aliases: ALIASES, executions: EXECUTIONS }[way] ?? VERSIONS;
    const listed = await readPages(arena, listing);
    await arena.settle();
    checkListed(callers.asked, listing, listed);
    if (way === "versions") {
      const inOrder = listed.names.every((name, i) => i === 0 || Number(name) < Number(listed.names[i - 1]));
      check("I25", inOrder, () => `not newest first: ${listed.names.join()}`);
    }
    return way;
  },
};

/** One page after the other; a page that is lost is asked for again. */
async function readPages(arena: Arena, { operation, member, arnName, input }: Listing): Promise<Listed> {
  const names: string[] = [];
  let sent: number | undefined;
  let count = 0;
  for (let nextToken: JsonObject = {}; ; ) {
    const page = await arena.answered(
      arena.call(arena.chance.from(0, 4), (runtime) =>
        operate(runtime, operation, { ...input, ...nextToken }),
      ),
    );
    sent ??= page.sent ?? 0;
    if (isLost(page)) continue;
    check("I25", isOk(page), () => `a page was refused: ${codeOf(page)}`);
    const output = valueOf(page);
    const items = itemsOf(output, member);
    count += 1;
    names.push(...items.map((item) => String(item[arnName]).split(":").at(-1) ?? ""));
    const token = output["nextToken"];
    if (token === undefined) return { names, pages: count, sent, answered: page.answered ?? 0 };
    check("I25", items.length === 2, () => `a page of ${items.length} has a next one`);
    nextToken = { nextToken: token };
  }
}

/** Nothing twice; all that was there throughout; nothing that was not there at any time. */
function checkListed(
  asked: readonly Asked[],
  { member }: Listing,
  { names, pages: count, sent, answered }: Listed,
): void {
  check("I25", count > 1, () => "there was one page only");
  check("I25", new Set(names).size === names.length, () => `listed twice: ${names.join()}`);
  const comings = asked.flatMap(({ action, call }) => {
    const name = comingName(action, isOk(call) ? valueOf(call) : undefined, member);
    return name === undefined ? [] : [{ name, call }];
  });
  const goings = asked.filter(({ action }) => goingName(action, member) !== undefined);
  for (const { name, call } of comings) {
    if (!isOk(call) || (call.answered ?? 0) >= sent) continue;
    const mayBeGone = goings.some(
      (going) => goingName(going.action, member) === name && (going.call.sent ?? 0) <= answered,
    );
    check("I25", mayBeGone || names.includes(name), () => `${name} is missing in ${names.join()}`);
  }
  for (const name of names) {
    const known = comings.find((coming) => coming.name === name);
    // A number that came with a lost answer is known to nobody.
    const mayBeThere = known === undefined ? member === VERSIONS.member : (known.call.sent ?? 0) <= answered;
    check("I25", mayBeThere, () => `${name} is listed and was not there`);
    const gone = goings.find(
      ({ action, call }) => goingName(action, member) === name && isOk(call) && (call.answered ?? 0) < sent,
    );
    const cameAgain = known !== undefined && (known.call.answered ?? 0) > (gone?.call.sent ?? 0);
    check("I22", gone === undefined || cameAgain, () => `${name} is listed and was deleted`);
  }
}

function comingName(action: Action, output: JsonObject | undefined, member: string): string | undefined {
  if (member === VERSIONS.member)
    return output !== undefined && "stateMachineVersionArn" in output
      ? qualifierOf(output["stateMachineVersionArn"])
      : undefined;
  const kind = member === ALIASES.member ? "createAlias" : "start";
  return action.kind === kind ? action.name : undefined;
}

function goingName(action: Action, member: string): string | undefined {
  if (member === VERSIONS.member && action.kind === "deleteVersion") return String(action.number);
  return member === ALIASES.member && action.kind === "deleteAlias" ? action.name : undefined;
}

export const VERSION_RACES: readonly Race[] = [numbers, routes, references, machineDeletion, pages];
