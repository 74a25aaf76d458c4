/** Random nouns and records for the property tests: every member of every union comes up. */
import fc from "fast-check";

import type { Acl, Identity } from "../../src/base/acl.ts";
import type {
  CreateRequest,
  MultiOperation,
  MultiReadOperation,
  MultiResult,
  Response,
} from "../../src/base/request.ts";
import type { Stat } from "../../src/base/stat.ts";
import type { OperationTxn, Txn, TxnHeader } from "../../src/base/txn.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";

/** Text with ASCII, two-, three- and four-byte characters; no lone surrogate, as those become U+FFFD. */
export const text: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary", maxLength: 80 }),
  fc.string({ minLength: 40, maxLength: 200 }),
);

export const int: fc.Arbitrary<number> = fc.oneof(
  fc.integer(),
  fc.constantFrom(-1, 0, 0x7fffffff, -0x80000000),
);

const uint: fc.Arbitrary<number> = fc.nat({ max: 0xffffffff });

export const natural: fc.Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.nat(300),
  fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1),
);

export const session: fc.Arbitrary<bigint> = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(0n, 1n, 2n ** 31n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n),
);

const bytes: fc.Arbitrary<Uint8Array> = fc.uint8Array({ maxLength: 200 });

export const data: fc.Arbitrary<Uint8Array | null> = fc.option(bytes);

export const zxid: fc.Arbitrary<Zxid> = fc.record({ epoch: uint, counter: uint });

const acl: fc.Arbitrary<Acl> = fc.record({ perms: int, scheme: text, id: text });

export const acls: fc.Arbitrary<Acl[]> = fc.array(acl, { maxLength: 4 });

const identity: fc.Arbitrary<Identity> = fc.record({ scheme: text, id: text });

export const stat: fc.Arbitrary<Stat> = fc.record({
  czxid: zxid,
  mzxid: zxid,
  ctime: fc.maxSafeInteger(),
  mtime: fc.maxSafeInteger(),
  version: int,
  cversion: int,
  aversion: int,
  ephemeralOwner: session,
  dataLength: int,
  numChildren: int,
  pzxid: zxid,
});

const create: fc.Arbitrary<CreateRequest> = fc.oneof(
  fc.record({
    op: fc.constantFrom("create", "create2", "createContainer"),
    path: text,
    data,
    acl: acls,
    flags: int,
    ttlMs: fc.constant(0),
  }),
  fc.record({
    op: fc.constant("createTTL"),
    path: text,
    data,
    acl: acls,
    flags: int,
    ttlMs: fc.maxSafeInteger(),
  }),
);

const listedWrite: fc.Arbitrary<MultiOperation> = fc.oneof(
  create,
  fc.record({ op: fc.constant("setData"), path: text, data, version: int }),
  fc.record({ op: fc.constantFrom("delete", "check"), path: text, version: int }),
);

const listedRead: fc.Arbitrary<MultiReadOperation> = fc.record({
  op: fc.constantFrom("getData", "getChildren"),
  path: text,
  watch: fc.boolean(),
});

const nullableText = fc.option(text);
const texts = fc.array(text, { maxLength: 5 });

/**
 * Every request that a client may send; the `Record` makes a new operation without an arbitrary a compile
 * error.
 */
