import { type Acl, type Identity, OPEN_ACL } from "../../src/base/acl.ts";
import type { SessionId } from "../../src/base/ids.ts";
import type { CreateRequest, Response, WriteRequest } from "../../src/base/request.ts";
import type { Outcome, Txn, TxnHeader } from "../../src/base/txn.ts";
import { ZNODE_SETTINGS, type ZnodeSettings } from "../../src/base/znode-settings.ts";
import { type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { CachedNodeStore, ManyRead, NodeRows } from "../../src/tree/cached-node-store.ts";
import { DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore, type NodeStore, type Znode } from "../../src/tree/node-store.ts";
import { Preparer } from "../../src/tree/prepare.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import type { TreeEvent } from "../../src/tree/transition.ts";
import { Tree } from "../../src/tree/tree.ts";
import type { TreeReadRequest } from "../../src/tree/tree-read.ts";

export const ALICE: SessionId = 0xa11cen;
export const BOB: SessionId = 0xb0bn;
export const SUPER: readonly Identity[] = [{ scheme: "super", id: "" }];

const encoder = new TextEncoder();

export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

export function create(path: string, more: Partial<CreateRequest> = {}): CreateRequest {
  return { op: "create", path, data: bytes(""), acl: OPEN_ACL, flags: 0, ttlMs: 0, ...more };
}

export function freshTree(store: NodeStore = new MapNodeStore()): Tree {
  return new Tree({
    store,
    sessions: new SessionTable(),
    digest: DIGEST_ZERO,
    lastApplied: ZXID_ZERO,
  });
}

export function headerOf(session: SessionId, timeMs: number): TxnHeader {
  return { session, xid: 1, timeMs, origin: { sid: 1, instance: 1, serial: 1 } };
}

export interface Proposal {
  readonly zxid: Zxid;
  readonly header: TxnHeader;
  readonly txn: Txn;
}

/** Rows in a map, as far as a test needs them; what is written to them is what takeDirty gave. */
export class MapRows implements NodeRows {
  readonly nodes: MapNodeStore = new MapNodeStore();
  reads: number = 0;

  read(path: string): Znode | undefined {
    this.reads++;
    return this.nodes.get(path);
  }
  readMany(paths: readonly string[]): ManyRead {
    this.reads++;
    const found: Array<readonly [string, Znode]> = [];
    const absent: string[] = [];
    for (const path of paths) {
      const node = this.nodes.get(path);
      if (node === undefined) absent.push(path);
      else found.push([path, node]);
    }
    return { found, absent };
  }
  childNames(path: string): readonly string[] {
    return this.nodes.childNames(path);
  }

  childPage(path: string, after: string, countMax: number): readonly string[] {
    return this.nodes.childPage(path, after, countMax);
  }
  ephemeralsOf(session: SessionId): readonly string[] {
    return this.nodes.ephemeralsOf(session);
  }
  ephemerals(): readonly string[] {
    return this.nodes.ephemerals();
  }
  count(): number {
    return this.nodes.count();
  }
  descendantCount(path: string): number {
    return this.nodes.descendantCount(path);
  }
  after(path: string | undefined, bytesMax: number): ReadonlyArray<readonly [string, Znode]> {
    return this.nodes.after(path, bytesMax);
  }
  subtotal(path: string): ReturnType<MapNodeStore["subtotal"]> {
    return this.nodes.subtotal(path);
  }
  idle(...query: Parameters<MapNodeStore["idle"]>): ReturnType<MapNodeStore["idle"]> {
    return this.nodes.idle(...query);
  }

  flush(store: CachedNodeStore): void {
    const { updates, puts, deletes } = store.takeDirty();
    for (const path of deletes) this.nodes.delete(path);
    for (const [path, node] of updates) {
      if (this.nodes.get(path)?.owner.mode !== "persistent") throw new Error(`no row of ${path} to update`);
      this.nodes.put(path, node);
    }
    for (const [path, node] of puts) this.nodes.put(path, node);
  }
}

/** A leader alone: prepares, and applies at once or when told. Two sessions are open from the start. */
export class Leader {
  readonly tree: Tree;
  readonly preparer: Preparer;
  readonly events: TreeEvent[] = [];
  readonly log: Proposal[] = [];
  #counter = 0;
  #applied = 0;

  /** `counter` is that of the tree's last zxid. */
  constructor(tree: Tree = freshTree(), counter = 0, settings: ZnodeSettings = ZNODE_SETTINGS) {
    this.tree = tree;
    this.#counter = counter;
    this.preparer = new Preparer(tree, { znodes: settings });
    for (const session of [ALICE, BOB]) {
      this.write({ op: "createSession", timeoutMs: 30_000, password: new Uint8Array(16) }, { session });
    }
    this.events.length = 0;
  }

  /** The zxid of the last proposal. */
  get counter(): number {
    return this.#counter;
  }

  propose(
    request: WriteRequest,
    by: { readonly session?: SessionId; readonly identities?: readonly Identity[] } = {},
  ): Txn {
    const zxid = { epoch: 1, counter: ++this.#counter };
    const session = by.session ?? ALICE;
    const timeMs = 1000 * this.#counter;
    const identities = by.identities ?? [];
    const txn = this.preparer.prepare({ zxid, session, timeMs, identities, request });
    this.log.push({ zxid, header: headerOf(session, timeMs), txn });
    return txn;
  }

  /** Applies all proposals, or the next `count`; tells the preparer. Gives the last outcome. */
  deliver(count: number = Number.POSITIVE_INFINITY): Outcome | undefined {
    let outcome: Outcome | undefined;
    for (let done = 0; done < count; done++) {
      const proposal = this.log[this.#applied];
      if (proposal === undefined) break;
      this.#applied++;
      const applied = this.tree.apply(proposal.zxid, proposal.header, proposal.txn);
      this.preparer.applied(proposal.zxid);
      this.events.push(...applied.events);
      outcome = applied.outcome;
    }
    return outcome;
  }

  write(
    request: WriteRequest,
    by: { readonly session?: SessionId; readonly identities?: readonly Identity[] } = {},
  ): Outcome {
    this.propose(request, by);
    const outcome = this.deliver();
    if (outcome === undefined) throw new Error("nothing was delivered");
    return outcome;
  }

  read(
    request: TreeReadRequest,
    by: { readonly session?: SessionId; readonly identities?: readonly Identity[] } = {},
  ): Response {
    const { session = ALICE, identities = [] } = by;
    return this.tree.read({ request, session, identities });
  }
}

/** The error's code, or 0 for any success. */
export function codeOf(outcome: Outcome): number {
  return outcome.kind === "error" ? outcome.code : 0;
}

export function codesOf(outcome: Outcome): readonly number[] {
  if (outcome.kind !== "multi") throw new Error(`not a multi: ${outcome.kind}`);
  return outcome.outcomes.map(codeOf);
}

export function line(perms: number, scheme: string, id: string): Acl {
  return { perms, scheme, id };
}

/** Every path with its znode, in order. */
export function contentsOf(
  store: Pick<NodeStore, "get" | "childNames">,
): ReadonlyArray<readonly [string, Znode]> {
  const contents: Array<readonly [string, Znode]> = [];
  const pending = ["/"];
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const node = store.get(path);
    if (node === undefined) throw new Error(`no znode at ${path}`);
    contents.push([path, node]);
    for (const name of store.childNames(path)) {
      pending.push(path === "/" ? `/${name}` : `${path}/${name}`);
    }
  }
  return contents;
}
