/**
 * What clients were told, as text that is the same for every right server: zxids by their rank among those that the
 * replies show, sessions by the order in which they began, times by whether they fit.
 */
import { OPCODES } from "../../../src/jute/opcodes.ts";
import {
  type Answer,
  decodeAnswer,
  decodeWelcome,
  type ReplyShape,
  type Value,
} from "../../differential/answer.ts";
import type { KeptLine, Line } from "./recording.ts";

/** The writes whose replies carry a zxid of their own. */
export const WRITES: ReadonlySet<ReplyShape> = new Set([
  "create",
  "create2",
  "createContainer",
  "delete",
  "setData",
  "setACL",
  "multi",
]);

interface Told {
  readonly answer: Answer;
  readonly shape: ReplyShape;
  /** Whether it is about a znode that the server made itself. */
  readonly isServersOwn: boolean;
}

/** Turns answers into text; all else stays. */
export function normalise(lines: readonly Line[]): readonly KeptLine[] {
  const decoded = lines.map(decoder());
  const names = new Names(decoded);
  const shown = lines.map((line, index): KeptLine => {
    if (!("told" in line)) return line;
    const told = decoded[index];
    return { c: line.c, told: told === undefined ? "" : names.show(told) };
  });
  sortEnds(shown, decoded);
  return shown;
}

/**
 * The ephemerals of a session go in the order of a hash table when it ends, and so come the events of that: each
 * connection's, as a set.
 */
function sortEnds(shown: KeptLine[], decoded: readonly (Told | Value | undefined)[]): void {
  const writes = new Set<bigint>();
  for (const one of decoded) {
    if (isTold(one) && WRITES.has(one.shape)) writes.add(one.answer.zxid);
  }
  const places = new Map<string, number[]>();
  for (const [index, one] of decoded.entries()) {
    if (!isTold(one) || !one.answer.isEvent || writes.has(one.answer.zxid)) continue;
    const key = `${shown[index]?.c} ${one.answer.zxid}`;
    places.set(key, [...(places.get(key) ?? []), index]);
  }
  for (const indices of places.values()) {
    const sorted = indices.map((index) => shown[index]).toSorted(byText);
    for (const [place, index] of indices.entries()) {
      const line = sorted[place];
      if (line !== undefined) shown[index] = line;
    }
  }
}

function byText(a: KeptLine | undefined, b: KeptLine | undefined): number {
  const [one, other] = [a, b].map((line) => (line !== undefined && "told" in line ? line.told : ""));
  return (one ?? "") < (other ?? "") ? -1 : 1;
}

/** Reads one line after the other, each answer as what the request before it on that connection asks for. */
function decoder(): (line: Line) => Told | Value | undefined {
  const waiting = new Map<number, Uint8Array>();
  const greeted = new Set<number>();
  return (line) => {
    if ("ask" in line) waiting.set(line.c, line.ask);
    if (!("told" in line)) return undefined;
    if (!greeted.has(line.c)) {
      greeted.add(line.c);
      return decodeWelcome(line.told);
    }
    const bare = decodeAnswer(line.told, "unknown");
    if (bare.isEvent) return { answer: bare, shape: "unknown", isServersOwn: false };
    const ask = waiting.get(line.c);
    const shape = ask === undefined ? "unknown" : shapeOf(ask);
    const answer = decodeAnswer(line.told, shape);
    return { answer, shape, isServersOwn: ask !== undefined && isServersOwn(ask) };
  };
}

/** What the reply to a request is read as. */
export function shapeOf(request: Uint8Array): ReplyShape {
  const type = new DataView(request.buffer, request.byteOffset).getInt32(4);
  const found = Object.entries(OPCODES).find(([, opcode]) => opcode === type)?.[0];
  return (found ?? "unknown") as ReplyShape;
}

/** "/" and what is below /zookeeper: what they hold and count depends on how the server is set. */
function isServersOwn(request: Uint8Array): boolean {
  const text = Buffer.from(request).toString("latin1", 8);
  return /^\0\0\0\x01\/(?!.*\/)/s.test(text) || /^\0\0\0.\/zookeeper(\/|[\0\x01]?$)/s.test(text);
}

