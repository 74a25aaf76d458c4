/** Random requests of every kind that a client may send. */
import { OPEN_ACL } from "../../src/base/acl.ts";
import type {
  CreateRequest,
  MultiOperation,
  MultiReadOperation,
  SetWatchesRequest,
} from "../../src/base/request.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import type { Saying } from "../keeper/sasl-client.ts";
import { ROOT, type Twist } from "./stream.ts";
import {
  anyAcl,
  anyData,
  anyPath,
  anyVersion,
  createPath,
  LOGINS,
  oneIn,
  pick,
  readPath,
  SASL_SAYINGS,
  SUPER_LOGIN,
  toldPath,
} from "./values.ts";

type Maker = (rng: Rng) => ClientRequest;

/** How often each kind of request comes, and how one is made. */
const KINDS: readonly (readonly [number, Maker])[] = [
  [14, (rng) => anyCreate(rng, "create")],
  [8, (rng) => anyCreate(rng, "create2")],
  [3, (rng) => anyCreate(rng, "createContainer")],
  [5, (rng) => anyCreate(rng, "createTTL")],
  [11, (rng) => ({ op: "delete", path: deletePath(rng), version: anyVersion(rng) })],
  [11, anySetData],
  [5, anySetAcl],
  [8, (rng) => anyRead(rng, "exists")],
  [8, (rng) => anyRead(rng, "getData")],
  [5, (rng) => anyRead(rng, "getChildren")],
  [4, (rng) => anyRead(rng, "getChildren2")],
  [4, (rng) => ({ op: "getACL", path: readPath(rng) })],
  [2, (rng) => ({ op: "getEphemerals", path: pick(rng, ["", "/", " ", "@", "@/a", "@/a/", " @", "x"]) })],
  [2, (rng) => ({ op: "getAllChildrenNumber", path: readPath(rng) })],
  [2, (rng) => ({ op: "sync", path: toldPath(rng) })],
  [1, () => ({ op: "ping" })],
  [2, () => ({ op: "whoAmI" })],
  [10, anyMulti],
  [4, anyMultiRead],
  [
    6,
    (rng) => ({
      op: "addWatch",
      path: watchPath(rng),
      mode: oneIn(rng, 12) ? pick(rng, [-1, 2]) : rng.below(2),
    }),
  ],
  [3, (rng) => ({ op: "checkWatches", path: anyPath(rng), type: watcherType(rng) })],
  [4, (rng) => ({ op: "removeWatches", path: anyPath(rng), type: watcherType(rng) })],
];

const WEIGHT: number = KINDS.reduce((sum, [weight]) => sum + weight, 0);

/** A request that is answered in its turn and leaves the connection open. */
export function anyRequest(rng: Rng): ClientRequest {
  let rest = rng.below(WEIGHT);
  for (const [weight, make] of KINDS) {
    if (rest < weight) return make(rng);
    rest -= weight;
  }
  throw new Error("the weights add up");
}

/** A login, or what is none. */
export function anyAuth(rng: Rng): ClientRequest {
  const login = oneIn(rng, 8) ? SUPER_LOGIN : pick(rng, LOGINS);
  const auth = oneIn(rng, 12) ? null : Buffer.from(login);
  const odd = ["world", "auth", "nobody", "", "super", "x509"];
  const scheme = oneIn(rng, 8) ? pick(rng, odd) : pick(rng, ["digest", "digest", "digest", "digest", "ip"]);
  return { op: "auth", type: 0, scheme, auth };
}

/** What a SASL client says: mostly what is right. */
export function anySaying(rng: Rng): { readonly saying: Saying; readonly twist: Twist } {
  const saying: Saying = pick(rng, SASL_SAYINGS);
  if (!oneIn(rng, 3)) return { saying, twist: {} };
  const at = rng.below(300);
  const tails = [
    ",",
    "=",
    ",foo",
    ",foo=",
    ",foo=bar",
    ' , foo = "b\\"r" ,',
    ',"',
    ",nc=2",
    ",qop=auth",
    " x y=z",
  ];
  const twists: readonly Twist[] = [
    { length: at },
    { at, to: pick(rng, TWISTS) },
    { tail: pick(rng, tails) },
  ];
  return { saying, twist: pick(rng, twists) };
}

/** Characters that mean something to who reads the answer, and some that do not. */
const TWISTS: readonly string[] = ["", " ", ",", "=", '"', "\\", "\t", "x", "\0", "0"];

/** A client's watches, as it brings them after it reconnected. */
export function anySetWatches(rng: Rng): SetWatchesRequest {
  const op = pick(rng, ["setWatches", "setWatches2"] as const);
  const some = (): readonly string[] => Array.from({ length: rng.below(3) }, () => toldPath(rng));
  const isTwo = op === "setWatches2";
  return {
    op,
    relativeZxid: { epoch: 0, counter: 0 },
    dataWatches: some(),
    existWatches: some(),
    childWatches: some(),
    persistentWatches: isTwo ? some() : [],
    persistentRecursiveWatches: isTwo ? some() : [],
  };
}

