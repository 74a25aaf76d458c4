/**
 * The leader's half of the state machine: what a request comes to, decided once, against the tree and all
 * that is proposed and not yet applied. Replicas apply the decision and never take it again.
 * Source: ZooKeeper PrepRequestProcessor, outstandingChanges.
 */
import { type Identity, PERMS } from "../base/acl.ts";
import { assert, assertNever, must } from "../base/assert.ts";
import { KeeperError } from "../base/error-code.ts";
import { NO_SESSION, type SessionId } from "../base/ids.ts";
import type {
  MultiOperation,
  MultiRequest,
  NodeData,
  ReconfigRequest,
  TransactRequest,
  WriteRequest,
} from "../base/request.ts";
import type { OperationTxn, Txn } from "../base/txn.ts";
import { ZNODE_SETTINGS, type ZnodeSettings } from "../base/znode-settings.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../base/zxid.ts";
import { isAllowed } from "./access.ts";
import { createInMulti } from "./create-mode.ts";
import type { NodeView, Subtotal, Znode } from "./node-store.ts";
import { Overlay, PendingKeys } from "./overlay.ts";
import {
  type PreparableOperation,
  type PrepareContext,
  prepareDeleteContainer,
  prepareOperation,
  prepareSetAcl,
} from "./prepare-operation.ts";
import { failedMulti, prepareTransact } from "./prepare-transact.ts";
import { CONFIG_PATH } from "./reserved.ts";
import { checkScope, type Scope, scopeOf } from "./scope.ts";
import { applyCloseSession, applyConfig, applyOperation, applySetAcl, type Moment } from "./transition.ts";
import type { Tree } from "./tree.ts";
import { aclBytes, textBytes, TxnRoom } from "./txn-size.ts";

/** One request, and the zxid that its transaction gets. */
export interface PrepareInput {
  readonly zxid: Zxid;
  /** NO_SESSION of a caller that has none: it may do all that leaves no ephemeral. */
  readonly session: SessionId;
  /** The leader's clock in milliseconds of Unix time: the header's timeMs. */
  readonly timeMs: number;
  /** What the connection has proven to be; {scheme: "super"} may do everything. */
  readonly identities: readonly Identity[];
  readonly request: WriteRequest;
}

/**
 * The bytes of the dynamic configuration that a reconfig request makes of the one that was prepared last, under this
 * zxid. Throws KeeperError. Whether the client may change it is told, as it is no reason to refuse before all others.
 */
export type Reconfigure = (
  request: ReconfigRequest,
  data: NodeData,
  by: { readonly zxid: Zxid; readonly isAllowed: boolean },
) => Uint8Array;

/**
 * Makes transactions of requests, for one leader's reign: made when the leader's tree has applied its whole
 * history, and dropped when it stops leading. Every transaction that it gives must be proposed under the zxid
 * it was made for.
 */
export class Preparer {
  readonly #tree: Tree;
  readonly #settings: ZnodeSettings;
  readonly #warn: (line: string) => void;
  readonly #nodes: Overlay;
  readonly #pendingPaths = new PendingKeys<string>();
  /** Sessions whose opening (true) or closing (false) is proposed. */
  readonly #sessions = new Map<SessionId, boolean>();
  readonly #pendingSessions = new PendingKeys<SessionId>();
  readonly #reconfigure: Reconfigure | undefined;
  readonly #noting: NotingView;
  #lastPrepared: Zxid;

  /** Without `reconfigure` the members are the deployment's business, as in a ZooKeeper with its default settings. */
  constructor(
    tree: Tree,
    options: {
      readonly reconfigure?: Reconfigure | undefined;
      readonly znodes?: ZnodeSettings;
      readonly warn?: (line: string) => void;
    } = {},
  ) {
    this.#tree = tree;
    this.#reconfigure = options.reconfigure;
    this.#settings = options.znodes ?? ZNODE_SETTINGS;
    this.#warn = options.warn ?? (() => undefined);
    this.#nodes = new Overlay(tree);
    this.#noting = new NotingView(this.#nodes, this.#pendingPaths);
    this.#lastPrepared = tree.lastApplied;
  }

  /** How many znodes and sessions stand in proposals that are not yet applied. */
  get outstanding(): number {
    return this.#nodes.size + this.#sessions.size;
  }

