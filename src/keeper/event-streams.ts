/**
 * Readers that hear of changes as they happen, each from a place in the order of all events on. A stream is **live**
 * when it has been told all that was applied: it is told what comes. One that is **behind**, as it begins in the past
 * or its reader is slow, is told from the history in slices, a turn each, as far as there is room, until it is live.
 *
 * Invariants:
 * 1. A stream is told every event behind its beginning that its reader may hear, in order, once.
 * 2. What a reader has not taken is bounded; who takes nothing is cut off, and told so.
 * 3. What is told was applied here: it is committed, and leaves behind the turn's write.
 */
import { type Identity, PERMS } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { withoutSignedScope } from "../base/scope-identity.ts";
import { compareZxid, equalZxid, maxZxid, minZxid, type Zxid, ZXID_ZERO, zxidText } from "../base/zxid.ts";
import { decodeTxn } from "../jute/txn.ts";
import { isAllowed } from "../tree/access.ts";
import { type ToldEvent, toldOf, type Watched } from "../tree/event-filter.ts";
import { isOver, mayTouch, type Scope, scopeOf, UNBOUNDED } from "../tree/scope.ts";
import { eventsOf } from "../tree/told-events.ts";
import { isTokenPath } from "../tree/tokens.ts";
import type { TreeEvent } from "../tree/transition.ts";
import type { LogReader } from "../zab/config.ts";
import { powersOf } from "./auth.ts";
import { hostOf } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import type { EventNotes } from "./event-notes.ts";
import {
  ALL_OF_IT,
  comparePositions,
  endOf,
  type Position,
  type StreamEnd,
  type StreamId,
  type StreamInput,
  type StreamOpening,
  type StreamRefusal,
  type StreamWord,
} from "./event-stream.ts";
import { aliveText, changeText, endText, openText, resetText } from "./event-text.ts";
import {
  STREAM_HOLD_MS,
  STREAM_SHARE,
  STREAM_SLICE_BYTES,
  STREAM_STALL_MS,
  STREAM_UNSENT_MAX,
  STREAMS_MAX,
  STREAMS_PER_CALLER_MAX,
  STREAMS_UNSENT_MAX,
} from "./stream-limits.ts";
import { StreamIndex } from "./stream-index.ts";
import type { Action } from "./turn.ts";

/** A stream that was not refused, and has not ended. */
interface Stream {
  readonly opening: StreamOpening;
  readonly watched: Watched;
  identities: readonly Identity[];
  /** What its reader may touch at most. */
  scope: Scope;
  /** Whose it is, for the bound of each caller. */
  readonly caller: string | undefined;
  readonly deadlineMs: number;
  state: "held" | "behind" | "live";
  /** What was told; of a live one all that was applied. */
  position: Position;
  unsent: number;
  /** When something was taken last, or began to be owed. */
  takenMs: number;
  sentMs: number;
}

/** What applying a transaction led to. */
export interface AppliedEvents {
  readonly zxid: Zxid;
  readonly timeMs: number;
  readonly events: readonly TreeEvent[];
}

/** What the streams are told from. */
export interface EventStreamsParts {
  readonly sid: Sid;
  readonly context: DoorContext;
  readonly log: LogReader;
  readonly notes: EventNotes;
}

/** See the file's comment. */
export class EventStreams {
  readonly #parts: EventStreamsParts;
  readonly #streams = new Map<StreamId, Stream>();
  readonly #live = new StreamIndex<Stream>();
  readonly #held = new Set<Stream>();
  readonly #behind = new Set<Stream>();
  readonly #perCaller = new Map<string, number>();
  /** What was told last. */
  #told = { kind: "created" as ToldEvent["kind"], path: "", position: endOf(ZXID_ZERO), text: "" };
  #unsent = 0;
  #actions: Action[] = [];
  #nowMs = 0;

  constructor(parts: EventStreamsParts) {
    this.#parts = parts;
  }

  /** Streams that have not ended. */
  get count(): number {
    return this.#streams.size;
  }

  /** What readers have not taken yet, in UTF-16 units. */
  get unsent(): number {
    return this.#unsent;
  }

