// Ends the children when the server cannot: after SIGKILL, a crash of Node, an exit without close().
//
// Knows:          process groups. Does not know: functions.
//
// Invariants
//   K1. Every process group that was added and not removed is killed within moments of the end of this process,
//       whatever its members are doing: a loop that never yields included.
//   K2. The reaper outlives its server by those moments only.
//
// It is one small shell that reads group ids from a pipe. The kernel closes the pipe when the server ends, however
// it ends; the shell then kills what is left and exits. Rejected: PR_SET_PDEATHSIG (Linux only, not reachable from
// Node, and tied to the thread that forked); a watching thread in each bootstrap (5 MB and 10 ms each, and nothing
// for `provided` runtimes); only the broken connection (a busy loop never notices).

import { type ChildProcess, spawn } from "node:child_process";
import type { Writable } from "node:stream";

// Lines "+ <group>" and "- <group>". Signals meant for the server (Ctrl-C goes to the whole terminal) are not ours.
const SCRIPT = `trap '' HUP INT QUIT TERM
groups=' '
while read -r operation group; do
  case $operation in
    +) groups="$groups$group " ;;
    -) case $groups in *" $group "*) groups="\${groups%% $group *} \${groups#* $group }" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group" 2>/dev/null; done`;

export class Reaper {
  readonly #groups = new Set<number>();
  #shell: ChildProcess | undefined;
  #closed = false;

  /** `group` is the pid of a process that was started as the leader of its own group. */
  add(group: number): void {
    this.#groups.add(group);
    if (this.#shell === undefined) this.#start();
    else this.#send(`+ ${group}\n`);
  }

  /** The group has ended: its number may soon belong to somebody else. */
  remove(group: number): void {
    if (this.#groups.delete(group)) this.#send(`- ${group}\n`);
  }

  close(): void {
    this.#closed = true;
    this.#shell?.stdin?.end();
  }

  #start(): void {
    // Its own session, so that whoever kills our process group does not kill the reaper first.
    const shell = spawn("/bin/sh", ["-c", SCRIPT], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: { PATH: "/usr/bin:/bin" },
    });
    this.#shell = shell;
    // Neither may keep a process alive that has nothing else to do.
    shell.unref();
    const stdin = shell.stdin as Writable & { unref?: () => void };
    stdin.unref?.();
    // A broken pipe means that the shell has ended, which "exit" reports too.
    stdin.on("error", () => {});
    const restart = (): void => {
      if (this.#shell !== shell) return;
      this.#shell = undefined;
      if (!this.#closed && this.#groups.size > 0) this.#start();
    };
    shell.on("exit", restart);
    shell.on("error", (error) => {
      this.#shell = undefined;
      process.emitWarning(
        `Local functions may outlive this process if it is killed: /bin/sh could not be started: ${error.message}`,
      );
    });
    this.#send([...this.#groups].map((group) => `+ ${group}\n`).join(""));
  }

  #send(lines: string): void {
    this.#shell?.stdin?.write(lines);
  }
}

/** Sends a signal to every process of a group; a group that is gone already is no error. */
export function signalGroup(group: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-group, signal);
  } catch (error) {
    if (
      (error as NodeJS.ErrnoException).code !== "ESRCH" &&
      (error as NodeJS.ErrnoException).code !== "EPERM"
    )
      throw error;
  }
}
