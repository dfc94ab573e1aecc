// A region at the end of the terminal that is drawn again and again, with ordinary lines above it.
//
// Knows:          the escape sequences for moving up and erasing.
// Does not know:  what the lines say. They must be printable and no wider than the terminal.
//
// Invariants
//   S1. What is written above the region stays; the region never leaves a trace of its former content.
//   S2. The region is never taller than the terminal: a line that has scrolled away cannot be erased.

import type { CliEnvironment } from "./environment.ts";

export class Screen {
  readonly #environment: Pick<CliEnvironment, "stdout" | "size">;
  #drawn = 0;
  #content: readonly string[] = [];

  constructor(environment: Pick<CliEnvironment, "stdout" | "size">) {
    this.#environment = environment;
  }

  /** Draws the region. Of more lines than fit, the last are shown. */
  draw(lines: readonly string[]): void {
    this.#content = lines;
    const room = Math.max(1, this.#environment.size().rows - 2);
    const hidden = lines.length - room;
    const shown = hidden > 0 ? [`… ${hidden + 1} lines above`, ...lines.slice(hidden + 1)] : lines;
    // One write: a terminal that shows the erased state for a moment flickers.
    this.#environment.stdout.write(this.#erase() + shown.map((line) => `${line}\n`).join(""));
    this.#drawn = shown.length;
  }

  /** Writes a line above the region. */
  above(line: string): void {
    this.#environment.stdout.write(`${this.#erase()}${line}\n`);
    this.#drawn = 0;
    if (this.#content.length > 0) this.draw(this.#content);
  }

  /** Replaces the region by its final lines, all of them; they stay. */
  settle(lines: readonly string[]): void {
    this.#environment.stdout.write(this.#erase() + lines.map((line) => `${line}\n`).join(""));
    this.#drawn = 0;
    this.#content = [];
  }

  #erase(): string {
    return this.#drawn === 0 ? "" : `\u001b[${this.#drawn}A\u001b[J`;
  }
}
