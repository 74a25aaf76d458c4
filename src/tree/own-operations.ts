/**
 * Operations that only a transact has: each comes to one of ZooKeeper's, by what stands there when it is prepared, so
 * that its caller need not have seen that.
 */
import { OPEN_ACL, PERMS } from "../base/acl.ts";
import { KeeperError } from "../base/error-code.ts";
import { childOf } from "../base/path.ts";
import type { Archive, CreateRequest, TransactOperation } from "../base/request.ts";
import type { OperationTxn } from "../base/txn.ts";
import { zxidDigits } from "../base/zxid.ts";
import { checkAllowed } from "./access.ts";
import { addedTo } from "./counter.ts";
import type { Znode } from "./node-store.ts";
import type { PreparableOperation, PrepareContext } from "./prepare-operation.ts";
import { checkScope } from "./scope.ts";

/** What is to be prepared; or a transaction, where nothing is to be changed. Throws KeeperError. */
export function preparable(
  context: PrepareContext,
  operation: TransactOperation,
): PreparableOperation | OperationTxn {
  if (!("acl" in operation) || "flags" in operation) return operation;
  const { path, acl } = operation;
  const node = context.view.get(path);
  if (operation.op === "ensure" && node !== undefined) return { kind: "check", path, version: node.version };
  const data = operation.op === "add" ? added(context, node, operation) : operation.data;
  if (node !== undefined) return { op: "setData", path, data, version: -1 };
  return { op: "create2", path, data, acl, flags: 0, ttlMs: 0 };
}

/** Its caller learns what it comes to. */
function added(
  context: PrepareContext,
  node: Znode | undefined,
  { path, delta }: TransactOperation & { readonly op: "add" },
): Uint8Array {
  checkScope(context.scope, "read", path);
  if (node !== undefined) checkAllowed(node.acl, PERMS.read, context.identities);
  return addedTo(node?.data ?? null, delta);
}

/** The parent of what stood at the path before. */
export function archivePath(path: string): string {
  return childOf(path, ".history");
}

/**
 * Keeps what stands at the path before it is replaced, as a child that is named by when it was written, how often the
 * data had been set then, and at what time: `MZXID-VERSION-MTIME`. No more than `max` are kept, the latest ones.
 * Nothing is done where nothing stands there.
 */
export function archiveOperations(
  { view }: PrepareContext,
  { path, max }: Archive,
): readonly PreparableOperation[] {
  const node = view.get(path);
  if (node === undefined || node.data === null || node.data.length === 0) return [];
  const parent = archivePath(path);
  const create = { op: "create2", data: null, acl: node.acl, flags: 0, ttlMs: 0 } as const;
  const name = `${zxidDigits(node.mzxid)}-${node.version}-${node.mtime}`;
  const kept: CreateRequest = { ...create, path: childOf(parent, name), data: node.data };
  if (view.get(parent) === undefined) return [{ ...create, path: parent, acl: OPEN_ACL }, kept];
  const names = view.childNames(parent);
  const surplus = names.slice(0, Math.max(0, names.length + 1 - max));
  return [
    kept,
    ...surplus.map((old) => ({ op: "delete", path: childOf(parent, old), version: -1 }) as const),
  ];
}

/** Throws KeeperError nodeExists where something stands at the path. */
export function checkAbsent({ view }: PrepareContext, path: string): void {
  if (view.get(path) !== undefined) throw new KeeperError("nodeExists", path);
}
