// Faults of JSONata expressions: the code and the words of the language's own catalogue, since AWS shows both.
//
// Knows:          the messages, and which facts they mention.
// Does not know:  States.QueryEvaluationError and its causes; the caller makes them (`code: message`).
//
// S: the text, found when it is compiled. T: types, D: values, both found when it is evaluated.
//
// Spec: https://docs.jsonata.org/errors (as of jsonata 2.2); the messages marked `ours` are of this project.

import { JsonataFunction, type Value, type ValueObject } from "./value-types.ts";

const MESSAGES = {
  S0101: "String literal must be terminated by a matching quote",
  S0102: "Number out of range: {{token}}",
  S0103: "Unsupported escape sequence: \\{{token}}",
  S0104: "The escape sequence \\u must be followed by 4 hex digits",
  S0105: "Quoted property name must be terminated with a backquote (`)",
  S0106: "Comment has no closing tag",
  S0201: "Syntax error: {{token}}",
  S0202: "Expected {{value}}, got {{token}}",
  S0203: "Expected {{value}} before end of expression",
  S0204: "Unknown operator: {{token}}",
  S0205: "Unexpected token: {{token}}",
  S0206: "Unknown expression type: {{token}}",
  S0207: "Unexpected end of expression",
  S0208: "Parameter {{value}} of function definition must be a variable name (start with $)",
  S0209: "A predicate cannot follow a grouping expression in a step",
  S0210: "Each step can only have one grouping expression",
  S0211: "The symbol {{token}} cannot be used as a unary operator",
  S0212: "The left side of := must be a variable name (start with $)",
  S0213: "The literal value {{value}} cannot be used as a step within a path expression",
  S0214: "The right side of {{token}} must be a variable name (start with $)",
  S0215: "A context variable binding must precede any predicates on a step",
  S0216: "A context variable binding must precede the 'order-by' clause on a step",
  S0217: "The object representing the 'parent' cannot be derived from this expression",
  S0301: "Empty regular expressions are not allowed",
  S0302: "No terminating / in regular expression",
  // Ours: a regular expression that JavaScript rejects, or that cannot be matched in linear time.
  S0303: "The regular expression /{{{value}}}/ cannot be used: {{{message}}}",
  S0401: "Type parameters can only be applied to functions and arrays",
  S0402: "Choice groups containing parameterized types are not supported",
  // Ours: text that is too long or nested too deeply to be compiled.
  S0501: "The expression is too large: {{{message}}}",
  T0410: "Argument {{index}} of function {{token}} does not match function signature",
  T0411: "Context value is not a compatible type with argument {{index}} of function {{token}}",
  T0412: "Argument {{index}} of function {{token}} must be an array of {{type}}",
  D1001: "Number out of range: {{value}}",
  D1002: "Cannot negate a non-numeric value: {{value}}",
  T1003: "Key in object structure must evaluate to a string; got: {{value}}",
  D1004: "Regular expression matches zero length string",
  T1005: "Attempted to invoke a non-function. Did you mean ${{{token}}}?",
  T1006: "Attempted to invoke a non-function",
  T1007: "Attempted to partially apply a non-function. Did you mean ${{{token}}}?",
  T1008: "Attempted to partially apply a non-function",
  D1009: "Multiple key definitions evaluate to same key: {{value}}",
  T1010:
    "The matcher function argument passed to function {{token}} does not return the correct object structure",
  D1011:
    "Stack overflow. Check for non-terminating recursive function.  Consider rewriting as tail-recursive",
  // Ours where the catalogue speaks of milliseconds: steps are the same on every machine.
  D1012: "Evaluation timeout after {{value}} steps. Check for infinite loop",
  D1013: "Object property names starting with _jsonata_ are reserved for internal use: {{value}}",
  // Ours: the bound on the length of a string.
  D1014: "The maximum string length of {{value}} characters was exceeded",
  // Ours: the bound on the nesting of a result.
  D1015: "The result is nested too deeply: more than {{value}} levels",
  T2001: "The left side of the {{token}} operator must evaluate to a number",
  T2002: "The right side of the {{token}} operator must evaluate to a number",
  T2003: "The left side of the range operator (..) must evaluate to an integer",
  T2004: "The right side of the range operator (..) must evaluate to an integer",
  T2006: "The right side of the function application operator ~> must be a function",
  T2007: "Type mismatch when comparing values {{value}} and {{value2}} in order-by clause",
  T2008: "The expressions within an order-by clause must evaluate to numeric or string values",
  T2009:
    "The values {{value}} and {{value2}} either side of operator {{token}} must be of the same data type",
  T2010: "The expressions either side of operator {{token}} must evaluate to numeric or string values",
  T2011: "The insert/update clause of the transform expression must evaluate to an object: {{value}}",
  T2012:
    "The delete clause of the transform expression must evaluate to a string or array of strings: {{value}}",
  T2013:
    "The transform expression clones the input object using the $clone() function.  This has been overridden in the current scope by a non-function.",
  // Ours: the language's evaluator fails here with an error of its host.
  T2014: "The transform expression can only update objects; got: {{value}}",
  D2014:
    "The size of the sequence allocated by the range operator (..) must not exceed 1e7.  Attempted to allocate {{value}}.",
  D2015: "The maximum sequence length of {{value}} was exceeded.",
  D3001: "Attempting to invoke string function on Infinity or NaN",
  D3010: "Second argument of replace function cannot be an empty string",
  D3011: "Fourth argument of replace function must evaluate to a positive number",
  D3012: "Attempted to replace a matched string with a non-string value",
  D3020: "Third argument of split function must evaluate to a positive number",
  D3030: "Unable to cast value to a number: {{value}}",
  D3040: "Third argument of match function must evaluate to a positive number",
  D3050: "The second argument of reduce function must be a function with at least two arguments",
  D3060: "The sqrt function cannot be applied to a negative number: {{value}}",
  D3061:
    "The power function has resulted in a value that cannot be represented as a JSON number: base={{value}}, exponent={{exp}}",
  D3070:
    "The single argument form of the sort function can only be applied to an array of strings or an array of numbers.  Use the second argument to specify a comparison function",
  D3080: "The picture string must only contain a maximum of two sub-pictures",
  D3081: "The sub-picture must not contain more than one instance of the 'decimal-separator' character",
  D3082: "The sub-picture must not contain more than one instance of the 'percent' character",
  D3083: "The sub-picture must not contain more than one instance of the 'per-mille' character",
  D3084: "The sub-picture must not contain both a 'percent' and a 'per-mille' character",
  D3085:
    "The mantissa part of a sub-picture must contain at least one character that is either an 'optional digit character' or a member of the 'decimal digit family'",
  D3086:
    "The sub-picture must not contain a passive character that is preceded by an active character and that is followed by another active character",
  D3087:
    "The sub-picture must not contain a 'grouping-separator' character that appears adjacent to a 'decimal-separator' character",
  D3088: "The sub-picture must not contain a 'grouping-separator' at the end of the integer part",
  D3089: "The sub-picture must not contain two adjacent instances of the 'grouping-separator' character",
  D3090:
    "The integer part of the sub-picture must not contain a member of the 'decimal digit family' that is followed by an instance of the 'optional digit character'",
  D3091:
    "The fractional part of the sub-picture must not contain an instance of the 'optional digit character' that is followed by a member of the 'decimal digit family'",
  D3092:
    "A sub-picture that contains a 'percent' or 'per-mille' character must not contain a character treated as an 'exponent-separator'",
  D3093:
    "The exponent part of the sub-picture must comprise only of one or more characters that are members of the 'decimal digit family'",
  // Ours: pictures and options that the formatting of the language cannot take.
  D3094: "The picture string cannot be used: {{{message}}}",
  D3100: "The radix of the formatBase function must be between 2 and 36.  It was given {{value}}",
  D3110: "The argument of the toMillis function must be an ISO 8601 formatted timestamp. Given {{value}}",
  D3130:
    "Formatting or parsing an integer as a sequence starting with {{value}} is not supported by this implementation",
  D3131: "In a decimal digit pattern, all digits must be from the same decimal group",
  D3132: "Unknown component specifier {{value}} in date/time picture string",
  D3133:
    "The 'name' modifier can only be applied to months and days in the date/time picture string, not {{value}}",
  D3134: "The timezone integer format specifier cannot have more than four digits",
  D3135: "No matching closing bracket ']' in date/time picture string",
  D3136: "The date/time picture string is missing specifiers required to parse the timestamp",
  D3137: "{{{message}}}",
  D3138: "The $single() function expected exactly 1 matching result.  Instead it matched more.",
  D3139: "The $single() function expected exactly 1 matching result.  Instead it matched 0.",
  D3140: "Malformed URL passed to ${{{functionName}}}(): {{value}}",
  D3141: "{{{message}}}",
  // Ours, for the functions that AWS adds.
  D3150: "Argument {{index}} of function {{token}} {{{message}}}",
} as const;