/** The names of zxids and sessions in one recording. */
class Names {
  readonly #zxids: readonly bigint[];
  readonly #sessions = new Map<bigint, string>([[0n, "none"]]);

  constructor(decoded: readonly (Told | Value | undefined)[]) {
    const zxids = new Set<bigint>();
    for (const one of decoded) {
      if (one === undefined) continue;
      if (isTold(one)) collectOwn(one, zxids);
      else this.#nameSession(one);
    }
    this.#zxids = [...zxids].toSorted((a, b) => (a < b ? -1 : 1));
  }

  show(one: Told | Value): string {
    if (!isTold(one)) return JSON.stringify(this.#value(one));
    const { answer, shape, isServersOwn: isHidden } = one;
    const { xid, error, body, isEvent } = answer;
    if (isEvent) return JSON.stringify({ zxid: this.#zxid(answer.zxid), ...asFields(body) });
    const zxid = WRITES.has(shape) ? { zxid: this.#zxid(answer.zxid) } : {};
    const shown = isHidden ? Object.keys(asFields(body)) : this.#value(body);
    return JSON.stringify({ xid, ...zxid, ...(error === 0 ? {} : { error }), [shape]: shown });
  }

  #nameSession(welcome: Value): void {
    const { session } = asFields(welcome);
    const id = session === undefined ? undefined : asFields(session)["session"];
    if (typeof id === "bigint" && !this.#sessions.has(id)) {
      this.#sessions.set(id, `session ${this.#sessions.size}`);
    }
  }

  #zxid(zxid: bigint): string | number {
    if (zxid <= 0n) return Number(zxid);
    const rank = this.#zxids.indexOf(zxid);
    return rank === -1 ? "other" : rank + 1;
  }

  #value(value: Value | bigint): Value {
    if (value === null || typeof value !== "object") return typeof value === "bigint" ? String(value) : value;
    if (Array.isArray(value)) return (value as readonly Value[]).map((one) => this.#value(one));
    const fields = asFields(value);
    if (typeof fields["zxid"] === "bigint") return this.#zxid(fields["zxid"]);
    if (typeof fields["session"] === "bigint") return this.#sessions.get(fields["session"]) ?? "unknown";
    if ("ctime" in fields) return this.#stat(fields);
    return Object.fromEntries(Object.entries(fields).map(([name, one]) => [name, this.#value(one)]));
  }

  /** One text: ranks of czxid, mzxid, pzxid; versions; owner; sizes; and whether the times are as the zxids say. */
  #stat(fields: Readonly<Record<string, Value | bigint>>): string {
    const number = (name: string): string => String(this.#value(fields[name] ?? null));
    const time = (name: string): number => Number(asFields(fields[name] ?? null)["time"]);
    const isUnmodified = number("czxid") === number("mzxid");
    const [created, modified] = [time("ctime"), time("mtime")];
    const fits = isUnmodified ? created === modified : created <= modified;
    const zxids = ["czxid", "mzxid", "pzxid"].map(number).join("/");
    const versions = ["version", "cversion", "aversion"].map(number).join("/");
    const sizes = ["dataLength", "numChildren"].map(number).join("/");
    return `${zxids} ${versions} ${sizes} ${number("ephemeralOwner")}${fits ? "" : " times do not fit"}`;
  }
}

function isTold(one: Told | Value | undefined): one is Told {
  return one !== null && one !== undefined && typeof one === "object" && "answer" in one;
}

function asFields(value: Value | bigint): Readonly<Record<string, Value | bigint>> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return {};
  return value as Readonly<Record<string, Value | bigint>>;
}

function collectOwn({ answer, shape, isServersOwn: isHidden }: Told, zxids: Set<bigint>): void {
  if (isHidden || answer.isEvent) return;
  if (WRITES.has(shape) && answer.zxid > 0n) zxids.add(answer.zxid);
  collect(answer.body, zxids);
}

function collect(value: Value | bigint, zxids: Set<bigint>): void {
  if (value === null || typeof value !== "object") return;
  const { zxid } = asFields(value);
  if (typeof zxid === "bigint" && zxid > 0n) zxids.add(zxid);
  for (const one of Object.values(value) as readonly Value[]) collect(one, zxids);
}
