/**
 * A ZooKeeper tree, one transaction at a time: what it is answered with, and what is there then. Written from
 * ZooKeeper's documents and its servers' answers, apart from src/tree, so that one can be held against the other. Maps
 * and sets, and every change made in place: it is meant to be read, not to be fast.
 */
import type { Acl } from "../../../src/base/acl.ts";
import { assertNever, must } from "../../../src/base/assert.ts";
import { NO_SESSION, type SessionId } from "../../../src/base/ids.ts";
import { childOf, nameOf, parentOf } from "../../../src/base/path.ts";
import type { MultiResult, NodeData, Response } from "../../../src/base/request.ts";
import type { Stat } from "../../../src/base/stat.ts";
import type { NodeOwner, OperationTxn, Txn, TxnHeader } from "../../../src/base/txn.ts";
import { type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";

/** A znode; its children are counted by their names. */
export interface ReferenceNode {
  data: NodeData;
  acl: readonly Acl[];
  readonly owner: NodeOwner;
  readonly czxid: Zxid;
  mzxid: Zxid;
  pzxid: Zxid;
  readonly ctime: number;
  mtime: number;
  version: number;
  aversion: number;
  /** Creates of children so far: the next sequence number. */
  creates: number;
  readonly children: Set<string>;
}

/** What happened to a znode. */
export interface TreeChange {
  readonly kind: "created" | "deleted" | "dataChanged";
  readonly path: string;
  /** Whether everybody may read it: events go to nobody else. */
  readonly isOpen: boolean;
  /** The same of the parent. */
  readonly isParentOpen: boolean;
}

/** What a request was answered with. */
export interface ReferenceReply {
  readonly error: number;
  readonly response: Response;
}

const EMPTY: ReferenceReply = { error: 0, response: { op: "empty" } };
const ANYBODY_READS: readonly Acl[] = [{ perms: 1, scheme: "world", id: "anyone" }];
const ANYBODY: readonly Acl[] = [{ perms: 31, scheme: "world", id: "anyone" }];

/** A transaction that this tree cannot take: it was made for another state. */
export class MisfitError extends Error {}

/** The tree. It begins as an empty ensemble does. */
export class ReferenceTree {
  readonly nodes: Map<string, ReferenceNode> = new Map();
  readonly sessions: Map<SessionId, { readonly timeoutMs: number }> = new Map();
  /** What the last transaction changed, in order. */
  changes: TreeChange[] = [];
  /** Undoes the changes of the operations under way, newest last. */
  #undo: (() => void)[] = [];

  constructor() {
    const add = (path: string, acl: readonly Acl[], children: readonly string[], aversion = 0): void => {
      this.nodes.set(path, { ...fresh({ zxid: ZXID_ZERO, timeMs: 0 }, acl, children), aversion });
    };
    add("/", ANYBODY, ["zookeeper"]);
    add("/zookeeper", ANYBODY, ["config", "quota"]);
    add("/zookeeper/quota", ANYBODY, []);
    add("/zookeeper/config", ANYBODY_READS, [], -1);
  }

  /** Applies a transaction; gives what the client that asked for it is told. Throws MisfitError. */
  apply(zxid: Zxid, header: TxnHeader, txn: Txn): ReferenceReply {
    this.changes = [];
    const moment = { zxid, timeMs: header.timeMs };
    const reply = this.#applyTxn(moment, header.session, txn);
    this.#undo = [];
    return reply;
  }

  /** Runs what changes the tree, and takes it all back. */
  tentatively<T>(work: () => T): T {
    const { changes } = this;
    this.changes = [];
    this.#undo = [];
    try {
      return work();
    } finally {
      for (const step of this.#undo.toReversed()) step();
      this.#undo = [];
      this.changes = changes;
    }
  }

  /** One operation of a transaction, for those that see it before it is whole. Throws MisfitError. */
  applyOperation(moment: Moment, txn: OperationTxn): ReferenceReply {
    switch (txn.kind) {
      case "create":
        return this.#create(moment, txn);
      case "delete":
        this.#delete(moment, txn.path);
        return EMPTY;
      case "setData": {
        const node = this.#existing(txn.path);
        this.#change(node, {
          data: txn.data,
          version: txn.version,
          mzxid: moment.zxid,
          mtime: moment.timeMs,
        });
        this.#note("dataChanged", txn.path, node);
        return { error: 0, response: { op: "stat", stat: statOf(node) } };
      }
      case "check":
        return EMPTY;
      case "error":
        return { error: txn.code, response: { op: "empty" } };
      default:
        return assertNever(txn);
    }
  }

  /** The session's ephemerals, sorted. */
  ephemeralsOf(session: SessionId): readonly string[] {
    const paths: string[] = [];
    for (const [path, { owner }] of this.nodes) {
      if (owner.mode === "ephemeral" && owner.session === session) paths.push(path);
    }
    return paths.toSorted();
  }

  #openSession(session: SessionId, timeoutMs: number): void {
    if (this.sessions.has(session)) throw new MisfitError("a session that is there is made again");
    this.sessions.set(session, { timeoutMs });
  }

  #applyAll(moment: Moment, operations: readonly OperationTxn[]): ReferenceReply {
    const results = operations.map((one) => multiResult(one, this.applyOperation(moment, one)));
    return { error: 0, response: { op: "multi", results } };
  }

  #applyTxn(moment: Moment, session: SessionId, txn: Txn): ReferenceReply {
    switch (txn.kind) {
      case "setAcl": {
        const node = this.#existing(txn.path);
        this.#change(node, { acl: txn.acl, aversion: txn.aversion });
        return { error: 0, response: { op: "stat", stat: statOf(node) } };
      }
      case "multi":
        return this.#applyAll(moment, txn.operations);
      case "sessionMulti":
        this.#openSession(session, txn.timeoutMs);
        return this.#applyAll(moment, txn.operations);
      case "createSession":
        this.#openSession(session, txn.timeoutMs);
        return EMPTY;
      case "closeSession":
        for (const path of this.ephemeralsOf(session)) this.#delete(moment, path);
        if (!this.sessions.delete(session)) throw new MisfitError("a session that is not there is closed");
        return EMPTY;
      case "config": {
        const path = "/zookeeper/config";
        this.applyOperation(moment, { kind: "setData", path, data: txn.data, version: -1 });
        const node = this.#existing(path);
        return { error: 0, response: { op: "getData", data: node.data, stat: statOf(node) } };
      }
      case "settled":
      case "dormant":
        return EMPTY;
      case "restore":
        throw new MisfitError("nobody restores anything here");
      case "barrier":
        return { error: 0, response: { op: "path", path: txn.path } };
      case "create":
      case "delete":
      case "setData":
      case "check":
      case "error":
        return this.applyOperation(moment, txn);
      default:
        return assertNever(txn);
    }
  }

  #create(moment: Moment, txn: Extract<OperationTxn, { kind: "create" }>): ReferenceReply {
    const { path, data, acl, owner } = txn;
    const parent = this.#existing(parentOf(path));
    if (this.nodes.has(path)) throw new MisfitError(`${path} is created and is there already`);
    if (owner.mode === "ephemeral" && !this.sessions.has(owner.session)) {
      throw new MisfitError(`${path} is made the ephemeral of a session that is not there`);
    }
    const node: ReferenceNode = { ...fresh(moment, acl, []), data, owner };
    this.nodes.set(path, node);
    parent.children.add(nameOf(path));
    this.#undo.push(() => {
      this.nodes.delete(path);
      parent.children.delete(nameOf(path));
    });
    this.#change(parent, { creates: (parent.creates + 1) | 0, pzxid: moment.zxid });
    this.#note("created", path, node);
    const stat = statOf(node);
    return {
      error: 0,
      response: txn.withStat ? { op: "create2", path, stat } : { op: "path", path },
    };
  }

  #delete(moment: Moment, path: string): void {
    const node = this.#existing(path);
    const parent = this.#existing(parentOf(path));
    if (node.children.size > 0) throw new MisfitError(`${path} is deleted and has children`);
    this.nodes.delete(path);
    parent.children.delete(nameOf(path));
    this.#undo.push(() => {
      this.nodes.set(path, node);
      parent.children.add(nameOf(path));
    });
    this.#change(parent, { pzxid: moment.zxid });
    this.#note("deleted", path, node);
  }

  #existing(path: string): ReferenceNode {
    const node = this.nodes.get(path);
    if (node === undefined) throw new MisfitError(`there is no ${path} to change`);
    return node;
  }

  #change(node: ReferenceNode, fields: Partial<ReferenceNode>): void {
    const before = { ...node };
    Object.assign(node, fields);
    this.#undo.push(() => Object.assign(node, before));
  }

  #note(kind: TreeChange["kind"], path: string, node: ReferenceNode): void {
    const parent = must(this.nodes.get(parentOf(path)), "what changes has a parent");
    this.changes.push({ kind, path, isOpen: isOpen(node.acl), isParentOpen: isOpen(parent.acl) });
  }
}

