/** ZooKeeper's error codes (KeeperException.Code), by the name the field uses. Negative on the wire. */
export const ERROR_CODES = {
  ok: 0,
  systemError: -1,
  runtimeInconsistency: -2,
  dataInconsistency: -3,
  connectionLoss: -4,
  marshallingError: -5,
  unimplemented: -6,
  operationTimeout: -7,
  badArguments: -8,
  unknownSession: -12,
  newConfigNoQuorum: -13,
  reconfigInProgress: -14,
  apiError: -100,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidCallback: -113,
  invalidAcl: -114,
  authFailed: -115,
  sessionMoved: -118,
  notReadOnly: -119,
  ephemeralOnLocalSession: -120,
  noWatcher: -121,
  requestTimeout: -122,
  reconfigDisabled: -123,
  sessionClosedRequireSaslAuth: -124,
  quotaExceeded: -125,
  throttledOp: -127,
  // Edgekeeper's own, far from ZooKeeper's: of calls alone, no client of the wire is told them.
  /** The key stands for another request. */
  keyReused: -1001,
  /** As many keys as there may be are remembered. */
  tooManyKeys: -1002,
  /** The lock is not held under that token, or no more. */
  notHeld: -1003,
  /** Somebody holds the lock, or waits for it. */
  lockHeld: -1004,
  /** The lock was not free within the time that the caller would wait, and its place is given up. */
  lockTimeout: -1005,
  /** The lease is over, or never was one of this lock. */
  leaseOver: -1006,
  /** A later request under the same key has the place. */
  superseded: -1007,
  /** Another number of permits is agreed upon for the semaphore. */
  permitsDiffer: -1008,
  /** What stands there is no counter. */
  notCounter: -1009,
  /** The sum does not fit into 64 bits. */
  counterOverflow: -1010,
} as const;

/** The name of an error code. */
export type ErrorName = keyof typeof ERROR_CODES;

/** Something a client asked for that cannot be done; `code` is what the wire carries. */
export class KeeperError extends Error {
  override readonly name = "KeeperError";
  readonly reason: ErrorName;
  readonly code: number;

  constructor(reason: ErrorName, detail = "") {
    super(detail === "" ? reason : `${reason}: ${detail}`);
    this.reason = reason;
    this.code = ERROR_CODES[reason];
  }
}
