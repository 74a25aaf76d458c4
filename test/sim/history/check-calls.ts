/**
 * What callers without a connection were told, held against the log: done once under a key, under a lock only while it
 * is held, leases that last as long as they were told to, and places in queues that go with whoever hangs up.
 */
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { type SessionId, sessionText } from "../../../src/base/ids.ts";
import { childOf, nameOf, parentOf } from "../../../src/base/path.ts";
import type { TransactRequest } from "../../../src/base/request.ts";
import type { OperationTxn, Txn } from "../../../src/base/txn.ts";
import { compareZxid, equalZxid, type Zxid, ZXID_ZERO, zxidText } from "../../../src/base/zxid.ts";
import type { CallAnswer } from "../../../src/keeper/call.ts";
import { LEASE_CLOCK_STEP_MS_MAX, SESSION_CLOCK_STEP_MS_MAX } from "../../../src/keeper/limits.ts";
import { Violation } from "../verdict.ts";
import {
  delayOf,
  Heads,
  isContender,
  isHeld,
  isPermit,
  isPlaceholder,
  isWaiting,
  permitsOf,
  queueOf,
} from "./contests.ts";
import { codeOf, REFUSED } from "./check-tokens.ts";
import { jumpsWithin, type SessionBounds } from "./check-sessions.ts";
import { readNow } from "./reference-requests.ts";
import type { ReferenceTree } from "./reference-tree.ts";
import type { SessionEnd } from "./replay.ts";
import { same, told } from "./same.ts";
import type { CallRecord, Committed, Operation } from "./types.ts";

/** A hang-up is heard, and a place given up, within this where nothing disturbs anybody. */
const GIVE_UP_MS = 2500;
/** A hang-up and an answer may cross for so long. */
const CROSSING_MS = 500;

/** The world counts in fractions of ms, replicas in whole ones. */
const ROUNDING_MS = 5;

const TOKENS = "/zookeeper/tokens";
const KEYS = "/zookeeper/call-keys/";

/** A place in a queue that a call made, or the permit that has come of it. */
interface Place {
  readonly intent: string;
  readonly path: string;
  readonly session: SessionId;
  readonly token: Zxid;
  readonly timeoutMs: number;
  readonly atMs: number;
  /** When it came to be the first. */
  firstMs: number | undefined;
  /** When it was given up by the service. */
  leftMs: number | undefined;
}

type Told = CallRecord & { readonly answer: CallAnswer & { readonly kind: "answered" } };

/** Follows the log; `report` takes what is wrong. */
export class CallBook {
  readonly #calls: readonly CallRecord[];
  readonly #byIntent: ReadonlyMap<string, readonly CallRecord[]>;
  readonly #reads = new Map<string, Told[]>();
  readonly #report: (check: string, what: string) => void;
  /** By what was wanted: where it was done. */
  readonly #done = new Map<string, Zxid[]>();
  /** By key: what was done under it, as long as that is remembered. */
  readonly #keys = new Map<string, string>();
  /** What was done, and may not be done again: what is under a key until that is forgotten. */
  readonly #decided = new Set<string>();
  readonly #places = new Map<string, Place>();
  readonly #deliveredMs = new Map<string, number>();
  readonly #heads = new Heads();

  constructor(calls: readonly CallRecord[], report: (check: string, what: string) => void) {
    this.#calls = calls;
    this.#report = report;
    this.#byIntent = Map.groupBy(calls, ({ intent }) => intent);
    for (const call of calls.filter(isTold)) {
      const { kind } = call.asked.request;
      if (kind !== "read" && kind !== "queue") continue;
      const at = zxidText(call.answer.zxid);
      this.#reads.set(at, [...(this.#reads.get(at) ?? []), call]);
    }
  }

  /** One more transaction that no client with a connection asked for, before it is applied. */
  judge(one: Committed, tree: ReferenceTree): void {
    const { txn } = one;
    if (txn.kind === "sessionMulti") {
      return one.header.origin.serial === 0 ? this.#closed(one, txn, tree) : this.#acquired(one, txn, tree);
    }
    if (txn.kind === "multi") return this.#written(one, txn.operations, tree);
    // An asking that is a repetition sets what is remembered to the same.
    const isClaim = txn.kind === "setData" && txn.path.startsWith(KEYS);
    const isHarmless = txn.kind === "barrier" || txn.kind === "closeSession" || txn.kind === "error";
    return isClaim || isHarmless ? undefined : this.#unasked(one);
  }