  /**
   * The transaction that the request comes to. What the client did wrong is a transaction too, {kind:
   * "error"}, which takes its zxid and changes nothing; a multi that fails holds an error for each of its
   * operations.
   */
  prepare(input: PrepareInput): Txn {
    assert(
      compareZxid(input.zxid, this.#lastPrepared) > 0,
      `${zxidText(input.zxid)} is not after ${zxidText(this.#lastPrepared)}`,
    );
    this.#lastPrepared = input.zxid;
    try {
      return this.#prepareRequest(input, this.#view(input.zxid));
    } catch (error) {
      if (!(error instanceof KeeperError)) throw error;
      return { kind: "error", code: error.code };
    }
  }

  /** The tree has applied all up to the zxid: what was outstanding until then is in it. */
  applied(zxid: Zxid): void {
    for (const path of this.#pendingPaths.takeUpTo(zxid)) this.#nodes.drop(path);
    for (const id of this.#pendingSessions.takeUpTo(zxid)) this.#sessions.delete(id);
  }

  /** Whether the session may write: it is there, or its opening is proposed, and no closing is. */
  isOpen(session: SessionId): boolean {
    return this.#sessions.get(session) ?? this.#tree.sessions.get(session) !== undefined;
  }

  #prepareRequest(input: PrepareInput, view: NodeView): Txn {
    const { request, session } = input;
    const context = this.#context(input, view);
    switch (request.op) {
      case "create":
      case "create2":
      case "createContainer":
      case "createTTL":
      case "delete":
      case "setData":
      case "check":
        return prepareInto(context, request, input, new TxnRoom());
      case "setACL": {
        const txn = prepareSetAcl(context, request);
        new TxnRoom().takeBytes(textBytes(txn.path) + aclBytes(txn.acl));
        applySetAcl(view, txn);
        return txn;
      }
      case "multi":
        return this.#prepareMulti(input, request);
      case "transact":
        return this.#prepareTransact(input, request);
      case "deleteContainer": {
        const txn = prepareDeleteContainer(context, request);
        applyOperation(view, input, txn, []);
        return txn;
      }
      case "reconfig":
        return this.#prepareReconfig(input, request, context);
      case "sync":
        if (!context.isOpen) throw new KeeperError("sessionExpired");
        new TxnRoom().takeBytes(textBytes(request.path));
        return { kind: "barrier", path: request.path };
      case "createSession":
        if (context.isOpen) throw new KeeperError("systemError", "the session exists");
        this.#changeSession(input, true);
        return {
          kind: "createSession",
          timeoutMs: request.timeoutMs,
          password: request.password,
        };
      case "closeSession":
        if (!this.isOpen(session)) throw new KeeperError("sessionExpired");
        applyCloseSession(view, input, session, []);
        this.#changeSession(input, false);
        return { kind: "closeSession" };
      default:
        return assertNever(request);
    }
  }

  /** What is wrong with the request is told before who may not make it, as ZooKeeper does. */
  #prepareReconfig(input: PrepareInput, request: ReconfigRequest, context: PrepareContext): Txn {
    const { view, isOpen } = context;
    checkScope(context.scope, "admin", "/");
    if (this.#reconfigure === undefined) throw new KeeperError("reconfigDisabled");
    if (!isOpen) throw new KeeperError("sessionExpired");
    const node = must(view.get(CONFIG_PATH), "the configuration has a znode");
    const isWritable = isAllowed(node.acl, PERMS.write, input.identities);
    const data = this.#reconfigure(request, node.data, { zxid: input.zxid, isAllowed: isWritable });
    if (!isWritable) throw new KeeperError("noAuth");
    applyConfig(view, input, data, []);
    return { kind: "config", data };
  }

  /** The transaction of a configuration that no client asked for. */
  prepareConfig(moment: Moment, data: Uint8Array): Txn {
    assert(compareZxid(moment.zxid, this.#lastPrepared) > 0, "a configuration has its place in the order");
    this.#lastPrepared = moment.zxid;
    applyConfig(this.#view(moment.zxid), moment, data, []);
    return { kind: "config", data };
  }

  /** All or nothing: each operation sees those before it, and all vanish if one fails. */
  #prepareMulti(input: PrepareInput, request: MultiRequest): Txn {
    // What cannot be decoded fails the whole multi, whatever stands before it.
    const operations = request.operations.map(operationInMulti);
    const scratch = new Overlay(this.#nodes);
    const context = this.#context(input, scratch);
    const room = new TxnRoom();
    const txns: OperationTxn[] = [];
    for (const operation of operations) {
      try {
        txns.push(prepareInto(context, operation, input, room));
      } catch (error) {
        if (!(error instanceof KeeperError)) throw error;
        return failedMulti({ failedIndex: txns.length, count: operations.length, error });
      }
    }
    scratch.copyTo(this.#view(input.zxid));
    return { kind: "multi", operations: txns };
  }

  /** Nothing of it is to be seen where it fails, as of a multi. */
  #prepareTransact(input: PrepareInput, request: TransactRequest): Txn {
    const makesSession = request.newSession !== undefined;
    if (makesSession && this.isOpen(input.session))
      throw new KeeperError("systemError", "the session exists");
    const scratch = new Overlay(this.#nodes);
    const context = this.#context(input, scratch);
    const txn = prepareTransact(makesSession ? { ...context, isOpen: true } : context, request, input);
    const isFailed = txn.kind === "multi" && txn.operations.some(({ kind }) => kind === "error");
    if (isFailed || txn.kind === "barrier") return txn;
    scratch.copyTo(this.#view(input.zxid));
    if (txn.kind === "sessionMulti") this.#changeSession(input, true);
    return txn;
  }

  #context(input: PrepareInput, view: NodeView): PrepareContext {
    return {
      view,
      session: input.session,
      isOpen: input.session === NO_SESSION || this.isOpen(input.session),
      identities: input.identities,
      scope: this.#scopeOf(input),
      timeMs: input.timeMs,
      settings: this.#settings,
      warn: this.#warn,
    };
  }

  /** Throws KeeperError authFailed where the caller's credential is none, or none any more. */
  #scopeOf({ identities, timeMs }: PrepareInput): Scope {
    const scope = scopeOf(identities, this.#nodes, timeMs);
    if (scope === undefined) throw new KeeperError("authFailed");
    return scope;
  }

  /** The overlay, with every change noted under the zxid. One at a time is in use, so one serves all. */
  #view(zxid: Zxid): NodeView {
    this.#noting.zxid = zxid;
    return this.#noting;
  }

  #changeSession(input: PrepareInput, isOpen: boolean): void {
    this.#sessions.set(input.session, isOpen);
    this.#pendingSessions.add(input.zxid, input.session);
  }
}

/** An overlay in which each change is noted under a zxid. */
class NotingView implements NodeView {
  zxid: Zxid = ZXID_ZERO;
  readonly #nodes: Overlay;
  readonly #pending: PendingKeys<string>;

  constructor(nodes: Overlay, pending: PendingKeys<string>) {
    this.#nodes = nodes;
    this.#pending = pending;
  }

  get(path: string, parent?: Znode): Znode | undefined {
    return this.#nodes.get(path, parent);
  }

  put(path: string, node: Znode): void {
    this.#pending.add(this.zxid, path);
    this.#nodes.put(path, node);
  }

  delete(path: string): void {
    this.#pending.add(this.zxid, path);
    this.#nodes.delete(path);
  }

  childNames(path: string): readonly string[] {
    return this.#nodes.childNames(path);
  }

  ephemeralsOf(session: SessionId): readonly string[] {
    return this.#nodes.ephemeralsOf(session);
  }

  subtotal(path: string): Subtotal {
    return this.#nodes.subtotal(path);
  }

  prefetch(paths: readonly string[]): void {
    this.#nodes.prefetch(paths);
  }
}

/** What a multi makes of one of its operations; throws KeeperError where all of it cannot be decoded. */
function operationInMulti(operation: MultiOperation): PreparableOperation {
  switch (operation.op) {
    case "create":
    case "create2":
    case "createContainer":
    case "createTTL":
      return createInMulti(operation);
    case "delete":
    case "setData":
    case "check":
      return operation;
    case "unsupported":
      throw new KeeperError("marshallingError", `operation ${operation.type} in multi`);
    default:
      return assertNever(operation);
  }
}

/** Prepares the operation and makes its change in the context's view, for those after it to see. */
function prepareInto(
  context: PrepareContext,
  operation: PreparableOperation,
  input: PrepareInput,
  room: TxnRoom,
): OperationTxn {
  const txn = prepareOperation(context, operation);
  room.take(txn);
  applyOperation(context.view, input, txn, []);
  return txn;
}