function anyCreate(rng: Rng, op: CreateRequest["op"]): CreateRequest {
  const path = createPath(rng);
  // What is closed to all cannot be used by the rest of the stream: seldom.
  const acl = anyAcl(rng);
  const flags = flagsFor(rng, op);
  const ttlMs = op === "createTTL" ? anyTtl(rng, flags) : 0;
  const data = anyData(rng);
  // What it appended to a name beside the stream's root would tell how many streams there were.
  if (path === ROOT || !path.startsWith(ROOT)) return { op, path, data, acl, flags: plain(flags), ttlMs };
  return { op, path, data, acl, flags, ttlMs };
}

/** The same without a sequence number. */
function plain(flags: number): number {
  return flags === 6 ? 5 : flags & ~2;
}

function flagsFor(rng: Rng, op: CreateRequest["op"]): number {
  if (op === "createContainer" && !oneIn(rng, 3)) return 4;
  if (op === "createTTL" && !oneIn(rng, 8)) return pick(rng, [5, 5, 6]);
  return createFlags(rng);
}

/** Long enough to outlive the stream, or none; a negative one without the flag of a TTL would end ZooKeeper. */
function anyTtl(rng: Rng, flags: number): number {
  const longest = 2 ** 40 - 1;
  if (flags !== 5 && flags !== 6) return pick(rng, [0, 1, longest]);
  return oneIn(rng, 4)
    ? pick(rng, [0, -1, longest + 1, -longest, 2 ** 45, 2 ** 62, -(2 ** 63)])
    : pick(rng, [3_600_000, 86_400_000, longest]);
}

function createFlags(rng: Rng): number {
  if (oneIn(rng, 20)) return pick(rng, [-1, 5, 6, 7, 100, 2_147_483_647]);
  return pick(rng, [0, 0, 0, 0, 0, 1, 1, 2, 2, 3, 4]);
}

/** Nobody deletes what others stand on. */
function deletePath(rng: Rng): string {
  return oneIn(rng, 30)
    ? pick(rng, ["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"])
    : anyPath(rng);
}

/** Of a znode that all streams share nobody knows the version. */
function anySetData(rng: Rng): ClientRequest {
  const path = oneIn(rng, 40) ? pick(rng, ["/zookeeper/none"]) : anyPath(rng);
  const version = path.startsWith("/zookeeper") ? -1 : anyVersion(rng);
  return { op: "setData", path, data: anyData(rng), version };
}

function watchPath(rng: Rng): string {
  return oneIn(rng, 12) ? pick(rng, [ROOT, "/", "/zookeeper"]) : anyPath(rng);
}

function anySetAcl(rng: Rng): ClientRequest {
  const path = anyPath(rng);
  const acl = path === ROOT ? OPEN_ACL : anyAcl(rng);
  return { op: "setACL", path, acl, version: anyVersion(rng) };
}

function anyRead(rng: Rng, op: "exists" | "getData" | "getChildren" | "getChildren2"): ClientRequest {
  const path = readPath(rng);
  // Others change what all share: a watch on it would fire by their doing.
  const watch = path.startsWith(ROOT) && oneIn(rng, 2);
  return { op, path, watch };
}

function watcherType(rng: Rng): number {
  return oneIn(rng, 15) ? pick(rng, [0, -1, 6, 7]) : 1 + rng.below(5);
}

function anyMulti(rng: Rng): ClientRequest {
  const count = oneIn(rng, 12) ? 0 : 1 + rng.below(5);
  return { op: "multi", operations: Array.from({ length: count }, () => anyOperation(rng)) };
}

function anyOperation(rng: Rng): MultiOperation {
  switch (rng.below(8)) {
    case 0:
    case 1:
    case 2:
      return anyCreate(
        rng,
        pick(rng, ["create", "create", "create", "create2", "createContainer", "createTTL"] as const),
      );
    case 3:
    case 4:
      return { op: "delete", path: deletePath(rng), version: anyVersion(rng) };
    case 5:
    case 6:
      return { op: "setData", path: anyPath(rng), data: anyData(rng), version: anyVersion(rng) };
    default:
      return { op: "check", path: anyPath(rng), version: anyVersion(rng) };
  }
}

function anyMultiRead(rng: Rng): ClientRequest {
  const count = rng.below(5);
  const operations = Array.from({ length: count }, (): MultiReadOperation => {
    const op = pick(rng, ["getData", "getChildren"] as const);
    const path = readPath(rng);
    return { op, path, watch: path.startsWith(ROOT) && oneIn(rng, 3) };
  });
  return { op: "multiRead", operations };
}