  /** Sets the time of this turn, by a clock that never goes back. */
  at(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Something happens to a stream. */
  take(input: StreamInput): void {
    switch (input.kind) {
      case "opened":
        return this.#open(input.opening);
      case "taken":
        return this.#taken(input.stream, input.length);
      case "closed": {
        const stream = this.#streams.get(input.stream);
        if (stream !== undefined) this.#forget(stream);
        return;
      }
      default:
        assertNever(input);
    }
  }

  /** Tells live streams what was just applied; gives to how many it was told, or is to be. */
  announce({ zxid, timeMs, events }: AppliedEvents): number {
    let count = 0;
    for (const [index, event] of events.entries()) {
      if (isTokenPath(event.path)) this.#endUnder(({ tokenPath }) => tokenPath === event.path);
      for (const stream of this.#live.of(event)) {
        if (this.#tell(stream, event, { zxid, index: index + 1, timeMs })) count++;
        else this.#fallBehind(stream, { zxid, index });
      }
    }
    return count;
  }

  /** More was delivered, or there is a leader: those that waited for it begin. */
  progressed(): void {
    for (const stream of this.#held) this.#begin(stream);
  }

  /** Tells those that are behind the next slice of the history; says whether there is more to tell. */
  advance(): boolean {
    for (const stream of this.#behind) if (this.#isGone(stream.position)) this.#end(stream, "gone");
    const waiting = [...this.#behind].filter((stream) => this.#hasRoom(stream));
    const [first] = waiting;
    if (first === undefined) return false;
    // In turn: one that begins far back must not keep the others waiting. Those that stand behind it share the slice.
    this.#behind.delete(first);
    this.#behind.add(first);
    const ready = waiting.filter(({ position }) => comparePositions(position, first.position) >= 0);
    const { log, notes, context } = this.#parts;
    const after = beforeRest(first.position);
    const upTo = minZxid(context.tree.lastApplied, log.last);
    const slice = log.read({ after, upTo, bytesMax: STREAM_SLICE_BYTES });
    const last = slice.at(-1)?.zxid ?? after;
    const kept = notes.read({ after, upTo: last });
    const blocked = new Set<Stream>();
    for (const { zxid, payload } of slice) {
      const { header, txn } = decodeTxn(payload);
      const applied = { zxid, timeMs: header.timeMs, events: eventsOf(txn, kept.get(zxidText(zxid))) };
      const listening = ready.filter((stream) => !blocked.has(stream));
      for (const stream of listening) {
        const isReset = txn.kind === "restore" && compareZxid(stream.position.zxid, zxid) < 0;
        if (isReset) this.#send(stream, resetText(zxid));
        if (!this.#tellAll(stream, applied)) blocked.add(stream);
      }
    }
    for (const stream of ready) {
      if (blocked.has(stream)) continue;
      if (comparePositions(stream.position, endOf(last)) < 0) stream.position = endOf(last);
      this.#catchUp(stream);
    }
    return waiting.some((stream) => stream.state === "behind" && this.#hasRoom(stream));
  }

  /** Who waits for too long is refused, who takes nothing is cut off, and who hears nothing is told that it lives. */
  tick(): void {
    const timeMs = this.#parts.context.timeMs();
    this.#endUnder((scope) => isOver(scope, timeMs));
    for (const stream of this.#streams.values()) {
      const { state, unsent, opening } = stream;
      if (state === "held") {
        if (this.#nowMs >= stream.deadlineMs) this.#giveUp(stream, this.#reasonOfWait());
      } else if (unsent > 0 && this.#nowMs - stream.takenMs >= STREAM_STALL_MS) {
        this.#end(stream, "slow");
      } else if (unsent === 0 && this.#nowMs - stream.sentMs >= opening.heartbeatMs) {
        const { lastApplied } = this.#parts.context.tree;
        this.#send(stream, aliveText(state === "live" ? endOf(lastApplied) : undefined));
      }
    }
  }

  /** The tree is replaced, as of this zxid: whoever was told all before is told that too. */
  reset(zxid: Zxid): void {
    for (const stream of this.#streams.values()) {
      if (stream.state === "live" && this.#hasRoom(stream)) this.#send(stream, resetText(zxid));
    }
    this.closeAll("reset");
  }

  /** This replica tells nothing any more. */
  closeAll(reason: StreamEnd): void {
    for (const stream of this.#streams.values()) {
      if (stream.state !== "held") this.#end(stream, reason);
      else this.#giveUp(stream, "no-quorum");
    }
  }

  /** What this turn wants done for readers, in order. */
  takeActions(): readonly Action[] {
    const taken = this.#actions;
    if (taken.length > 0) this.#actions = [];
    return taken;
  }

  #open(opening: StreamOpening): void {
    const { tree, bounds } = this.#parts.context;
    if (this.#streams.size >= STREAMS_MAX) return this.#refuse(opening, "busy");
    const caller = callerOf(opening);
    const count = caller === undefined ? 0 : (this.#perCaller.get(caller) ?? 0);
    const countMax = bounds.maxStreamsPerCaller ?? STREAMS_PER_CALLER_MAX;
    if (countMax > 0 && count >= countMax) return this.#refuse(opening, "too-many-streams");
    if (caller !== undefined) this.#perCaller.set(caller, count + 1);
    const stream: Stream = {
      opening,
      watched: opening,
      identities: [],
      scope: UNBOUNDED,
      caller,
      deadlineMs: this.#nowMs + Math.min(opening.holdMs, STREAM_HOLD_MS),
      state: "held",
      position: opening.since ?? endOf(tree.lastApplied),
      unsent: 0,
      takenMs: this.#nowMs,
      sentMs: this.#nowMs,
    };
    this.#streams.set(opening.id, stream);
    this.#held.add(stream);
    this.#begin(stream);
  }

  /** Begins a stream that is held, where this replica can. */
  #begin(stream: Stream): void {
    const { context, log, sid } = this.#parts;
    const { since, minZxid: seen, id } = stream.opening;
    const { lastApplied } = context.tree;
    const needed = since === undefined ? seen : maxZxid(seen, since.zxid);
    if (!context.serving() || compareZxid(needed, lastApplied) > 0) return;
    const refusal = this.#identify(stream);
    if (refusal !== undefined) return this.#giveUp(stream, refusal);
    const position = since ?? endOf(lastApplied);
    if (comparePositions(position, endOf(lastApplied)) < 0) {
      // What a turn applies is in the history when its write is done.
      if (compareZxid(position.zxid, log.last) > 0) return;
      const isKnown = equalZxid(log.floor(position.zxid), position.zxid);
      if (!isKnown || this.#isGone(position)) return this.#giveUp(stream, "gone");
    }
    this.#held.delete(stream);
    stream.state = "behind";
    stream.position = position;
    this.#behind.add(stream);
    this.#say(id, { kind: "began", zxid: lastApplied });
    this.#send(stream, openText(position, lastApplied, sid));
    this.#catchUp(stream);
  }

  /** Who reads, and whether it may: as its credential is now. */
  #identify(stream: Stream): StreamRefusal | undefined {
    const { context } = this.#parts;
    const { auth, tree } = context;
    const { identities, remoteAddress, path, isOwn = false } = stream.opening;
    const scope = scopeOf(identities, tree, context.timeMs());
    if (scope === undefined) return "unauthorized";
    const own = scope.identity === undefined ? [] : [scope.identity];
    const proven = [{ scheme: "ip", id: hostOf(remoteAddress) }, ...own, ...identities];
    stream.scope = scope;
    stream.identities = powersOf({ identities: proven }, auth);
    const { requiredSchemes } = auth.access;
    const isKnown =
      isOwn || requiredSchemes.length === 0 || proven.some(({ scheme }) => requiredSchemes.includes(scheme));
    if (!isKnown) return "login-required";
    return mayTouch(scope, "read", path) ? undefined : "no-auth";
  }

  /** Whether what is behind the position is not all kept. */
  #isGone({ zxid, index }: Position): boolean {
    const compared = compareZxid(zxid, this.#oldest);
    return index === ALL_OF_IT ? compared < 0 : compared <= 0;
  }

  /** Behind it every event is kept. */
  get #oldest(): Zxid {
    return maxZxid(this.#parts.log.base, this.#parts.notes.base);
  }

  #reasonOfWait(): StreamRefusal {
    return this.#parts.context.serving() ? "lagging" : "no-quorum";
  }

  #hasRoom({ unsent }: Stream): boolean {
    return unsent < (this.#unsent < STREAMS_UNSENT_MAX ? STREAM_UNSENT_MAX : STREAM_SHARE);
  }

  /** Tells what is left to tell of a transaction; false where there was no room for all of it. */
  #tellAll(stream: Stream, { zxid, timeMs, events }: AppliedEvents): boolean {
    for (const [at, event] of events.entries()) {
      const index = at + 1;
      if (comparePositions({ zxid, index }, stream.position) <= 0) continue;
      if (!this.#tell(stream, event, { zxid, index, timeMs })) return false;
      stream.position = { zxid, index };
    }
    return true;
  }

  /** Tells one event, if it is to be told at all; false where there is no room. */
  #tell(stream: Stream, event: TreeEvent, at: Position & { readonly timeMs: number }): boolean {
    const told = toldOf(stream.watched, event);
    if (told === undefined || !isAllowed(told.acl, PERMS.read, stream.identities)) return true;
    if (!this.#hasRoom(stream)) return false;
    this.#send(stream, this.#textOf(told, at));
    return true;
  }

  /** Many may watch the same. */
  #textOf(told: ToldEvent, at: Position & { readonly timeMs: number }): string {
    const { kind, path, position, text } = this.#told;
    if (kind === told.kind && path === told.path && comparePositions(position, at) === 0) return text;
    this.#told = {
      kind: told.kind,
      path: told.path,
      position: at,
      text: changeText(told, at, at.timeMs),
    };
    return this.#told.text;
  }

  #fallBehind(stream: Stream, position: Position): void {
    this.#live.delete(stream);
    stream.state = "behind";
    stream.position = position;
    this.#behind.add(stream);
  }

  #catchUp(stream: Stream): void {
    if (compareZxid(stream.position.zxid, this.#parts.context.tree.lastApplied) < 0) return;
    if (stream.position.index !== ALL_OF_IT) return;
    this.#behind.delete(stream);
    stream.state = "live";
    this.#live.add(stream);
  }

  #taken(id: StreamId, length: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    stream.unsent -= length;
    this.#unsent -= length;
    stream.takenMs = this.#nowMs;
  }

  #send(stream: Stream, text: string): void {
    if (stream.unsent === 0) stream.takenMs = this.#nowMs;
    stream.unsent += text.length;
    this.#unsent += text.length;
    stream.sentMs = this.#nowMs;
    this.#say(stream.opening.id, { kind: "text", text });
  }

  /** What they read by is no more. */
  #endUnder(isOver: (scope: Scope) => boolean): void {
    for (const stream of this.#streams.values()) if (isOver(stream.scope)) this.#end(stream, "revoked");
  }

  #end(stream: Stream, reason: StreamEnd): void {
    this.#say(stream.opening.id, {
      kind: "end",
      text: endText(reason, this.#parts.context.tree.lastApplied),
    });
    this.#forget(stream);
  }

  /** One that is held comes to nothing. */
  #giveUp(stream: Stream, reason: StreamRefusal): void {
    this.#refuse(stream.opening, reason);
    this.#forget(stream);
  }

  #refuse({ id }: StreamOpening, reason: StreamRefusal): void {
    const { lastApplied: zxid } = this.#parts.context.tree;
    this.#say(id, { kind: "refused", reason, zxid, oldest: this.#oldest });
  }

  #say(stream: StreamId, word: StreamWord): void {
    this.#actions.push({ kind: "stream", stream, word });
  }

  #forget(stream: Stream): void {
    const { opening, caller } = stream;
    if (!this.#streams.delete(opening.id)) return;
    this.#held.delete(stream);
    this.#behind.delete(stream);
    this.#live.delete(stream);
    this.#unsent -= stream.unsent;
    if (caller === undefined) return;
    const count = (this.#perCaller.get(caller) ?? 1) - 1;
    if (count === 0) this.#perCaller.delete(caller);
    else this.#perCaller.set(caller, count);
  }
}

/** Where history is read from, so that all which is left of the position's transaction comes. */
function beforeRest({ zxid, index }: Position): Zxid {
  return index === ALL_OF_IT ? zxid : { epoch: zxid.epoch, counter: zxid.counter - 1 };
}

/** Whom a stream counts for: who somebody has proven to be, or else the address; undefined where neither is known. */
function callerOf({ identities, remoteAddress }: StreamOpening): string | undefined {
  const [who] = withoutSignedScope(identities);
  if (who !== undefined) return `${who.scheme}:${who.id}`;
  const host = hostOf(remoteAddress);
  return host === "unknown" ? undefined : `ip:${host}`;
}