/** When a change happens. */
export interface Moment {
  readonly zxid: Zxid;
  readonly timeMs: number;
}

/** What clients are told of a znode. */
export function statOf(node: ReferenceNode): Stat {
  return {
    czxid: node.czxid,
    mzxid: node.mzxid,
    ctime: node.ctime,
    mtime: node.mtime,
    version: node.version,
    cversion: (node.creates * 2 - node.children.size) | 0,
    aversion: node.aversion,
    ephemeralOwner: node.owner.mode === "ephemeral" ? node.owner.session : NO_SESSION,
    dataLength: node.data?.length ?? 0,
    numChildren: node.children.size,
    pzxid: node.pzxid,
  };
}

/**
 * Why the service may not remove the znode by itself at this time of its leader, undefined where it may: a container
 * that has had children and has none, a TTL znode that has none and was set longer ago than its time.
 */
export function reasonToStay(tree: ReferenceTree, path: string, timeMs: number): string | undefined {
  const node = tree.nodes.get(path);
  if (node === undefined) return "there is none";
  if (node.children.size > 0) return "it has children";
  const { owner, creates, mtime } = node;
  if (owner.mode === "container") return creates === 0 ? "it never had a child" : undefined;
  if (owner.mode !== "ttl") return `it is ${owner.mode}`;
  const age = timeMs - mtime;
  return age > owner.ttlMs ? undefined : `it is ${age} ms old, and may live for ${owner.ttlMs}`;
}

