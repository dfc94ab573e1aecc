// Which names the service accepts for state machines, executions and activities.

import { ServiceError } from "../base/service-error.ts";

// White space, brackets, wildcards, special characters, control characters, non-characters, lone surrogates.
const FORBIDDEN = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\ufffe\uffff\u{10ffff}\p{Control}\p{Surrogate}]/u;

/** The length was checked with the request. @throws ServiceError InvalidName */
export function checkName(name: string): void {
  if (FORBIDDEN.test(name)) throw new ServiceError("InvalidName", `Invalid Name: '${name}'`);
}
