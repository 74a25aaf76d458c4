/**
 * Records as bytes, the way of ZooKeeper's BinaryOutputArchive and BinaryInputArchive: big-endian, null as
 * the length -1, strings in UTF-8. Reading checks every length against the bytes that are left before
 * anything is allocated, so that twenty bytes cannot ask for a gigabyte.
 */
import { assert } from "../base/assert.ts";
import type { NodeData } from "../base/request.ts";
import type { Zxid } from "../base/zxid.ts";
import { JuteError } from "./jute-error.ts";
import { Slab } from "./slab.ts";

/** Enough for most replies, so that a fresh writer seldom grows. */
const CAPACITY_BYTES_INITIAL = 512;

/** A writer that grew beyond this gives the memory back: one per connection must not keep megabytes. */
const CAPACITY_BYTES_KEPT_MAX = 64 * 1024;

/** Up to this many characters, a loop over ASCII beats the call into TextDecoder and TextEncoder. */
const SHORT_TEXT_MAX = 64;

const TWO_32 = 0x1_0000_0000;

const encoder = new TextEncoder();

/**
 * Malformed UTF-8 becomes U+FFFD, as in Java; paths forbid that character, so it ends as a path error. A byte
 * order mark is text like any other.
 */
const decoder = new TextDecoder("utf-8", { fatal: false, ignoreBOM: true });

/**
 * A growable buffer of fields. One writer serves many records in turn; its memory grows to the largest batch.
 */
export class JuteWriter {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacityBytes: number = CAPACITY_BYTES_INITIAL) {
    this.#bytes = new Uint8Array(capacityBytes);
  }

  /** Bytes written since the start or the last take or clear. */
  get length(): number {
    return this.#length;
  }

  /** One byte, the low eight bits of the value. */
  byte(value: number): void {
    this.#ensure(1);
    this.#bytes[this.#length++] = value;
  }

  /** One byte, 1 or 0. */
  bool(value: boolean): void {
    this.byte(value ? 1 : 0);
  }

  /** Four bytes, the low 32 bits of the value: signed and unsigned numbers alike. */
  int(value: number): void {
    this.#ensure(4);
    this.#putInt(this.#length, value);
    this.#length += 4;
  }

  /** Eight bytes, the low 64 bits of the value: signed and unsigned numbers alike. */
  long(value: bigint): void {
    if (value === 0n) return this.#pair(0, 0);
    this.#pair(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
  }

  /** Eight bytes for an integer that a number holds exactly, within 2^53 of zero: times and durations. */
  longNumber(value: number): void {
    this.#pair(Math.floor(value / TWO_32), value);
  }

  /** Eight bytes, epoch before counter. */
  zxid(value: Zxid): void {
    this.#pair(value.epoch, value.counter);
  }

  /** A length and the bytes; null is the length -1. */
  buffer(value: NodeData): void {
    if (value === null) return this.int(-1);
    this.int(value.length);
    this.raw(value);
  }

  /** A length in bytes and the text as UTF-8, a lone surrogate as U+FFFD; null is the length -1. */
  string(value: string | null): void {
    if (value === null) return this.int(-1);
    const at = this.#length;
    this.int(0);
    this.utf8(value);
    this.#putInt(at, this.#length - at - 4);
  }

  /** A count and each text. */
  strings(values: readonly string[]): void {
    this.int(values.length);
    for (const value of values) this.string(value);
  }

  /** The bytes alone. */
  raw(value: Uint8Array): void {
    this.#ensure(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** The text as UTF-8 alone, without a length. */
  utf8(value: string): void {
    // A UTF-16 unit takes at most three bytes (a pair of them takes four).
    this.#ensure(value.length * 3);
    const bytes = this.#bytes;
    const at = this.#length;
    let done = 0;
    if (value.length <= SHORT_TEXT_MAX) {
      for (; done < value.length; done++) {
        const code = value.charCodeAt(done);
        if (code >= 0x80) break;
        bytes[at + done] = code;
      }
    }
    this.#length = at + done;
    if (done === value.length) return;
    const rest = done === 0 ? value : value.slice(done);
    this.#length += encoder.encodeInto(rest, bytes.subarray(this.#length)).written;
  }

  /**
   * An integer from 0 to 2^53 - 1 in one to eight bytes, seven bits each, lowest first. ZooKeeper's records
   * have no such field, nor the next three; our own (transactions, links) do, as they are stored and sent by
   * the million.
   */
  varint(value: number): void {
    assert(Number.isSafeInteger(value), "a varint holds a safe integer");
    assert(value >= 0, "a varint is not negative");
    this.#ensure(8);
    if (value < 0x80) {
      this.#bytes[this.#length++] = value;
      return;
    }
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = rest > 0x7fff_ffff ? Math.floor(rest / 128) : rest >>> 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /**
   * An integer within 2^52 of zero as a varint, the sign in the lowest bit: 0, -1, 1, -2 are 0, 1, 2, 3.
   */
  signedVarint(value: number): void {
    this.varint(value < 0 ? -value * 2 - 1 : value * 2);
  }

  /** A varint length in bytes and the text as UTF-8. */
  text(value: string): void {
    this.varint(utf8Bytes(value));
    this.utf8(value);
  }

  /** A varint of the length plus one and the bytes; null is the varint 0. */
  data(value: NodeData): void {
    if (value === null) return this.varint(0);
    this.varint(value.length + 1);
    this.raw(value);
  }

  /** Leaves four bytes to be patched later, and tells where they are. */
  reserveInt(): number {
    const at = this.#length;
    this.int(0);
    return at;
  }

  /** Writes over four bytes that reserveInt left. */
  patchInt(at: number, value: number): void {
    assert(at >= 0, "a patch lies within what was written");
    assert(at + 4 <= this.#length, "a patch lies within what was written");
    this.#putInt(at, value);
  }

  /** Opens a frame; what it returns goes to endFrame. Frames may follow each other in one writer. */
  beginFrame(): number {
    return this.reserveInt();
  }

  /** Closes a frame: its length, without the length field itself, stands before it. */
  endFrame(at: number): void {
    this.patchInt(at, this.#length - at - 4);
  }

  /** A copy of everything written, which the caller owns; the writer is empty afterwards. */
  take(): Uint8Array {
    const taken = this.#bytes.slice(0, this.#length);
    this.clear();
    return taken;
  }

  /** Everything written, without a copy: valid until the next write or clear. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Forgets everything written; the memory is kept for the next record unless it is large. */
  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > CAPACITY_BYTES_KEPT_MAX) {
      this.#bytes = new Uint8Array(CAPACITY_BYTES_INITIAL);
    }
  }

  #pair(high: number, low: number): void {
    this.#ensure(8);
    this.#putInt(this.#length, high);
    this.#putInt(this.#length + 4, low);
    this.#length += 8;
  }

  #putInt(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >>> 24;
    bytes[at + 1] = value >>> 16;
    bytes[at + 2] = value >>> 8;
    bytes[at + 3] = value;
  }

  #ensure(more: number): void {
    const needed = this.#length + more;
    if (needed <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** How many bytes JuteWriter.utf8 makes of the text. */
function utf8Bytes(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    count += code < 0x800 ? 1 : 2;
    // A pair of surrogates makes four bytes; a lone one becomes U+FFFD, which makes three.
    if (code >= 0xd800 && code <= 0xdbff && isLowSurrogate(text.charCodeAt(index + 1))) index++;
  }
  return count;
}