  /** Behind each transaction: who is first now, and what reads show that were answered at it. */
  applied({ zxid, atMs }: Pick<Committed, "zxid" | "atMs">, tree: ReferenceTree): void {
    this.#deliveredMs.set(zxidText(zxid), atMs);
    for (const { kind, path } of tree.changes) if (kind === "deleted") this.#forget(path);
    const contenders = tree.changes.filter(({ path }) => isContender(path));
    for (const queue of new Set(contenders.map(({ path }) => parentOf(path)))) {
      const [first] = queueOf(tree, queue);
      this.#heads.note(queue, first, atMs);
      const place = this.#places.get(first ?? "");
      if (place !== undefined && !isWaiting(queue)) place.firstMs ??= atMs;
    }
    for (const read of this.#reads.get(zxidText(zxid)) ?? []) this.#judgeRead(read, tree);
  }

  /** Where in the log a wish was done. */
  doneAt(intent: string): readonly Zxid[] {
    return this.#done.get(intent) ?? [];
  }

  /** At the end, by how sessions have ended. */
  finish(
    ended: ReadonlyMap<SessionId, SessionEnd>,
    bounds: SessionBounds,
    isDisturbed: (fromMs: number, toMs: number) => boolean,
  ): void {
    for (const call of this.#calls.filter(isTold)) this.#judgeTold(call);
    const bySession = new Map([...this.#places.values()].map((place) => [place.session, place]));
    for (const call of this.#calls.filter(isTold)) {
      const { response } = call.answer;
      if (response.op !== "lease") continue;
      const place = bySession.get(response.session.session);
      if (place !== undefined && equalZxid(place.token, response.token))
        this.#judgeLease(call, { place, expiresInMs: response.expiresInMs, ended, bounds });
      else this.#report("AcknowledgedIsCommitted", `${callText(call)}, and no such place is in the log`);
    }
    for (const place of this.#places.values()) {
      this.#judgeGhost(place, ended, isDisturbed);
      this.#judgeDelay(place, ended, bounds);
    }
  }

  #acquired(
    one: Committed,
    { operations, timeoutMs }: Txn & { readonly kind: "sessionMulti" },
    tree: ReferenceTree,
  ): void {
    const created = operations.find(
      (txn) => txn.kind === "create" && (isContender(txn.path) || isPermit(txn.path)),
    );
    const intent = created?.kind === "create" ? textOf(created.data) : "";
    const askings = this.#askings(intent, "acquire");
    if (created?.kind !== "create" || askings.length === 0) return this.#unasked(one);
    const { path } = created;
    const isTaken = isPermit(path);
    if (isTaken) this.#judgeRoom(intent, one.zxid, { path, tree });
    const lock = isTaken ? childOf(parentOf(parentOf(path)), "locks") : parentOf(path);
    const queue = queueOf(tree, lock);
    const waits = askings.map(({ asked: { request } }) => (request.kind === "acquire" ? request.waitMs : 0));
    if ((Math.max(...waits) === 0 || isTaken) && queue.length > 0)
      this.#report("GuardsHold", `${intent} has ${path} at ${zxidText(one.zxid)} where ${queue[0]} stands`);
    const isKeyed = askings.some(
      ({ asked: { request } }) => request.kind === "acquire" && request.key !== undefined,
    );
    const other = queue.find((at) => textOf(tree.nodes.get(at)?.data ?? null) === intent);
    if (isKeyed && other !== undefined && this.#decided.has(intent))
      this.#report("KeyDoneOnce", `${intent} has ${other} and, at ${zxidText(one.zxid)}, ${path}`);
    this.#note(intent, one.zxid);
    const { session } = one.header;
    const { zxid: token, atMs } = one;
    const isFirst = isTaken || (queue.length === 0 && !isWaiting(lock));
    const moments = { atMs, firstMs: isFirst ? atMs : undefined, leftMs: undefined };
    this.#places.set(path, { intent, path, session, token, timeoutMs, ...moments });
  }

  #written(one: Committed, operations: readonly OperationTxn[], tree: ReferenceTree): void {
    if (operations.every(({ kind }) => kind === "error")) return undefined;
    if (this.#isPromotion(one, operations, tree)) return undefined;
    const [intent] = operations.flatMap(intentOf);
    if (intent === undefined) return this.#left(one, operations);
    const [changed] = operations;
    const own = changed?.kind === "setData" ? this.#places.get(changed.path) : undefined;
    if (own !== undefined) return this.#proclaimed(one, own, { intent, tree });
    const request = this.#askings(intent, "write").map(transactOf)[0];
    if (request === undefined) return this.#unasked(one);
    for (const guard of request.guards) {
      if (guard.kind !== "held" || isHeld(tree, guard)) continue;
      const what = `${intent} is done at ${zxidText(one.zxid)} under ${guard.path} with token ${zxidText(guard.token)}`;
      this.#report("GuardsHold", `${what}, which is not held`);
    }
    const before = this.#done.get(intent)?.at(-1);
    if (before !== undefined && this.#decided.has(intent))
      this.#report("KeyDoneOnce", `${intent} is done at ${zxidText(before)} and at ${zxidText(one.zxid)}`);
    const { key } = request;
    const under = key === undefined ? undefined : this.#keys.get(key.name);
    if (under !== undefined && under !== intent)
      this.#report("KeyDoneOnce", `${intent} is done at ${zxidText(one.zxid)} under the key of ${under}`);
    if (key !== undefined) this.#keys.set(key.name, intent);
    this.#note(intent, one.zxid);
    return undefined;
  }

  /** The first that waits for a permit takes one. */
  #isPromotion(one: Committed, operations: readonly OperationTxn[], tree: ReferenceTree): boolean {
    const left = operations.find((txn) => txn.kind === "delete" && isWaiting(parentOf(txn.path)));
    const taken = operations.find((txn) => txn.kind === "create" && isPermit(txn.path));
    const place = left?.kind === "delete" ? this.#places.get(left.path) : undefined;
    if (place === undefined || taken?.kind !== "create") return false;
    const { intent } = place;
    const { path } = taken;
    const { zxid: token, atMs } = one;
    this.#judgeRoom(intent, token, { path, tree });
    const [first] = queueOf(tree, parentOf(place.path));
    if (first !== place.path)
      this.#report("GuardsHold", `${intent} has ${path} at ${zxidText(token)} where ${first} stands first`);
    this.#places.delete(place.path);
    this.#places.set(path, { ...place, path, token, firstMs: atMs });
    return true;
  }

  /** Whether there is a permit left. */
  #judgeRoom(intent: string, zxid: Zxid, at: { readonly path: string; readonly tree: ReferenceTree }): void {
    const [asking] = this.#askings(intent, "acquire");
    const { request } = asking?.asked ?? {};
    const permits = request?.kind === "acquire" ? (request.permits ?? 0) : 0;
    const taken = permitsOf(at.tree, parentOf(parentOf(at.path)));
    if (taken.length < permits) return;
    const what = `${intent} has ${at.path} at ${zxidText(zxid)}, where of ${permits} are taken ${taken.join(", ")}`;
    this.#report("LeasesAtOnce", what);
  }

  /** A holder's znode shows other data. */
  #proclaimed(
    one: Committed,
    { path, token }: Place,
    { intent, tree }: { readonly intent: string; readonly tree: ReferenceTree },
  ): void {
    if (this.#askings(intent, "proclaim").length === 0) return this.#unasked(one);
    if (!isHeld(tree, { path: parentOf(path), token }))
      this.#report(
        "GuardsHold",
        `${intent} is proclaimed at ${zxidText(one.zxid)} by ${path}, which does not hold`,
      );
    return this.#note(intent, one.zxid);
  }

  /** The service keeps closed what a lease held that it is about to end, as long as that asked for. */
  #closed(
    one: Committed,
    { operations, timeoutMs }: Txn & { readonly kind: "sessionMulti" },
    tree: ReferenceTree,
  ): void {
    const created = operations.find((txn) => txn.kind === "create" && isPlaceholder(txn.path));
    const of = queueOf(tree, created?.kind === "create" ? parentOf(created.path) : "").find(
      (path) => created?.kind === "create" && path.slice(-10) === created.path.slice(-10),
    );
    if (of === undefined || delayOf(of) !== timeoutMs) this.#unasked(one);
  }

  /** A key goes when its place is given up, or its time is over by the leader's clock, which may jump. */
  #forget(path: string): void {
    if (!path.startsWith(KEYS)) return;
    const name = path.slice(KEYS.length);
    this.#keys.delete(name);
    for (const [intent, [first]] of this.#byIntent)
      if (first !== undefined && keyOf(first) === name) this.#decided.delete(intent);
  }

  /** The service gives up a place, and the key with it. */
  #left(one: Committed, operations: readonly OperationTxn[]): void {
    if (operations.every((txn) => "path" in txn && this.#isOfToken(txn.path))) return undefined;
    const places = operations.flatMap((txn) => {
      const place = txn.kind === "delete" ? this.#places.get(txn.path) : undefined;
      return place === undefined ? [] : [place];
    });
    const isOwn = operations.every(
      (txn) => "path" in txn && (txn.path.startsWith(KEYS) || places.length > 0),
    );
    if (!isOwn || places.length === 0) return this.#unasked(one);
    for (const place of places) place.leftMs = one.atMs;
  }

  /** What somebody asked for that makes tokens, or revokes them. */
  #isOfToken(path: string): boolean {
    if (path === TOKENS) return true;
    const hash = path.startsWith(`${TOKENS}/`) ? path.slice(TOKENS.length + 1) : undefined;
    return this.#calls.some(({ asked: { request } }) => "hash" in request && request.hash === hash);
  }

  #judgeTold(call: Told): void {
    const { answer, asked, intent } = call;
    const isProclaimed = asked.request.kind === "proclaim";
    if (codeOf(answer) !== ERROR_CODES.ok || (transactOf(call) === undefined && !isProclaimed)) return;
    const done = this.#done.get(intent) ?? [];
    if (done.some((zxid) => equalZxid(zxid, answer.zxid))) return;
    const where = done.length === 0 ? "it was never done" : `it was done at ${done.map(zxidText).join(", ")}`;
    this.#report("AcknowledgedIsCommitted", `${callText(call)}, and ${where} (${asked.request.kind})`);
  }