/** The children's paths, at any depth. */
export function countBelow(tree: ReferenceTree, path: string): number {
  const node = tree.nodes.get(path);
  if (node === undefined) return 0;
  return [...node.children].reduce((sum, name) => sum + 1 + countBelow(tree, childOf(path, name)), 0);
}

function fresh(moment: Moment, acl: readonly Acl[], children: readonly string[]): ReferenceNode {
  return {
    data: new Uint8Array(0),
    acl,
    owner: { mode: "persistent" },
    czxid: moment.zxid,
    mzxid: moment.zxid,
    pzxid: moment.zxid,
    ctime: moment.timeMs,
    mtime: moment.timeMs,
    version: 0,
    aversion: 0,
    creates: 0,
    children: new Set(children),
  };
}

function multiResult(txn: OperationTxn, { error, response }: ReferenceReply): MultiResult {
  if (txn.kind === "error") return { op: "error", code: error };
  if (response.op === "create2") return response;
  if (response.op === "path") return { op: "create", path: response.path };
  if (response.op === "stat") return { op: "setData", stat: response.stat };
  return { op: txn.kind === "check" ? "check" : "delete" };
}

function isOpen(acl: readonly Acl[]): boolean {
  return acl.some(({ perms, scheme, id }) => scheme === "world" && id === "anyone" && (perms & 1) !== 0);
}
