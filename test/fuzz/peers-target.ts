/**
 * What replicas say to each other: three of them, one of which another speaks for. Steps: `scene 0`: frames of a
 * learner to the leader; `scene 1`: frames of a leader to a learner that hears nobody else; `scene 2`: the same
 * without a proposal or a promise. `open SID`: a link under that sid; `frame 0 bytes`: on the latest link;
 * `notify SID bytes`: an election's request to that replica; `tell SID bytes`: an honest one, which is not counted;
 * `restart SID`; `tick MS`; `check`.
 *
 * Whatever is said, no replica throws, disks keep their promises and what was delivered, and the two that are honest
 * serve the bystanders, unless they were made to look for a leader for so long that they hang up, as they then do. In
 * the end whoever was misled starts again, joins them, and has the same tree, unless it took a proposal or an epoch
 * from the liar: then it votes for that, which no check can undo.
 */
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { equalZxid, type Zxid } from "../../src/base/zxid.ts";
import { JuteError } from "../../src/jute/jute-error.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeLinkMessage, readLinkMessage } from "../../src/keeper/link-codec.ts";
import { decodeNotification, encodeNotification } from "../../src/keeper/zab-codec.ts";
import type { LinkId, Notification, ZabMessage } from "../../src/zab/message.ts";
import type { Dice } from "./dice.ts";
import { Finding, type Step, step, type Tally } from "./episode.ts";
import { linkFrameOf, notificationBytes, type Truth } from "./peer-messages.ts";
import type { Target } from "./target.ts";
import { Trio } from "./trio.ts";

const BURSTS_PER_EPISODE = 60;
const LEADER: Sid = 3;
const OTHER: Sid = 2;
const HOME: Sid = 1;
/** Under these sids links are opened: a member's, strangers', the leader's own, and what is no sid. */
const NAMES: readonly Sid[] = [OTHER, OTHER, OTHER, OTHER, 9, LEADER, 255, 0x7fffffff];

/** See the file's comment. */
export const peersTarget: Target = {
  name: "peers",
  make,
  play: (steps, tally) => new PeersWorld(tally).play(steps),
};

const writer = new JuteWriter();
let known: Truth | undefined;

/** What is true of every ensemble before the first step: they are all alike. */
function truthAtStart(): Truth {
  if (known === undefined) {
    const status = new Trio(HOME).begin().replica(OTHER).keeper.status();
    const { currentEpoch, zab } = status;
    known = { epoch: currentEpoch, last: zab.lastZxid };
  }
  return known;
}

function make(dice: Dice, size: number = BURSTS_PER_EPISODE): readonly Step[] {
  const scene = dice.below(3);
  const steps: Step[] = [step("scene", scene)];
  let truth = truthAtStart();
  for (let burst = 0; burst < size; burst++) {
    if (scene === 0) steps.push(...learnerBurst(dice, truth));
    else steps.push(...leaderBurst(dice, truth, scene === 1));
    if (dice.once(3)) steps.push(step("tick", dice.pick([50, 100, 400, 1600])));
    if (!dice.once(8)) continue;
    steps.push(step("check"));
    // A bystander writes; of that the misled hears nothing.
    if (scene === 0) truth = { ...truth, last: { ...truth.last, counter: truth.last.counter + 1 } };
  }
  return steps;
}

/** Some of what an honest learner would say, and then what it would not. */
function learnerBurst(dice: Dice, truth: Truth): readonly Step[] {
  const { epoch, last } = truth;
  const honest: readonly ZabMessage[] = [
    { kind: "learnerInfo", acceptedEpoch: epoch },
    {
      kind: "ackEpoch",
      promised: false,
      currentEpoch: epoch,
      history: { last, epochEnds: [{ epoch: 0, counter: 0 }, last] },
      voice: dice.pick(["full", "full", "none", "fresh"]),
      lastDelivered: last,
    },
    { kind: "ackNewLeader", epoch },
    { kind: "ack", upTo: last },
  ];
  const steps = [step("open", dice.pick(NAMES))];
  for (const message of honest.slice(0, dice.once(2) ? 4 : dice.below(5))) steps.push(frame(message));
  for (let left = dice.between(1, 14); left > 0; left--)
    steps.push(step("frame", 0, linkFrameOf(dice, truth, "learner")));
  if (dice.once(3)) steps.push(step("notify", LEADER, lieOf(dice, truth)));
  return steps;
}

