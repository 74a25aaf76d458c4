/** Makes a stream from a seed: the same seed makes the same stream, on every machine. */
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { OPCODES } from "../../src/jute/opcodes.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { anyAuth, anyRequest, anySaying, anySetWatches } from "./generate-requests.ts";
import { anyQuotaRequest, oneWrite, quotaSetup } from "./generate-quotas.ts";
import type { Claim, Frame, Hello, Step, Stream } from "./stream.ts";
import { oneIn, pick } from "./values.ts";

/** A session must outlive the stream that leaves it alone, on a slow machine too. */
const TIMEOUT_MS = 300_000;

/** How the xids of special requests are chosen by ZooKeeper's clients. */
const XIDS = { ping: -2, auth: -4, setWatches: -8 } as const;

/** The stream of a seed, of about `operations` requests. */
export function generateStream(seed: number, operations: number): Stream {
  const rng = seededRng([seed, 0x9e37_79b9, 0x243f_6a88, operations]);
  const slots = 3 + rng.below(2);
  const maker = new Maker(rng, slots, oneIn(rng, 3));
  while (maker.requests < operations) maker.more();
  return { seed, slots, isSpread: oneIn(rng, 4), replica: rng.below(3), steps: maker.steps };
}

class Maker {
  readonly steps: Step[] = [];
  requests = 0;
  readonly #rng: Rng;
  /** Whether the slot has a connection, as far as one can tell without a server. */
  readonly #isOpen: boolean[];
  readonly #xids: number[];
  /** Whether there are quotas: then each write comes alone, as ZooKeeper checks against what is applied. */
  readonly #hasQuotas: boolean;

  constructor(rng: Rng, slots: number, hasQuotas: boolean) {
    this.#rng = rng;
    this.#hasQuotas = hasQuotas;
    this.#isOpen = Array.from({ length: slots }, () => false);
    this.#xids = Array.from({ length: slots }, () => 0);
    for (let slot = 0; slot < slots; slot++) this.#connect(slot, plainHello("new"));
  }

  more(): void {
    const rng = this.#rng;
    const slot = rng.below(this.#isOpen.length);
    if (this.#isOpen[slot] !== true) return this.#reconnect(slot);
    const dice = rng.below(100);
    if (dice < 2) this.#send(slot, [this.#garbage(slot)]);
    else if (dice < 3) this.#connection(slot);
    else if (dice < 6) this.#authenticate(slot);
    else if (dice < 10) this.#send(slot, [this.#setWatches()]);
    else if (dice < 20 && this.#hasQuotas) this.#quota(slot);
    else if (dice < 20) this.#burst(slot);
    else this.#send(slot, [this.#plain(slot)]);
  }

  #send(slot: number, frames: readonly Frame[]): void {
    this.steps.push({ kind: "send", slot, frames });
    this.requests += frames.length;
  }

  /** Requests in one write: their replies come in their order. */
  #burst(slot: number): void {
    const count = 2 + this.#rng.below(6);
    this.#send(
      slot,
      Array.from({ length: count }, () => this.#plain(slot)),
    );
  }

  /** A quota, step by step as clients set one, or another request about one. */
  #quota(slot: number): void {
    const rng = this.#rng;
    const requests = oneIn(rng, 3) ? quotaSetup(rng) : [anyQuotaRequest(rng)];
    for (const request of requests) {
      this.#send(slot, [{ kind: "request", xid: this.#nextXid(slot), request }]);
    }
  }

  #plain(slot: number): Frame {
    const rng = this.#rng;
    const request = this.#hasQuotas ? oneWrite(anyRequest(rng)) : anyRequest(rng);
    if (request.op === "ping") return this.#special(request, XIDS.ping);
    return { kind: "request", xid: this.#nextXid(slot), request };
  }