export const requestsByOp: {
  readonly [Op in ClientRequest["op"]]: fc.Arbitrary<ClientRequest & { readonly op: Op }>;
} = {
  create: create.map((request) => ({ ...request, op: "create", ttlMs: 0 }) as const),
  create2: create.map((request) => ({ ...request, op: "create2", ttlMs: 0 }) as const),
  createContainer: create.map((request) => ({ ...request, op: "createContainer", ttlMs: 0 }) as const),
  createTTL: create.map((request) => ({ ...request, op: "createTTL" }) as const),
  delete: fc.record({ op: fc.constant("delete"), path: text, version: int }),
  check: fc.record({ op: fc.constant("check"), path: text, version: int }),
  setData: fc.record({ op: fc.constant("setData"), path: text, data, version: int }),
  setACL: fc.record({ op: fc.constant("setACL"), path: text, acl: acls, version: int }),
  getACL: fc.record({ op: fc.constant("getACL"), path: text }),
  getAllChildrenNumber: fc.record({ op: fc.constant("getAllChildrenNumber"), path: text }),
  getEphemerals: fc.record({ op: fc.constant("getEphemerals"), path: text }),
  sync: fc.record({ op: fc.constant("sync"), path: text }),
  exists: fc.record({ op: fc.constant("exists"), path: text, watch: fc.boolean() }),
  getData: fc.record({ op: fc.constant("getData"), path: text, watch: fc.boolean() }),
  getChildren: fc.record({ op: fc.constant("getChildren"), path: text, watch: fc.boolean() }),
  getChildren2: fc.record({ op: fc.constant("getChildren2"), path: text, watch: fc.boolean() }),
  multi: fc.record({
    op: fc.constant("multi"),
    operations: fc.oneof(
      fc.array(listedWrite, { maxLength: 8 }),
      fc.array(fc.record({ op: fc.constant("unsupported"), type: fc.constantFrom(4, 8) }), {
        maxLength: 8,
      }),
    ),
  }),
  multiRead: fc.record({
    op: fc.constant("multiRead"),
    operations: fc.array(listedRead, { maxLength: 8 }),
  }),
  reconfig: fc.record({
    op: fc.constant("reconfig"),
    joiningServers: nullableText,
    leavingServers: nullableText,
    newMembers: nullableText,
    currentConfigId: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  }),
  closeSession: fc.constant({ op: "closeSession" }),
  ping: fc.constant({ op: "ping" }),
  whoAmI: fc.constant({ op: "whoAmI" }),
  checkWatches: fc.record({ op: fc.constant("checkWatches"), path: text, type: int }),
  removeWatches: fc.record({ op: fc.constant("removeWatches"), path: text, type: int }),
  addWatch: fc.record({ op: fc.constant("addWatch"), path: text, mode: int }),
  setWatches: fc.record({
    op: fc.constant("setWatches"),
    relativeZxid: zxid,
    dataWatches: texts,
    existWatches: texts,
    childWatches: texts,
    persistentWatches: fc.constant([]),
    persistentRecursiveWatches: fc.constant([]),
  }),
  setWatches2: fc.record({
    op: fc.constant("setWatches2"),
    relativeZxid: zxid,
    dataWatches: texts,
    existWatches: texts,
    childWatches: texts,
    persistentWatches: texts,
    persistentRecursiveWatches: texts,
  }),
  auth: fc.record({ op: fc.constant("auth"), type: int, scheme: nullableText, auth: data }),
  sasl: fc.record({ op: fc.constant("sasl"), token: data }),
};

export const request: fc.Arbitrary<ClientRequest> = fc.oneof(...Object.values(requestsByOp));

/** Every result inside multi; complete by its type. */
const resultsByOp: {
  readonly [Op in MultiResult["op"]]: fc.Arbitrary<Extract<MultiResult, { op: Op }>>;
} = {
  create: fc.record({ op: fc.constant("create"), path: text }),
  create2: fc.record({ op: fc.constant("create2"), path: text, stat }),
  delete: fc.constant({ op: "delete" }),
  setData: fc.record({ op: fc.constant("setData"), stat }),
  check: fc.constant({ op: "check" }),
  getData: fc.record({ op: fc.constant("getData"), data, stat }),
  getChildren: fc.record({ op: fc.constant("getChildren"), children: texts }),
  error: fc.record({ op: fc.constant("error"), code: int }),
};