/** A word about an election that is not taken for one of the honest two: to be deaf to those would end in nothing. */
function lieOf(dice: Dice, truth: Truth): Uint8Array {
  for (;;) {
    const bytes = notificationBytes(dice, truth, OTHER);
    const read = readNotification(bytes);
    if (read === undefined) return bytes;
    if (read.from !== HOME && read.from !== LEADER) return bytes;
  }
}

/** What makes a looking replica follow, some of what an honest leader would say, and then what it would not. */
function leaderBurst(dice: Dice, truth: Truth, forges: boolean): readonly Step[] {
  const { last } = truth;
  const epoch = truth.epoch + (forges ? dice.pick([0, 0, 1]) : 0);
  const after = dice.once(8)
    ? ({ kind: "snapshot", reason: "" } as const)
    : ({ kind: "diff", after: last } as const);
  const honest: readonly ZabMessage[] = [
    { kind: "leaderInfo", newEpoch: epoch },
    after,
    { kind: "newLeader", epoch, last },
    { kind: "upToDate", committed: last },
  ];
  // Who failed to join waits longer each time; one that starts anew does not.
  const steps = dice.once(5) ? [step("tick", 1100)] : [step("restart", OTHER), step("tick", 50)];
  for (const from of [LEADER, HOME]) steps.push(step("tell", OTHER, honestNote(truth, from)));
  steps.push(step("tick", 100));
  if (dice.once(3))
    steps.push(step("notify", OTHER, notificationBytes(dice, truth, dice.pick([HOME, LEADER]))));
  for (const message of honest.slice(0, dice.once(2) ? 4 : dice.below(5))) steps.push(frame(message));
  for (let left = dice.between(1, 14); left > 0; left--) {
    const bytes = linkFrameOf(dice, truth, "leader");
    if (forges || !isForged(bytes)) steps.push(step("frame", 0, bytes));
  }
  return steps;
}

/** Whether a frame makes a learner take something into its history, or promise an epoch. */
function isForged(bytes: Uint8Array): boolean {
  const read = readLinkMessage(bytes);
  return typeof read !== "string" && ["propose", "leaderInfo"].includes(read.message.kind);
}

function honestNote({ epoch, last }: Truth, from: Sid): Uint8Array {
  const notification: Notification = {
    from,
    instance: 1,
    sequence: 1,
    state: from === LEADER ? "leading" : "following",
    voice: "full",
    electionRound: 1,
    vote: { leader: LEADER, zxid: last, peerEpoch: epoch },
    leads: from === LEADER ? epoch : 0,
    membership: { version: { epoch: 0, counter: 0 }, isCommitted: true, voters: [1, 2, 3], observers: [] },
  };
  return encodeNotification(notification);
}

function frame(message: ZabMessage): Step {
  return step("frame", 0, encodeLinkMessage({ kind: "zab", message }, writer));
}

function readNotification(bytes: Uint8Array): Notification | undefined {
  try {
    return decodeNotification(bytes);
  } catch (error) {
    if (!(error instanceof JuteError)) throw error;
    return undefined;
  }
}

/** One episode's ensemble. */
class PeersWorld {
  readonly #tally: Tally | undefined;
  readonly #trio = new Trio(HOME).begin();
  readonly #since: Zxid;
  readonly #epoch: number;
  readonly #elections: number;
  #scene = 0;
  #link: LinkId | undefined;
  #frames = 0;

  constructor(tally: Tally | undefined) {
    this.#tally = tally;
    const { tree, keeper } = this.#trio.replica(OTHER);
    this.#since = tree.lastApplied;
    this.#epoch = keeper.status().currentEpoch;
    this.#elections = this.#trio.replica(HOME).keeper.status().zab.elections;
  }

  play(steps: readonly Step[]): number {
    for (const one of steps) this.#step(one);
    this.#end();
    return this.#frames;
  }

