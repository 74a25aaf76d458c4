/** What replicas say to each other, right and wrong, from a seed. */
import type { Sid } from "../../src/base/ids.ts";
import type { TxnHeader, Txn } from "../../src/base/txn.ts";
import { EPOCH_MAX, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { JuteError } from "../../src/jute/jute-error.ts";
import { decodeTxn, encodeTxn } from "../../src/jute/txn.ts";
import { encodeLinkMessage, isWriteRequest, readLinkMessage } from "../../src/keeper/link-codec.ts";
import type { ForwardedRequest, FromLeader, ToLeader } from "../../src/keeper/link-message.ts";
import { encodeNotification } from "../../src/keeper/zab-codec.ts";
import type { TracedWrite } from "../../src/keeper/tracer.ts";
import type { Notification, Proposal, ZabMessage } from "../../src/zab/message.ts";
import { CLIENT_OPS, requestOf } from "./client-frames.ts";
import type { Dice } from "./dice.ts";
import { mutated } from "./mutate.ts";

/** What is true of the ensemble that the messages are for, so that lies are near the truth. */
export interface Truth {
  readonly epoch: number;
  readonly last: Zxid;
}

const writer = new JuteWriter();

/** Payloads that a leader may have committed whatever the tree is, and payloads that no leader has ever made. */
const PAYLOADS: readonly Uint8Array[] = [
  payloadOf({ kind: "error", code: -101 }),
  payloadOf({ kind: "barrier", path: "" }),
  payloadOf({ kind: "settled" }),
  payloadOf({ kind: "dormant", horizonMs: 0, wakeInMs: 1, sessions: [] }),
];
const BROKEN: readonly Uint8Array[] = [
  new Uint8Array(0),
  Uint8Array.of(0xff, 0xff),
  payloadOf({ kind: "error", code: -101 }).subarray(0, 5),
  payloadOf({ kind: "config", data: new TextEncoder().encode("server.1=nonsense") }),
  payloadOf({ kind: "config", data: new TextEncoder().encode("version=1") }),
  payloadOf({ kind: "config", data: new TextEncoder().encode("group.1=1:2\nversion=7") }),
];

function payloadOf(txn: Txn): Uint8Array {
  const header: TxnHeader = { session: 0n, xid: 0, timeMs: 1, origin: { sid: 1, instance: 1, serial: 0 } };
  const own = new JuteWriter();
  encodeTxn(own, header, txn);
  return own.take();
}

function zxidNear(dice: Dice, { epoch, last }: Truth): Zxid {
  switch (dice.below(6)) {
    case 0:
      return ZXID_ZERO;
    case 1:
      return { epoch: dice.int() >>> 0, counter: dice.int() >>> 0 };
    case 2:
      return { epoch: epoch + dice.between(-1, 1), counter: dice.between(0, 3) };
    case 3:
      return last;
    default:
      return { epoch: last.epoch, counter: Math.max(0, last.counter + dice.between(-3, 3)) };
  }
}

function epochNear(dice: Dice, { epoch }: Truth): number {
  if (dice.once(6)) return dice.pick([EPOCH_MAX, EPOCH_MAX - 1, -1, 0, dice.int()]);
  return epoch + dice.between(-1, 2);
}

/** A message of Zab with fields near the truth. */
function zabMessageOf(kind: ZabMessage["kind"], dice: Dice, truth: Truth): ZabMessage {
  const zxid = zxidNear(dice, truth);
  switch (kind) {
    case "learnerInfo":
      return { kind, acceptedEpoch: epochNear(dice, truth) };
    case "leaderInfo":
      return { kind, newEpoch: epochNear(dice, truth) };
    case "ackEpoch":
      return ackEpochOf(dice, truth);
    case "diff":
    case "truncate":
      return { kind, after: zxid };
    case "snapshot":
      return { kind, reason: "a reason" };
    case "snapshotPart":
      return { kind, payload: dice.once(3) ? dice.bytes(dice.below(40)) : partOf(dice) };
    case "snapshotEnd":
      return { kind, last: zxid, payload: dice.bytes(dice.pick([0, 9, 41])) };
    case "snapshotAck":
      return { kind, parts: dice.once(2) ? dice.int() : dice.below(4) };
    case "propose":
      return { kind, proposals: proposalsOf(dice, truth) };
    case "newLeader":
      return { kind, epoch: epochNear(dice, truth), last: zxid };
    case "ackNewLeader":
      return { kind, epoch: epochNear(dice, truth) };
    case "upToDate":
      return { kind, committed: zxid };
    case "ack":
    case "commit":
    case "leaderAck":
      return { kind, upTo: zxid };
    case "removed":
      return { kind, version: zxid, epoch: epochNear(dice, truth) };
    case "succeed":
    case "ping":
    case "pong":
      return { kind };
  }
}

/** The format, no entries or a few, and what follows. */
function partOf(dice: Dice): Uint8Array {
  return Uint8Array.of(1, 0, 0, 0, dice.below(3), ...dice.bytes(dice.below(80)));
}

function ackEpochOf(dice: Dice, truth: Truth): ZabMessage {
  const last = zxidNear(dice, truth);
  const ends = dice.once(3) ? [last] : [ZXID_ZERO, last];
  return {
    kind: "ackEpoch",
    promised: dice.once(2),
    currentEpoch: epochNear(dice, truth),
    history: { last, epochEnds: dice.once(8) ? [zxidNear(dice, truth), last, last] : ends },
    voice: dice.pick(["full", "fresh", "none"]),
    lastDelivered: dice.once(2) ? ZXID_ZERO : zxidNear(dice, truth),
  };
}

function proposalsOf(dice: Dice, truth: Truth): readonly Proposal[] {
  let zxid = dice.once(4) ? zxidNear(dice, truth) : truth.last;
  return Array.from({ length: dice.between(0, 3) }, () => {
    zxid = dice.once(4) ? { epoch: truth.epoch + 1, counter: 1 } : { ...zxid, counter: zxid.counter + 1 };
    return { zxid, payload: dice.pick(dice.once(4) ? BROKEN : PAYLOADS) };
  });
}

export const LEARNER_KINDS: readonly ZabMessage["kind"][] = [
  ...(["learnerInfo", "ackEpoch", "ackNewLeader", "ack", "ack", "snapshotAck", "pong"] as const),
];
export const LEADER_KINDS: readonly ZabMessage["kind"][] = [
  ...([
    "leaderInfo",
    "diff",
    "truncate",
    "snapshot",
    "snapshotPart",
    "snapshotEnd",
    "propose",
    "propose",
  ] as const),
  ...(["newLeader", "upToDate", "commit", "leaderAck", "succeed", "removed", "ping"] as const),
];

/** What a replica tells its leader. */
function toLeaderOf(dice: Dice, truth: Truth): ToLeader {
  const generation = zxidNear(dice, truth);
  const session = dice.once(2) ? 0x1_0000_0000_0001n : BigInt(dice.int() >>> 0);
  switch (dice.below(6)) {
    case 0:
      return {
        kind: "hello",
        owned: dice.once(2) ? [] : [{ session, generation, timeoutMs: dice.int() }],
        slept: dice.once(2) ? undefined : { zxid: generation, elapsedMs: dice.int() >>> 0 },
      };
    case 1:
      return {
        kind: "forward",
        requests: Array.from({ length: dice.below(3) }, () => forwardedOf(dice, truth)),
      };
    case 2:
      return {
        kind: "attach",
        serial: dice.below(5),
        session,
        password: dice.bytes(16),
        timeoutMs: dice.int(),
      };
    case 3:
      return {
        kind: "touched",
        polledAtMs: dice.int() >>> 0,
        sessions: [session],
        databaseBytes: dice.below(1000),
        quietMs: dice.int() >>> 0,
      };
    case 4:
      return { kind: "digest", zxid: generation, digest: { hi: dice.int() >>> 0, lo: dice.int() >>> 0 } };
    default:
      return { kind: "unsound", reason: "a reason" };
  }
}

function forwardedOf(dice: Dice, truth: Truth): ForwardedRequest {
  const request = requestOf(dice.pick(CLIENT_OPS), dice);
  const password = dice.bytes(16);
  return {
    origin: { sid: dice.pick([3, 3, 1, 2, 0, dice.int()]), instance: dice.below(4), serial: dice.below(20) },
    session: BigInt(dice.below(10)),
    generation: zxidNear(dice, truth),
    xid: dice.int(),
    identities: dice.once(2) ? [] : [{ scheme: "digest", id: "eve:x" }],
    request: isWriteRequest(request)
      ? request
      : dice.once(2)
        ? { op: "createSession", timeoutMs: dice.int(), password }
        : { op: "deleteContainer", path: dice.pick(["/", "/safe", "", "x", "/safe/a"]) },
  };
}

/** What a leader tells a replica. */
function fromLeaderOf(dice: Dice, truth: Truth): FromLeader {
  const zxid = zxidNear(dice, truth);
  switch (dice.below(6)) {
    case 0:
      return { kind: "welcome", upTo: zxid };
    case 1:
      return { kind: "attached", serial: dice.below(5), generation: zxid, timeoutMs: dice.int() };
    case 2:
      return { kind: "refused", serial: dice.below(5) };
    case 3:
      return { kind: "poll", clockMs: dice.int() >>> 0 };
    case 4:
      return { kind: "moved", session: BigInt(dice.below(10)), generation: zxid };
    default:
      return { kind: "diverged", at: zxid };
  }
}

/** A notification near the truth, of a peer that may or may not be. */
export function notificationOf(dice: Dice, truth: Truth, from: Sid): Notification {
  const leader = dice.once(4) ? dice.int() : dice.pick([1, 2, 3]);
  const note = { version: dice.once(2) ? ZXID_ZERO : zxidNear(dice, truth), isCommitted: dice.once(2) };
  return {
    from: dice.once(8) ? dice.int() : from,
    instance: dice.once(8) ? Number.MAX_SAFE_INTEGER - dice.below(2) : dice.below(8),
    sequence: dice.once(8) ? Number.MAX_SAFE_INTEGER - dice.below(2) : dice.below(1000),
    state: dice.pick(["looking", "following", "leading", "observing"]),
    voice: dice.pick(["full", "fresh", "none"]),
    electionRound: dice.once(8) ? dice.pick([Number.MAX_SAFE_INTEGER, 2 ** 48, 0]) : dice.below(10),
    vote: { leader, zxid: zxidNear(dice, truth), peerEpoch: epochNear(dice, truth) },
    leads: dice.once(4) ? dice.int() : truth.epoch + dice.between(0, 2),
    membership: { ...note, voters: sidsOf(dice), observers: dice.once(3) ? sidsOf(dice) : [] },
  };
}

function sidsOf(dice: Dice): readonly Sid[] {
  if (dice.once(2)) return [1, 2, 3];
  return Array.from({ length: dice.below(5) }, () => (dice.once(4) ? dice.int() : dice.between(1, 5)));
}

/** A frame of the learner's side, or of the leader's. */
export function linkFrameOf(dice: Dice, truth: Truth, side: "learner" | "leader"): Uint8Array {
  if (dice.once(40)) return dice.bytes(dice.below(40));
  const frame = rightFrameOf(dice, truth, side);
  const changed = dice.once(2) ? mutated(frame, dice) : frame;
  return isPlayable(changed) ? changed : frame;
}

function rightFrameOf(dice: Dice, truth: Truth, side: "learner" | "leader"): Uint8Array {
  const isStray = dice.once(12);
  const speaksAsLeader = (side === "leader") !== isStray;
  if (dice.once(20)) return encodeLinkMessage({ kind: "trace", message: traceOf(dice) }, writer);
  if (dice.once(3)) {
    const message = speaksAsLeader
      ? ({ kind: "fromLeader", message: fromLeaderOf(dice, truth) } as const)
      : ({ kind: "toLeader", message: toLeaderOf(dice, truth) } as const);
    return encodeLinkMessage(message, writer);
  }
  const kind = dice.pick(speaksAsLeader ? LEADER_KINDS : LEARNER_KINDS);
  return encodeLinkMessage({ kind: "zab", message: zabMessageOf(kind, dice, truth) }, writer);
}

/** Of a write of its own, or of another's, by ids that are some or none. */
function traceOf(dice: Dice): TracedWrite {
  const origin = {
    sid: dice.pick([3, 3, 1, 2, 0, dice.int()]),
    instance: dice.below(4),
    serial: dice.below(20),
  };
  const traceId = dice.once(8) ? "no id" : "0af7651916cd43dd8448eb211c80319c";
  return { kind: "trace", origin, place: { traceId, spanId: "b7ad6b7169203331" } };
}

/**
 * A transaction that is well formed and that no leader has prepared for the tree at hand is not played: a peer that
 * sends it forges history, and peers of one deployment are trusted not to (docs/testing.md). All else is.
 */
function isPlayable(frame: Uint8Array): boolean {
  const message = readLinkMessage(frame);
  if (typeof message === "string" || message.kind !== "zab" || message.message.kind !== "propose")
    return true;
  return message.message.proposals.every(({ payload }) => isKnown(payload) || !isTxn(payload));
}

function isKnown(payload: Uint8Array): boolean {
  return [...PAYLOADS, ...BROKEN].some((known) => Buffer.compare(known, payload) === 0);
}

function isTxn(payload: Uint8Array): boolean {
  try {
    decodeTxn(payload);
    return true;
  } catch (error) {
    if (!(error instanceof JuteError)) throw error;
    return false;
  }
}

/** A notification as bytes, half of them wrong. */
export function notificationBytes(dice: Dice, truth: Truth, from: Sid): Uint8Array {
  const bytes = encodeNotification(notificationOf(dice, truth, from));
  return dice.once(2) ? mutated(bytes, dice) : bytes;
}
