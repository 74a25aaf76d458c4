/**
 * What a request comes to on a reference tree: the transaction of a write, the answer of a read. ZooKeeper's checks in
 * ZooKeeper's order, as clients see which of several faults is told. Source: ZooKeeper's Programmer's Guide and the
 * answers of a 3.9.5 server; src/tree has its own.
 */
import type { Acl, Identity } from "../../../src/base/acl.ts";
import { assertNever } from "../../../src/base/assert.ts";
import { ERROR_CODES, type ErrorName } from "../../../src/base/error-code.ts";
import type { SessionId } from "../../../src/base/ids.ts";
import { actualPath, parentOf, pathProblem } from "../../../src/base/path.ts";
import type {
  CreateRequest,
  MultiOperation,
  MultiReadOperation,
  MultiRequest,
  MultiResult,
  ReadRequest,
} from "../../../src/base/request.ts";
import type { NodeOwner, OperationTxn, Txn } from "../../../src/base/txn.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import {
  countBelow,
  type Moment,
  type ReferenceNode,
  type ReferenceReply,
  type ReferenceTree,
  statOf,
} from "./reference-tree.ts";

/** Who asks. */
export interface Asker {
  readonly session: SessionId;
  readonly identities: readonly Identity[];
}

/** A client's requests that take a zxid. */
export type ClientWrite = Extract<
  ClientRequest,
  {
    readonly op:
      | "create"
      | "create2"
      | "createContainer"
      | "createTTL"
      | "delete"
      | "setData"
      | "setACL"
      | "check"
      | "multi"
      | "reconfig"
      | "sync"
      | "closeSession";
  }
>;

/** Why a request may be refused. */
type Reason = Extract<
  ErrorName,
  | "badArguments"
  | "badVersion"
  | "invalidAcl"
  | "marshallingError"
  | "noAuth"
  | "noChildrenForEphemerals"
  | "noNode"
  | "nodeExists"
  | "notEmpty"
  | "sessionExpired"
>;

/** A refusal, by the name of its code. */
class Refusal extends Error {
  readonly reason: Reason;
  constructor(reason: Reason) {
    super(reason);
    this.reason = reason;
  }
}

/** One for each reason, made once: where it came from is of no interest, and costs more than all the rest. */
const REFUSALS: Readonly<Record<Reason, Refusal>> = {
  badArguments: new Refusal("badArguments"),
  badVersion: new Refusal("badVersion"),
  invalidAcl: new Refusal("invalidAcl"),
  marshallingError: new Refusal("marshallingError"),
  noAuth: new Refusal("noAuth"),
  noChildrenForEphemerals: new Refusal("noChildrenForEphemerals"),
  noNode: new Refusal("noNode"),
  nodeExists: new Refusal("nodeExists"),
  notEmpty: new Refusal("notEmpty"),
  sessionExpired: new Refusal("sessionExpired"),
};

/** Who may do it hangs on what a history does not tell: an address. */
class Unforeseeable extends Error {}

const WRITES: ReadonlySet<string> = new Set<ClientWrite["op"]>([
  "create",
  "create2",
  "createContainer",
  "createTTL",
  "delete",
  "setData",
  "setACL",
  "check",
  "multi",
  "reconfig",
  "sync",
  "closeSession",
]);

/** Whether the request goes through the log. */
export function isWrite(request: ClientRequest): request is ClientWrite {
  return WRITES.has(request.op);
}

/** The transaction that the request comes to now, or undefined where a history does not tell. */
export function foreseen(
  tree: ReferenceTree,
  request: ClientWrite,
  asker: Asker,
  moment: Moment,
): Txn | undefined {
  try {
    if (request.op === "multi") return ofMulti(tree, request, asker, moment);
    return ofOne(tree, request, asker);
  } catch (error) {
    if (error instanceof Unforeseeable) return undefined;
    if (error instanceof Refusal) return { kind: "error", code: ERROR_CODES[error.reason] };
    throw error;
  }
}

/** The answer to a read now, or undefined where it does not hang on the tree alone. */
export function readNow(tree: ReferenceTree, request: ReadRequest, asker: Asker): ReferenceReply | undefined {
  try {
    return read(tree, request, asker);
  } catch (error) {
    if (error instanceof Unforeseeable) return undefined;
    if (error instanceof Refusal) return { error: ERROR_CODES[error.reason], response: { op: "empty" } };
    throw error;
  }
}

type One = Exclude<ClientWrite, MultiRequest>;

function ofOne(tree: ReferenceTree, request: One, asker: Asker): Txn {
  switch (request.op) {
    case "setACL": {
      checkOpen(tree, asker);
      checkPath(request.path);
      const acl = fixed(request.acl, asker);
      const node = existing(tree, request.path);
      checkAllowed(node.acl, 16, asker);
      return {
        kind: "setAcl",
        path: request.path,
        acl,
        aversion: following(node.aversion, request.version),
      };
    }
    case "reconfig":
      // What it comes to hangs on who has caught up, and on who leads.
      throw new Unforeseeable();
    case "sync":
      checkOpen(tree, asker);
      return { kind: "barrier", path: request.path };
    case "closeSession":
      checkOpen(tree, asker);
      return { kind: "closeSession" };
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
    case "delete":
    case "setData":
    case "check":
      return ofOperation(tree, request, asker);
    default:
      return assertNever(request);
  }
}