/** Every response; complete by its type. */
export const responsesByOp: {
  readonly [Op in Response["op"]]: fc.Arbitrary<Extract<Response, { op: Op }>>;
} = {
  empty: fc.constant({ op: "empty" }),
  path: fc.record({ op: fc.constant("path"), path: text }),
  create2: fc.record({ op: fc.constant("create2"), path: text, stat }),
  stat: fc.record({ op: fc.constant("stat"), stat }),
  getData: fc.record({ op: fc.constant("getData"), data, stat }),
  getACL: fc.record({ op: fc.constant("getACL"), acl: acls, stat }),
  children: fc.record({ op: fc.constant("children"), children: texts }),
  children2: fc.record({ op: fc.constant("children2"), children: texts, stat }),
  multi: fc.record({
    op: fc.constant("multi"),
    results: fc.array(fc.oneof<fc.Arbitrary<MultiResult>[]>(...Object.values(resultsByOp)), {
      maxLength: 8,
    }),
  }),
  error: fc.record({ op: fc.constant("error"), code: int }),
  sasl: fc.record({ op: fc.constant("sasl"), token: bytes }),
  ephemerals: fc.record({ op: fc.constant("ephemerals"), paths: texts }),
  count: fc.record({ op: fc.constant("count"), count: int }),
  identities: fc.record({
    op: fc.constant("identities"),
    identities: fc.array(identity, { maxLength: 5 }),
  }),
};

/** Every operation within a transaction; complete by its type. */
const operationsByKind: {
  readonly [Kind in OperationTxn["kind"]]: fc.Arbitrary<Extract<OperationTxn, { kind: Kind }>>;
} = {
  create: fc.record({
    kind: fc.constant("create"),
    path: text,
    data,
    acl: acls,
    owner: fc.oneof(
      fc.constant({ mode: "persistent" } as const),
      fc.constant({ mode: "container" } as const),
      fc.record({ mode: fc.constant("ephemeral"), session }),
      fc.record({ mode: fc.constant("ttl"), ttlMs: natural }),
    ),
    parentCreates: int,
    withStat: fc.boolean(),
  }),
  delete: fc.record({ kind: fc.constant("delete"), path: text }),
  setData: fc.record({ kind: fc.constant("setData"), path: text, data, version: int }),
  check: fc.record({ kind: fc.constant("check"), path: text, version: int }),
  error: fc.record({ kind: fc.constant("error"), code: int }),
};

const operations: fc.Arbitrary<OperationTxn[]> = fc.array(
  fc.oneof<fc.Arbitrary<OperationTxn>[]>(...Object.values(operationsByKind)),
  { maxLength: 8 },
);

/** Every transaction; complete by its type. */
export const txnsByKind: {
  readonly [Kind in Txn["kind"]]: fc.Arbitrary<Extract<Txn, { kind: Kind }>>;
} = {
  ...operationsByKind,
  setAcl: fc.record({ kind: fc.constant("setAcl"), path: text, acl: acls, aversion: int }),
  multi: fc.record({ kind: fc.constant("multi"), operations }),
  sessionMulti: fc.record({
    kind: fc.constant("sessionMulti"),
    timeoutMs: int,
    password: bytes,
    operations,
  }),
  createSession: fc.record({
    kind: fc.constant("createSession"),
    timeoutMs: int,
    password: bytes,
  }),
  closeSession: fc.constant({ kind: "closeSession" }),
  config: fc.record({ kind: fc.constant("config"), data: bytes }),
  settled: fc.constant({ kind: "settled" }),
  dormant: fc.record({
    kind: fc.constant("dormant" as const),
    horizonMs: natural,
    wakeInMs: fc.option(natural, { nil: undefined }),
    sessions: fc.array(fc.record({ session, leftMs: natural })),
  }),
  restore: fc.record({
    kind: fc.constant("restore" as const),
    staged: fc.record({
      permit: fc.record({ epoch: fc.nat(), counter: fc.nat(2 ** 32 - 1) }),
      digest: fc.constantFrom("0123456789abcdef", "ffffffffffffffff"),
    }),
  }),
  barrier: fc.record({ kind: fc.constant("barrier"), path: text }),
};

export const txn: fc.Arbitrary<Txn> = fc.oneof<fc.Arbitrary<Txn>[]>(...Object.values(txnsByKind));

export const txnHeader: fc.Arbitrary<TxnHeader> = fc.record({
  session,
  xid: int,
  timeMs: natural,
  origin: fc.record({ sid: fc.integer({ min: 1, max: 254 }), instance: natural, serial: natural }),
});
