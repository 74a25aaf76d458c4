/**
 * The incremental digest of a replica's state: the sum, modulo 2^64, of one 64-bit hash for each znode and
 * session. A sum does not depend on the order of its terms, so replicas that hold the same state at the same
 * zxid show the same digest however they came by it, and a change costs one subtraction and one addition. It
 * guards against divergence, not against an attacker. The same idea as ZooKeeper's DataTree digest (AdHash),
 * with another hash.
 *
 * The hash is two 32-bit lanes that mix 32-bit words by multiplication and rotation and are crossed at the
 * end; plain numbers throughout, as bigint costs ten times as much.
 */
import type { SessionId } from "../base/ids.ts";
import type { NodeData } from "../base/request.ts";
import type { NodeOwner } from "../base/txn.ts";
import { assertNever } from "../base/assert.ts";
import type { Znode } from "./node-store.ts";
import type { SessionRecord } from "./session-table.ts";

/** A 64-bit number as two unsigned halves. */
export interface Digest {
  readonly hi: number;
  readonly lo: number;
}

/** The digest of nothing. */
export const DIGEST_ZERO: Digest = { hi: 0, lo: 0 };

const TWO_POW_32 = 0x100000000;

/** The sum, modulo 2^64. */
export function addDigest(a: Digest, b: Digest): Digest {
  const lo = a.lo + b.lo;
  const carry = lo >= TWO_POW_32 ? 1 : 0;
  return { hi: (a.hi + b.hi + carry) >>> 0, lo: lo >>> 0 };
}

/** The difference, modulo 2^64. */
export function subtractDigest(a: Digest, b: Digest): Digest {
  const borrow = a.lo < b.lo ? 1 : 0;
  return { hi: (a.hi - b.hi - borrow) >>> 0, lo: (a.lo - b.lo) >>> 0 };
}

/** Whether both are the same number. */
export function equalDigest(a: Digest, b: Digest): boolean {
  return a.hi === b.hi && a.lo === b.lo;
}

/** Sixteen lower-case hex digits, for logs and status. */
export function digestText(digest: Digest): string {
  return digest.hi.toString(16).padStart(8, "0") + digest.lo.toString(16).padStart(8, "0");
}

/** The digest as one unsigned number. */
export function digestToBigInt(digest: Digest): bigint {
  return (BigInt(digest.hi) << 32n) | BigInt(digest.lo);
}

/** The hash of a znode's data alone, apart so that a caller may keep it: null differs from no bytes. */
export function dataDigest(data: NodeData): Digest {
  const hash = new WordHash(0x64617461);
  if (data === null) hash.word(0);
  else hash.bytes(data);
  return hash.finish();
}

/** What a znode adds to the digest; `data` is dataDigest of its data. */
export function znodeDigest(path: string, node: Znode, data: Digest): Digest {
  const hash = new WordHash(0x7a6e6f64);
  hash.text(path);
  const { czxid, mzxid, pzxid, ctime, mtime } = node;
  hash.four(data.hi, data.lo, czxid.epoch, czxid.counter);
  hash.four(mzxid.epoch, mzxid.counter, pzxid.epoch, pzxid.counter);
  hash.four(high(ctime), ctime, high(mtime), mtime);
  hash.four(node.version, node.aversion, node.childCreates, node.childCount);
  hashOwner(hash, node.owner);
  hash.word(node.acl.length);
  for (const acl of node.acl) {
    hash.word(acl.perms);
    hash.text(acl.scheme);
    hash.text(acl.id);
  }
  return hash.finish();
}

/** What a session adds to the digest. */
export function sessionDigest(session: SessionRecord): Digest {
  const hash = new WordHash(0x73657373);
  hash.session(session.id);
  hash.long(session.timeoutMs);
  hash.bytes(session.password);
  return hash.finish();
}