function ofOperation(
  tree: ReferenceTree,
  request: Exclude<MultiOperation, { readonly op: "unsupported" }>,
  asker: Asker,
): OperationTxn {
  switch (request.op) {
    case "delete": {
      const { path, version } = request;
      checkOpen(tree, asker);
      checkHasParent(path);
      if (RESERVED.has(path)) throw REFUSALS.badArguments;
      checkAllowed(existing(tree, parentOf(path)).acl, 8, asker);
      const node = existing(tree, path);
      following(node.version, version);
      if (node.children.size > 0) throw REFUSALS.notEmpty;
      return { kind: "delete", path };
    }
    case "setData": {
      const { path, data } = request;
      return { kind: "setData", path, data, version: changed(tree, request, asker, 2) };
    }
    case "check":
      return { kind: "check", path: request.path, version: changed(tree, request, asker, 1) };
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
      return ofCreate(tree, request, asker);
    default:
      return assertNever(request);
  }
}

const RESERVED: ReadonlySet<string> = new Set(["/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"]);

function ofCreate(tree: ReferenceTree, request: CreateRequest, asker: Asker): OperationTxn {
  const { isSequential, owner } = modeOf(request, asker.session);
  checkOpen(tree, asker);
  checkHasParent(request.path);
  const acl = fixed(request.acl, asker);
  const parent = existing(tree, parentOf(request.path));
  checkAllowed(parent.acl, 4, asker);
  const path = isSequential ? request.path + sequence(parent.creates) : request.path;
  checkPath(path);
  if (tree.nodes.has(path)) throw REFUSALS.nodeExists;
  if (parent.owner.mode === "ephemeral") throw REFUSALS.noChildrenForEphemerals;
  const parentCreates = (parent.creates + 1) | 0;
  const withStat = request.op !== "create";
  return { kind: "create", path, data: request.data, acl, owner, parentCreates, withStat };
}

const TTL_MS_MAX = 0xff_ffff_ffff;

function modeOf(
  { op, flags, ttlMs }: CreateRequest,
  session: SessionId,
): { readonly isSequential: boolean; readonly owner: NodeOwner } {
  if (!Number.isInteger(flags) || flags < 0 || flags > 6) throw REFUSALS.badArguments;
  if (flags >= 5) {
    if (op !== "createTTL" || ttlMs < 1 || ttlMs > TTL_MS_MAX) throw REFUSALS.badArguments;
    return { isSequential: flags === 6, owner: { mode: "ttl", ttlMs } };
  }
  if (op === "createTTL") throw REFUSALS.badArguments;
  const isSequential = flags === 2 || flags === 3;
  if (op === "createContainer") return { isSequential, owner: { mode: "container" } };
  const isEphemeral = flags === 1 || flags === 3;
  return { isSequential, owner: isEphemeral ? { mode: "ephemeral", session } : { mode: "persistent" } };
}

function ofMulti(tree: ReferenceTree, request: MultiRequest, asker: Asker, moment: Moment): Txn {
  const operations = request.operations.map(inMulti);
  return tree.tentatively((): Txn => {
    const txns: OperationTxn[] = [];
    for (const operation of operations) {
      try {
        const txn = ofOperation(tree, operation, asker);
        tree.applyOperation(moment, txn);
        txns.push(txn);
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        const failed = txns.length;
        const codes = operations.map((_, index) => {
          if (index < failed) return ERROR_CODES.ok;
          return index === failed ? ERROR_CODES[error.reason] : ERROR_CODES.runtimeInconsistency;
        });
        return { kind: "multi", operations: codes.map((code) => ({ kind: "error", code })) };
      }
    }
    return { kind: "multi", operations: txns };
  });
}

/** As ZooKeeper decodes it: what names no mode spoils the whole multi; the flag of a container makes one. */
function inMulti(operation: MultiOperation): Exclude<MultiOperation, { readonly op: "unsupported" }> {
  if (operation.op === "unsupported") throw REFUSALS.marshallingError;
  if (operation.op === "delete" || operation.op === "setData" || operation.op === "check") return operation;
  const { flags } = operation;
  const isMode = Number.isInteger(flags) && flags >= 0 && flags <= 4;
  if (operation.op === "createTTL") {
    return isMode ? inMulti({ ...operation, op: "create" }) : operation;
  }
  if (!isMode) throw REFUSALS.marshallingError;
  return flags === 4 ? { ...operation, op: "createContainer" } : operation;
}