export type JsonataCode = keyof typeof MESSAGES;

/** What a message may mention. Values are shown as JSON, cut to a readable length. */
export interface ErrorFacts {
  readonly value?: Value;
  readonly value2?: Value;
  readonly exp?: Value;
  readonly token?: string | undefined;
  readonly index?: number;
  readonly type?: string | undefined;
  readonly message?: string;
  readonly functionName?: string;
  /** Offset in the expression, in UTF-16 units. */
  readonly position?: number | undefined;
}

/** Long values would make causes that nobody can read, and that the service would cut. */
const SHOWN_CHARACTERS = 1000;

export class JsonataError extends Error {
  override readonly name = "JsonataError";
  readonly code: JsonataCode;
  #facts: ErrorFacts;

  constructor(code: JsonataCode, facts: ErrorFacts = {}) {
    super(render(code, facts));
    this.code = code;
    this.#facts = facts;
  }

  /** The function or operator that failed. */
  get token(): string | undefined {
    return this.#facts.token;
  }

  /** Offset in the expression, in UTF-16 units. */
  get position(): number | undefined {
    return this.#facts.position;
  }

  /** Adds where it happened, as the call or operator sees it go by; what is known already stays. */
  locate(token: string | undefined, position: number | undefined): this {
    const facts = this.#facts;
    if ((facts.token ?? token) === facts.token && (facts.position ?? position) === facts.position)
      return this;
    return this.attribute(facts.token ?? token, facts.position ?? position);
  }

