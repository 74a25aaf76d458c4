/**
 * How one transaction changes znodes. The same code runs on the store when a transaction is delivered, and on
 * the leader's overlay when it is proposed, so that what later requests are checked against is by
 * construction what the tree will hold. It decides nothing: a transaction that does not fit the state is a
 * divergence, and stops the replica.
 * Source: ZooKeeper DataTree.createNode, deleteNode, setData, setACL, killSession.
 */
import type { Acl } from "../base/acl.ts";
import { assert, assertNever, must } from "../base/assert.ts";
import type { SessionId } from "../base/ids.ts";
import { parentOf } from "../base/path.ts";
import type { CreateTxn, OperationTxn, Outcome } from "../base/txn.ts";
import { compareZxid, maxZxid, type Zxid } from "../base/zxid.ts";
import { type NodeView, statOf, type Znode } from "./node-store.ts";
import { firstStats, noteInQuota, pathOfStats, quotaBytes, type QuotaChange } from "./quota.ts";
import { CONFIG_PATH } from "./reserved.ts";

/**
 * When a change happened: the position of its proposal, and the leader's clock in milliseconds of Unix time.
 */
export interface Moment {
  readonly zxid: Zxid;
  readonly timeMs: number;
}

/**
 * What happened to a znode, from which watches fire; the change of the parent's children is derived. It
 * carries the access control lists, as events go only to those who may read the znode, which may be gone.
 */
export type TreeEvent =
  | {
      readonly kind: "created" | "deleted";
      readonly path: string;
      readonly acl: readonly Acl[];
      readonly parentAcl: readonly Acl[];
    }
  | { readonly kind: "dataChanged"; readonly path: string; readonly acl: readonly Acl[] };

/** Changes the view as the transaction says, and adds what happened to `events`. */
export function applyOperation(
  view: NodeView,
  moment: Moment,
  txn: OperationTxn,
  events: TreeEvent[],
): Outcome {
  switch (txn.kind) {
    case "create":
      return applyCreate(view, moment, txn, events);
    case "delete":
      applyDelete(view, moment, txn.path, events);
      return { kind: "done" };
    case "setData": {
      const node = must(view.get(txn.path), `setData without a znode at ${txn.path}`);
      const changed: Znode = {
        ...node,
        data: txn.data,
        version: txn.version,
        mzxid: moment.zxid,
        mtime: moment.timeMs,
      };
      view.put(txn.path, changed);
      const bytes = quotaBytes(txn.data) - quotaBytes(node.data);
      noteInQuota(view, { path: txn.path, count: 0, bytes });
      events.push({ kind: "dataChanged", path: txn.path, acl: node.acl });
      return { kind: "stat", stat: statOf(changed) };
    }
    case "check":
      return { kind: "done" };
    case "error":
      return { kind: "error", code: txn.code };
    default:
      return assertNever(txn);
  }
}

/** Replaces a znode's access control list. No watch fires. */
export function applySetAcl(
  view: NodeView,
  txn: { readonly path: string; readonly acl: readonly Acl[]; readonly aversion: number },
): Outcome {
  const node = must(view.get(txn.path), `setACL without a znode at ${txn.path}`);
  const changed: Znode = { ...node, acl: txn.acl, aversion: txn.aversion };
  view.put(txn.path, changed);
  return { kind: "stat", stat: statOf(changed) };
}

/** Replaces the dynamic configuration, whose version ZooKeeper keeps at -1, whatever was written before. */
export function applyConfig(view: NodeView, moment: Moment, data: Uint8Array, events: TreeEvent[]): Outcome {
  const set = { kind: "setData", path: CONFIG_PATH, data, version: -1 } as const;
  const outcome = applyOperation(view, moment, set, events);
  assert(outcome.kind === "stat", "setData gives a Stat");
  return { kind: "config", data, stat: outcome.stat };
}

/** So many znodes are asked for at once: what is read for them stays within a fraction of any cache. */
const PREFETCH_COUNT = 512;

