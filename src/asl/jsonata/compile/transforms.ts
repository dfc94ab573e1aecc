// Transforms: `payload ~> |orders[open]|{'late': true}, ['draft']|`. A function that gives a changed copy.
//
// Invariants
//   X1. Only objects of the copy are changed. A pattern may well select others (through a variable): those belong
//       to somebody else, and stay as they are.
//
// Spec: https://docs.jsonata.org/other-operators#-------transform

import type { TransformNode } from "../ast.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { Signature } from "../signature.ts";
import { JsonataFunction, type Value, apply, isArray, isObject, setMember } from "../values.ts";
import type { Compile, Evaluate, Frame, Scope } from "./scope.ts";

const SIGNATURE: Signature = new Signature("<(oa):o>");

interface Parts {
  readonly clone: Evaluate;
  readonly pattern: Evaluate;
  readonly update: Evaluate;
  readonly remove: Evaluate | undefined;
  readonly node: TransformNode;
}

export function compileTransform(node: TransformNode, scope: Scope, compile: Compile): Evaluate {
  const parts: Parts = {
    clone: scope.reader("clone"),
    pattern: compile(node.pattern, scope),
    update: compile(node.update, scope),
    remove: node.delete === undefined ? undefined : compile(node.delete, scope),
    node,
  };
  return (_input, frame) => new Transform(parts, frame);
}

class Transform extends JsonataFunction {
  readonly arity = 1;
  readonly #parts: Parts;
  readonly #frame: Frame;

  constructor(parts: Parts, frame: Frame) {
    super(SIGNATURE);
    this.#parts = parts;
    this.#frame = frame;
  }

  call(args: readonly Value[], run: Run): Value {
    const [original] = args;
    if (original === undefined) return undefined;
    const { clone, pattern, node } = this.#parts;
    const cloner = clone(undefined, this.#frame, run);
    if (!(cloner instanceof JsonataFunction)) throw new JsonataError("T2013", { position: node.position });
    const copy = apply(cloner, [original], null, run);
    const found = pattern(copy, this.#frame, run);
    if (found === undefined) return copy;
    const own = objectsIn(copy, run);
    for (const match of isArray(found) ? found : [found]) this.#change(match, own, run);
    return copy;
  }

  #change(match: Value, own: ReadonlySet<Value>, run: Run): void {
    const { update, remove, node } = this.#parts;
    const changes = update(match, this.#frame, run);
    const isOwn = isObject(match) && own.has(match);
    if (changes !== undefined) {
      if (!isObject(changes)) {
        throw new JsonataError("T2011", { value: changes, position: node.update.position });
      }
      const entries = Object.entries(changes);
      if (entries.length > 0 && (typeof match !== "object" || match === null)) {
        throw new JsonataError("T2014", { value: match, position: node.position });
      }
      run.spend(1 + entries.length);
      if (isOwn) for (const [key, value] of entries) setMember(match, key, value);
    }
    if (remove === undefined) return;
    const deletions = remove(match, this.#frame, run);
    if (deletions === undefined) return;
    const keys = isArray(deletions) ? deletions : [deletions];
    run.spend(1 + keys.length);
    for (const key of keys) {
      if (typeof key !== "string") {
        throw new JsonataError("T2012", { value: deletions, position: node.delete?.position });
      }
    }
    if (isOwn) for (const key of keys) Reflect.deleteProperty(match, key as string);
  }
}

/** All objects of a value that was just copied (X1). */
function objectsIn(value: Value, run: Run): ReadonlySet<Value> {
  const objects = new Set<Value>();
  const visit = (each: Value): void => {
    run.spend(1);
    if (isArray(each)) {
      for (const item of each) visit(item);
    } else if (isObject(each) && !objects.has(each)) {
      objects.add(each);
      for (const member of Object.values(each)) visit(member);
    }
  };
  visit(value);
  return objects;
}
