// Calls: `$f(1)`, `$f(?, 1)`, `value ~> $f`, and calls in tail position.
//
// Spec: https://docs.jsonata.org/programming

import type { ApplyNode, CallNode, LambdaNode, Node } from "../ast.ts";
import { JsonataError } from "../errors.ts";
import type { Run } from "../limits.ts";
import { JsonataFunction, TailCall, type Value, apply, located } from "../values.ts";
import { Composition, PLACEHOLDER, Partial, type PartialArgument, asArgument } from "./closures.ts";
import type { Compile, Evaluate, Frame, Scope } from "./scope.ts";

/** A call that may get a first argument from the left of `~>`. */
type Call = (input: Value, frame: Frame, run: Run, leading: readonly Value[]) => Value;

const NOTHING: readonly Value[] = [];

export function compileCall(node: CallNode, scope: Scope, compile: Compile): Evaluate {
  const call = compileLedCall(node, scope, compile);
  return (input, frame, run) => call(input, frame, run, NOTHING);
}

function compileLedCall(node: CallNode, scope: Scope, compile: Compile): Call {
  const procedure = compile(node.procedure, scope);
  const args = node.arguments.map((argument) => compile(argument, scope));
  const forgotten = compileForgotten(node, scope, "T1005");
  const token = tokenOf(node.procedure);
  const { position } = node;
  return (input, frame, run, leading) => {
    const target = procedure(input, frame, run);
    if (target === undefined) forgotten(frame, run);
    const values: Value[] = leading.length === 0 ? [] : leading.slice();
    for (let i = 0; i < args.length; i++) {
      const value = (args[i] as Evaluate)(input, frame, run);
      values.push(typeof value === "object" ? asArgument(value) : value);
    }
    try {
      return apply(target, values, input, run);
    } catch (fault) {
      throw located(fault, token, position);
    }
  };
}

/** Fails with a hint if a function was called by its name without the `$`. */
function compileForgotten(
  node: CallNode,
  scope: Scope,
  code: "T1005" | "T1007",
): (frame: Frame, run: Run) => void {
  const name = node.procedure.type === "path" ? tokenOf(node.procedure) : undefined;
  if (name === undefined) return () => undefined;
  const read = scope.reader(name);
  return (frame, run) => {
    const meant = read(undefined, frame, run);
    if (meant === undefined || meant === null || meant === false || meant === 0 || meant === "") return;
    throw new JsonataError(code, { token: name, position: node.position });
  };
}

/** The name that messages give to what is called. */
function tokenOf(procedure: Node): string | undefined {
  const named = procedure.type === "path" ? procedure.steps[0] : procedure;
  return named !== undefined && "value" in named && typeof named.value === "string" ? named.value : undefined;
}

/** The body of a thunk (closures.ts F2): everything is evaluated, only the call is left to do. */
export function compileTailCall(node: LambdaNode, scope: Scope, compile: Compile): Evaluate {
  const call = node.body;
  if (call.type !== "function") throw new JsonataError("S0206", { token: call.type });
  const procedure = compile(call.procedure, scope);
  const args = call.arguments.map((argument) => compile(argument, scope));
  const token = tokenOf(call.procedure);
  const position = call.position ?? 0;
  return (input, frame, run) => {
    const target = procedure(input, frame, run);
    const values: Value[] = [];
    for (let i = 0; i < args.length; i++) values.push((args[i] as Evaluate)(input, frame, run));
    return new TailCall(target, values, token, position);
  };
}

export function compilePartial(node: CallNode, scope: Scope, compile: Compile): Evaluate {
  const args = node.arguments.map((argument) =>
    argument.type === "operator" ? undefined : compile(argument, scope),
  );
  const procedure = compile(node.procedure, scope);
  const forgotten = compileForgotten(node, scope, "T1007");
  const { position } = node;
  return (input, frame, run) => {
    const values = args.map(
      (argument): PartialArgument => (argument === undefined ? PLACEHOLDER : argument(input, frame, run)),
    );
    const target = procedure(input, frame, run);
    if (target === undefined) forgotten(frame, run);
    if (!(target instanceof JsonataFunction)) {
      throw new JsonataError("T1008", { position, token: tokenOf(node.procedure) });
    }
    return new Partial(target, values);
  };
}

/** `left ~> right` */
export function compileApply(node: ApplyNode, scope: Scope, compile: Compile): Evaluate {
  const left = compile(node.lhs, scope);
  const position = node.position ?? 0;
  const { rhs } = node;
  if (rhs.type === "function") {
    const call = compileLedCall(rhs, scope, compile);
    return (input, frame, run) => call(input, frame, run, [left(input, frame, run)]);
  }
  const right = compile(rhs, scope);
  return (input, frame, run) => {
    const value = left(input, frame, run);
    const target = right(input, frame, run);
    if (!(target instanceof JsonataFunction)) throw new JsonataError("T2006", { value: target, position });
    if (value instanceof JsonataFunction) return new Composition(value, target, position);
    return apply(target, [value], null, run);
  };
}