  /** Says anew where it happened. */
  attribute(token: string | undefined, position: number | undefined): this {
    this.#facts = { ...this.#facts, token, position };
    this.message = render(this.code, this.#facts);
    return this;
  }
}

/** Whether `code` is one of the catalogue: for faults that the language's parser reports. */
export function isJsonataCode(code: unknown): code is JsonataCode {
  return typeof code === "string" && Object.hasOwn(MESSAGES, code);
}

function render(code: JsonataCode, facts: ErrorFacts): string {
  return MESSAGES[code].replaceAll(
    /\{\{\{(\w+)\}\}\}|\{\{(\w+)\}\}/g,
    (_whole, raw?: string, json?: string) => {
      const fact = facts[(raw ?? json ?? "") as keyof ErrorFacts];
      return raw !== undefined && typeof fact === "string" ? fact : shown(fact);
    },
  );
}

/** JSON, cut. Values may be large, and a transform can even make them contain themselves: no more is read than shown. */
function shown(fact: Value): string {
  const pieces: string[] = [];
  let length = 0;
  const write = (text: string): boolean => {
    pieces.push(text);
    length += text.length;
    return length <= SHOWN_CHARACTERS;
  };
  const print = (value: Value): boolean => {
    if (typeof value !== "object" || value === null) {
      const part = typeof value === "string" ? value.slice(0, SHOWN_CHARACTERS) : value;
      return write(JSON.stringify(part) ?? "null");
    }
    if (Array.isArray(value)) {
      if (!write("[")) return false;
      const isWhole = value.every((item: Value, i) => (i === 0 || write(",")) && print(item));
      return isWhole && write("]");
    }
    if (value instanceof JsonataFunction) return write('""');
    const object = value as ValueObject;
    if (!write("{")) return false;
    const isWhole = Object.keys(object).every(
      (key, i) => write(`${i === 0 ? "" : ","}${JSON.stringify(key)}:`) && print(object[key]),
    );
    return isWhole && write("}");
  };
  if (fact === undefined) return "undefined";
  print(fact);
  const text = pieces.join("");
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}…` : text;
}
