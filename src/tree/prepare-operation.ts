/**
 * From a request to the transaction it comes to, or to a KeeperError, with ZooKeeper's checks in ZooKeeper's
 * order: clients see which of several faults is told. All functions only look; applying is transition.ts.
 * Source: ZooKeeper PrepRequestProcessor.pRequest2Txn.
 */
import { type Acl, type Identity, PERMS } from "../base/acl.ts";
import { assertNever } from "../base/assert.ts";
import { KeeperError } from "../base/error-code.ts";
import type { SessionId } from "../base/ids.ts";
import { parentOf, pathProblem } from "../base/path.ts";
import type {
  CheckRequest,
  CreateRequest,
  DeleteContainerRequest,
  DeleteRequest,
  SetAclRequest,
  SetDataRequest,
} from "../base/request.ts";
import type { CreateTxn, OperationTxn } from "../base/txn.ts";
import { checkAllowed, fixAcl } from "./access.ts";
import type { ZnodeSettings } from "../base/znode-settings.ts";
import { createModeOf, isSequential, sequenceText } from "./create-mode.ts";
import { isDue } from "./idle.ts";
import { quotaBreach, quotaBytes, type QuotaChange } from "./quota.ts";
import type { NodeView, Znode } from "./node-store.ts";
import { KEYS_PATH } from "./call-keys.ts";
import { CONFIG_PATH, isReserved } from "./reserved.ts";
import { checkScope, type Scope } from "./scope.ts";
import { TOKENS_ACL, TOKENS_PATH } from "./tokens.ts";
import { HOOKS_PATH } from "./webhooks.ts";

/** Who asks, and against what it is checked. */
export interface PrepareContext {
  readonly view: NodeView;
  readonly session: SessionId;
  /** False once the session is closed or closing. */
  readonly isOpen: boolean;
  readonly identities: readonly Identity[];
  /** What it may touch at most. */
  readonly scope: Scope;
  /** The leader's clock in milliseconds of Unix time. */
  readonly timeMs: number;
  readonly settings: ZnodeSettings;
  /** Hears of quotas that are exceeded. */
  readonly warn: (line: string) => void;
}

/** The requests that may stand alone or in a multi. */
export type PreparableOperation = CreateRequest | DeleteRequest | SetDataRequest | CheckRequest;

/** The access control list to set, and its version. */
export interface PreparedAcl {
  readonly kind: "setAcl";
  readonly path: string;
  readonly acl: readonly Acl[];
  readonly aversion: number;
}

/** The transaction of one operation. Throws KeeperError. */
export function prepareOperation(context: PrepareContext, request: PreparableOperation): OperationTxn {
  // Before all else: what is out of its scope nobody learns anything about.
  checkScope(context.scope, request.op === "check" ? "read" : "write", scopedPath(request));
  switch (request.op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
      return prepareCreate(context, request);
    case "delete":
      return prepareDelete(context, request);
    case "setData": {
      const node = nodeForChange(context, request.path, PERMS.write);
      const bytes = quotaBytes(request.data) - quotaBytes(node.data);
      checkQuota(context, { path: request.path, count: 0, bytes });
      // What it says decides who votes: it changes by reconfig alone.
      if (request.path === CONFIG_PATH) throw new KeeperError("badArguments", "reconfig changes this");
      const version = nextVersion(node.version, request.version);
      return { kind: "setData", path: request.path, data: request.data, version };
    }
    case "check": {
      // Outside of a multi ZooKeeper 3.8.0 never answers this; here it is a write like the others.
      const node = nodeForChange(context, request.path, PERMS.read);
      const version = nextVersion(node.version, request.version);
      return { kind: "check", path: request.path, version };
    }
    default:
      return assertNever(request);
  }
}

/**
 * A sequential create makes a sibling of what it names, so it is in scope only below the prefix: `/app/x`, and not
 * `/app`, of which it makes `/app0000000001`. Any create that ends in a slash is one, or no valid one.
 */
function scopedPath(request: PreparableOperation): string {
  const isCreate = "flags" in request;
  return isCreate && isSequential(request.flags) ? parentOf(request.path) : request.path;
}

/** The transaction of a setACL. Throws KeeperError; a bad list is told before a missing znode. */
export function prepareSetAcl(context: PrepareContext, request: SetAclRequest): PreparedAcl {
  checkScope(context.scope, "admin", request.path);
  checkOpen(context);
  checkPath(request.path);
  const acl = fixAcl(request.acl, context.identities);
  const node = existing(context, request.path);
  checkAllowed(node.acl, PERMS.admin, context.identities);
  const aversion = nextVersion(node.aversion, request.version);
  return { kind: "setAcl", path: request.path, acl, aversion };
}

