/** Frames as clients send them, right ones and wrong ones, from a seed. */
import { type Acl, OPEN_ACL } from "../../src/base/acl.ts";
import { FOUR_LETTER_WORDS } from "../../src/base/four-letter-words.ts";
import type { CreateRequest, MultiOperation, MultiReadOperation, NodeData } from "../../src/base/request.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeConnectRequest } from "../../src/jute/handshake.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import { makeSession } from "../../src/keeper/session-terms.ts";
import { hexText } from "../../src/keeper/sasl-text.ts";
import { respond } from "../keeper/sasl-client.ts";
import type { Dice } from "./dice.ts";
import { mutated } from "./mutate.ts";
import { entropyOf } from "./replica.ts";

const DEEP = "/d".repeat(600);
const LONG = `/${"n".repeat(5000)}`;
/** Where attackers work, where they must not, and what is no path at all. */
const PATHS = [
  "/a",
  "/a",
  "/b",
  "/a/x",
  "/a/x/y",
  "/b/s",
  "/c",
  "/",
  "/q",
  "/q/r",
  "/safe",
  "/safe/a",
  "/safe/e",
  "/safe/new",
  "",
  "a",
  "//",
  "/a/",
  "/a//x",
  "/.",
  "/..",
  "/a/../safe",
  "/\0",
  "/\ud800",
  "/é",
  "/😀",
  "/￿",
  "/zookeeper",
  "/zookeeper/config",
  "/zookeeper/quota",
  "/zookeeper/quota/q",
  "/zookeeper/x",
  DEEP,
  LONG,
  "/zookeeper/quota/q/zookeeper_limits",
  "/zookeeper/quota/q/zookeeper_stats",
  "/e",
  "/e/1",
  "/t",
];
/** Where most requests go, so that they meet what others left. */
const HOMES = ["/a", "/b", "/a/x", "/q", "/a/x/y"];
const TEXTS = [
  "count=1,bytes=5",
  "count=-1,bytes=-1=;byteHardLimit=3;countHardLimit=2",
  "x",
  "",
  "\ud83d",
].map((text) => new TextEncoder().encode(text));
const ACLS: readonly (readonly Acl[])[] = [
  OPEN_ACL,
  OPEN_ACL,
  OPEN_ACL,
  [{ perms: 1, scheme: "world", id: "anyone" }],
  [{ perms: 31, scheme: "auth", id: "" }],
  [{ perms: 31, scheme: "digest", id: "eve:W5bVPNZ7Y0UEcPaZDmNhqNyG3zw=" }],
  [{ perms: -1, scheme: "ip", id: "10.0.0.0/8" }],
  [{ perms: 31, scheme: "ip", id: "::/129" }],
  [{ perms: 31, scheme: "sasl", id: "ann" }],
  [{ perms: 31, scheme: "x509", id: "CN=eve" }],
  [{ perms: 0, scheme: "super", id: "" }],
  [],
  Array.from({ length: 60 }, (_, at) => ({ perms: 31, scheme: "ip", id: `10.0.0.${at}` })),
];
const MEMBERS = [
  "server.2=h:2888:3888:observer;0.0.0.0:2181",
  "server.1=127.0.0.1:2888:3888:participant\nserver.2=h:2888:3888:participant;2181",
  "group.1=1\nweight.1=0\nserver.1=127.0.0.1:2888:3888:participant",
  "server.1=[::1]:2888:3888|h2:1:2:observer",
  "server.-1=x",
  "server.3=h:2888:3888:observer,server.4=h:99999:3888",
  "version=ffffffffffffffff",
  "\\u00zz",
];
const VERSIONS = [-1, -1, -1, 0, 1, 2, 0x7fffffff, -0x80000000, -2];
const FLAGS = [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, -1, 99];

const writer = new JuteWriter();

/** A request of any kind; `mayRule` where its client may know the super user's password. */
export function requestOf(op: ClientRequest["op"], dice: Dice, mayRule = false): ClientRequest {
  const path = pathOf(dice);
  switch (op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
      return createOf(op, dice);
    case "setData":
      return { op, path, data: dataOf(dice), version: dice.pick(VERSIONS) };
    case "delete":
    case "check":
      return { op, path, version: dice.pick(VERSIONS) };
    case "exists":
    case "getData":
    case "getChildren":
    case "getChildren2":
      return { op, path, watch: dice.once(2) };
    case "getACL":
    case "getAllChildrenNumber":
    case "getEphemerals":
    case "sync":
      return { op, path };
    case "setACL":
      // The root stays open: else nothing of what follows would come about.
      return { op, path: path === "/" ? "/a" : path, acl: dice.pick(ACLS), version: dice.pick(VERSIONS) };
    case "multi":
      return { op, operations: Array.from({ length: dice.below(7) }, () => writeOf(dice)) };
    case "multiRead":
      return { op, operations: Array.from({ length: dice.below(7) }, () => readOf(dice)) };
    case "checkWatches":
    case "removeWatches":
      return { op, path, type: dice.between(0, 6) };
    case "addWatch":
      return { op, path, mode: dice.between(-1, 2) };
    case "setWatches":
    case "setWatches2":
      return setWatchesOf(op, dice);
    case "reconfig":
      return reconfigOf(dice);
    case "auth":
      return { op, type: 0, ...dice.pick(mayRule ? [...LOGINS, SUPER, SUPER] : LOGINS) };
    case "sasl":
      return { op, token: dice.once(3) ? null : dataOf(dice) };
    case "ping":
    case "whoAmI":
    case "closeSession":
      return { op };
  }
}

