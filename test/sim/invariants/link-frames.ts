/** Frames on links that invariants read: the few kinds that matter are told from all others by their tags alone. */
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import { encodeLinkMessage, readLinkMessage } from "../../../src/keeper/link-codec.ts";
import type { ZabMessage } from "../../../src/zab/message.ts";

const NO_BYTES = new Uint8Array(0);

/** The messages that are read. */
export type ReadMessage = ZabMessage & {
  readonly kind: "commit" | "upToDate" | "snapshotEnd" | "ack" | "leaderAck" | "ackEpoch" | "ackNewLeader";
};

/** One of each kind. */
const SAMPLES: readonly ReadMessage[] = [
  { kind: "commit", upTo: ZXID_ZERO },
  { kind: "upToDate", committed: ZXID_ZERO },
  { kind: "snapshotEnd", last: ZXID_ZERO, payload: NO_BYTES },
  {
    kind: "ackEpoch",
    promised: true,
    currentEpoch: 0,
    history: { last: ZXID_ZERO, epochEnds: [] },
    voice: "full",
    lastDelivered: ZXID_ZERO,
  },
  { kind: "ack", upTo: ZXID_ZERO },
  { kind: "leaderAck", upTo: ZXID_ZERO },
  { kind: "ackNewLeader", epoch: 0 },
];

/** What a frame begins with: format, link tag, and the tag of Zab's message. */
const HEADER_BYTES = 3;

const HEADERS: ReadonlyMap<number, ReadMessage["kind"]> = new Map(
  SAMPLES.map((message) => [headerOf(encodeLinkMessage({ kind: "zab", message })), message.kind]),
);

/** The message in the frame, where it is of a kind that is read. */
export function readFrame(bytes: Uint8Array): ReadMessage | undefined {
  if (bytes.length < HEADER_BYTES || !HEADERS.has(headerOf(bytes))) return undefined;
  const read = readLinkMessage(bytes);
  return typeof read !== "string" && read.kind === "zab" && isRead(read.message) ? read.message : undefined;
}

function isRead(message: ZabMessage): message is ReadMessage {
  return SAMPLES.some(({ kind }) => kind === message.kind);
}

function headerOf(bytes: Uint8Array): number {
  const [format = 0, tag = 0, kind = 0] = bytes;
  return (format << 16) | (tag << 8) | kind;
}
