/** Zab's messages, notifications and proposals as bytes: for links, election requests and stored history. */
import { assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import type { Zxid } from "../base/zxid.ts";
import { JuteReader, JuteWriter } from "../jute/archive.ts";
import { JuteError } from "../jute/jute-error.ts";
import { Slab } from "../jute/slab.ts";
import { decodeTxn } from "../jute/txn.ts";
import { KnownProposal } from "./known-proposal.ts";
import type {
  HistorySummary,
  Notification,
  PeerState,
  Proposal,
  Voice,
  Vote,
  ZabMessage,
} from "../zab/message.ts";

/** A zxid and an empty payload. */
const PROPOSAL_BYTES_MIN = 12;
const ZXID_BYTES = 8;

/** 2 and 9 were OBSERVERINFO and INFORM. */
const TAGS: Readonly<Record<ZabMessage["kind"], number>> = {
  learnerInfo: 1,
  leaderInfo: 3,
  ackEpoch: 4,
  diff: 5,
  truncate: 6,
  snapshot: 7,
  propose: 8,
  newLeader: 10,
  ackNewLeader: 11,
  upToDate: 12,
  ack: 13,
  commit: 14,
  ping: 15,
  pong: 16,
  snapshotPart: 17,
  snapshotEnd: 18,
  snapshotAck: 19,
  succeed: 20,
  removed: 21,
  leaderAck: 22,
};

const KINDS: ReadonlyMap<number, ZabMessage["kind"]> = new Map(
  Object.entries(TAGS).map(([kind, tag]) => [tag, kind as ZabMessage["kind"]]),
);

const VOICES: readonly Voice[] = ["full", "fresh", "none"];
const STATES: readonly PeerState[] = ["looking", "following", "leading", "observing"];

/** Writes a count and the proposals. */
export function writeProposals(writer: JuteWriter, proposals: readonly Proposal[]): void {
  writer.int(proposals.length);
  for (const { zxid, payload } of proposals) {
    writer.zxid(zxid);
    writer.buffer(payload);
  }
}

/** Reads what writeProposals wrote. Throws JuteError. */
export function readProposals(reader: JuteReader): Proposal[] {
  const proposals: Proposal[] = [];
  for (let left = reader.count(PROPOSAL_BYTES_MIN); left > 0; left--) {
    proposals.push({ zxid: reader.zxid(), payload: viewPayload(reader) });
  }
  return proposals;
}

/** As readProposals, each read as the transaction that it must be. Throws JuteError. */
function readKnownProposals(reader: JuteReader): Proposal[] {
  const proposals: Proposal[] = [];
  const slab = new Slab(reader.remaining);
  for (let left = reader.count(PROPOSAL_BYTES_MIN); left > 0; left--) {
    const [zxid, payload] = [reader.zxid(), viewPayload(reader)];
    proposals.push(new KnownProposal(zxid, payload, decodeTxn(payload, slab)));
  }
  return proposals;
}

/** Not copied: the proposals of a frame, or of a row, are kept and forgotten together. */
function viewPayload(reader: JuteReader): Uint8Array {
  const length = reader.int();
  if (length < 0) throw new JuteError("bad-value", "no payload");
  return reader.view(length);
}

function readPayload(reader: JuteReader): Uint8Array {
  const payload = reader.buffer();
  if (payload === null) throw new JuteError("bad-value", "no payload");
  return payload;
}

function readVoice(reader: JuteReader): Voice {
  const tag = reader.byte();
  const voice = VOICES[tag];
  if (voice === undefined) throw new JuteError("bad-value", `no voice ${tag}`);
  return voice;
}

/** Writes a message, its kind first. */
export function writeZabMessage(writer: JuteWriter, message: ZabMessage): void {
  writer.byte(TAGS[message.kind]);
  switch (message.kind) {
    case "learnerInfo":
      return writer.int(message.acceptedEpoch);
    case "leaderInfo":
      return writer.int(message.newEpoch);
    case "ackEpoch":
      writer.bool(message.promised);
      writer.int(message.currentEpoch);
      writeSummary(writer, message.history);
      writer.byte(VOICES.indexOf(message.voice));
      return writer.zxid(message.lastDelivered);
    case "diff":
    case "truncate":
      return writer.zxid(message.after);
    case "snapshot":
      return writer.string(message.reason);
    case "snapshotPart":
      return writer.buffer(message.payload);
    case "snapshotEnd":
      writer.zxid(message.last);
      return writer.buffer(message.payload);
    case "snapshotAck":
      return writer.int(message.parts);
    case "propose":
      return writeProposals(writer, message.proposals);
    case "newLeader":
      writer.int(message.epoch);
      return writer.zxid(message.last);
    case "ackNewLeader":
      return writer.int(message.epoch);
    case "upToDate":
      return writer.zxid(message.committed);
    case "ack":
    case "commit":
    case "leaderAck":
      return writer.zxid(message.upTo);
    case "removed":
      writer.zxid(message.version);
      return writer.int(message.epoch);
    case "succeed":
    case "ping":
    case "pong":
      return;
    default:
      assertNever(message);
  }
}

/** Reads what writeZabMessage wrote. Throws JuteError. */
export function readZabMessage(reader: JuteReader): ZabMessage {
  const tag = reader.byte();
  const kind = KINDS.get(tag);
  if (kind === undefined) throw new JuteError("bad-value", `no message has tag ${tag}`);
  switch (kind) {
    case "learnerInfo":
      return { kind, acceptedEpoch: reader.int() };
    case "leaderInfo":
      return { kind, newEpoch: reader.int() };
    case "ackEpoch":
      return {
        kind,
        promised: reader.bool(),
        currentEpoch: reader.int(),
        history: readSummary(reader),
        voice: readVoice(reader),
        lastDelivered: reader.zxid(),
      };
    case "diff":
    case "truncate":
      return { kind, after: reader.zxid() };
    case "snapshot":
      return { kind, reason: reader.string() };
    case "snapshotPart":
      return { kind, payload: readPayload(reader) };
    case "snapshotEnd":
      return { kind, last: reader.zxid(), payload: readPayload(reader) };
    case "snapshotAck":
      return { kind, parts: reader.int() };
    case "propose":
      return { kind, proposals: readKnownProposals(reader) };
    case "newLeader":
      return { kind, epoch: reader.int(), last: reader.zxid() };
    case "ackNewLeader":
      return { kind, epoch: reader.int() };
    case "upToDate":
      return { kind, committed: reader.zxid() };
    case "ack":
    case "commit":
    case "leaderAck":
      return { kind, upTo: reader.zxid() };
    case "removed":
      return { kind, version: reader.zxid(), epoch: reader.int() };
    case "succeed":
    case "ping":
    case "pong":
      return { kind };
    default:
      return assertNever(kind);
  }
}

function writeSummary(writer: JuteWriter, summary: HistorySummary): void {
  writer.zxid(summary.last);
  writer.int(summary.epochEnds.length);
  for (const end of summary.epochEnds) writer.zxid(end);
}

function readSummary(reader: JuteReader): HistorySummary {
  const last = reader.zxid();
  const epochEnds: Zxid[] = [];
  for (let left = reader.count(ZXID_BYTES); left > 0; left--) epochEnds.push(reader.zxid());
  return { last, epochEnds };
}

/** A notification as bytes, for the election's requests and answers. */
export function encodeNotification(notification: Notification): Uint8Array {
  const writer = new JuteWriter();
  writer.byte(NOTIFICATION_FORMAT);
  writer.int(notification.from);
  writer.varint(notification.instance);
  writer.varint(notification.sequence);
  writer.byte(STATES.indexOf(notification.state));
  writer.byte(VOICES.indexOf(notification.voice));
  writer.varint(notification.electionRound);
  writer.int(notification.vote.leader);
  writer.zxid(notification.vote.zxid);
  writer.int(notification.vote.peerEpoch);
  writer.bool(notification.vote.isSuccessor ?? false);
  writer.int(notification.leads);
  const { version, isCommitted, voters, observers } = notification.membership;
  writer.zxid(version);
  writer.bool(isCommitted);
  for (const sids of [voters, observers]) writeSids(writer, sids);
  return writer.take();
}

function writeSids(writer: JuteWriter, sids: readonly Sid[]): void {
  writer.int(sids.length);
  for (const sid of sids) writer.int(sid);
}

function readSids(reader: JuteReader): readonly Sid[] {
  return Array.from({ length: reader.count(SID_BYTES) }, () => reader.int());
}

const SID_BYTES = 4;
const NOTIFICATION_FORMAT = 3;

/** Reads what encodeNotification wrote. Throws JuteError. */
export function decodeNotification(bytes: Uint8Array): Notification {
  const reader = new JuteReader(bytes);
  const format = reader.byte();
  if (format !== NOTIFICATION_FORMAT) throw new JuteError("bad-value", `notification format ${format}`);
  const from = reader.int();
  const instance = reader.varint();
  const sequence = reader.varint();
  const tag = reader.byte();
  const state = STATES[tag];
  if (state === undefined) throw new JuteError("bad-value", `no peer state ${tag}`);
  const voice = readVoice(reader);
  const electionRound = reader.varint();
  const elected = { leader: reader.int(), zxid: reader.zxid(), peerEpoch: reader.int() };
  const vote: Vote = reader.bool() ? { ...elected, isSuccessor: true } : elected;
  const leads = reader.int();
  const [version, isCommitted] = [reader.zxid(), reader.bool()];
  const membership = { version, isCommitted, voters: readSids(reader), observers: readSids(reader) };
  return { from, instance, sequence, state, voice, electionRound, vote, leads, membership };
}
