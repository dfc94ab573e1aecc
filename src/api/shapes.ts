// Shapes: what may be in a request. A small vocabulary for the table in requests.ts, read by checks.ts.

/** A JSON string. Lengths count UTF-16 units, as the service does. */
export interface TextShape {
  readonly kind: "text";
  readonly min?: number;
  readonly max?: number;
  /** As the service prints it; `matches` is the same, anchored. */
  readonly pattern?: string;
  readonly matches?: RegExp;
  /** In the order in which the service prints them. */
  readonly values?: readonly string[];
  /** Never echoed in a message. */
  readonly secret?: boolean;
}
/** `whole`: a fraction is cut off, as the service does. */
export interface NumberShape {
  readonly kind: "number";
  readonly whole: boolean;
  readonly min?: number;
  readonly max?: number;
}
export interface FlagShape {
  readonly kind: "flag";
}
export interface ListShape {
  readonly kind: "list";
  readonly item: Shape;
  readonly min?: number;
  readonly max?: number;
}
export interface StructureShape {
  readonly kind: "structure";
  /** As the service prints it in front of the members. */
  readonly name: string;
  readonly members: readonly Member[];
}
export interface Member {
  readonly name: string;
  readonly required: boolean;
  readonly shape: Shape;
}
export type Shape = TextShape | NumberShape | FlagShape | ListShape | StructureShape;

export function text(min: number, max?: number): TextShape {
  return max === undefined ? { kind: "text", min } : { kind: "text", min, max };
}

/** A text that may hold a user's data: at most `max` long, never echoed. */
export function secret(max: number, min = 0): TextShape {
  return { kind: "text", min, max, secret: true };
}

/** @param pattern The source of a regular expression that the whole text must match. */
export function matching(shape: TextShape, pattern: string): TextShape {
  return { ...shape, pattern, matches: new RegExp(`^(?:${pattern})$`, "u") };
}

export function oneOf(...values: readonly string[]): TextShape {
  return { kind: "text", values };
}

export function whole(min: number, max?: number): NumberShape {
  return max === undefined ? { kind: "number", whole: true, min } : { kind: "number", whole: true, min, max };
}

export function fraction(min: number, max: number): NumberShape {
  return { kind: "number", whole: false, min, max };
}

export const flag: FlagShape = { kind: "flag" };

export function list(item: Shape, min?: number, max?: number): ListShape {
  return { kind: "list", item, ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) };
}

/** @param members By name; a name that ends in `*` is required: `{ "key*": text(1, 128) }`. */
export function structure(name: string, members: Readonly<Record<string, Shape>>): StructureShape {
  return {
    kind: "structure",
    name,
    members: Object.entries(members).map(([key, shape]) => ({
      name: key.replace(/\*$/, ""),
      required: key.endsWith("*"),
      shape,
    })),
  };
}
