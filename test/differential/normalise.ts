/**
 * Takes from a transcript what may differ between two right servers, and nothing else: zxids become their ranks among
 * the zxids of the stream's own writes, times whether they fit the zxids, session ids the numbers of their sessions.
 */
import { OPCODES } from "../../src/jute/opcodes.ts";
import { type Answer, decodeAnswer, decodeWelcome, type ReplyShape, type Value } from "./answer.ts";
import { FENCE_XID, ROOT_PREFIX, type StepRecord, type Transcript } from "./player.ts";
import { type Frame, isOwnPath, QUOTA, ROOT, type Step, type Stream } from "./stream.ts";

/** One step's answer, ready to be compared. */
export interface StepAnswer {
  readonly wasConnected: boolean;
  readonly isClosed: boolean;
  /** Replies and events in their order, the answer to our own question last. */
  readonly answers: readonly Value[];
  readonly welcome: Value;
  /** Events on the other connections after a session ended, whose order among themselves nobody tells. */
  readonly others: readonly { readonly slot: number; readonly answers: readonly Value[] }[];
}

/** A stream's answers, step by step, and behind them those of each slot at the end. */
export type Normalised = readonly StepAnswer[];

interface Decoded {
  readonly record: StepRecord;
  readonly answers: readonly DecodedAnswer[];
  readonly welcome: Value;
  readonly others: readonly { readonly slot: number; readonly answers: readonly DecodedAnswer[] }[];
}

interface DecodedAnswer extends Answer {
  readonly shape: ReplyShape;
  /** Whether it is about a znode that streams share, whose numbers depend on who else was there. */
  readonly isShared: boolean;
}

/** Makes two servers' transcripts of one stream comparable. */
export function normalise(stream: Stream, transcript: Transcript): Normalised {
  const steps: readonly (Step | undefined)[] = [...stream.steps, ...transcript.last.map(() => undefined)];
  const records = [...transcript.records, ...transcript.last];
  const decoded = records.map((record, index) => decodeRecord(record, steps[index]));
  const tokens = new Tokens(transcript, decoded);
  return decoded.map((one) => ({
    wasConnected: one.record.wasConnected,
    isClosed: one.record.isClosed,
    answers: closingAsSet(one.answers.filter((each) => isTold(each, one, transcript.root))).map((each) =>
      tokens.answer(each),
    ),
    welcome: tokens.value(one.welcome),
    others: one.others.map(({ slot, answers }) => ({
      slot,
      answers: asSet(
        answers.filter((each) => !isForeign(each, transcript.root)).map((each) => tokens.answer(each)),
      ),
    })),
  }));
}

/** Whether the answer to our own question got out before a close is a race within the server. */
function isTold(answer: DecodedAnswer, decoded: Decoded, root: string): boolean {
  return !(decoded.record.isClosed && answer.xid === FENCE_XID) && !isForeign(answer, root);
}

/** What watches on "/" tell of other streams; as a child watch that a client brings back, "" is another name of it. */
function isForeign(answer: DecodedAnswer, root: string): boolean {
  const { isEvent, body } = answer;
  if (!isEvent || body === null || typeof body !== "object" || !("path" in body)) return false;
  const path = body["path"];
  if (typeof path !== "string" || isAt(path, root) || isAt(path, QUOTA + root)) return false;
  if (path === "" && body["event"] === CHILDREN_CHANGED) return true;
  return path === "/" || path.startsWith(ROOT_PREFIX) || path.startsWith("/zookeeper/");
}

/**
 * The events of a session's end come in the order in which its ephemerals are deleted, which a server takes from a hash
 * table: those before the reply to closeSession, as a set.
 */
function closingAsSet(answers: readonly DecodedAnswer[]): readonly DecodedAnswer[] {
  const end = answers.find(({ shape, error }) => shape === "closeSession" && error === 0);
  if (end === undefined) return answers;
  const isOfEnd = ({ isEvent, zxid }: DecodedAnswer): boolean => isEvent && zxid === end.zxid;
  const sorted = answers.filter(isOfEnd).toSorted((a, b) => (shownBody(a) < shownBody(b) ? -1 : 1));
  return answers.map((each) => (isOfEnd(each) ? (sorted.shift() ?? each) : each));
}

