// Our own faults, told apart from everybody else's: a Bug ends the execution that met it, and says so.

/** A broken invariant of this program. Never thrown for bad input. */
export class Bug extends Error {
  override readonly name = "Bug";
}

/** Throws a Bug unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Bug(message);
}

/** For the default of an exhaustive switch: does not compile while a case is missing. */
export function unreachable(value: never): never {
  throw new Bug(`unreachable: ${JSON.stringify(value)}`);
}
