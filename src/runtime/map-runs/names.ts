// Names of the children of a Map Run: UUIDs (version 8) that say which child it is, so that a child is found again after
// a restart, and its place and its items are known without looking anything up.
//
//   bits   64                                    18             40
//          of the Map Run's UUID (random)        its items      its place among the children, from 0

const COUNT_BITS = 18;
const MAX_COUNT = 2 ** COUNT_BITS - 1;
const PLACE_BITS = 40;

export interface ChildName {
  readonly index: number;
  /** At most 262,143: more items do not fit into the input of an execution. */
  readonly itemCount: number;
}

/** `<state machine>/<label>:<uuid>` at its end. */
export function mapRunUuid(mapRunArn: string): string {
  return mapRunArn.slice(mapRunArn.lastIndexOf(":") + 1);
}

/** The names of the children of one Map Run. */
export function childNames(mapRunArn: string): (child: ChildName) => string {
  // Without the version and variant of the Map Run's own UUID, which are no random bits.
  const hex = mapRunUuid(mapRunArn).replaceAll("-", "");
  const random = hex.slice(0, 12) + hex.slice(13, 16) + hex.slice(17, 18);
  const head = `${random.slice(0, 8)}-${random.slice(8, 12)}-8${random.slice(12, 15)}`;
  const lastBits = Number.parseInt(random.slice(15), 16);
  return ({ index, itemCount }) => {
    const count = Math.min(itemCount, MAX_COUNT);
    const middle = 0x8000 | (lastBits << 10) | (count >> 8);
    const tail = (count & 0xff) * 2 ** PLACE_BITS + index;
    return `${head}-${middle.toString(16)}-${tail.toString(16).padStart(12, "0")}`;
  };
}

export function readChildName(name: string): ChildName {
  const middle = Number.parseInt(name.slice(19, 23), 16);
  const tail = Number.parseInt(name.slice(24), 16);
  const high = Math.floor(tail / 2 ** PLACE_BITS);
  return { index: tail - high * 2 ** PLACE_BITS, itemCount: ((middle & 0x3ff) << 8) | high };
}

/** `…:mapRun:<state machine>/<label>:<uuid>` → `…:stateMachine:<state machine>/<label>` */
export function labelledMachineArn(mapRunArn: string): string {
  return mapRunArn.slice(0, mapRunArn.lastIndexOf(":")).replace(":mapRun:", ":stateMachine:");
}

/** Of a Standard child. */
export function executionArnOf(mapRunArn: string, name: string): string {
  return `${labelledMachineArn(mapRunArn).replace(":stateMachine:", ":execution:")}:${name}`;
}