function read(tree: ReferenceTree, request: ReadRequest, asker: Asker): ReferenceReply | undefined {
  switch (request.op) {
    case "exists": {
      if (request.path.includes("\0")) throw REFUSALS.badArguments;
      return ok({ op: "stat", stat: statOf(readable(tree, request.path, asker)) });
    }
    case "getData": {
      const node = readable(tree, request.path, asker);
      return ok({ op: "getData", data: node.data, stat: statOf(node) });
    }
    case "getChildren":
      return ok({ op: "children", children: names(readable(tree, request.path, asker)) });
    case "getChildren2": {
      const node = readable(tree, request.path, asker);
      return ok({ op: "children2", children: names(node), stat: statOf(node) });
    }
    case "getAllChildrenNumber":
      readable(tree, request.path, asker);
      return ok({ op: "count", count: countBelow(tree, actualPath(request.path)) });
    case "getEphemerals": {
      const all = tree.ephemeralsOf(asker.session);
      const prefix = request.path.trim();
      const isAll = prefix === "" || prefix === "/";
      return ok({
        op: "ephemerals",
        paths: isAll ? all : all.filter((path) => path.startsWith(request.path)),
      });
    }
    case "multiRead":
      return ok({ op: "multi", results: request.operations.map((one) => readOne(tree, one, asker)) });
    case "getACL": {
      const node = existing(tree, actualPath(request.path));
      // Whose lines are masked is told by src/tree's own tests.
      checkAllowed(node.acl, 1 | 16, asker);
      if (node.acl.some(({ scheme }) => scheme !== "world")) return undefined;
      return ok({ op: "getACL", acl: node.acl, stat: statOf(node) });
    }
    case "addWatch":
    case "checkWatches":
    case "removeWatches":
    case "setWatches":
    case "setWatches2":
    case "whoAmI":
      return undefined;
    default:
      return assertNever(request);
  }
}

function readOne(tree: ReferenceTree, operation: MultiReadOperation, asker: Asker): MultiResult {
  if (operation.op === "unsupported") throw REFUSALS.marshallingError;
  try {
    const node = readable(tree, operation.path, asker);
    if (operation.op === "getData") return { op: "getData", data: node.data, stat: statOf(node) };
    return { op: "getChildren", children: names(node) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { op: "error", code: ERROR_CODES[error.reason] };
  }
}

function ok(response: ReferenceReply["response"]): ReferenceReply {
  return { error: 0, response };
}

function names({ children }: ReferenceNode): readonly string[] {
  return [...children].toSorted();
}

function readable(tree: ReferenceTree, path: string, asker: Asker): ReferenceNode {
  const node = existing(tree, actualPath(path));
  checkAllowed(node.acl, 1, asker);
  return node;
}

function existing(tree: ReferenceTree, path: string): ReferenceNode {
  const node = tree.nodes.get(path);
  if (node === undefined) throw REFUSALS.noNode;
  return node;
}

function changed(
  tree: ReferenceTree,
  { path, version }: { readonly path: string; readonly version: number },
  asker: Asker,
  perms: number,
): number {
  checkOpen(tree, asker);
  checkPath(path);
  const node = existing(tree, path);
  checkAllowed(node.acl, perms, asker);
  return following(node.version, version);
}

function following(version: number, expected: number): number {
  if (expected !== -1 && expected !== version) throw REFUSALS.badVersion;
  const next = (version + 1) | 0;
  return next === -1 ? 0 : next;
}

function checkOpen(tree: ReferenceTree, { session }: Asker): void {
  if (!tree.sessions.has(session)) throw REFUSALS.sessionExpired;
}

function checkHasParent(path: string): void {
  if (!path.includes("/") || path.includes("\0")) throw REFUSALS.badArguments;
}

function checkPath(path: string): void {
  if (pathProblem(path) !== undefined) throw REFUSALS.badArguments;
}

function sequence(number: number): string {
  const digits = String(Math.abs(number)).padStart(number < 0 ? 9 : 10, "0");
  return number < 0 ? `-${digits}` : digits;
}

function checkAllowed(acl: readonly Acl[], perms: number, { identities }: Asker): void {
  const lines = acl.filter((line) => (line.perms & perms) !== 0);
  if (acl.length === 0 || lines.some(({ scheme, id }) => scheme === "world" && id === "anyone")) return;
  const isProven = lines.some((line) =>
    identities.some(({ scheme, id }) => scheme === line.scheme && id === line.id),
  );
  if (isProven) return;
  if (lines.some(({ scheme }) => scheme === "ip")) throw new Unforeseeable();
  throw REFUSALS.noAuth;
}

/** The list as it is kept: no line twice, `auth` replaced by who asks. */
function fixed(acl: readonly Acl[], { identities }: Asker): readonly Acl[] {
  const kept = new Map<string, Acl>();
  for (const line of acl) kept.set(`${line.perms} ${line.scheme}:${line.id}`, line);
  const lines = [...kept.values()].flatMap((line): readonly Acl[] => {
    if (line.scheme === "world" && line.id === "anyone") return [line];
    if (line.scheme === "digest" && /^[^:]*:[^:]+:*$/.test(line.id)) return [line];
    if (line.scheme === "ip") throw new Unforeseeable();
    if (line.scheme !== "auth" || identities.length === 0) throw REFUSALS.invalidAcl;
    return identities.map(({ scheme, id }) => ({ perms: line.perms, scheme, id }));
  });
  if (lines.length === 0) throw REFUSALS.invalidAcl;
  return lines;
}
