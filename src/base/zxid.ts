/**
 * The position of a proposal in the order that Zab gives to all of them: (epoch, counter), 32 bits each. A
 * 64-bit zxid does not fit a JavaScript number, so it is a pair here, two INTEGER columns in SQLite, and a
 * signed 64-bit integer on the wire alone. Source: Zab (Junqueira, Reed, Serafini 2011), section III-A;
 * ZooKeeper ZxidUtils.
 */

/**
 * Two unsigned 32-bit numbers; epoch stays below 2^31 so that the wire's signed 64 bits never turn negative.
 */
export interface Zxid {
  readonly epoch: number;
  readonly counter: number;
}

/** The highest epoch that may be promised. */
export const EPOCH_MAX = 0x7fffffff;

/** Before every proposal: the zxid of an empty history. */
export const ZXID_ZERO: Zxid = { epoch: 0, counter: 0 };

/** Negative, zero or positive as a is before, at or after b. */
export function compareZxid(a: Zxid, b: Zxid): number {
  return a.epoch === b.epoch ? a.counter - b.counter : a.epoch - b.epoch;
}

/** Whether both name the same position. */
export function equalZxid(a: Zxid, b: Zxid): boolean {
  return a.counter === b.counter && a.epoch === b.epoch;
}

/** The later of the two. */
export function maxZxid(a: Zxid, b: Zxid): Zxid {
  return compareZxid(a, b) >= 0 ? a : b;
}

/** The earlier of the two. */
export function minZxid(a: Zxid, b: Zxid): Zxid {
  return compareZxid(a, b) <= 0 ? a : b;
}

/** `epoch:counter`, for logs, transcripts and status, as in `3:12`. */
export function zxidText(zxid: Zxid): string {
  return `${zxid.epoch}:${zxid.counter}`;
}

/** The wire's 64-bit integer. */
export function zxidToBigInt(zxid: Zxid): bigint {
  return (BigInt(zxid.epoch) << 32n) | BigInt(zxid.counter);
}

/**
 * Reads the wire's 64-bit integer, taken as unsigned. A client may send any bits: the epoch can exceed
 * EPOCH_MAX.
 */
export function zxidFromBigInt(value: bigint): Zxid {
  const bits = BigInt.asUintN(64, value);
  return { epoch: Number(bits >> 32n), counter: Number(bits & 0xffffffffn) };
}

/** `0x300000000c`, as ZooKeeper's four-letter words print it. */
export function zxidHex(zxid: Zxid): string {
  return `0x${zxidToBigInt(zxid).toString(16)}`;
}

/** Twenty digits, zeros first: texts of them are in the order of their zxids. What HTTP shows, tokens included. */
export function zxidDigits(zxid: Zxid): string {
  return zxidToBigInt(zxid).toString().padStart(20, "0");
}