  #step({ verb, number, bytes }: Step): void {
    switch (verb) {
      case "scene":
        return this.#begin(number);
      case "open":
        this.#link = this.#trio.openLinkTo(LEADER, number, "from-learner");
        return;
      case "frame":
        return this.#frame(bytes);
      case "tell":
        return this.#notify(number, bytes);
      case "notify":
        this.#frames++;
        return this.#notify(number, bytes);
      case "restart":
        return this.#trio.replica(number).restart();
      case "tick":
        return this.#pass(number);
      default:
        return this.#checkBystanders();
    }
  }

  /** Bystanders ping as time passes, as clients do. */
  #pass(durationMs: number): void {
    for (let left = durationMs; left > 0; left -= 500) {
      this.#trio.pass(Math.min(left, 500));
      if (!this.#trio.bystanders.isHungUp) this.#answered(() => this.#trio.bystanders.checkAnswered());
    }
  }

  #checkBystanders(): void {
    const { bystanders } = this.#trio;
    if (bystanders.isHungUp) this.#checkServed();
    else this.#answered(() => bystanders.check());
  }

  /** Who looks for a leader for 1.5 s hangs up on its clients: a liar can make it look, and an election late. */
  #answered(check: () => void): void {
    try {
      check();
    } catch (error) {
      const { elections } = this.#trio.replica(HOME).keeper.status().zab;
      const isLeaderless = this.#trio.bystanders.isHungUp && elections > this.#elections;
      if (!(error instanceof Finding) || !isLeaderless) throw error;
      this.#tally?.hit("hung up on for want of a leader");
      this.#checkServed();
    }
  }

  /** Whatever was disturbed, the honest two find a leader again. */
  #checkServed(): void {
    this.#trio.until("the honest serve", () => {
      return [HOME, LEADER].every((sid) => this.#trio.replica(sid).keeper.serving);
    });
  }

  #begin(scene: number): void {
    const trio = this.#trio;
    this.#scene = scene;
    trio.cut(OTHER);
    if (scene === 0) trio.takenOver = OTHER;
    else {
      trio.misled = OTHER;
      trio.onOpenLink = (to) => {
        this.#link = trio.openLinkTo(OTHER, to, "to-leader");
      };
    }
    trio.pump();
  }

  #frame(bytes: Uint8Array): void {
    const link = this.#link;
    const at = link === undefined ? undefined : this.#trio.forged.get(link);
    if (link === undefined || at === undefined) return;
    this.#frames++;
    if (this.#tally !== undefined) this.#count(bytes);
    this.#trio.input(at, { kind: "linkBytes", link, bytes });
    this.#trio.pump();
    const isOpen = this.#trio.forged.has(link);
    if (this.#tally !== undefined) this.#tally.hit(isOpen ? "link stays" : "link closed");
  }

  #count(bytes: Uint8Array): void {
    const read = readLinkMessage(bytes);
    if (typeof read === "string") this.#tally?.hit("undecodable frame");
    else this.#tally?.hit(`${read.message.kind} decoded`);
  }

  /** As the object takes it: what is no notification is answered with 400 and told to nobody. */
  #notify(to: Sid, bytes: Uint8Array): void {
    const notification = readNotification(bytes);
    this.#tally?.hit(notification === undefined ? "undecodable notification" : "notification decoded");
    if (notification === undefined) return;
    this.#trio.input(to, { kind: "notification", notification });
    encodeNotification(this.#trio.replica(to).keeper.notification());
    this.#trio.pump();
  }

  #end(): void {
    const trio = this.#trio;
    this.#checkBystanders();
    trio.checkEqual([HOME, LEADER], this.#since);
    if (this.#scene === 0) return;
    const { log, keeper } = trio.replica(OTHER);
    const isHonest = keeper.status().currentEpoch <= this.#epoch && equalZxid(log.last, this.#since);
    this.#tally?.hit(isHonest ? "misled and back" : "has a liar's history");
    trio.enlighten(OTHER);
    if (!isHonest) return trio.pass(2000);
    trio.until("the misled serves again", () => trio.replica(OTHER).keeper.serving);
    this.#checkBystanders();
    trio.pass(200);
    trio.checkEqual([HOME, OTHER, LEADER], this.#since);
    this.#tally?.hit(`promised ${must(trio.leader, "a leader") === LEADER ? "nothing later" : "later"}`);
  }
}
