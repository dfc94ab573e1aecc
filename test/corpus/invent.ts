// Data for a definition that nobody knows: what its own paths, conditions and numbers lead to expect.
//
// Every member that is named anywhere in a path is there at the top as well, and in the items of every list: a result may be
// put anywhere (ResultPath), and a path may begin anywhere (InputPath, a Map's items). What a Choice compares a member with is among the values that the member may have: polling loops end, and
// different seeds go different ways.

import { Random } from "../../src/base/random.ts";
import type { Json, JsonObject } from "../../src/base/json.ts";

export interface Inventor {
  /** An input or a result; another one each time. */
  readonly next: () => JsonObject;
  readonly random: Random;
}

interface Node {
  readonly members: Map<string, Node>;
  readonly values: Set<Json>;
  isList: boolean;
  /** Its value is a text that is parsed as JSON. */
  isJsonText: boolean;
}

const PATH =
  /(?<!\$)\$(?:states\.(?:input|result|errorOutput)|[A-Za-z_]\w*)?((?:\.[A-Za-z_][\w-]*|\[[^\]]*\])+)/gu;
const ITEM_PATH = /(?:\$\$|\$states\.context)\.Map\.Item\.Value((?:\.[A-Za-z_][\w-]*|\[[^\]]*\])+)/gu;
const STEP = /\.([A-Za-z_][\w-]*)|\[([^\]]*)\]/gu;

export function inventorOf(definition: string, seed: number): Inventor {
  const root = newNode();
  learn(JSON.parse(definition) as Json, root);
  const everywhere = new Map<string, Node>();
  gather(root, everywhere);
  // Small seeds begin with small numbers: the bits are spread.
  const spread = (factor: number): number => Math.imul(seed, factor) >>> 0;
  const random = new Random([spread(0x9e3779b9), spread(0x85ebca6b), spread(0xc2b2ae35), spread(0x27d4eb2f)]);
  return { next: () => objectOf(everywhere, { random, everywhere, depth: 2 }), random };
}

function newNode(): Node {
  return { members: new Map(), values: new Set(), isList: false, isJsonText: false };
}

/** All members of all levels; of those with the same name the one of which more is known. */
function gather(node: Node, everywhere: Map<string, Node>): void {
  for (const [name, member] of node.members) {
    const known = everywhere.get(name);
    if (
      known === undefined ||
      member.members.size + member.values.size > known.members.size + known.values.size
    )
      everywhere.set(name, member);
    gather(member, everywhere);
  }
}

/** Walks through the definition; `variable` is what the Choice rule around compares. */
function learn(value: Json, root: Node): void {
  if (typeof value === "string") {
    learnText(value, root);
  } else if (Array.isArray(value)) {
    for (const item of value) learn(item, root);
  } else if (value !== null && typeof value === "object") {
    const object = value as JsonObject;
    learnRule(object, root);
    for (const [key, inner] of Object.entries(object)) {
      if (typeof inner === "string" && (key === "ItemsPath" || key === "Items")) learnList(inner, root);
      if (typeof inner === "string" && /^(?:Seconds|TimeoutSeconds|HeartbeatSeconds)Path$/u.test(key))
        at(root, inner)?.values.add(1);
      if (typeof inner === "string" && key === "TimestampPath")
        at(root, inner)?.values.add("2026-01-02T03:04:06Z");
      learn(inner, root);
    }
  }
}

function learnRule(object: JsonObject, root: Node): void {
  const variable = object["Variable"];
  if (typeof variable !== "string") return;
  const node = at(root, variable);
  for (const [operator, operand] of Object.entries(object)) {
    if (!/^(?:String|Numeric|Boolean|Timestamp)(?!\w*Path$)/u.test(operator)) continue;
    node?.values.add(operand);
    // Also what is none of them: a loop goes on while something is RUNNING.
    if (typeof operand === "string") node?.values.add("text");
    if (typeof operand === "number") node?.values.add(operand + 1).add(operand - 1);
    if (typeof operand === "boolean") node?.values.add(!operand);
  }
}

function learnText(text: string, root: Node): void {
  for (const [, path] of text.matchAll(ITEM_PATH)) at(root, `$${path}`);
  for (const [, path = ""] of text.matchAll(/States\.StringToJson\((\$[\w.]*)\)|\$parse\((\$[\w.]+)\)/gu)) {
    const node = at(root, path);
    if (node !== undefined && node !== root) node.isJsonText = true;
  }
  for (const [, path = "", others = ""] of text.matchAll(/States\.Format\((\$[\w.]+)([^)]*)\)/gu))
    at(root, path)?.values.add("{} ".repeat(others.split(",").length - 1));
  for (const [path] of text.matchAll(PATH)) at(root, path);
  // Comparisons of JSONata: `$states.result.status = "DONE"`.
  for (const [, path = "", quoted, number] of text.matchAll(
    /(\$[\w.]+)\s*(?:!?=|in\s*\[)\s*(?:["']([^"']*)["']|(\d+))/gu,
  ))
    at(root, path)?.values.add(quoted ?? Number(number));
}

function learnList(path: string, root: Node): void {
  const node = at(root, path.replace(/^\{%\s*(\$[\w.]+).*$/su, "$1"));
  if (node !== undefined && node !== root) node.isList = true;
}

/** The node of a path, made if need be; undefined for what is no path of the data. */
function at(root: Node, path: string): Node | undefined {
  if (!path.startsWith("$") || path.startsWith("$$")) return undefined;
  const steps = path.replace(/^\$states\.(?:input|result|errorOutput)/u, "$");
  if (steps.startsWith("$states.context")) return undefined;
  let node = root;
  for (const [, name, subscript] of steps.matchAll(STEP)) {
    if (name === undefined) {
      const quoted = /^["'](.*)["']$/u.exec(subscript ?? "")?.[1];
      if (quoted === undefined) node.isList = true;
      else node = memberOf(node, quoted);
    } else {
      node = memberOf(node, name);
    }
  }
  return node;
}

function memberOf(node: Node, name: string): Node {
  let member = node.members.get(name);
  if (member === undefined) {
    member = newNode();
    node.members.set(name, member);
  }
  return member;
}

interface Building {
  readonly random: Random;
  readonly everywhere: ReadonlyMap<string, Node>;
  /** How often the members of everywhere are put into objects below. */
  readonly depth: number;
}

function build(node: Node, building: Building): Json {
  if (node.isJsonText) {
    const { everywhere, depth } = building;
    return depth < 0 ? "{}" : JSON.stringify(objectOf(everywhere, { ...building, depth: -1 }));
  }
  if (!node.isList) return buildOne(node, building);
  return [buildItem(node, building), buildItem(node, building)];
}

function buildOne(node: Node, building: Building): Json {
  if (node.members.size > 0) return objectOf(node.members, building);
  const values = [...node.values];
  return values[Math.floor(building.random.next01() * values.length)] ?? "text";
}

/** Of a list of which nothing is known: objects or texts. */
function buildItem(node: Node, building: Building): Json {
  const { everywhere, depth, random } = building;
  if (depth <= 0 || node.values.size > 0 || random.next01() < 0.3) return buildOne(node, building);
  return objectOf(new Map([...everywhere, ...node.members]), { ...building, depth: depth - 1 });
}

function objectOf(members: ReadonlyMap<string, Node>, building: Building): JsonObject {
  return Object.fromEntries([...members].map(([name, node]) => [name, build(node, building)]));
}
