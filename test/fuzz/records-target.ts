/**
 * What is stored or sent as records: transactions, rows of znodes, parts of snapshots, and all that links and
 * elections carry. Steps: `KIND 0 bytes`. Any bytes give a value or a JuteError; a value is written as bytes that give
 * the same value, and those the same bytes. Bytes that were written by the encoder, `right` by their number, come back
 * as they are.
 */
import type { Acl } from "../../src/base/acl.ts";
import { sessionKey } from "../../src/base/ids.ts";
import type { NodeOwner, OperationTxn, Txn, TxnHeader } from "../../src/base/txn.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import { fromRow, toRow } from "../../src/durable/znode-row.ts";
import { JuteReader, JuteWriter } from "../../src/jute/archive.ts";
import {
  decodeConnectRequest,
  decodeConnectResponse,
  encodeConnectRequest,
  encodeConnectResponse,
} from "../../src/jute/handshake.ts";
import { JuteError } from "../../src/jute/jute-error.ts";
import { Slab } from "../../src/jute/slab.ts";
import { decodeRequest, encodeRequest } from "../../src/jute/requests.ts";
import { configTxnOf, decodeTxn, encodeTxn } from "../../src/jute/txn.ts";
import { encodeLinkMessage, readLinkMessage } from "../../src/keeper/link-codec.ts";
import { membershipChangeOf } from "../../src/keeper/membership-change.ts";
import {
  decodeSnapshotPart,
  decodeSummary,
  encodeSnapshotPart,
  encodeSummary,
} from "../../src/keeper/snapshot-codec.ts";
import {
  decodeNotification,
  encodeNotification,
  readProposals,
  writeProposals,
} from "../../src/keeper/zab-codec.ts";
import type { Znode } from "../../src/tree/node-store.ts";
import { CLIENT_OPS, helloOf, requestOf } from "./client-frames.ts";
import { largestAllocation } from "../jute/allocations.ts";
import type { Dice } from "./dice.ts";
import { expectThat, hexText, type Step, step, type Tally } from "./episode.ts";
import { mutated } from "./mutate.ts";
import { linkFrameOf, notificationOf } from "./peer-messages.ts";
import type { Target } from "./target.ts";

const RECORDS_PER_EPISODE = 500;
const TRUTH = { epoch: 7, last: { epoch: 7, counter: 12 } };

/** One kind of record. */
interface Codec {
  /** Right bytes. */
  make(dice: Dice): Uint8Array;
  /** The bytes of the value that these bytes give. Throws JuteError. */
  again(bytes: Uint8Array): Uint8Array;
}

const writer = new JuteWriter();

function taken(write: (to: JuteWriter) => void): Uint8Array {
  writer.clear();
  write(writer);
  return writer.take();
}

/** A row as one record: its owner's session, whether it has one, its head. */
const znodeRow: Codec = {
  make: (dice) => rowBytes(znodeOf(dice)),
  again(bytes) {
    const reader = new JuteReader(bytes);
    const isOwned = reader.bool();
    const session = reader.unsignedLong();
    const data = reader.data();
    const head = reader.raw(reader.remaining);
    return rowBytes(fromRow({ owner: isOwned ? sessionKey(session) : null, head, data }));
  },
};

function rowBytes(node: Znode): Uint8Array {
  const own = new JuteWriter();
  const { owner, head, data } = toRow(node, own, new Slab());
  return taken((to) => {
    to.bool(owner !== null);
    to.long(node.owner.mode === "ephemeral" ? node.owner.session : 0n);
    to.data(data);
    to.raw(head);
  });
}

