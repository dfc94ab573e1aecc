// The text of an intrinsic function call to its tree: `States.Format('{} of {}', $.name, States.UUID())`.
//
//   call     = "States." name "(" [ argument { "," argument } ] ")"
//   argument = 'text' | number | "true" | "false" | "null" | path | call
//
// Inside a text a backslash escapes `'`, `{`, `}` and itself; before anything else, and at the end, it makes the
// whole call invalid (recorded: CreateStateMachine refuses `States.Format('\"{}\"', $.a)`).
//
// Spec: https://states-language.net/spec.html#intrinsic-functions

import type { Json } from "../../base/json.ts";
import { InvalidExpression } from "../invalid-expression.ts";
import { type CompiledPath, compilePath } from "../paths/index.ts";

export type Expression =
  | { readonly kind: "call"; readonly name: string; readonly arguments: readonly Expression[] }
  | { readonly kind: "path"; readonly path: CompiledPath }
  | { readonly kind: "constant"; readonly value: Json }
  /** `raw` is what stands between the quotes: for States.Format `\{` and `{` differ. */
  | { readonly kind: "text"; readonly value: string; readonly raw: string };
export type Call = Extract<Expression, { kind: "call" }>;

/** How deep calls may be nested in calls. */
const MAX_LEVELS = 10;

/** @throws InvalidExpression */
export function parseIntrinsic(text: string): Call {
  return new IntrinsicParser(text).parse();
}

class IntrinsicParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Call {
    const call = this.#call(1);
    this.#blanks();
    if (this.#at < this.#text.length)
      this.#fail(`unexpected '${this.#text.charAt(this.#at)}' after the call`);
    return call;
  }

  #fail(why: string): never {
    throw new InvalidExpression(`The call '${this.#text}' is not valid: ${why} at position ${this.#at}`);
  }

  #blanks(): void {
    while (/^\s$/.test(this.#text.charAt(this.#at))) this.#at += 1;
  }

  #take(text: string): boolean {
    this.#blanks();
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #call(level: number): Call {
    if (level > MAX_LEVELS) this.#fail(`calls are nested more than ${MAX_LEVELS} deep`);
    const name = this.#match(/States\.\w+/y);
    if (name === undefined) this.#fail("expected an intrinsic function");
    if (!this.#take("(")) this.#fail("expected '('");
    const args: Expression[] = [];
    if (!this.#take(")")) {
      do {
        args.push(this.#argument(level));
      } while (this.#take(","));
      if (!this.#take(")")) this.#fail("expected ',' or ')'");
    }
    return { kind: "call", name, arguments: args };
  }

  #argument(level: number): Expression {
    this.#blanks();
    const char = this.#text.charAt(this.#at);
    if (char === "'") return this.#string();
    if (char === "$") return { kind: "path", path: compilePath(this.#path()) };
    if (this.#text.startsWith("States.", this.#at)) return this.#call(level + 1);
    const word = this.#match(/[\w.+-]+/y);
    if (word === undefined) this.#fail("expected an argument");
    if (word === "null") return { kind: "constant", value: null };
    if (word === "true" || word === "false") return { kind: "constant", value: word === "true" };
    const isNumber =
      /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word) && Number.isFinite(Number(word));
    if (!isNumber) this.#fail(`'${word}' is no argument (a text needs single quotes)`);
    return { kind: "constant", value: Number(word) };
  }

  #string(): Expression {
    const start = this.#at + 1;
    let value = "";
    for (let at = start; at < this.#text.length; at++) {
      const char = this.#text.charAt(at);
      if (char === "'") {
        this.#at = at + 1;
        return { kind: "text", value, raw: this.#text.slice(start, at) };
      }
      if (char === "\\") {
        at += 1;
        const escaped = this.#text.charAt(at);
        if (escaped === "" || !"'{}\\".includes(escaped)) {
          this.#at = at - 1;
          this.#fail("a backslash must be followed by ', {, } or a backslash");
        }
        value += escaped;
      } else {
        value += char;
      }
    }
    return this.#fail("a text is not closed");
  }

  /** The text of a path, which ends at the comma or parenthesis that is not inside of its brackets or quotes. */
  #path(): string {
    const start = this.#at;
    let depth = 0;
    let quote = "";
    for (; this.#at < this.#text.length; this.#at++) {
      const char = this.#text.charAt(this.#at);
      if (quote !== "") {
        if (char === "\\") this.#at += 1;
        else if (char === quote) quote = "";
      } else if (depth > 0 && (char === "'" || char === '"')) quote = char;
      else if (char === "(" || char === "[") depth += 1;
      else if (depth > 0 && (char === ")" || char === "]")) depth -= 1;
      else if (depth === 0 && (char === "," || char === ")")) break;
    }
    return this.#text.slice(start, this.#at).trimEnd();
  }
}
