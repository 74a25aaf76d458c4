/**
 * What a session says and is told, on whatever connection it has: requests, watches, credentials. It knows nothing of
 * time and of connecting; the session machine owns it.
 */
import { ERROR_CODES } from "../../base/error-code.ts";
import type { WatcherRequest } from "../../base/request.ts";
import { compareZxid, maxZxid } from "../../base/zxid.ts";
import type { Zxid } from "../../base/zxid.ts";
import type { JuteWriter } from "../../jute/archive.ts";
import { JuteError } from "../../jute/jute-error.ts";
import { XIDS } from "../../jute/opcodes.ts";
import { ZXID_UNKNOWN } from "../../jute/records.ts";
import type { WatcherEvent } from "../../jute/records.ts";
import { encodeRequest } from "../../jute/requests.ts";
import { decodeDoze, decodeServerMessage } from "../../jute/responses.ts";
import type { Doze, ServerMessage } from "../../jute/responses.ts";
import { Credentials } from "./credentials.ts";
import type { Effect, End, FiredType, Outcome, Submission } from "./effects.ts";
import { isWrite, KINDS_OF_TYPE, TYPES_OF_KIND, watchKindOf } from "./request-kinds.ts";
import { RequestQueue } from "./request-queue.ts";
import type { InFlight } from "./request-queue.ts";
import { WatchRegistry } from "./watch-registry.ts";

const EVENT_TYPES: ReadonlyMap<number, FiredType> = new Map([
  [1, "created"],
  [2, "deleted"],
  [3, "dataChanged"],
  [4, "childrenChanged"],
]);

/** What a message means for the session itself, beside what it says to callers. */
export type Meaning =
  /** A replica had heard what was sent then, in ms. */
  | { readonly kind: "heard"; readonly sentMs: number }
  | { readonly kind: "pong" }
  /** There is no need to ping by the protocol; the replica is heard of again within so long. */
  | { readonly kind: "doze"; readonly wordWithinMs: number }
  | { readonly kind: "closed" }
  | { readonly kind: "authFailed" }
  | { readonly kind: "nothing" };

/** One session's requests and watches. */
export class Conversation {
  readonly #queue = new RequestQueue();
  readonly #watches = new WatchRegistry();
  readonly #credentials = new Credentials();
  readonly #emit: (effect: Effect) => void;
  /** The newest zxid that was shown: no replica that is behind it may answer. */
  #seen: Zxid;
  /** The newest zxid of a reply: the replica had told all events up to it. */
  #delivered: Zxid;
  /** Calls of our own have numbers below nought; nobody waits for them. */
  #ownCalls = 0;

  constructor(seen: Zxid, emit: (effect: Effect) => void) {
    this.#seen = seen;
    this.#delivered = seen;
    this.#emit = emit;
  }

  /** The newest zxid that was shown. */
  get seen(): Zxid {
    return this.#seen;
  }

  /** Takes a caller's request in; it goes out with the next `send`. */
  submit(submission: Submission): void {
    const { request, call } = submission;
    if (request.op === "auth") return this.#credentials.add(request, call);
    const refused = this.#queue.submit(submission);
    if (refused !== undefined) this.settle(call, refused);
  }