const CODECS: Readonly<Record<string, Codec>> = {
  txn: {
    make: (dice) => taken((to) => encodeTxn(to, headerOf(dice), txnOf(dice))),
    again(bytes) {
      const { header, txn } = decodeTxn(bytes);
      // What a replica asks of each proposal that it accepts must go well wherever the whole does.
      configTxnOf(bytes);
      membershipChangeOf(bytes);
      return taken((to) => encodeTxn(to, header, txn));
    },
  },
  proposals: {
    make: (dice) =>
      taken((to) =>
        writeProposals(
          to,
          [1, 2].map(() => ({ zxid: zxidOf(dice), payload: dice.bytes(dice.below(20)) })),
        ),
      ),
    again: (bytes) => taken((to) => writeProposals(to, readProposals(new JuteReader(bytes)))),
  },
  znode: znodeRow,
  part: {
    make: (dice) =>
      encodeSnapshotPart([
        { kind: "znode", path: "/a", node: znodeOf(dice) },
        { kind: "znode", path: "/b", node: undefined },
        { kind: "session", id: sessionOf(dice), session: undefined },
        { kind: "session", id: 7n, session: { id: 7n, timeoutMs: dice.int(), password: dice.bytes(16) } },
      ]),
    again: (bytes) => encodeSnapshotPart(decodeSnapshotPart(bytes)),
  },
  summary: {
    make: (dice) =>
      encodeSummary({
        digest: { hi: dice.int() >>> 0, lo: dice.int() >>> 0 },
        totals: { dataBytes: naturalOf(dice), ephemerals: naturalOf(dice) },
        znodes: naturalOf(dice),
        sessions: naturalOf(dice),
      }),
    again: (bytes) => encodeSummary(decodeSummary(bytes)),
  },
  notification: {
    make: (dice) => encodeNotification(notificationOf(dice, TRUTH, 2)),
    again: (bytes) => encodeNotification(decodeNotification(bytes)),
  },
  link: {
    make: (dice) => linkFrameOf(dice, TRUTH, dice.pick(["learner", "leader"])),
    again(bytes) {
      const message = readLinkMessage(bytes);
      if (typeof message === "string") throw new JuteError("bad-value", message);
      return encodeLinkMessage(message, writer);
    },
  },
  request: {
    make: (dice) =>
      taken((to) => encodeRequest(to, dice.int(), requestOf(dice.pick(CLIENT_OPS), dice))).subarray(4),
    again(bytes) {
      const decoded = decodeRequest(bytes);
      if (decoded.kind !== "request") throw new JuteError("bad-value", decoded.kind);
      const { request } = decoded;
      // Refused as it is read, and never written: see writeMultiRead.
      const isUnwritable =
        request.op === "multiRead" && request.operations.some(({ op }) => op === "unsupported");
      if (isUnwritable) throw new JuteError("bad-type", "a list of writes in a multiRead");
      return taken((to) => encodeRequest(to, decoded.xid, decoded.request)).subarray(4);
    },
  },
  hello: {
    make: (dice) => helloOf(dice, dice.between(10, 20), [5]).subarray(4),
    again: (bytes) => taken((to) => encodeConnectRequest(to, decodeConnectRequest(bytes))).subarray(4),
  },
  welcome: {
    make: (dice) =>
      taken((to) =>
        encodeConnectResponse(to, {
          protocolVersion: 0,
          timeoutMs: dice.int(),
          sessionId: sessionOf(dice),
          password: dice.bytes(16),
          readOnly: dice.once(2) ? undefined : false,
        }),
      ).subarray(4),
    again: (bytes) => taken((to) => encodeConnectResponse(to, decodeConnectResponse(bytes))).subarray(4),
  },
};

const KINDS = Object.keys(CODECS);

/** Of these some are made wrong on purpose, or have bytes behind their end that are passed over. */
const NEVER_RIGHT: ReadonlySet<string> = new Set(["link", "hello", "request"]);

/** See the file's comment. */
export const recordsTarget: Target = { name: "records", make, play };

function make(dice: Dice, size: number = RECORDS_PER_EPISODE): readonly Step[] {
  return Array.from({ length: size }, () => {
    const kind = dice.pick(KINDS);
    const codec = CODECS[kind] ?? znodeRow;
    if (dice.once(20)) return step(kind, 0, dice.bytes(dice.below(120)));
    const bytes = codec.make(dice);
    if (dice.once(4)) return step(kind, NEVER_RIGHT.has(kind) ? 0 : 1, bytes);
    return step(kind, 0, mutated(bytes, dice));
  });
}

/** A writer grows to twice what it holds; what is read is no longer than what it is read from. */
const ALLOCATION_FACTOR = 2;
const ALLOCATION_BYTES_MAX = 64 * 1024;

function play(steps: readonly Step[], tally?: Tally): number {
  const largest = largestAllocation(() => playAll(steps, tally));
  const longest = Math.max(...steps.map(({ bytes }) => bytes.length));
  const allowed = ALLOCATION_BYTES_MAX + ALLOCATION_FACTOR * longest;
  expectThat(largest <= allowed, () => `${largest} bytes are allocated for records of ${longest} at most`);
  return steps.length;
}

function playAll(steps: readonly Step[], tally: Tally | undefined): void {
  for (const { verb, number, bytes } of steps) {
    const codec = CODECS[verb];
    if (codec === undefined) continue;
    const once = attempt(codec, bytes);
    tally?.hit(once === undefined ? `${verb} refused` : `${verb} read`);
    if (number === 1) {
      const isSame = once !== undefined && Buffer.compare(once, bytes) === 0;
      expectThat(
        isSame,
        () => `${verb}: right bytes come back as ${once === undefined ? "none" : hexText(once)}`,
      );
    }
    if (once === undefined) continue;
    const twice = attempt(codec, once);
    const isSettled = twice !== undefined && Buffer.compare(once, twice) === 0;
    const other = twice === undefined ? "none" : hexText(twice);
    expectThat(isSettled, () => `${verb}: ${hexText(once)} is written, and comes back as ${other}`);
  }
}