/** False for NaN, which stands for the end of a text. */
function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** A cursor over bytes, which it neither copies nor changes. Throws JuteError where they end too early. */
export class JuteReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  /** Where copies are put, made when there is one. */
  #slab: Slab | undefined;

  /** `slab` is for copies of what is read here and by others, such as all records of a frame. */
  constructor(bytes: Uint8Array, slab?: Slab) {
    this.#bytes = bytes;
    this.#slab = slab;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  /** One byte, 0 to 255. */
  byte(): number {
    return this.#octet(this.#advance(1));
  }

  /** One byte; anything but 0 is true. */
  bool(): boolean {
    return this.byte() !== 0;
  }

  /** Four bytes, signed. */
  int(): number {
    const at = this.#advance(4);
    return (
      (this.#octet(at) << 24) | (this.#octet(at + 1) << 16) | (this.#octet(at + 2) << 8) | this.#octet(at + 3)
    );
  }

  /** Eight bytes, signed. */
  long(): bigint {
    this.#need(8);
    const high = this.int();
    const low = this.int() >>> 0;
    if (high === 0) return BigInt(low);
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** Eight bytes, unsigned: session ids. */
  unsignedLong(): bigint {
    this.#need(8);
    const high = this.int() >>> 0;
    const low = this.int() >>> 0;
    if (high === 0) return BigInt(low);
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** Eight bytes, signed, as a number: exact within 2^53 of zero and rounded beyond. */
  longNumber(): number {
    this.#need(8);
    const high = this.int();
    return high * TWO_32 + (this.int() >>> 0);
  }

  /** Eight bytes as (epoch, counter). Any bits may come: the epoch can exceed EPOCH_MAX. */
  zxid(): Zxid {
    this.#need(8);
    const epoch = this.int() >>> 0;
    return { epoch, counter: this.int() >>> 0 };
  }

  /** A length and bytes, copied: what is stored must not keep a whole network chunk in memory. */
  buffer(): Uint8Array | null {
    const length = this.#length();
    return length === -1 ? null : this.raw(length);
  }

  /** A length and text, or null. */
  nullableString(): string | null {
    const length = this.#length();
    return length === -1 ? null : this.utf8(length);
  }

  /** A length and text; null is taken for the empty text, which no path, scheme or name may be. */
  string(): string {
    return this.nullableString() ?? "";
  }

  /**
   * The count of a vector whose elements take at least `elementBytesMin` each. A negative count is an empty
   * vector, as in ZooKeeper's BinaryInputArchive.
   */
  count(elementBytesMin: number): number {
    const count = this.int();
    return count <= 0 ? 0 : this.#fitting(count, elementBytesMin);
  }

  /** A count and texts. */
  strings(): string[] {
    const count = this.count(4);
    const values: string[] = [];
    for (let index = 0; index < count; index++) values.push(this.string());
    return values;
  }

  /** A copy of the next bytes, to be read only: it may share its memory with other copies. */
  raw(length: number): Uint8Array {
    const left = this.remaining;
    const at = this.#advance(length);
    this.#slab ??= new Slab(left);
    return this.#slab.copy(this.#bytes, at, length);
  }

  /** The next bytes, not copied: who keeps them keeps all that the reader was given. */
  view(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Passes over bytes. */
  skip(length: number): void {
    this.#advance(length);
  }

  /** Passes over what JuteWriter.varint wrote. Throws as reading it does, but for a value that is too large. */
  skipVarint(): void {
    for (let count = 0; count < 8; count++) if (this.byte() < 0x80) return;
    throw new JuteError("bad-value", "a varint of more than eight bytes");
  }

  /** The next bytes as text. */
  utf8(length: number): string {
    const at = this.#advance(length);
    const end = at + length;
    const ascii = length <= SHORT_TEXT_MAX ? this.#shortAscii(at, end) : undefined;
    if (ascii !== undefined) return ascii;
    return decoder.decode(this.#bytes.subarray(at, end));
  }

  /** Reads what JuteWriter.varint wrote. */
  varint(): number {
    const first = this.byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    let scale = 128;
    for (let count = 1; count < 8; count++) {
      const octet = this.byte();
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 128;
    }
    throw new JuteError("bad-value", "a varint above 2^53 - 1");
  }

  /** Reads what JuteWriter.signedVarint wrote. */
  signedVarint(): number {
    const value = this.varint();
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** Reads what JuteWriter.text wrote. */
  text(): string {
    return this.utf8(this.varint());
  }

  /** Reads what JuteWriter.data wrote, copied. */
  data(): Uint8Array | null {
    const value = this.varint();
    return value === 0 ? null : this.raw(value - 1);
  }

  /** A varint count of elements that take at least `elementBytesMin` each. */
  varintCount(elementBytesMin: number): number {
    return this.#fitting(this.varint(), elementBytesMin);
  }

  /** Throws unless every byte was read. */
  end(): void {
    if (this.remaining !== 0) throw new JuteError("trailing-bytes", `${this.remaining} bytes left`);
  }

  #length(): number {
    const length = this.int();
    if (length < -1) throw new JuteError("bad-length", `a length of ${length}`);
    return length;
  }

  #fitting(count: number, elementBytesMin: number): number {
    if (count * elementBytesMin > this.remaining) {
      throw new JuteError("truncated", `${count} elements in ${this.remaining} bytes`);
    }
    return count;
  }

  #need(count: number): void {
    if (count > this.remaining) {
      throw new JuteError("truncated", `${count} bytes wanted, ${this.remaining} left`);
    }
  }

  #advance(count: number): number {
    this.#need(count);
    const at = this.#at;
    this.#at = at + count;
    return at;
  }

  /**
   * The text if it is all ASCII. Eight characters a call: joined one by one they would make a rope, which
   * costs more when the text is first looked up.
   */
  #shortAscii(from: number, end: number): string | undefined {
    let text = "";
    let at = from;
    for (; at + 8 <= end; at += 8) {
      const a = this.#octet(at);
      const b = this.#octet(at + 1);
      const c = this.#octet(at + 2);
      const d = this.#octet(at + 3);
      const e = this.#octet(at + 4);
      const f = this.#octet(at + 5);
      const g = this.#octet(at + 6);
      const h = this.#octet(at + 7);
      if ((a | b | c | d | e | f | g | h) >= 0x80) return undefined;
      text += String.fromCharCode(a, b, c, d, e, f, g, h);
    }
    for (; at < end; at++) {
      const octet = this.#octet(at);
      if (octet >= 0x80) return undefined;
      text += String.fromCharCode(octet);
    }
    return text;
  }

  /** The fallback never happens: #advance has checked. */
  #octet(at: number): number {
    return this.#bytes[at] ?? 0;
  }
}