function hashOwner(hash: WordHash, owner: NodeOwner): void {
  switch (owner.mode) {
    case "persistent":
      return hash.word(1);
    case "container":
      return hash.word(2);
    case "ephemeral":
      hash.word(3);
      return hash.session(owner.session);
    case "ttl":
      hash.word(4);
      return hash.long(owner.ttlMs);
    default:
      return assertNever(owner);
  }
}

/**
 * The longer loops keep both lanes in variables of their own: a field that holds more than 31 bits is an object of its
 * own (V8 with compressed pointers), made anew with each word.
 */
class WordHash {
  #left: number;
  #right: number;

  constructor(seed: number) {
    this.#left = seed | 0;
    this.#right = ~seed | 0;
  }

  word(value: number): void {
    this.#left = mixLeft(this.#left, value);
    this.#right = (mixRight(this.#right, value) + this.#left) | 0;
  }

  /** Four words, of which each is the low 32 bits of its number. */
  four(a: number, b: number, c: number, d: number): void {
    let left = mixLeft(this.#left, a);
    let right = (mixRight(this.#right, a) + left) | 0;
    left = mixLeft(left, b);
    right = (mixRight(right, b) + left) | 0;
    left = mixLeft(left, c);
    right = (mixRight(right, c) + left) | 0;
    this.#left = mixLeft(left, d);
    this.#right = (mixRight(right, d) + this.#left) | 0;
  }

  /** A whole number up to 2^53, of either sign. */
  long(value: number): void {
    this.word(high(value));
    this.word(value);
  }

  session(id: SessionId): void {
    this.word(Number((id >> 32n) & 0xffffffffn));
    this.word(Number(id & 0xffffffffn));
  }

  text(value: string): void {
    this.word(value.length);
    let [left, right] = [this.#left, this.#right];
    for (let index = 0; index < value.length; index += 2) {
      const next = index + 1 < value.length ? value.charCodeAt(index + 1) : 0;
      const word = value.charCodeAt(index) | (next << 16);
      left = mixLeft(left, word);
      right = (mixRight(right, word) + left) | 0;
    }
    this.#left = left;
    this.#right = right;
  }

  bytes(value: Uint8Array): void {
    this.word(value.length);
    const whole = value.length & ~3;
    // Not by a DataView: to make one costs more than a short text's whole hash.
    let [left, right] = [this.#left, this.#right];
    for (let index = 0; index < whole; index += 4) {
      const word =
        octet(value, index) |
        (octet(value, index + 1) << 8) |
        (octet(value, index + 2) << 16) |
        (octet(value, index + 3) << 24);
      left = mixLeft(left, word);
      right = (mixRight(right, word) + left) | 0;
    }
    this.#left = left;
    this.#right = right;
    let tail = 0;
    for (let index = whole; index < value.length; index++) tail = (tail << 8) | octet(value, index);
    this.word(tail);
  }

  finish(): Digest {
    const left = avalanche((this.#left + this.#right) | 0);
    const right = avalanche((this.#right + left) | 0);
    return { hi: avalanche((left ^ rotate(right, 16)) | 0) >>> 0, lo: right >>> 0 };
  }
}

/** The fallback never happens: nobody asks behind the end. */
function octet(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** All above the low 32 bits. */
function high(value: number): number {
  return Math.floor(value / TWO_POW_32);
}

function mixLeft(lane: number, word: number): number {
  return (Math.imul(rotate(lane ^ rotate(Math.imul(word, 0x9e3779b1), 15), 13), 5) + 0x52dce729) | 0;
}

/** Before the left lane is added. */
function mixRight(lane: number, word: number): number {
  return (Math.imul(rotate(lane ^ rotate(Math.imul(word, 0x85ebca77), 17), 19), 5) + 0x38495ab5) | 0;
}

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

/** Spreads every bit over all bits. */
function avalanche(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x7feb352d);
  mixed ^= mixed >>> 15;
  mixed = Math.imul(mixed, 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}