  /** A request of the session's own. */
  submitOwn(request: InFlight["request"]): void {
    this.submit({ call: --this.#ownCalls, request, watcher: undefined });
  }

  /** Nobody waits for the outcome any more. */
  cancel(call: number): void {
    this.#queue.cancel(call);
  }

  /** Tells a caller what became of its request. */
  settle(call: number | undefined, outcome: Outcome): void {
    if (call !== undefined && call > 0) this.#emit({ kind: "settle", call, outcome });
  }

  /** Takes a watcher away; `isConnected` tells whether there is a replica to be told. */
  unwatch(watcher: number, isConnected: boolean): void {
    const place = this.#watches.remove(watcher);
    // A watch that is about to be set there would be removed with it; one too many is no harm.
    if (place === undefined || this.#queue.setsWatchAt(place.path)) return;
    if (place.kind === "data" || place.kind === "exist") {
      const other = place.kind === "data" ? "exist" : "data";
      if (this.#watches.at({ kind: other, path: place.path }).length > 0) return;
    }
    // Without a connection there is nothing to take back: the next one is not told of it.
    if (!isConnected) return;
    this.submitOwn({ op: "removeWatches", path: place.path, type: TYPES_OF_KIND[place.kind] });
  }

  /** What a new connection is told before anything else: who this is, then what it watches. */
  restore(into: JuteWriter): void {
    this.#credentials.renew();
    this.#sendCredentials(into);
    for (const request of this.#watches.setWatches(this.#delivered)) {
      encodeRequest(into, XIDS.setWatches, request);
    }
  }

  /** Tells those watchers that no replica will tell what they may have missed. */
  tellUnsure(): void {
    for (const place of this.#watches.unsure()) {
      const event = { type: "resync", path: place.path, zxid: undefined } as const;
      this.#emit({ kind: "fire", watchers: this.#watches.at(place), event });
    }
  }

  /** Writes what may go out now. */
  send(into: JuteWriter, nowMs: number): void {
    this.#sendCredentials(into);
    this.#queue.send(into, nowMs);
  }

  #sendCredentials(into: JuteWriter): void {
    for (const request of this.#credentials.unsent()) encodeRequest(into, XIDS.auth, request);
  }

  /** Takes in a frame's body. Throws JuteError where it cannot be read, or answers what was not asked. */
  message(body: Uint8Array): Meaning {
    const doze = decodeDoze(body);
    if (doze !== undefined) return this.#doze(doze);
    const message = decodeServerMessage(body, (xid) => this.#opOf(xid));
    if (message.kind === "event") return this.#event(message.zxid, message.event);
    const { header } = message;
    if (header.zxid.epoch !== ZXID_UNKNOWN.epoch) {
      this.#delivered = maxZxid(this.#delivered, header.zxid);
      this.#see(header.zxid);
    }
    if (header.xid === XIDS.ping) return { kind: "pong" };
    if (header.xid === XIDS.setWatches) return { kind: "nothing" };
    return header.xid === XIDS.auth ? this.#authAnswered(header.error) : this.#reply(message);
  }

  /** Whoever waits for an answer does not doze: the replica is told what it waits for, or has been. */
  #doze({ zxid, wordWithinMs }: Doze): Meaning {
    this.#delivered = maxZxid(this.#delivered, zxid);
    this.#see(zxid);
    return this.#queue.isEmpty ? { kind: "doze", wordWithinMs } : { kind: "nothing" };
  }

  #opOf(xid: number): InFlight["request"]["op"] | undefined {
    if (xid === XIDS.ping) return "ping";
    if (xid === XIDS.auth) return "auth";
    if (xid === XIDS.setWatches) return "setWatches2";
    return this.#queue.expected(xid)?.request.op;
  }

  #see(zxid: Zxid): void {
    if (compareZxid(zxid, this.#seen) > 0) this.#seen = zxid;
  }

  /** What an event shows is seen, but its transaction may have had others that have not come: nothing is delivered. */
  #event(zxid: Zxid, event: WatcherEvent): Meaning {
    const type = EVENT_TYPES.get(event.type);
    // A replica tells of no other kind unasked.
    if (type === undefined) return { kind: "nothing" };
    const isTold = zxid.epoch !== ZXID_UNKNOWN.epoch;
    if (isTold) this.#see(zxid);
    const watchers = this.#watches.fired({ type, path: event.path });
    if (watchers.length > 0) {
      const fired = { type, path: event.path, zxid: isTold ? zxid : undefined };
      this.#emit({ kind: "fire", watchers, event: fired });
    }
    return { kind: "nothing" };
  }

  #reply({ header, response }: ServerMessage & { readonly kind: "reply" }): Meaning {
    const sent = this.#queue.expected(header.xid);
    if (sent === undefined) throw new JuteError("bad-value", `a reply to ${header.xid}, which was not asked`);
    this.#queue.answered();
    // addWatch is answered with a code in its body.
    const code = header.error === 0 && response.op === "error" ? response.code : header.error;
    if (code !== 0) {
      this.#failed(sent, header.zxid, code);
      return { kind: "heard", sentMs: sent.sentMs };
    }
    this.#setWatcher(sent);
    this.settle(sent.call, { kind: "reply", zxid: header.zxid, response });
    if (sent.request.op === "removeWatches") this.#removed(sent.request);
    if (sent.request.op === "closeSession") return { kind: "closed" };
    return { kind: "heard", sentMs: sent.sentMs };
  }

  #failed({ request, watcher, call }: InFlight, zxid: Zxid, code: number): void {
    if (request.op === "exists" && code === ERROR_CODES.noNode) {
      this.#watches.knows(request.path, false);
      if (watcher !== undefined && call !== undefined) {
        this.#watches.add(watcher, { kind: "exist", path: request.path });
      }
    }
    this.settle(call, { kind: "error", zxid, code });
  }

  /** Who gave up waiting has no use for a watch. */
  #setWatcher({ request, watcher, call }: InFlight): void {
    if (request.op === "exists") this.#watches.knows(request.path, true);
    const kind = watchKindOf(request);
    if (kind === undefined || watcher === undefined || call === undefined || !("path" in request)) return;
    this.#watches.add(watcher, { kind, path: request.path });
  }

  #removed({ path, type }: WatcherRequest): void {
    const watchers = this.#watches.removeAll(path, KINDS_OF_TYPE.get(type) ?? []);
    if (watchers.length === 0) return;
    this.#emit({ kind: "fire", watchers, event: { type: "removed", path, zxid: undefined } });
  }

  #authAnswered(code: number): Meaning {
    const call = this.#credentials.answered(code);
    if (call === undefined) {
      // What was good before is no more: to go on with fewer rights than the owner believes would mislead it.
      return { kind: code === 0 ? "nothing" : "authFailed" };
    }
    const zxid = ZXID_UNKNOWN;
    if (code !== 0) this.settle(call, { kind: "error", zxid, code });
    else this.settle(call, { kind: "reply", zxid, response: { op: "empty" } });
    return { kind: "nothing" };
  }

  /** The connection is lost: what was sent and not answered will not be. */
  lose(reason: string): void {
    for (const { call, request } of this.#queue.lose()) {
      this.settle(call, { kind: "lost", reason, mayBeDone: isWrite(request) });
    }
  }

  /** The replica has read nothing of what was sent and not answered. */
  unsend(): void {
    this.#queue.unsend();
  }

  /** The session is over. */
  finish(end: End): void {
    for (const call of [...this.#queue.drain(), ...this.#credentials.drain()]) {
      this.settle(call, { kind: "over", end });
    }
    const watchers = this.#watches.drain();
    if (watchers.length === 0) return;
    this.#emit({ kind: "fire", watchers, event: { type: "ended", path: "", zxid: undefined } });
  }
}