/**
 * Deletes a session's ephemerals, in the order of their paths. There may be very many: they are read in stretches, and
 * their parents, which no ephemeral is, change once each.
 */
export function applyCloseSession(
  view: NodeView,
  moment: Moment,
  session: SessionId,
  events: TreeEvent[],
): void {
  const paths = view.ephemeralsOf(session);
  const parents = new Map<string, Znode>();
  const inQuotas: QuotaChange[] = [];
  for (const [index, path] of paths.entries()) {
    if (index % PREFETCH_COUNT === 0) view.prefetch(paths.slice(index, index + PREFETCH_COUNT));
    const parentPath = parentOf(path);
    inQuotas.push({ path, count: -1, bytes: -quotaBytes(view.get(path)?.data ?? null) });
    const parent = parents.get(parentPath) ?? existingParent(view, path);
    parents.set(parentPath, deleteChild(view, moment, { path, parent }, events));
  }
  for (const [path, parent] of parents) view.put(path, parent);
  // Stats may be a parent too: they change behind it.
  for (const change of inQuotas) noteInQuota(view, change);
}

function applyCreate(view: NodeView, moment: Moment, txn: CreateTxn, events: TreeEvent[]): Outcome {
  const { path } = txn;
  const parentPath = parentOf(path);
  const parent = must(view.get(parentPath), `create without a parent of ${path}`);
  assert(view.get(path, parent) === undefined, `create over the znode at ${path}`);
  assert(
    txn.parentCreates === ((parent.childCreates + 1) | 0),
    `create of ${path} out of its parent's sequence`,
  );
  view.put(parentPath, {
    ...parent,
    childCreates: txn.parentCreates,
    childCount: parent.childCount + 1,
    pzxid: moment.zxid,
  });
  const node: Znode = {
    data: txn.data,
    acl: txn.acl,
    owner: txn.owner,
    czxid: moment.zxid,
    mzxid: moment.zxid,
    pzxid: moment.zxid,
    ctime: moment.timeMs,
    mtime: moment.timeMs,
    version: 0,
    aversion: 0,
    childCreates: 0,
    childCount: 0,
  };
  view.put(path, node);
  const counted = pathOfStats(path);
  // As in ZooKeeper the answer tells of the data that the client sent.
  if (counted !== undefined) view.put(path, { ...node, data: firstStats(view, counted) });
  noteInQuota(view, { path, count: 1, bytes: quotaBytes(txn.data) });
  events.push({ kind: "created", path, acl: txn.acl, parentAcl: parent.acl });
  return { kind: "created", path, stat: statOf(node), withStat: txn.withStat };
}

function applyDelete(view: NodeView, moment: Moment, path: string, events: TreeEvent[]): void {
  const parent = existingParent(view, path);
  const bytes = -quotaBytes(view.get(path)?.data ?? null);
  view.put(parentOf(path), deleteChild(view, moment, { path, parent }, events));
  noteInQuota(view, { path, count: -1, bytes });
}

function existingParent(view: NodeView, path: string): Znode {
  return must(view.get(parentOf(path)), `delete without a parent of ${path}`);
}

/** Deletes the znode; gives its parent as it is without it, for the caller to put. */
function deleteChild(
  view: NodeView,
  moment: Moment,
  { path, parent }: { readonly path: string; readonly parent: Znode },
  events: TreeEvent[],
): Znode {
  const node = must(view.get(path), `delete without a znode at ${path}`);
  assert(node.childCount === 0, `delete of ${path}, which has children`);
  assert(parent.childCount > 0, `delete of ${path}, whose parent counts no child`);
  assert(compareZxid(parent.pzxid, moment.zxid) <= 0, `delete of ${path} before its parent's last`);
  view.delete(path);
  events.push({ kind: "deleted", path, acl: node.acl, parentAcl: parent.acl });
  return { ...parent, childCount: parent.childCount - 1, pzxid: maxZxid(parent.pzxid, moment.zxid) };
}
