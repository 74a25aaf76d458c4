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
  /** The znode that all is below of; nobody else works there. */
  readonly root: string;
  /** Znodes that are set or read, each as often as any other. */
  readonly znodes: number;
  readonly bytes: number;
}

/** Of ten requests of `mixed`, reads. */
const READS_IN_TEN = 9;

/** Sets in a multi. */
const MULTI_SETS = 10;

/** A parent has so many znodes that are set and read, and there are so many parents at most. */
const CHILDREN = 100_000;
const PARENTS_MAX = 10;
/** That can be set and read. */
export const ZNODES_MAX: number = PARENTS_MAX * CHILDREN;
/** Below a root: parent and child. */
const NUMBER = "0/n00000";
const XID_AT = 4;

/** How the znodes begin that `create` makes, below the root. */
const CREATED_PREFIX = "c-";

/** The parents of so many znodes that are set and read. */
export function parentPaths({ root, znodes }: Pick<Work, "root" | "znodes">): readonly string[] {
  const count = Math.ceil(znodes / CHILDREN);
  if (znodes > ZNODES_MAX) throw new Error(`at most ${ZNODES_MAX} znodes`);
  return Array.from({ length: count }, (_, index) => `${root}/${index}`);
}

/** The path of a znode that is set and read. */
export function znodePath(root: string, index: number): string {
  const path = Buffer.from(`${root}/${NUMBER}`);
  writeNumber(path, root.length + 1, index);
  return path.toString();
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

/** Makes the znodes that are set and read, many in a request; several clients may share it. */
export class Creates implements RequestSource {
  readonly #template: Template;
  #next: number;
  readonly #end: number;

  /** Those from one number up to another, which it does not make. */
  constructor({ root, bytes }: Pick<Work, "root" | "bytes">, from: number, end: number) {
    const data = new Uint8Array(bytes).fill(0x61);
    const one = { op: "create", path: znodePath(root, 0), data, acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
    let size = Math.max(1, Math.min(CREATES_IN_ONE, Math.floor(CREATES_BYTES_MAX / bytes)));
    while ((end - from) % size !== 0) size--;
    this.#template = template(root, { op: "multi", operations: Array.from({ length: size }, () => one) });
    this.#next = from;
    this.#end = end;
  }

  write(into: Buffer, at: number, xid: number): number {
    const { bytes, numbersAt } = this.#template;
    bytes.copy(into, at);
    into.writeInt32BE(xid, at + XID_AT);
    for (const place of numbersAt) writeNumber(into, at + place, this.#next++);
    return at + bytes.length;
  }

  left(): number {
    return (this.#end - this.#next) / this.#template.changes;
  }

  changesOf(): number {
    return this.#template.changes;
  }

  get bytesMax(): number {
    return this.#template.bytes.length;
  }
}

/** Reads znodes one after the other and leaves a watch at each. */
export class Watches implements RequestSource {
  readonly #template: Template;
  readonly #count: number;
  #next = 0;

  /** Of the first so many below the root. */
  constructor(root: string, count: number) {
    this.#template = template(root, { op: "getData", path: znodePath(root, 0), watch: true });
    this.#count = count;
  }

  write(into: Buffer, at: number, xid: number): number {
    const { bytes, numbersAt } = this.#template;
    bytes.copy(into, at);
    into.writeInt32BE(xid, at + XID_AT);
    for (const place of numbersAt) writeNumber(into, at + place, this.#next++);
    return at + bytes.length;
  }

  left(): number {
    return this.#count - this.#next;
  }

  changesOf(): number {
    return 0;
  }

  get bytesMax(): number {
    return this.#template.bytes.length;
  }
}

/** So many requests of another source, and no more; several clients may share it. */
export class Limited implements RequestSource {
  readonly #source: RequestSource;
  #left: number;

  constructor(source: RequestSource, count: number) {
    this.#source = source;
    this.#left = count;
  }

  write(into: Buffer, at: number, xid: number): number {
    this.#left--;
    return this.#source.write(into, at, xid);
  }

  left(): number {
    return this.#left;
  }

  changesOf(xid: number): number {
    return this.#source.changesOf(xid);
  }

  get bytesMax(): number {
    return this.#source.bytesMax;
  }
}

/** Enough that the round trips do not count, and far below the bound of a request. */
const CREATES_IN_ONE = 100;
const CREATES_BYTES_MAX = 500_000;

function templatesOf({ name, root, bytes }: Work): readonly Template[] {
  const data = new Uint8Array(bytes).fill(0x61);
  const path = znodePath(root, 0);
  const set = { op: "setData", path, data, version: -1 } as const;
  const get = { op: "getData", path, watch: false } as const;
  switch (name) {
    case "set":
      return [template(root, set)];
    case "get":
      return [template(root, get)];
    case "mixed":
      return [...Array.from({ length: READS_IN_TEN }, () => template(root, get)), template(root, set)];
    case "create": {
      const sequential = 2;
      const prefix = `${root}/${CREATED_PREFIX}`;
      const create = {
        op: "create",
        path: prefix,
        data,
        acl: OPEN_ACL,
        flags: sequential,
        ttlMs: 0,
      } as const;
      return [template(root, create)];
    }
    case "multi":
      return [template(root, { op: "multi", operations: Array.from({ length: MULTI_SETS }, () => set) })];
    default:
      return name satisfies never;
  }
}

function template(root: string, request: ClientRequest): Template {
  const writer = new JuteWriter();
  encodeRequest(writer, 0, request);
  const bytes = Buffer.from(writer.take());
  const mark = Buffer.from(`${root}/${NUMBER}`);
  const numbersAt: number[] = [];
  for (let at = bytes.indexOf(mark); at !== -1; at = bytes.indexOf(mark, at + 1)) {
    numbersAt.push(at + mark.length - NUMBER.length);
  }
  const changes = request.op === "multi" ? request.operations.length : request.op === "getData" ? 0 : 1;
  return { bytes, numbersAt, changes };
}

/** Writes the number's digits over those that stand there, from the right; a place holds "0/n00000". */
function writeNumber(into: Buffer, at: number, value: number): void {
  let rest = value;
  for (let place = at + NUMBER.length - 1; place >= at; place--) {
    if (!isDigit(into[place] ?? 0)) continue;
    into[place] = 0x30 + (rest % 10);
    rest = Math.trunc(rest / 10);
  }
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