function shownBody({ body }: DecodedAnswer): string {
  return JSON.stringify(body, bigints);
}

function asSet(values: readonly Value[]): readonly Value[] {
  return values.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

function decodeRecord(record: StepRecord, step: Step | undefined): Decoded {
  const asked = step?.kind === "send" ? step.frames : [];
  return {
    record,
    answers: decodeFrames(record.frames, asked),
    welcome: record.welcome === undefined ? null : decodeWelcome(record.welcome),
    others: record.others.map(({ slot, frames }) => ({ slot, answers: decodeFrames(frames, []) })),
  };
}

/** Replies come in the order of their requests: each is read as what the next request not yet answered asks for. */
function decodeFrames(frames: readonly Uint8Array[], asked: readonly Frame[]): readonly DecodedAnswer[] {
  let next = 0;
  return frames.map((frame) => {
    const bare = decodeAnswer(frame, "unknown");
    if (bare.isEvent) return { ...bare, shape: "unknown", isShared: false };
    const isOwn = bare.xid === FENCE_XID;
    const request = isOwn ? undefined : asked[next++];
    const shape = shapeOf(request);
    return { ...decodeAnswer(frame, shape), shape, isShared: isAboutShared(request) };
  });
}

function shapeOf(frame: Frame | undefined): ReplyShape {
  if (frame === undefined || frame.kind === "bytes") return "unknown";
  if (frame.kind === "login") return "sasl";
  if (frame.kind !== "opcode") return frame.request.op;
  const names = Object.entries(OPCODES).filter(([, type]) => type === frame.type);
  const name = names[0]?.[0];
  return name === undefined || isInternal(name) ? "unknown" : (name as ReplyShape);
}

function isInternal(name: string): boolean {
  return ["notification", "error", "createSession", "deleteContainer"].includes(name);
}

function isAboutShared(frame: Frame | undefined): boolean {
  if (frame === undefined || !("request" in frame)) return false;
  // The changed byte may make any path of it.
  if (frame.kind === "flip") return true;
  const { request } = frame;
  if (request.op === "multi" || request.op === "multiRead") {
    return request.operations.some((one) => "path" in one && isShared(one.path));
  }
  return "path" in request && isShared(request.path);
}

const CHILDREN_CHANGED = 4;

function isShared(path: string): boolean {
  return !isOwnPath(path);
}

function isAt(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}

/** The writes whose replies carry their own zxid, whether they succeed or fail. */
const WRITES: ReadonlySet<ReplyShape> = new Set([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "delete",
  "setData",
  "setACL",
  "multi",
  "closeSession",
]);

const MARSHALLING_ERROR = -5;

class Tokens {
  readonly #root: string;
  /** The stream's own zxids in ascending order. */
  readonly #own: readonly bigint[];
  readonly #sessions = new Map<bigint, string>();

  constructor(transcript: Transcript, decoded: readonly Decoded[]) {
    this.#root = transcript.root;
    const own = new Set<bigint>();
    for (const { answers } of decoded) for (const answer of answers) collect(answer, own);
    this.#own = [...own].toSorted((a, b) => (a < b ? -1 : 1));
    const counts = new Map<number, number>();
    for (const { slot, id } of transcript.sessions) {
      const count = (counts.get(slot) ?? 0) + 1;
      counts.set(slot, count);
      this.#sessions.set(id, `session ${slot}.${count}`);
    }
  }

  answer(answer: DecodedAnswer): Value {
    const { xid, error, body, isEvent, isShared } = answer;
    const isExact = isEvent || (WRITES.has(answer.shape) && error !== MARSHALLING_ERROR);
    const zxid = isExact ? this.#exact(answer.zxid) : this.#floor(answer.zxid);
    if (xid === FENCE_XID) return { fence: error, zxid };
    const shown = isShared ? withoutNumbers(body) : body;
    return isEvent
      ? { zxid, ...this.#fields(shown) }
      : { xid, zxid, error, ...this.#fields(this.#times(shown)) };
  }

  value(value: Value): Value {
    if (typeof value === "string") return this.#text(value);
    if (value === null || typeof value !== "object") return value;
    if (isList(value)) return value.map((one) => this.value(one));
    if ("zxid" in value && typeof value.zxid === "bigint") return this.#exact(value.zxid);
    if ("session" in value && typeof value.session === "bigint") return this.#session(value.session);
    return this.#fields(value);
  }

  #fields(value: Value): { readonly [key: string]: Value } {
    if (value === null || typeof value !== "object" || isList(value)) return { value: this.value(value) };
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.value(one as Value)]));
  }

  /** Within a Stat: whether the times are as the zxids say, in place of the times. */
  #times(value: Value): Value {
    if (value === null || typeof value !== "object") return value;
    if (isList(value)) return value.map((one) => this.#times(one));
    if (!("ctime" in value)) {
      if ("zxid" in value || "session" in value) return value;
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.#times(one)]));
    }
    const { ctime, mtime, ...rest } = value;
    return { ...rest, times: timesOf({ ctime, mtime, czxid: rest["czxid"], mzxid: rest["mzxid"] }) };
  }

  #session(id: bigint): string {
    if (id === 0n) return "none";
    return this.#sessions.get(id) ?? `unknown 0x${id.toString(16)}`;
  }

  #exact(zxid: bigint): string {
    if (zxid <= 0n) return String(zxid);
    const rank = this.#own.indexOf(zxid);
    return rank === -1 ? "foreign" : `z${rank + 1}`;
  }

  /** The last of the stream's own zxids that is not above it. */
  #floor(zxid: bigint): string {
    if (zxid <= 0n) return String(zxid);
    let rank = 0;
    while (rank < this.#own.length && (this.#own[rank] ?? 0n) <= zxid) rank++;
    return `>=z${rank}`;
  }

  #text(text: string): string {
    if (isAt(text, this.#root)) return ROOT + text.slice(this.#root.length);
    const quota = QUOTA + this.#root;
    return isAt(text, quota) ? QUOTA + ROOT + text.slice(quota.length) : text;
  }
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function collect(answer: DecodedAnswer, own: Set<bigint>): void {
  if (answer.isEvent || answer.isShared) return;
  const isWrite = WRITES.has(answer.shape) && answer.error !== MARSHALLING_ERROR;
  if (isWrite && answer.zxid > 0n) own.add(answer.zxid);
  collectFrom(answer.body, own);
}

function collectFrom(value: Value, own: Set<bigint>): void {
  if (value === null || typeof value !== "object") return;
  if (isList(value)) {
    for (const one of value) collectFrom(one, own);
  } else if ("zxid" in value && typeof value.zxid === "bigint") {
    if (value.zxid > 0n) own.add(value.zxid);
  } else {
    for (const one of Object.values(value)) collectFrom(one as Value, own);
  }
}

/** A server's clock may stand still between two writes, and never goes back here. */
function timesOf(stat: Readonly<Record<"ctime" | "mtime" | "czxid" | "mzxid", Value | undefined>>): string {
  const [created, modified] = [timeOf(stat.ctime), timeOf(stat.mtime)];
  const isUnmodified = JSON.stringify(stat.czxid, bigints) === JSON.stringify(stat.mzxid, bigints);
  if (isUnmodified ? modified !== created : modified < created)
    return `${created} and ${modified} do not fit`;
  return created === 0 ? "none" : "fit";
}

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function timeOf(value: Value | undefined): number {
  if (value === null || typeof value !== "object" || !("time" in value)) return Number.NaN;
  return typeof value.time === "number" ? value.time : Number.NaN;
}

/** The names of the fields that stand, in place of the numbers in them. */
function withoutNumbers(value: Value): Value {
  if (value === null || typeof value !== "object") return typeof value;
  if (isList(value)) return "a list";
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      key,
      key === "results" ? results(one as Value) : "not compared",
    ]),
  );
}

/** Of a multi that touches a shared znode: its types and errors. */
function results(value: Value): Value {
  if (value === null || typeof value !== "object" || !isList(value)) return typeof value;
  return value.map((one) => {
    if (one === null || typeof one !== "object" || isList(one) || !("type" in one)) return typeof one;
    const { type, error } = one;
    return { type: type ?? null, error: error ?? null };
  });
}
