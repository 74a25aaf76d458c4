/** ZooKeeper's operations by name and number. Source: ZooKeeper ZooDefs.OpCode. */

/** Each operation's number on the wire, the internal ones included. */
export const OPCODES = {
  notification: 0,
  create: 1,
  delete: 2,
  exists: 3,
  getData: 4,
  setData: 5,
  getACL: 6,
  setACL: 7,
  getChildren: 8,
  sync: 9,
  ping: 11,
  getChildren2: 12,
  check: 13,
  multi: 14,
  create2: 15,
  reconfig: 16,
  checkWatches: 17,
  removeWatches: 18,
  createContainer: 19,
  deleteContainer: 20,
  createTTL: 21,
  multiRead: 22,
  auth: 100,
  setWatches: 101,
  sasl: 102,
  getEphemerals: 103,
  getAllChildrenNumber: 104,
  setWatches2: 105,
  addWatch: 106,
  whoAmI: 107,
  createSession: -10,
  closeSession: -11,
  error: -1,
} as const;

/** The name of an operation. */
export type OpcodeName = keyof typeof OPCODES;

/**
 * Operations that the service uses within itself, or that stand in replies alone: no client may ask for them.
 */
type InternalOpcodeName = "notification" | "error" | "createSession" | "deleteContainer";

/** Operations that a client's frame may ask for. */
export type ClientOpcodeName = Exclude<OpcodeName, InternalOpcodeName>;

const INTERNAL: ReadonlySet<OpcodeName> = new Set<InternalOpcodeName>([
  "notification",
  "error",
  "createSession",
  "deleteContainer",
]);

const NAMES: ReadonlyMap<number, OpcodeName> = new Map(
  Object.entries(OPCODES).map(([name, number]) => [number, name as OpcodeName]),
);

/**
 * The operation's name if it is one of `names`, or undefined: for places where only these have a meaning.
 */
export function opcodeAmong<Name extends OpcodeName>(
  names: ReadonlySet<Name>,
  type: number,
): Name | undefined {
  const name = NAMES.get(type);
  const set: ReadonlySet<OpcodeName> = names;
  return name !== undefined && set.has(name) ? (name as Name) : undefined;
}

/** The name of an operation that a client may ask for, or undefined for all other numbers. */
export function clientOpcodeName(type: number): ClientOpcodeName | undefined {
  const name = NAMES.get(type);
  return name === undefined || isInternal(name) ? undefined : name;
}

function isInternal(name: OpcodeName): name is InternalOpcodeName {
  return INTERNAL.has(name);
}

/**
 * The request numbers with a meaning of their own; clients count theirs from 1. Source: ZooKeeper ClientCnxn. `doze` is
 * ours: a replica says so to clients that have said that they know it, and to no others.
 */
export const XIDS = { notification: -1, ping: -2, auth: -4, setWatches: -8, doze: -64 } as const;
