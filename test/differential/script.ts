/** A made-up server's answers to a small stream, for tests of what compares them. */
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Response } from "../../src/base/request.ts";
import type { Stat } from "../../src/base/stat.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeConnectResponse } from "../../src/jute/handshake.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { encodeReply, encodeWatchEvent } from "../../src/jute/responses.ts";
import { FENCE_XID, type StepRecord, type Transcript } from "./player.ts";
import type { Step, Stream } from "./stream.ts";

/** Something a server sends; mutable, for tests to spoil. */
export type Message =
  | { kind: "reply"; xid: number; zxid: Zxid; error: number; response: Response; extra: number[] }
  | { kind: "event"; zxid: Zxid; type: number; state: number; path: string };

/** What a server sends for each step, and whether it hangs up. */
export interface Script {
  readonly sent: { messages: Message[]; isClosed: boolean; others: Message[]; timeoutMs: number }[];
}

/** How one right server differs from another. */
export interface Server {
  readonly epoch: number;
  /** How many zxids others take between two of ours. */
  readonly gap: number;
  readonly session: bigint;
  readonly startMs: number;
  readonly isReversed: boolean;
  readonly root: string;
}

/** Two servers that both answer rightly. */
export const SERVERS: readonly [Server, Server] = [
  { epoch: 0, gap: 0, session: 0x10000n, startMs: 1_700_000_000_000, isReversed: false, root: "/d-000001" },
  { epoch: 77, gap: 9, session: 0xfe00n, startMs: 1_800_000_000_500, isReversed: true, root: "/d-000002" },
];

function send(slot: number, request: ClientRequest, xid: number): Step {
  return { kind: "send", slot, frames: [{ kind: "request", xid, request }] };
}

const CREATE = {
  op: "create2",
  path: "@/q-",
  data: new Uint8Array(0),
  acl: OPEN_ACL,
  flags: 3,
  ttlMs: 0,
} as const;

/** The stream that the script answers. */
export const STREAM: Stream = {
  seed: 1,
  slots: 2,
  isSpread: false,
  replica: 0,
  steps: [
    {
      kind: "connect",
      slot: 0,
      hello: { claim: "new", timeoutMs: 40_000, readOnly: false, protocolVersion: 0 },
      isTakeover: false,
    },
    send(0, { op: "getChildren", path: "@", watch: true }, 1),
    send(0, CREATE, 2),
    send(0, { op: "setData", path: "@/q-0000000000", data: Uint8Array.of(1, 2), version: 0 }, 3),
    send(0, { op: "getData", path: "@/q-0000000000", watch: false }, 4),
    send(0, { op: "getChildren2", path: "@", watch: false }, 5),
    {
      kind: "send",
      slot: 0,
      frames: [
        { kind: "request", xid: 6, request: { op: "delete", path: "@/none", version: -1 } },
        { kind: "request", xid: 7, request: { op: "getACL", path: "@" } },
      ],
    },
    send(0, { op: "closeSession" }, 8),
  ],
};

