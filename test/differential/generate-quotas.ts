/** Random quotas on the stream's own znodes, as `setquota` and `delquota` of ZooKeeper's shell make them, and oddly. */
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { MultiOperation, SetDataRequest } from "../../src/base/request.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { QUOTA, ROOT } from "./stream.ts";
import { oneIn, pick } from "./values.ts";

/** Where quotas are: within each other, too, where the deepest counts. */
const PATHS: readonly string[] = [ROOT, "@/a", "@/a", "@/b", "@/a/x"];

const LIMITS: readonly string[] = [
  "count=5,bytes=-1",
  "count=-1,bytes=-1=;countHardLimit=4",
  "count=-1,bytes=-1=;countHardLimit=8",
  "count=-1,bytes=-1=;byteHardLimit=30",
  "count=-1,bytes=-1=;byteHardLimit=60",
  "count=-1,bytes=-1=;byteHardLimit=200",
  "count=2,bytes=5=;byteHardLimit=120;countHardLimit=6",
  "count=-1,bytes=-1=;countHardLimit=0",
  "count=1,bytes=1",
];

/** What the server counts from: clients write this, and only the server knows better. */
const NO_STATS = "count=-1,bytes=-1";

/** The requests that set a quota, in their order; what is there already is refused. */
export function quotaSetup(rng: Rng): readonly ClientRequest[] {
  const path = pick(rng, PATHS);
  const names = path === ROOT ? [] : path.slice(2).split("/");
  const above = names.map((_, count) => `${QUOTA}${ROOT}/${names.slice(0, count + 1).join("/")}`);
  return [
    ...[`${QUOTA}${ROOT}`, ...above].map((one) => create(one, "")),
    create(`${QUOTA}${path}/zookeeper_limits`, pick(rng, LIMITS)),
    create(`${QUOTA}${path}/zookeeper_stats`, NO_STATS),
    { op: "getData", path: `${QUOTA}${path}/zookeeper_stats`, watch: false },
  ];
}

/** A look at a quota, other limits, other stats, or the end of it. */
export function anyQuotaRequest(rng: Rng): ClientRequest {
  const path = `${QUOTA}${pick(rng, PATHS)}`;
  const [limits, stats] = [`${path}/zookeeper_limits`, `${path}/zookeeper_stats`];
  switch (rng.below(11)) {
    case 0:
    case 1:
    case 2:
      return { op: "getData", path: stats, watch: oneIn(rng, 3) };
    case 3:
      return { op: "getData", path: limits, watch: oneIn(rng, 3) };
    case 4:
      return { op: "getChildren2", path, watch: false };
    case 5:
      return { op: "setData", path: limits, data: Buffer.from(pick(rng, LIMITS)), version: -1 };
    case 6:
      return { op: "setData", path: stats, data: Buffer.from(NO_STATS), version: -1 };
    case 7:
      return anyLargeWrite(rng);
    case 8:
      return { op: "multi", operations: [anyLargeWrite(rng)] };
    default:
      return { op: "delete", path: oneIn(rng, 2) ? limits : stats, version: -1 };
  }
}

/** What a quota of bytes refuses, if there is one. */
function anyLargeWrite(rng: Rng): SetDataRequest {
  const data = new Uint8Array(20 + rng.below(60)).fill(rng.below(256));
  return { op: "setData", path: pick(rng, PATHS), data, version: -1 };
}

/** Of a multi the operations up to the first that a quota may refuse: each is checked against what is applied. */
export function oneWrite(request: ClientRequest): ClientRequest {
  if (request.op !== "multi") return request;
  const { operations } = request;
  const at = operations.findIndex(isCounted);
  if (at === -1) return request;
  return {
    op: "multi",
    operations: [...operations.slice(0, at).filter(isCheck), ...operations.slice(at, at + 1)],
  };
}

function isCounted({ op }: MultiOperation): boolean {
  return op !== "check" && op !== "delete";
}

function isCheck({ op }: MultiOperation): boolean {
  return op === "check";
}

function create(path: string, data: string): ClientRequest {
  return { op: "create", path, data: Buffer.from(data), acl: OPEN_ACL, flags: 0, ttlMs: 0 };
}