  /** What a holder was told lasts, unless it gives it back. */
  #judgeLease(
    call: Told,
    lease: {
      readonly place: Place;
      readonly expiresInMs: number;
      readonly ended: ReadonlyMap<SessionId, SessionEnd>;
      readonly bounds: SessionBounds;
    },
  ): void {
    const { place, expiresInMs, ended, bounds } = lease;
    const { session, timeoutMs, leftMs = Infinity } = place;
    // It counts from when its session was heard, which is before what was committed for that.
    const waitedMs = expiresInMs - timeoutMs;
    const errorMs = waitedMs * (1 - 1 / bounds.clockRateMax) + ROUNDING_MS;
    const deliveredMs = this.#deliveredMs.get(zxidText(call.answer.zxid)) ?? Infinity;
    const jumpedMs = jumpsWithin(bounds.jumpsAhead, call.startMs, call.endMs) * LEASE_CLOCK_STEP_MS_MAX;
    const aheadMs = call.startMs + waitedMs - deliveredMs - errorMs - jumpedMs;
    if (aheadMs > 0) {
      const what = `${callText(call)}, counts from ${aheadMs.toFixed(1)} ms behind what was committed for it`;
      this.#report("LeaseNotEarly", what);
    }
    const goneMs = Math.min(leftMs, ended.get(session)?.atMs ?? Infinity);
    const isReleased = this.#calls.some(
      ({ asked, startMs }) =>
        asked.request.kind === "release" && asked.session?.session === session && startMs <= goneMs,
    );
    const lastedMs = goneMs - call.startMs;
    const stepsMs = jumpsWithin(bounds.jumpsAhead, call.startMs, goneMs) * SESSION_CLOCK_STEP_MS_MAX;
    if (isReleased || lastedMs * bounds.clockRateMax + stepsMs >= expiresInMs) return;
    const what = `${callText(call)}, ${sessionText(session)} at ${place.path} for ${expiresInMs} ms`;
    this.#report("LeaseNotEarly", `${what}, and it is gone after ${lastedMs.toFixed(1)} ms`);
  }

  /** What a lease held that has expired stays closed for its delay, from the end on that its holder was told. */
  #judgeDelay(place: Place, ended: ReadonlyMap<SessionId, SessionEnd>, bounds: SessionBounds): void {
    const { path, session, leftMs } = place;
    const delayMs = delayOf(path);
    const end = ended.get(session);
    if (delayMs === 0 || end?.isExpiry !== true || leftMs !== undefined) return;
    const next = this.#heads.next(path, end.atMs);
    if (next === undefined) return;
    for (const call of this.#calls.filter(isTold)) {
      const { response } = call.answer;
      if (response.op !== "lease" || response.session.session !== session) continue;
      const lastsMs = (response.expiresInMs + delayMs) / bounds.clockRateMax;
      const stepsMs = jumpsWithin(bounds.jumpsAhead, call.startMs, next.atMs) * SESSION_CLOCK_STEP_MS_MAX;
      const earlyMs = call.startMs + lastsMs - next.atMs - stepsMs - ROUNDING_MS;
      if (earlyMs <= 0) continue;
      const what = `${callText(call)} at ${path}, whose lease expired, and ${next.path} is first ${earlyMs.toFixed(1)} ms`;
      this.#report("LockDelayKept", `${what} before its delay of ${delayMs} ms is over`);
    }
  }

  /** Whoever hangs up in a queue leaves it, and before it could become the holder. */
  #judgeGhost(
    { intent, path, session, atMs, firstMs = Infinity, leftMs = Infinity }: Place,
    ended: ReadonlyMap<SessionId, SessionEnd>,
    isDisturbed: (fromMs: number, toMs: number) => boolean,
  ): void {
    const last = this.#askings(intent, "acquire").at(-1);
    if (last?.isGivenUp !== true || last.answer !== undefined) return;
    const { request } = last.asked;
    if (request.kind === "acquire" && request.isProbed) return;
    // It may have been told that it holds the lock: then it lives on until its lease ends.
    if (firstMs <= last.endMs + CROSSING_MS) return;
    const dueMs = Math.max(last.endMs, atMs) + GIVE_UP_MS;
    const goneMs = Math.min(leftMs, ended.get(session)?.atMs ?? Infinity);
    if (goneMs <= dueMs || isDisturbed(last.startMs, dueMs)) return;
    const until = goneMs === Infinity ? "is there still" : `is there until ${goneMs.toFixed(1)} ms`;
    this.#report("HangUpGivesUp", `${intent} hung up at ${last.endMs.toFixed(1)} ms, and ${path} ${until}`);
  }

  #judgeRead(call: Told, tree: ReferenceTree): void {
    const { request } = call.asked;
    if (request.kind === "queue") return this.#judgeQueue(call, request.path, tree);
    if (request.kind !== "read") return;
    const expected = readNow(tree, request.request, { session: 0n, identities: [] });
    if (expected === undefined) return;
    const { code, response } = call.answer;
    // What its token does not let it read is judged with tokens.
    if (call.token !== undefined && REFUSED.has(code)) return;
    if (code === expected.error && (code !== 0 || same(response, expected.response))) return;
    this.#report("ReadsShowAState", `${callText(call)}, where there was ${told(expected)}`);
  }

  #judgeQueue(call: Told, path: string, tree: ReferenceTree): void {
    const { code, response } = call.answer;
    if (code !== ERROR_CODES.ok || response.op !== "queue") return;
    const shown = response.contenders.map(({ name, token }) => `${name} ${zxidText(token)}`);
    const there = queueOf(tree, path).map((one) => {
      const node = tree.nodes.get(one);
      return `${nameOf(one)} ${node === undefined ? "" : zxidText(node.czxid)}`;
    });
    if (shown.join() === there.join() && response.count === there.length) return;
    this.#report("ReadsShowAState", `${callText(call)}, where there was ${there.join(", ")}`);
  }

  #askings(intent: string, kind: "acquire" | "write" | "proclaim"): readonly CallRecord[] {
    return (this.#byIntent.get(intent) ?? []).filter(({ asked }) => asked.request.kind === kind);
  }

  #note(intent: string, zxid: Zxid): void {
    this.#done.set(intent, [...(this.#done.get(intent) ?? []), zxid]);
    this.#decided.add(intent);
  }

  #unasked({ zxid, header, txn }: Committed): void {
    this.#report(
      "CommittedWasAsked",
      `nobody asked for ${zxidText(zxid)} of ${sessionText(header.session)}: ${told(txn)}`,
    );
  }
}

