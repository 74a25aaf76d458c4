/** One peer alone on a bench: a test plays the rest of the ensemble and reads each step's effects. */
import type { Sid } from "../../src/base/ids.ts";
import { type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { PeerInput, PeerTiming } from "../../src/zab/config.ts";
import type { AfterWrite, PeerEffects, Send } from "../../src/zab/effects.ts";
import type { LinkId, MembershipNote, Notification, Proposal, ZabMessage } from "../../src/zab/message.ts";
import { Peer } from "../../src/zab/peer.ts";
import { membershipOf } from "./members-text.ts";
import { Register } from "./register.ts";
import { Disk, type DiskImage, EMPTY_DISK } from "./disk.ts";

export function zxid(epoch: number, counter: number): Zxid {
  return { epoch, counter };
}

export function proposal(epoch: number, counter: number, bytes = 1): Proposal {
  return { zxid: { epoch, counter }, payload: new Uint8Array(bytes) };
}

/** The proposals of an epoch from one counter to another. */
export function proposals(epoch: number, first: number, last: number): readonly Proposal[] {
  return Array.from({ length: last - first + 1 }, (_, index) => proposal(epoch, first + index));
}

export interface BenchOptions {
  readonly sid?: Sid;
  readonly voters?: readonly Sid[];
  readonly observers?: readonly Sid[];
  readonly timing?: Partial<PeerTiming>;
  readonly image?: Partial<DiskImage>;
  readonly isRegisterSilent?: boolean;
}

function together(steps: readonly PeerEffects[]): PeerEffects {
  return {
    free: steps.flatMap(({ free }) => free),
    writes: steps.flatMap(({ writes }) => writes),
    after: steps.flatMap(({ after }) => after),
  };
}

export class Bench {
  readonly peer: Peer;
  /** Undefined where it is silent. */
  readonly register: Register | undefined;
  readonly disk: Disk;
  nowMs = 1000;
  readonly #note: MembershipNote;

  constructor(options: BenchOptions = {}) {
    const { sid = 1, voters = [1, 2, 3], observers = [], timing = {}, image = {} } = options;
    this.register = options.isRegisterSilent === true ? undefined : new Register();
    this.disk = new Disk({ ...EMPTY_DISK, ...image });
    const membership = { version: ZXID_ZERO, voters, observers };
    this.#note = { version: ZXID_ZERO, isCommitted: true, voters, observers };
    const config = { sid, membership, membershipOf, timing };
    this.peer = new Peer(config, this.disk.start(), this.disk);
  }

  /** The register answers at once, unless it is silent: then its requests are among the effects. */
  step(input: PeerInput): PeerEffects {
    const effects = this.peer.step(input, this.nowMs);
    if (effects.writes.length > 0) this.disk.transact(effects.writes, this.peer.lastDelivered);
    const asked = effects.after.find(({ kind }) => kind === "register");
    if (asked?.kind !== "register" || this.register === undefined) return effects;
    const after = effects.after.filter((effect) => effect !== asked);
    return together([{ ...effects, after }, this.step(this.register.consult(asked))]);
  }

  /** Ticks every 20 ms for this long; all effects together. */
  pass(durationMs: number): PeerEffects {
    const steps: PeerEffects[] = [];
    for (const endMs = this.nowMs + durationMs; this.nowMs < endMs;) {
      this.nowMs = Math.min(this.nowMs + 20, endMs);
      steps.push(this.step({ kind: "tick" }));
    }
    return together(steps);
  }

  hear(from: Sid, told: Partial<Notification>): PeerEffects {
    const notification: Notification = {
      from,
      instance: 1,
      sequence: 1,
      state: "looking",
      voice: "full",
      electionRound: 1,
      vote: { leader: from, zxid: zxid(0, 0), peerEpoch: 0 },
      leads: 0,
      membership: this.#note,
      ...told,
    };
    return this.step({ kind: "notification", notification });
  }

  receive(link: LinkId, message: ZabMessage): PeerEffects {
    return this.step({ kind: "message", link, message });
  }

  open(link: LinkId, sid: Sid, role: "to-leader" | "from-learner"): PeerEffects {
    return this.step({ kind: "linkOpened", link, sid, role });
  }

  /** Makes it follow voter 3 over link 9, up to LEARNERINFO. */
  follow(): this {
    this.step({ kind: "tick" });
    const vote = { leader: 3, zxid: zxid(50, 0), peerEpoch: 50 };
    this.hear(2, { state: "following", vote });
    this.hear(3, { state: "leading", vote });
    this.open(9, 3, "to-leader");
    return this;
  }

  /**
   * Makes it lead voter 2 over link 7 with all of its history, in broadcast in the epoch given. Voter 3 has promised
   * the epoch and is gone.
   */
  lead(epoch: number): this {
    this.step({ kind: "tick" });
    const { vote } = this.peer.notification();
    this.hear(2, { vote });
    this.hear(3, { vote });
    const { lastZxid: last } = this.peer;
    const ackEpoch: ZabMessage = {
      kind: "ackEpoch",
      promised: true,
      currentEpoch: 0,
      history: { last, epochEnds: last.epoch === 0 ? [last] : [zxid(0, 0), last] },
      voice: "full",
      lastDelivered: zxid(0, 0),
    };
    for (const sid of [3, 2]) {
      this.open(sid + 5, sid, "from-learner");
      this.receive(sid + 5, { kind: "learnerInfo", acceptedEpoch: epoch - 1 });
      this.receive(sid + 5, ackEpoch);
      if (sid === 3) this.step({ kind: "linkClosed", link: sid + 5 });
    }
    this.receive(7, { kind: "ackNewLeader", epoch });
    return this;
  }
}

/** The kinds of all messages sent behind the writes. */
export function sentAfter(effects: PeerEffects): readonly ZabMessage[] {
  return effects.after.filter(isSend).map(({ message }) => message);
}

export function sentFree(effects: PeerEffects): readonly ZabMessage[] {
  return effects.free.map(({ message }) => message);
}

function isSend(effect: AfterWrite): effect is Send {
  return effect.kind === "send";
}
