/** One replica in the simulation: what survives a crash, and what does not. */
import { DEFAULT_ACCESS } from "../../src/base/access-settings.ts";
import { createHash } from "node:crypto";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import type { Rng } from "../../src/base/rng.ts";
import { compareZxid, type Zxid, ZXID_ZERO, zxidText } from "../../src/base/zxid.ts";
import { decodeTxn } from "../../src/jute/txn.ts";
import type { AuthSettings } from "../../src/keeper/auth.ts";
import type { CallAnswer, CallId } from "../../src/keeper/call.ts";
import type { KeeperConfig } from "../../src/keeper/config.ts";
import type { StreamId, StreamWord } from "../../src/keeper/event-stream.ts";
import type { ConnectionId } from "../../src/keeper/connection.ts";
import type { Keeper } from "../../src/keeper/keeper.ts";
import type { Action } from "../../src/keeper/turn.ts";
import { type Digest, DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { type SnapshotEntry, StagedTree } from "../../src/tree/tree-snapshot.ts";
import type { TreeTotals } from "../../src/tree/tree-state.ts";
import { Tree } from "../../src/tree/tree.ts";
import type { PeerWrite } from "../../src/zab/effects.ts";
import type { LinkId } from "../../src/zab/message.ts";
import { Disk } from "../zab/disk.ts";
import type { Span } from "../../src/base/trace.ts";
import { MemoryNotes } from "./memory-notes.ts";

/** The super user is "super:test". */
const AUTH: AuthSettings = {
  superDigest: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
  sha1Base64: (bytes) => createHash("sha1").update(bytes).digest("base64"),
  md5Hex: (bytes) => createHash("md5").update(bytes).digest("hex"),
  access: DEFAULT_ACCESS,
};

/** A connection's random bytes: those of its session are the rng's, those of its login are its own. */
export function entropyOf(id: ConnectionId, rng: Rng): Uint8Array {
  return Uint8Array.from({ length: 48 }, (_, at) => (at < 24 ? rng.below(256) : (id * at) % 256));
}

/** What a client's end of a connection is told. */
export interface ClientEnd {
  onBytes(bytes: Uint8Array): void;
  /** Bytes that it has read since the last call. */
  takeRead(): number;
  onFlow(reading: boolean): void;
  onClosed(): void;
}

export interface Link {
  readonly ends: ReadonlyMap<Sid, LinkId>;
  readonly learner: Sid;
  readonly leader: Sid;
  isDead: boolean;
  readonly arrivals: Map<Sid, number>;
}

export interface Held {
  readonly needs: number;
  readonly act: () => void;
}

/** One replica: its disk survives, the rest is of one start. */
export class Replica {
  readonly sid: Sid;
  readonly disk: Disk = new Disk();
  readonly notes: MemoryNotes = new MemoryNotes();
  readonly #readers = new Map<StreamId, (word: StreamWord | "lost") => void>();
  #readerIds = 0;
  keeper: Keeper | undefined;
  databaseBytes = 0;
  /** What it starts with. */
  auth: AuthSettings = AUTH;
  /** What the deployment says otherwise at its next start. */
  deployed: Partial<Pick<KeeperConfig, "voters" | "observers" | "votersBefore">> = {};
  tree: Tree | undefined;
  instance = 0;
  /** Transactions begun and durable. */
  issued = 0;
  durable = 0;
  held: Held[] = [];
  readonly links: Map<LinkId, Link> = new Map();
  readonly clients: Map<ConnectionId, ClientEnd> = new Map();
  /** Calls that were written to, to find out who is still there. */
  readonly probed: Set<CallId> = new Set();
  /** Who is told the answer of a call; "lost" where the replica dies first. */
  readonly callers: Map<CallId, (answer: CallAnswer | "lost") => void> = new Map();
  /** How far its clock is ahead of the world's. */
  skewMs = 0;
  /** How fast its clock runs, and what it showed when that began. */
  #rate = 1;
  #rateSinceMs = 0;
  #rateFromMs = 0;
  /** While defined the replica stands still, and what happens to it waits here. */
  frozen: (() => void)[] | undefined;
  /** Its timer does not fire: what happens to it does, and nothing else. */
  isTimerStalled = false;
  /** Crashes before performing its so many-th effect from now. */
  crashAfterEffects: number | undefined;
  readonly log: string[] = [];
  readonly spans: Span[] = [];
  /** What is left to apply waits this long for its next turn. */
  continueMs = 0;
  /** The next start finds the whole history and nothing of it applied. */
  isTreeLost = false;

  /** A snapshot on its way; lost with the power. */
  staged:
    | { readonly store: MapNodeStore; readonly sessions: SessionTable; readonly tree: StagedTree }
    | undefined;
  /** Trees that were staged for restores, by permit: on disk. */
  readonly restores: Map<string, readonly SnapshotEntry[]> = new Map();
  /** The one that the keeper was handed last. */
  #restoring: (TreeParts & { readonly tree: StagedTree }) | undefined;
  /** Per zxid of a restore: the tree that it brought. */
  readonly #restored = new Map<string, readonly SnapshotEntry[]>();
  /** The tree that starts find has another digest than it should, until a snapshot replaces it. */
  isDigestWrong = false;
  /** Snapshots installed. */
  installed = 0;
  /** A snapshot is written and takes effect with the start that follows; nothing happens before. */
  isInstalling = false;
  /** Per zxid that a history began at: the tree up to there. */
  readonly #bases = new Map<string, readonly SnapshotEntry[]>();

  constructor(sid: Sid) {
    this.sid = sid;
  }

  /** What its clock shows when the world's shows `nowMs`. */
  clockAt(nowMs: number): number {
    return Math.floor(this.#rateFromMs + (nowMs - this.#rateSinceMs) * this.#rate) + this.skewMs;
  }

  /** Lets its clock run at another speed from now on. */
  setRate(rate: number, nowMs: number): void {
    this.#rateFromMs += (nowMs - this.#rateSinceMs) * this.#rate;
    this.#rateSinceMs = nowMs;
    this.#rate = rate;
  }

  /** What clients have read since the last call. */
  takeSent(): readonly { readonly connection: ConnectionId; readonly bytes: number }[] {
    const sent = Array.from(this.clients, ([connection, end]) => ({ connection, bytes: end.takeRead() }));
    return sent.filter(({ bytes }) => bytes > 0);
  }

  /** Begins an empty tree for a snapshot, as a keeper asks for it. */
  stage(): StagedTree {
    const parts = { store: new MapNodeStore(), sessions: new SessionTable() };
    this.staged = { ...parts, tree: new StagedTree(parts) };
    this.restores.clear();
    return this.staged.tree;
  }

  /** The tree that was staged under this permit, if it was. */
  restorable(permit: Zxid): StagedTree | undefined {
    const entries = this.restores.get(zxidText(permit));
    if (entries === undefined) return undefined;
    const parts = { store: new MapNodeStore(), sessions: new SessionTable() };
    const tree = new StagedTree(parts);
    for (const entry of entries) tree.take(entry);
    this.#restoring = { ...parts, tree };
    return tree;
  }

  /** One turn's writes; gives where a snapshot ends that is installed with them. */
  transact(writes: readonly PeerWrite[]): Zxid | undefined {
    let last: Zxid | undefined;
    let at: Zxid | undefined;
    for (const write of writes) {
      if (write.kind === "install") last = write.last;
      if (write.kind === "restore") at = write.at;
    }
    this.disk.transact(writes, last ?? at ?? must(this.tree, "a tree").lastApplied);
    if (at !== undefined) this.#keepRestored(at);
    return last;
  }

  /** What the keeper was handed takes the place of the tree as of this zxid, once that is durable. */
  #keepRestored(at: Zxid): void {
    const { store, sessions, tree } = must(this.#restoring, "a restore waits");
    const { digest, totals } = tree.summary;
    this.#restored.set(
      zxidText(at),
      entriesOf(new Tree({ store, sessions, digest, totals, lastApplied: at })),
    );
  }

  /** The staged tree is where the history that begins at `last` starts from. */
  keepStaged(last: Zxid): void {
    this.isDigestWrong = false;
    this.installed++;
    this.notes.restart(last);
    const { store, sessions, tree } = must(this.staged, "a snapshot is staged");
    const { digest, totals } = tree.summary;
    this.#bases.set(
      zxidText(last),
      entriesOf(new Tree({ store, sessions, digest, totals, lastApplied: last })),
    );
  }

  /** The log forgets what is up to here, and the tree up to here is kept instead. */
  trim(upTo: Zxid): void {
    this.#bases.set(zxidText(upTo), entriesOf(this.treeUpTo(upTo)));
    this.disk.trim(upTo);
  }

  /** A line for people, or something that is traced. */
  noted(action: Action & { readonly kind: "span" | "log" }): undefined {
    if (action.kind === "log") this.log.push(action.line);
    else this.spans.push(action.span);
  }

  /** The tree that a start finds on the disk, made again from the history and what it begins with. */
  treeUpTo(upTo: Zxid): Tree {
    const { base, log } = this.disk.durable;
    let { tree, parts } = treeOf(this.#bases.get(zxidText(base)), base);
    for (const { zxid, payload } of log) {
      if (compareZxid(zxid, upTo) > 0) break;
      const { header, txn } = decodeTxn(payload);
      if (txn.kind === "restore") ({ tree, parts } = treeOf(this.#restored.get(zxidText(zxid)), zxid));
      else tree.apply(zxid, header, txn);
    }
    if (!this.isDigestWrong) return tree;
    const { lo, hi } = tree.digest;
    return new Tree({
      ...parts,
      digest: { lo: lo ^ 1, hi },
      totals: tree.totals,
      lastApplied: tree.lastApplied,
    });
  }

  /** Does to a client's transport what a turn asked for. */
  tellClient(
    action: Action & { readonly kind: "clientSend" | "clientClose" | "clientDrop" | "clientFlow" },
  ): void {
    const client = this.clients.get(action.connection);
    if (action.kind === "clientSend") client?.onBytes(action.bytes);
    else if (action.kind === "clientFlow") client?.onFlow(action.reading);
    else if (this.clients.delete(action.connection)) client?.onClosed();
  }

  /** Who hears what is said in a stream from now on; gives the stream's number. */
  addReader(told: (word: StreamWord | "lost") => void): StreamId {
    this.#readers.set(++this.#readerIds, told);
    return this.#readerIds;
  }

  tellReader({ stream, word }: Action & { readonly kind: "stream" }): void {
    const told = this.#readers.get(stream);
    if (word.kind === "end" || word.kind === "refused") this.#readers.delete(stream);
    told?.(word);
  }

  loseReaders(): void {
    const readers = [...this.#readers.values()];
    this.#readers.clear();
    for (const told of readers) told("lost");
  }

  /** The disk is lost with all that is on it. */
  wipe(): void {
    this.disk.wipe();
    this.notes.restart(ZXID_ZERO);
    this.#bases.clear();
    this.isDigestWrong = false;
  }
}

interface TreeParts {
  readonly store: MapNodeStore;
  readonly sessions: SessionTable;
}

/** A tree of these entries, or a new one. */
function treeOf(
  entries: readonly SnapshotEntry[] | undefined,
  lastApplied: Zxid,
): { readonly tree: Tree; readonly parts: TreeParts } {
  const parts = { store: new MapNodeStore(), sessions: new SessionTable() };
  let sums: { readonly digest: Digest; readonly totals?: TreeTotals } = { digest: DIGEST_ZERO };
  if (entries !== undefined) {
    const staged = new StagedTree(parts);
    for (const entry of entries) staged.take(entry);
    const { digest, totals } = staged.summary;
    sums = { digest, totals };
  }
  return { tree: new Tree({ ...parts, ...sums, lastApplied }), parts };
}

export function entriesOf(tree: Tree): readonly SnapshotEntry[] {
  const snapshot = tree.beginSnapshot();
  const { entries } = snapshot.next(Number.POSITIVE_INFINITY);
  snapshot.close();
  return entries;
}