/** Behind what a caller has seen, and a linearizable one behind all that was acknowledged before, nothing is older. */
export function checkCallReads(
  calls: readonly CallRecord[],
  operations: readonly Operation[],
): readonly Violation[] {
  const writes = [
    ...calls
      .filter(isTold)
      .filter(({ answer, asked }) => answer.code === 0 && asked.request.kind === "write"),
    ...operations,
  ].flatMap((one): readonly { readonly endMs: number; readonly zxid: Zxid }[] => {
    if ("answer" in one) return [{ endMs: one.endMs, zxid: one.answer.zxid }];
    const { outcome, request, endMs } = one;
    const isWrite = request.op === "setData" || request.op === "create" || request.op === "multi";
    return isWrite && outcome.kind === "answered" && outcome.error === 0
      ? [{ endMs, zxid: outcome.zxid }]
      : [];
  });
  const byEnd = writes.toSorted((a, b) => a.endMs - b.endMs);
  const reads = calls.filter(isTold).toSorted((a, b) => a.startMs - b.startMs);
  const found: Violation[] = [];
  let next = 0;
  let acknowledged = ZXID_ZERO;
  for (const call of reads) {
    for (let write = byEnd[next]; write !== undefined && write.endMs < call.startMs; write = byEnd[++next])
      if (compareZxid(write.zxid, acknowledged) > 0) acknowledged = write.zxid;
    const { request, minZxid } = call.asked;
    // A refusal for a token's sake shows no state.
    const isRefused = call.token !== undefined && REFUSED.has(call.answer.code);
    if (request.kind !== "read" || isRefused) continue;
    const atLeast = request.isLinearizable && compareZxid(acknowledged, minZxid) > 0 ? acknowledged : minZxid;
    if (compareZxid(call.answer.zxid, atLeast) >= 0) continue;
    found.push(new Violation("CallReadsFresh", `${callText(call)}, and ${zxidText(atLeast)} was due`));
  }
  return found;
}