/** What that server sends. */
export function scriptOf(server: Server): Script {
  let counter = 5;
  const next = (): Zxid => ({ epoch: server.epoch, counter: (counter += 1 + server.gap) });
  const seen = (): Zxid => ({ epoch: server.epoch, counter: counter + Math.min(server.gap, 2) });
  const root = next();
  const fence = (): Message => reply(FENCE_XID, seen(), -101, { op: "empty" });
  const stat = (more: Partial<Stat>): Stat => ({ ...statOfRoot(root, server.startMs), ...more });
  const path = `${server.root}/q-0000000000`;
  const names = (list: readonly string[]): readonly string[] =>
    server.isReversed ? list.toReversed() : list;
  const start = [fence()];
  const listed = [reply(1, seen(), 0, { op: "children", children: [] }), fence()];
  const created = next();
  const own = { czxid: created, mzxid: created, pzxid: created, ephemeralOwner: server.session };
  const creating: Message[] = [
    { kind: "event", zxid: created, type: 4, state: 3, path: server.root },
    reply(2, created, 0, { op: "create2", path, stat: stat(own) }),
    fence(),
  ];
  const set = next();
  const after = stat({ ...own, mzxid: set, mtime: server.startMs + 7, version: 1, dataLength: 2 });
  const setting = [reply(3, set, 0, { op: "stat", stat: after }), fence()];
  const reading = [reply(4, seen(), 0, { op: "getData", data: Uint8Array.of(1, 2), stat: after }), fence()];
  const parent = stat({ cversion: 1, numChildren: 1, pzxid: created });
  const listing = [
    reply(5, seen(), 0, { op: "children2", children: names(["q-0000000000", "zz"]), stat: parent }),
    fence(),
  ];
  const failed = next();
  const pair = [
    reply(6, failed, -101, { op: "empty" }),
    reply(7, seen(), 0, { op: "getACL", acl: OPEN_ACL, stat: parent }),
    fence(),
  ];
  const closed = next();
  const told = (type: number, about: string): Message => {
    return { kind: "event", zxid: closed, type, state: 3, path: about };
  };
  const ended = inOrder(server, [told(2, `${path}/a`), told(2, `${path}/b`)]);
  const closing = [...ended, reply(8, closed, 0, { op: "empty" })];
  const others = inOrder(server, [told(2, path), told(4, server.root), fence()]);
  const step = (messages: Message[]): Script["sent"][number] => ({
    messages,
    isClosed: false,
    others: [],
    timeoutMs: 0,
  });
  return {
    sent: [
      { ...step(start), timeoutMs: 40_000 },
      ...[listed, creating, setting, reading, listing, pair].map(step),
      { ...step(closing), isClosed: true, others },
    ],
  };
}

function statOfRoot(root: Zxid, startMs: number): Stat {
  return {
    czxid: root,
    mzxid: root,
    ctime: startMs,
    mtime: startMs,
    version: 0,
    cversion: 0,
    aversion: 0,
    ephemeralOwner: 0n,
    dataLength: 0,
    numChildren: 0,
    pzxid: root,
  };
}

/** What comes in another order from the other server. */
function inOrder(server: Server, messages: readonly Message[]): Message[] {
  return server.isReversed ? messages.toReversed() : [...messages];
}

/** The script as a player would have written it down. */
export function transcriptOf(server: Server, script: Script): Transcript {
  const records = script.sent.map(({ messages, isClosed, others, timeoutMs }): StepRecord => ({
    wasConnected: true,
    frames: messages.map(encoded),
    isClosed,
    welcome: timeoutMs === 0 ? undefined : welcome(server, timeoutMs),
    others: others.length === 0 ? [] : [{ slot: 1, frames: others.map(encoded) }],
  }));
  return { root: server.root, records, last: [], sessions: [{ slot: 0, id: server.session }] };
}

function reply(xid: number, zxid: Zxid, error: number, response: Response): Message {
  return { kind: "reply", xid, zxid, error, response, extra: [] };
}

function encoded(message: Message): Uint8Array {
  const writer = new JuteWriter();
  if (message.kind === "event") {
    encodeWatchEvent(writer, message.zxid, { type: message.type, state: message.state, path: message.path });
  } else {
    const { xid, zxid, error, response } = message;
    encodeReply(writer, { xid, zxid, error }, response);
    writer.raw(Uint8Array.from(message.extra));
  }
  return writer.take().slice(4);
}

function welcome(server: Server, timeoutMs: number): Uint8Array {
  const writer = new JuteWriter();
  const password = new Uint8Array(16).fill(9);
  const { session: sessionId } = server;
  encodeConnectResponse(writer, { protocolVersion: 0, timeoutMs, sessionId, password, readOnly: false });
  return writer.take().slice(4);
}