  #special(request: ClientRequest, xid: number): Frame {
    return { kind: "request", xid: oneIn(this.#rng, 12) ? this.#oddXid() : xid, request };
  }

  #authenticate(slot: number): void {
    if (oneIn(this.#rng, 2)) return this.#logIn(slot);
    const request = anyAuth(this.#rng);
    this.#send(slot, [this.#special(request, XIDS.auth)]);
    if (request.op === "auth" && request.scheme !== "digest" && request.scheme !== "ip") {
      this.#isOpen[slot] = false;
    }
  }

  /** A whole exchange, or as often the half of one, in some order. */
  #logIn(slot: number): void {
    const rng = this.#rng;
    const begins = (): Frame => {
      const token = oneIn(rng, 20) ? null : new Uint8Array(oneIn(rng, 20) ? 3 : 0);
      return { kind: "request", xid: this.#nextXid(slot), request: { op: "sasl", token } };
    };
    const ends = (): Frame => ({ kind: "login", xid: this.#nextXid(slot), ...anySaying(rng) });
    const all = [begins, ends];
    for (const make of oneIn(rng, 12) ? [pick(rng, all), pick(rng, all)] : all) this.#send(slot, [make()]);
  }

  #setWatches(): Frame {
    const since = pick(this.#rng, ["seen", "seen", "start"] as const);
    const frame = this.#special(anySetWatches(this.#rng), XIDS.setWatches);
    return frame.kind === "request" ? { ...frame, since } : frame;
  }

  /** Clients count from 1; a server must not care. */
  #nextXid(slot: number): number {
    if (oneIn(this.#rng, 50)) return this.#oddXid();
    const xid = (this.#xids[slot] ?? 0) + 1;
    this.#xids[slot] = xid;
    return xid;
  }

  #oddXid(): number {
    return pick(this.#rng, [0, 1, 1, -3, -100, 0x6fff_ffff, -2_147_483_648]);
  }

  #garbage(slot: number): Frame {
    const rng = this.#rng;
    const xid = this.#nextXid(slot);
    const kind = rng.below(10);
    if (kind < 4) {
      const bytes = oneIn(rng, 10) ? rng.below(8) : 8 + rng.below(52);
      if (bytes < 8) this.#isOpen[slot] = false;
      return { kind: "cut", xid, request: anyRequest(rng), bytes };
    }
    if (kind < 7) return this.#flipped(xid);
    this.#isOpen[slot] = false;
    if (kind < 9) return { kind: "opcode", xid, type: oddOpcode(rng), body: new Uint8Array(rng.below(20)) };
    return { kind: "bytes", bytes: oddFrame(rng) };
  }

  /**
   * Not of a setACL: with another path it might shut what all streams share. Nor of a createTTL: a negative time to
   * live without the flag of one ends ZooKeeper's process.
   */
  #flipped(xid: number): Frame {
    const rng = this.#rng;
    let request = anyRequest(rng);
    while (request.op === "setACL" || request.op === "createTTL") request = anyRequest(rng);
    return { kind: "flip", xid, request, at: rng.below(80), to: pick(rng, [0, 1, 127, 128, 255]) };
  }

  /** Something that happens to the connection or the session rather than in it. */
  #connection(slot: number): void {
    const rng = this.#rng;
    const dice = rng.below(6);
    if (dice === 0) {
      this.#send(slot, [{ kind: "request", xid: this.#nextXid(slot), request: { op: "closeSession" } }]);
      this.#isOpen[slot] = false;
    } else if (dice === 1) {
      this.#connect(slot, plainHello("own"), true);
    } else if (dice === 2) {
      this.steps.push({ kind: "partial", slot, bytes: oddPart(rng) });
      this.#isOpen[slot] = false;
    } else {
      this.steps.push({ kind: "drop", slot });
      this.#isOpen[slot] = false;
    }
  }

  #reconnect(slot: number): void {
    const rng = this.#rng;
    const claims: readonly Claim[] = ["own", "own", "own", "own", "own", "new", "new"];
    const odd: readonly Claim[] = ["wrongPassword", "shortPassword", "unknownSession", "ahead"];
    if (oneIn(rng, 5)) this.#connect(slot, oddHello(rng, pick(rng, odd)));
    else this.#connect(slot, plainHello(pick(rng, claims)));
  }

  #connect(slot: number, hello: Hello, isTakeover = false): void {
    this.steps.push({ kind: "connect", slot, hello, isTakeover });
    this.#isOpen[slot] = hello.claim === "own" || hello.claim === "new";
    this.requests += 1;
  }
}

function plainHello(claim: Claim): Hello {
  return { claim, timeoutMs: TIMEOUT_MS, readOnly: false, protocolVersion: 0 };
}

function oddHello(rng: Rng, claim: Claim): Hello {
  return {
    claim,
    timeoutMs: pick(rng, [TIMEOUT_MS, 1, 100_000_000, -1, 0]),
    readOnly: pick(rng, [true, false, undefined]),
    protocolVersion: pick(rng, [0, 0, 1, -1]),
  };
}

function oddOpcode(rng: Rng): number {
  const none = [OPCODES.notification, OPCODES.error, OPCODES.check];
  return pick(rng, [...none, 10, 23, 50, 99, 108, 500, -2, -12, 2_147_483_647]);
}

/** What cannot be a frame: no header, a negative length, one that is too large. */
function oddFrame(rng: Rng): Uint8Array {
  const frames: readonly Uint8Array[] = [
    Uint8Array.of(0, 0, 0, 0),
    Uint8Array.of(0, 0, 0, 3, 1, 2, 3),
    Uint8Array.of(0, 0, 0, 4, 0, 0, 0, 1),
    Uint8Array.of(0, 0, 0, 7, 0, 0, 0, 1, 0, 0, 0),
    Uint8Array.of(255, 255, 255, 255),
    Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 0),
    Uint8Array.of(0, 16, 0, 0, 0, 0, 0, 1),
    Uint8Array.of(127, 255, 255, 255, 0, 0, 0, 1),
  ];
  return pick(rng, frames);
}

/** The beginning of a frame whose end never comes. */
function oddPart(rng: Rng): Uint8Array {
  const parts: readonly Uint8Array[] = [
    Uint8Array.of(0),
    Uint8Array.of(0, 0, 0),
    Uint8Array.of(0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1),
    Uint8Array.of(0, 15, 255, 255, 0, 0),
  ];
  return pick(rng, parts);
}