function isTold(call: CallRecord): call is Told {
  return call.answer !== undefined && call.answer !== "lost" && call.answer.kind === "answered";
}

function transactOf({ asked: { request } }: CallRecord): TransactRequest | undefined {
  return request.kind === "write" && request.request.op === "transact" ? request.request : undefined;
}

function keyOf(call: CallRecord): string | undefined {
  const { request } = call.asked;
  return request.kind === "acquire" ? request.key?.name : transactOf(call)?.key?.name;
}

/** What is written ends with what its caller wants. */
function intentOf(txn: OperationTxn): readonly string[] {
  if (txn.kind !== "create" && txn.kind !== "setData") return [];
  // What stands above, and how many permits there are, is nobody's wish by itself.
  if (txn.kind === "create" && (txn.owner.mode === "container" || txn.path.endsWith("/permits"))) return [];
  return txn.path.startsWith("/zookeeper/") ? [] : [textOf(txn.data).split(" ").at(-1) ?? ""];
}

function textOf(data: Uint8Array | null): string {
  return data === null ? "" : new TextDecoder().decode(data);
}

function callText({ client, intent, asked, startMs, endMs, answer }: CallRecord): string {
  const times = `${startMs.toFixed(2)}-${endMs === Infinity ? "?" : endMs.toFixed(2)} ms`;
  return `${client} ${intent} ${times}: ${asked.request.kind} -> ${told(answer)}`;
}