const LOGINS = [
  { scheme: "digest", auth: new TextEncoder().encode("eve:pw") },
  { scheme: "digest", auth: new TextEncoder().encode("eve:pw") },
  { scheme: "digest", auth: new TextEncoder().encode("noColon") },
  { scheme: "ip", auth: new Uint8Array(0) },
  { scheme: "nosuch", auth: null },
  { scheme: null, auth: Uint8Array.of(0xff, 0xfe) },
];
const SUPER = { scheme: "digest", auth: new TextEncoder().encode("super:test") };

function reconfigOf(dice: Dice): ClientRequest {
  const text = (): string | null => (dice.once(3) ? dice.pick(MEMBERS) : null);
  return {
    op: "reconfig",
    joiningServers: text(),
    leavingServers: dice.once(3) ? dice.pick(["2", "1", "1,2,3", "", "x", "-1", "999999999999"]) : null,
    newMembers: dice.once(3) ? dice.pick(MEMBERS) : null,
    currentConfigId: dice.once(4) ? BigInt(dice.int()) : -1n,
  };
}

function createOf(op: CreateRequest["op"], dice: Dice): CreateRequest {
  const flags =
    op === "createContainer"
      ? dice.pick([4, 4, 4, 0])
      : op === "createTTL"
        ? dice.pick([5, 6, 0])
        : dice.pick(FLAGS);
  const ttlMs = op === "createTTL" ? dice.pick([1, 1000, 1000, 0, -1, 2 ** 40, Number.MAX_SAFE_INTEGER]) : 0;
  return { op, path: pathOf(dice), data: dataOf(dice), acl: dice.pick(ACLS), flags, ttlMs };
}

function writeOf(dice: Dice): MultiOperation {
  const version = dice.pick(VERSIONS);
  switch (dice.below(5)) {
    case 0:
      return { op: "setData", path: pathOf(dice), data: dataOf(dice), version };
    case 1:
      return { op: "delete", path: pathOf(dice), version };
    case 2:
      return { op: "check", path: pathOf(dice), version };
    case 3:
      return createOf(dice.pick(["create", "create2", "createContainer", "createTTL"]), dice);
    default:
      return { op: "check", path: "/", version: -1 };
  }
}

function readOf(dice: Dice): MultiReadOperation {
  const op = dice.pick(["getData", "getChildren"] as const);
  return { op, path: pathOf(dice), watch: dice.once(2) };
}

function setWatchesOf(op: "setWatches" | "setWatches2", dice: Dice): ClientRequest {
  const paths = (): string[] => Array.from({ length: dice.below(4) }, () => pathOf(dice));
  const isTwo = op === "setWatches2";
  return {
    op,
    relativeZxid: dice.once(3) ? { epoch: dice.int() >>> 0, counter: dice.int() >>> 0 } : ZXID_ZERO,
    dataWatches: paths(),
    existWatches: paths(),
    childWatches: paths(),
    persistentWatches: isTwo ? paths() : [],
    persistentRecursiveWatches: isTwo ? paths() : [],
  };
}

function pathOf(dice: Dice): string {
  return dice.pick(dice.once(2) ? HOMES : PATHS);
}

function dataOf(dice: Dice): NodeData {
  if (dice.once(12)) return null;
  if (dice.once(6)) return dice.pick(TEXTS);
  if (dice.once(4000)) return new Uint8Array(dice.between(500_000, 1_048_000)).fill(7);
  return dice.bytes(dice.below(16));
}

const OPS: readonly ClientRequest["op"][] = [
  ...([
    "create",
    "create",
    "create2",
    "createContainer",
    "createTTL",
    "delete",
    "delete",
    "setData",
    "setData",
  ] as const),
  ...([
    "exists",
    "getData",
    "getChildren",
    "getChildren2",
    "getACL",
    "setACL",
    "sync",
    "check",
    "multi",
    "multi",
  ] as const),
  ...([
    "multiRead",
    "addWatch",
    "removeWatches",
    "checkWatches",
    "setWatches",
    "setWatches2",
    "whoAmI",
    "ping",
  ] as const),
  ...(["getEphemerals", "getAllChildrenNumber", "reconfig"] as const),
];
/** What often ends a connection. */
const ENDINGS: readonly ClientRequest["op"][] = ["auth", "auth", "auth", "sasl", "closeSession"];

/** Every operation that a client may ask for. */
export const CLIENT_OPS: readonly ClientRequest["op"][] = [...new Set([...OPS, ...ENDINGS])];