/**
 * Deletes a container that has had children and has none, or has waited for one for too long, or a TTL znode
 * whose time is over and that has none. Throws KeeperError notEmpty, or badVersion where it is too early or
 * another kind of znode. ZooKeeper decides half of this when it looks for candidates; here it is checked where
 * nothing can come between.
 */
export function prepareDeleteContainer(
  context: PrepareContext,
  request: DeleteContainerRequest,
): OperationTxn {
  checkDeletablePath(request.path);
  const node = existing(context, request.path);
  if (node.childCount > 0) throw new KeeperError("notEmpty", request.path);
  const { timeMs, settings } = context;
  if (!isDue(node, timeMs, settings.neverUsedMs)) throw new KeeperError("badVersion", request.path);
  return { kind: "delete", path: request.path };
}

function prepareCreate(context: PrepareContext, request: CreateRequest): CreateTxn {
  const mode = createModeOf(request, context.session, context.settings.extendedTypes);
  checkOpen(context);
  checkHasParent(request.path);
  const acl = fixAcl(request.acl, context.identities);
  const parent = existing(context, parentOf(request.path));
  checkAllowed(parent.acl, PERMS.create, context.identities);
  const suffix = mode.sequential ? sequenceText(parent.childCreates) : "";
  const path = request.path + suffix;
  checkPath(path);
  if (context.view.get(path, parent) !== undefined) throw new KeeperError("nodeExists", path);
  if (path === KEYS_PATH) throw new KeeperError("noAuth", "the service makes it itself");
  if (path === TOKENS_PATH || path === HOOKS_PATH) checkAllowed(TOKENS_ACL, PERMS.create, context.identities);
  if (parent.owner.mode === "ephemeral") throw new KeeperError("noChildrenForEphemerals", path);
  checkQuota(context, { path, count: 1, bytes: quotaBytes(request.data) });
  return {
    kind: "create",
    path,
    data: request.data,
    acl,
    owner: mode.owner,
    parentCreates: (parent.childCreates + 1) | 0,
    withStat: request.op !== "create",
  };
}

function prepareDelete(context: PrepareContext, request: DeleteRequest): OperationTxn {
  checkOpen(context);
  checkDeletablePath(request.path);
  const parent = existing(context, parentOf(request.path));
  checkAllowed(parent.acl, PERMS.delete, context.identities);
  const node = existing(context, request.path);
  nextVersion(node.version, request.version);
  if (node.childCount > 0) throw new KeeperError("notEmpty", request.path);
  return { kind: "delete", path: request.path };
}

function nodeForChange(context: PrepareContext, path: string, perms: number): Znode {
  checkOpen(context);
  checkPath(path);
  const node = existing(context, path);
  checkAllowed(node.acl, perms, context.identities);
  return node;
}

/**
 * Warns of a quota that the change goes beyond; throws KeeperError quotaExceeded for a hard one where they are
 * enforced. Against all that is proposed before, the operations of the same multi too: ZooKeeper counts what is
 * applied.
 */
function checkQuota({ view, settings, warn }: PrepareContext, change: QuotaChange): void {
  const breach = quotaBreach(view, change);
  if (breach === undefined) return;
  warn(breach.message);
  if (breach.isHard && settings.enforceQuota) throw new KeeperError("quotaExceeded", breach.message);
}

function checkOpen(context: PrepareContext): void {
  if (!context.isOpen) throw new KeeperError("sessionExpired");
}

function checkPath(path: string): void {
  const problem = pathProblem(path);
  if (problem !== undefined) throw new KeeperError("badArguments", problem);
}

/** All that is asked of a path before its parent is looked up; the rest of the grammar comes after. */
function checkHasParent(path: string): void {
  if (!path.includes("/") || path.includes("\0")) throw new KeeperError("badArguments", path);
}

function checkDeletablePath(path: string): void {
  checkHasParent(path);
  if (isReserved(path)) throw new KeeperError("badArguments", `${path} is reserved`);
}

function existing(context: PrepareContext, path: string): Znode {
  const node = context.view.get(path);
  if (node === undefined) throw new KeeperError("noNode", path);
  return node;
}

/**
 * The version after a change, or KeeperError badVersion; -1 expects any. An int32 that skips -1 when it
 * wraps, as nobody could expect that version (ZOOKEEPER-4743).
 */
function nextVersion(current: number, expected: number): number {
  if (expected !== -1 && expected !== current) {
    throw new KeeperError("badVersion", `${current}, not ${expected}`);
  }
  const next = (current + 1) | 0;
  return next === -1 ? 0 : next;
}