function attempt(codec: Codec, bytes: Uint8Array): Uint8Array | undefined {
  try {
    return codec.again(bytes);
  } catch (error) {
    if (!(error instanceof JuteError)) throw error;
    writer.clear();
    return undefined;
  }
}

function zxidOf(dice: Dice): Zxid {
  return { epoch: dice.int() >>> 0, counter: dice.int() >>> 0 };
}

function sessionOf(dice: Dice): bigint {
  return (BigInt(dice.int() >>> 0) << 32n) | BigInt(dice.int() >>> 0);
}

function naturalOf(dice: Dice): number {
  return dice.pick([0, 1, 127, 128, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER, dice.int() >>> 0]);
}

function headerOf(dice: Dice): TxnHeader {
  const origin = { sid: dice.between(1, 254), instance: naturalOf(dice), serial: naturalOf(dice) };
  return { session: sessionOf(dice), xid: dice.int(), timeMs: naturalOf(dice), origin };
}

function pathOf(dice: Dice): string {
  return dice.pick(["/", "/a", "/a/é", `/${"x".repeat(dice.below(60))}`, "", "/😀"]);
}

function aclOf(dice: Dice): readonly Acl[] {
  return Array.from({ length: dice.below(3) }, () => ({
    perms: dice.int(),
    scheme: "digest",
    id: pathOf(dice),
  }));
}

function dataOf(dice: Dice): Uint8Array | null {
  return dice.once(5) ? null : dice.bytes(dice.below(20));
}

function ownerOf(dice: Dice): NodeOwner {
  switch (dice.below(4)) {
    case 0:
      return { mode: "persistent" };
    case 1:
      return { mode: "container" };
    case 2:
      return { mode: "ttl", ttlMs: naturalOf(dice) };
    default:
      return { mode: "ephemeral", session: sessionOf(dice) };
  }
}

function znodeOf(dice: Dice): Znode {
  return {
    data: dataOf(dice),
    czxid: zxidOf(dice),
    mzxid: zxidOf(dice),
    pzxid: zxidOf(dice),
    ctime: naturalOf(dice),
    mtime: naturalOf(dice),
    version: dice.int(),
    aversion: dice.int(),
    childCreates: dice.int(),
    childCount: dice.int(),
    owner: ownerOf(dice),
    acl: aclOf(dice),
  };
}

function operationOf(dice: Dice): OperationTxn {
  const path = pathOf(dice);
  switch (dice.below(5)) {
    case 0: {
      const parentCreates = dice.int();
      const owner = ownerOf(dice);
      return {
        kind: "create",
        path,
        data: dataOf(dice),
        acl: aclOf(dice),
        owner,
        parentCreates,
        withStat: true,
      };
    }
    case 1:
      return { kind: "delete", path };
    case 2:
      return { kind: "setData", path, data: dataOf(dice), version: dice.int() };
    case 3:
      return { kind: "check", path, version: dice.int() };
    default:
      return { kind: "error", code: dice.int() };
  }
}

function txnOf(dice: Dice): Txn {
  switch (dice.below(8)) {
    case 0:
      return { kind: "setAcl", path: pathOf(dice), acl: aclOf(dice), aversion: dice.int() };
    case 1:
      return { kind: "multi", operations: Array.from({ length: dice.below(4) }, () => operationOf(dice)) };
    case 2:
      return { kind: "createSession", timeoutMs: dice.int(), password: dice.bytes(16) };
    case 3:
      return { kind: "closeSession" };
    case 4:
      return dice.once(2)
        ? { kind: "barrier", path: pathOf(dice) }
        : { kind: "restore", staged: { permit: zxidOf(dice), digest: pathOf(dice) } };
    case 5:
      return dice.once(3)
        ? { kind: "dormant", horizonMs: 0, wakeInMs: undefined, sessions: [{ session: 1n, leftMs: 1 }] }
        : dice.once(2)
          ? { kind: "settled" }
          : { kind: "config", data: new TextEncoder().encode(dice.pick(CONFIGS)) };
    default:
      return operationOf(dice);
  }
}

const CONFIGS = [
  "server.1=127.0.0.1:2888:3888:participant\nversion=0",
  "server.1=h:2888:3888:participant\nserver.2=h:2888:3888:observer;2181\nversion=100000007",
  "group.1=1:2\nweight.1=2\nserver.1=h:1:2\nserver.2=h:1:2\nversion=3",
];