/** A frame of any kind, most often one that was right and is not any more. */
export function frameOf(dice: Dice, mayRule: boolean): Uint8Array {
  const kind = dice.below(1000);
  // Most of the first kinds end their connection: rare, so that what comes behind them is heard.
  if (kind < 3) return dice.bytes(dice.below(40));
  if (kind < 6) return framed(dice.bytes(dice.below(60)));
  if (kind < 8) return wordOf(dice);
  if (kind < 12) return oddFrame(dice);
  const isEnding = kind < 26;
  const op = isEnding ? dice.pick(ENDINGS) : dice.pick(OPS);
  encodeRequest(writer, dice.once(8) ? dice.int() : dice.below(1000), requestOf(op, dice, mayRule));
  const frame = writer.take();
  if (isEnding ? dice.once(2) : kind < 450) return frame;
  if (kind < 980) return framed(withMutatedFields(frame, dice));
  // Inside its length, so that what comes behind it is still read.
  return kind < 992 ? framed(mutated(frame.subarray(4), dice)) : mutated(frame, dice);
}

/** The body of the frame, its header left as it is. */
function withMutatedFields(frame: Uint8Array, dice: Dice): Uint8Array {
  const fields = mutated(frame.subarray(12), dice);
  const body = new Uint8Array(8 + fields.length);
  body.set(frame.subarray(4, 12));
  body.set(fields, 8);
  return body;
}

/** A header alone, an operation that there is not, a length that lies. */
function oddFrame(dice: Dice): Uint8Array {
  const type = dice.pick([0, -1, 20, -10, 10, 99, 108, 1000, dice.int()]);
  writer.int(dice.pick([8, 0, 4, 12, -1, 0x7fffffff, 0xfffff, 0x100000]));
  writer.int(dice.int());
  writer.int(type);
  if (dice.once(2)) writer.int(dice.int());
  return writer.take();
}

/** The body with its length before it. */
function framed(body: Uint8Array): Uint8Array {
  const frame = new Uint8Array(body.length + 4);
  new DataView(frame.buffer).setInt32(0, body.length);
  frame.set(body, 4);
  return frame;
}

/** What may stand in the place of a handshake. */
export function wordOf(dice: Dice): Uint8Array {
  return new TextEncoder().encode(dice.pick([...FOUR_LETTER_WORDS, "GET / HTTP/1.1\r\n", "ruok\n", "xxxx"]));
}

/** What a connection begins with: by its number, as that says which sessions there were before. */
export function helloOf(dice: Dice, connection: number, earlier: readonly number[]): Uint8Array {
  const comesBack = earlier.length > 0 && dice.once(5);
  // Of the bystanders, whose numbers are 1 and 2, the id alone may be guessed.
  const whose = comesBack ? dice.pick([1, 2, ...earlier]) : connection;
  const { session, password } = makeSession(1, entropyOf(whose));
  const knows = whose > 2 && !dice.once(4);
  encodeConnectRequest(writer, {
    protocolVersion: 0,
    lastZxidSeen: dice.once(30) ? { epoch: dice.int() >>> 0, counter: dice.int() >>> 0 } : ZXID_ZERO,
    timeoutMs: dice.once(10) ? dice.int() : 4000,
    sessionId: comesBack ? session : 0n,
    password: knows ? password : dice.once(2) ? new Uint8Array(16) : null,
    readOnly: dice.once(3) ? undefined : dice.once(2),
  });
  const frame = writer.take();
  if (dice.once(16)) return mutated(frame, dice);
  return dice.once(30) ? framed(mutated(frame.subarray(4), dice)) : frame;
}

/** The handshake of a client that wants a session and nothing else. */
export function plainHello(): Uint8Array {
  encodeConnectRequest(writer, {
    protocolVersion: 0,
    lastZxidSeen: ZXID_ZERO,
    timeoutMs: 4000,
    sessionId: 0n,
    password: new Uint8Array(16),
    readOnly: false,
  });
  return writer.take();
}

/** Both halves of a login that succeeds: its nonce is of the connection's own random bytes. */
export function saslFrames(connection: number): readonly Uint8Array[] {
  const { response } = respond(`nonce="${hexText(entropyOf(connection).subarray(28))}"`);
  return [new Uint8Array(0), new TextEncoder().encode(response)].map((token) => {
    encodeRequest(writer, 1, { op: "sasl", token });
    return writer.take();
  });
}

/** A super user logs in, and changes the members. */
export function superFrames(): readonly Uint8Array[] {
  const reconfig = {
    joiningServers: MEMBERS[0] ?? "",
    leavingServers: null,
    newMembers: null,
    currentConfigId: -1n,
  };
  const requests: readonly ClientRequest[] = [
    { op: "auth", type: 0, ...SUPER },
    { op: "reconfig", ...reconfig },
  ];
  return requests.map((request) => {
    encodeRequest(writer, 1, request);
    return writer.take();
  });
}
