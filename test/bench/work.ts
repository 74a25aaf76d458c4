/**
 * What clients of a benchmark ask for. A request is made once, as bytes; what differs from one to the next (its xid,
 * the number of its znode) is written over in place, so that the generator costs little.
 */
import { OPEN_ACL } from "../../src/base/acl.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import type { RequestSource } from "./session.ts";

/** The kinds of work there are. */
export const WORKS = ["set", "get", "create", "mixed", "multi"] as const;

/** A kind of work. */
export type WorkName = (typeof WORKS)[number];

/** What is asked for, of how many znodes, how large. */
export interface Work {
  readonly name: WorkName;
  /** Znodes that are set or read, each as often as any other. */
  readonly znodes: number;
  readonly bytes: number;
}

/** The parent of all that a benchmark makes. */
export const ROOT = "/bench";

/** Of ten requests of `mixed`, reads. */
const READS_IN_TEN = 9;

/** Sets in a multi. */
const MULTI_SETS = 10;

const DIGITS = 7;
const XID_AT = 4;

/** How the znodes begin that `create` makes, below the root. */
export const CREATED_PREFIX = "c-";

/** The path of a znode that is set and read. */
export function znodePath(index: number): string {
  return `${ROOT}/n${String(index).padStart(DIGITS, "0")}`;
}

/** Bytes of a request, the places of the numbers in its paths, and how many changes it makes. */
interface Template {
  readonly bytes: Buffer;
  readonly numbersAt: readonly number[];
  readonly changes: number;
}

/** Makes one client's requests. */
export class Requests implements RequestSource {
  readonly #work: Work;
  readonly #templates: readonly Template[];
  #random: number;

  /** Each client has a seed of its own. */
  constructor(work: Work, seed: number) {
    this.#work = work;
    this.#templates = templatesOf(work);
    this.#random = (seed * 2_654_435_761) >>> 0 || 1;
  }

  write(into: Buffer, at: number, xid: number): number {
    const { bytes, numbersAt } = this.#of(xid);
    bytes.copy(into, at);
    into.writeInt32BE(xid, at + XID_AT);
    for (const place of numbersAt) writeNumber(into, at + place, this.#below(this.#work.znodes));
    return at + bytes.length;
  }

  changesOf(xid: number): number {
    return this.#of(xid).changes;
  }

  get bytesMax(): number {
    return Math.max(...this.#templates.map(({ bytes }) => bytes.length));
  }

  #of(xid: number): Template {
    const template = this.#templates[xid % this.#templates.length];
    if (template === undefined) throw new Error("a kind of work asks for something");
    return template;
  }

  /** Marsaglia's xorshift: quick, and each client's own. */
  #below(bound: number): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x >>> 0;
    return this.#random % bound;
  }
}

function templatesOf({ name, bytes }: Work): readonly Template[] {
  const data = new Uint8Array(bytes).fill(0x61);
  const set = { op: "setData", path: znodePath(0), data, version: -1 } as const;
  const get = { op: "getData", path: znodePath(0), watch: false } as const;
  switch (name) {
    case "set":
      return [template(set)];
    case "get":
      return [template(get)];
    case "mixed":
      return [...Array.from({ length: READS_IN_TEN }, () => template(get)), template(set)];
    case "create": {
      const sequential = 2;
      const path = `${ROOT}/${CREATED_PREFIX}`;
      return [template({ op: "create", path, data, acl: OPEN_ACL, flags: sequential, ttlMs: 0 })];
    }
    case "multi":
      return [template({ op: "multi", operations: Array.from({ length: MULTI_SETS }, () => set) })];
    default:
      return name satisfies never;
  }
}

function template(request: ClientRequest): Template {
  const writer = new JuteWriter();
  encodeRequest(writer, 0, request);
  const bytes = Buffer.from(writer.take());
  const mark = Buffer.from(`${ROOT}/n`);
  const numbersAt: number[] = [];
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    numbersAt.push(at + mark.length);
  }
  const changes = request.op === "multi" ? request.operations.length : request.op === "getData" ? 0 : 1;
  return { bytes, numbersAt, changes };
}

function writeNumber(into: Buffer, at: number, value: number): void {
  let rest = value;
  for (let digit = DIGITS - 1; digit >= 0; digit--) {
    into[at + digit] = 0x30 + (rest % 10);
    rest = Math.trunc(rest / 10);
  }
}
