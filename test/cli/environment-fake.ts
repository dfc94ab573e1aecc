// A terminal, a working directory and a server that exist only in a test.

import type { JsonObject } from "../../src/base/json.ts";
import { ServiceError } from "../../src/base/service-error.ts";
import type { CliEnvironment, RunningServer, ServeOptions } from "../../src/cli/index.ts";

export interface FakeTerminal {
  readonly environment: CliEnvironment;
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves with the lines when stdout holds a line that matches. */
  readonly until: (pattern: RegExp) => Promise<void>;
  readonly signal: (name: string) => void;
  readonly opened: ServeOptions[];
  readonly abandoned: number[];
}

/** Commands run against it as against a terminal of 100 columns, or a pipe. */
export function fakeTerminal(argv: readonly string[], overrides: Partial<CliEnvironment> = {}): FakeTerminal {
  let out = "";
  let err = "";
  const listeners = new Set<(signal: string) => void>();
  const watchers = new Set<() => void>();
  const opened: ServeOptions[] = [];
  const abandoned: number[] = [];
  const wake = (): void => {
    for (const watcher of watchers) watcher();
  };
  const openServer = overrides.openServer ?? (() => Promise.resolve(fakeServer()));
  const environment: CliEnvironment = {
    argv,
    stdout: {
      write: (chunk) => {
        out += chunk;
        wake();
      },
    },
    stderr: {
      write: (chunk) => {
        err += chunk;
        wake();
      },
    },
    isTerminal: false,
    size: () => ({ columns: 100, rows: 40 }),
    readStdin: () => Promise.resolve(""),
    env: {},
    workingDirectory: process.cwd(),
    examplesDirectory: `${process.cwd()}/examples`,
    version: "9.9.9",
    now: () => 1_764_000_000_000,
    onSignal: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    abandon: (exitCode) => void abandoned.push(exitCode),
    ...overrides,
    openServer: (options) => {
      opened.push(options);
      return openServer(options);
    },
  };
  return {
    environment,
    out: () => out,
    err: () => err,
    until: (pattern) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!pattern.test(out) && !pattern.test(err)) return;
          watchers.delete(look);
          resolve();
        };
        watchers.add(look);
        look();
      }),
    signal: (name) => {
      for (const listener of listeners) listener(name);
    },
    opened,
    abandoned,
  };
}

/** Keeps state machines, as far as `dev` and `demo` need it. */
export function fakeServer(overrides: Partial<RunningServer> = {}): RunningServer & {
  readonly machines: Map<string, JsonObject>;
  readonly closed: () => boolean;
} {
  const machines = new Map<string, JsonObject>();
  let closed = false;
  return {
    url: "http://127.0.0.1:18083",
    machines,
    closed: () => closed,
    close: () => {
      closed = true;
      return Promise.resolve();
    },
    fatal: new Promise(() => undefined),
    call: async (operation, input) => {
      switch (operation) {
        case "DescribeStateMachine": {
          const machine = machines.get(String(input["stateMachineArn"]));
          if (machine === undefined)
            throw new ServiceError("StateMachineDoesNotExist", "State Machine Does Not Exist");
          return machine;
        }
        case "CreateStateMachine": {
          const arn = `arn:aws:states:us-east-1:000000000000:stateMachine:${String(input["name"])}`;
          machines.set(arn, input);
          return { stateMachineArn: arn, creationDate: 1 };
        }
        case "UpdateStateMachine": {
          const arn = String(input["stateMachineArn"]);
          machines.set(arn, { ...machines.get(arn), ...input });
          return { updateDate: 2 };
        }
        default:
          throw new ServiceError("UnknownOperationException", operation);
      }
    },
    ...overrides,
  };
}
