/** The SDK's client: one session, and all that ZooKeeper's clients can ask for. */
import type { Acl, Identity } from "../base/acl.ts";
import { sessionKey } from "../base/ids.ts";
import { zxidDigits, zxidToBigInt } from "../base/zxid.ts";
import { Asker } from "./asker.ts";
import type { Chroot } from "./chroot.ts";
import { type EnsembleConfig, readConfig } from "./config.ts";
import { NoNodeError } from "./errors.ts";
import { ADD_WATCH_MODES, WATCHER_TYPES } from "./machine/request-kinds.ts";
import type {
  CreateOptions,
  DeleteOptions,
  ReadOptions,
  ReconfigOptions,
  RequestOptions,
  SessionTicket,
  VersionOptions,
  WatchOptions,
} from "./options.ts";
import type { Runtime } from "./runtime.ts";
import type { Session, StateEvent } from "./session.ts";
import { Transaction } from "./transaction.ts";
import { type Watch, WatchQueue } from "./watch.ts";
import { ANY_VERSION, Writes } from "./writes.ts";
import { type Created, type DataInput, type Stat, statOf, type WatchEvent, Znode } from "./znode.ts";

/** How a client is now: connecting until its first connection, suspended between two. */
export type ClientState = "connecting" | "connected" | "suspended" | "expired" | "closed" | "authFailed";

/** The members of /zookeeper/config, which no chroot hides. */
const CONFIG_PATH = "/zookeeper/config";

const encoder = new TextEncoder();

/** A client of an ensemble. Make one by `connect`. Methods reject with the classes of errors.ts. */
export class Client implements AsyncDisposable {
  /** Time and chance, for what is built upon the client. */
  readonly runtime: Runtime;
  readonly #session: Session;
  readonly #asker: Asker;
  readonly #writes: Writes;
  #wasConnected = false;

  /** For connect alone. */
  constructor(
    session: Session,
    parts: { readonly chroot: Chroot; readonly runtime: Runtime; readonly retriesReads: boolean },
  ) {
    this.runtime = parts.runtime;
    this.#session = session;
    this.#asker = new Asker(session, parts);
    this.#writes = new Writes(this.#asker, parts.runtime);
    session.onState(({ state }) => {
      this.#wasConnected ||= state === "connected";
    });
  }

  // The session.

  /** How it is now. */
  get state(): ClientState {
    const { isConnected, end } = this.#session.machine;
    if (end !== undefined) return end;
    if (isConnected) return "connected";
    return this.#wasConnected ? "suspended" : "connecting";
  }

  /** The session's id: the `ephemeralOwner` of its ephemerals. */
  get sessionId(): bigint {
    return this.#session.machine.identity.id;
  }

  /** The session's timeout in ms, as the ensemble granted it. */
  get timeoutMs(): number {
    return this.#session.machine.timeoutMs;
  }

  /** The newest zxid that the session has seen: no state that it is shown is older. */
  get lastZxid(): bigint {
    return zxidToBigInt(this.#session.machine.identity.seen);
  }

  /**
   * Until this moment of runtime.nowMs() no replica ends the session, whatever happens to the connection: after it a
   * lock may be another's. It moves on with each answer.
   */
  get assuredUntilMs(): number {
    return this.#session.machine.assuredUntilMs ?? -Infinity;
  }

  /** Aborted once the session is over, expired or closed; its reason is the error that says how. */
  get ended(): AbortSignal {
    return this.#session.ended;
  }

  /** What another process needs to take the session over, once this one has called leave(). Keep it secret. */
  get ticket(): SessionTicket {
    const { id, password, seen } = this.#session.machine.identity;
    const hex = Array.from(password, (byte) => byte.toString(16).padStart(2, "0")).join("");
    return { id: sessionKey(id), password: hex, zxid: zxidDigits(seen) };
  }

  /**
   * Tells each change of state from now on: connected, suspended (what is held may be lost), reconnected (it is not),
   * expired (it is), closed. Returns what ends that.
   */
  onState(listener: (event: StateEvent) => void): () => void {
    return this.#session.onState(listener);
  }

  /** Ends the session and removes its ephemerals, behind all that was asked before. Never rejects. */
  close(): Promise<void> {
    return this.#session.close("close");
  }

  /** Goes without a word: the session lives on until it expires, or its ticket is used. */
  leave(): Promise<void> {
    return this.#session.close("abandon");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // Reading.

  /** A znode's data and Stat. Throws NoNodeError where there is none. */
  async get(path: string, { signal, watch }: ReadOptions = {}): Promise<Znode> {
    const request = { op: "getData", path: this.#outer(path), watch: watch !== undefined } as const;
    const { response } = await this.#asker.read("getData", request, { path, signal, watch });
    return new Znode(path, response.data, statOf(response.stat));
  }

  /** A znode's Stat; undefined where there is none, and then `watch` tells of its creation. */
  async exists(path: string, { signal, watch }: ReadOptions = {}): Promise<Stat | undefined> {
    const request = { op: "exists", path: this.#outer(path), watch: watch !== undefined } as const;
    try {
      const { response } = await this.#asker.read("stat", request, { path, signal, watch });
      return statOf(response.stat);
    } catch (error) {
      // Nothing is there: undefined says so.
      if (error instanceof NoNodeError) return undefined;
      throw error;
    }
  }

  /** The names of a znode's children, sorted by code units. */
  async children(path: string, options: ReadOptions = {}): Promise<readonly string[]> {
    return (await this.childrenAndStat(path, options)).children;
  }

  /** The same, and the znode's own Stat of that moment. */
  async childrenAndStat(
    path: string,
    { signal, watch }: ReadOptions = {},
  ): Promise<{ readonly children: readonly string[]; readonly stat: Stat }> {
    const request = { op: "getChildren2", path: this.#outer(path), watch: watch !== undefined } as const;
    const { response } = await this.#asker.read("children2", request, { path, signal, watch });
    return { children: [...response.children].sort(), stat: statOf(response.stat) };
  }

  /** How many znodes there are below a path, at any depth. */
  async descendantCount(path: string, { signal }: RequestOptions = {}): Promise<number> {
    const request = { op: "getAllChildrenNumber", path: this.#outer(path) } as const;
    return (await this.#asker.read("count", request, { path, signal })).response.count;
  }

  /** The ephemerals of this session, below a path. */
  async ephemerals(path = "/", { signal }: RequestOptions = {}): Promise<readonly string[]> {
    const request = { op: "getEphemerals", path: this.#outer(path) } as const;
    const { response } = await this.#asker.read("ephemerals", request, { path, signal });
    return response.paths.map((found) => this.#asker.chroot.inner(found));
  }

  /** After it, reads show all that was acknowledged to anybody before it was called. */
  async sync(path = "/", { signal }: RequestOptions = {}): Promise<void> {
    await this.#asker.read("path", { op: "sync", path: this.#outer(path) }, { path, signal });
  }

  // Writing.

  /** Creates a znode. Throws NodeExistsError, NoNodeError where its parent is missing. */
  create(path: string, data?: DataInput, options: CreateOptions = {}): Promise<Created> {
    return this.#writes.create(path, data, options);
  }

  /** Replaces a znode's data. Throws NoNodeError, BadVersionError. */
  set(path: string, data: DataInput, options: VersionOptions = {}): Promise<Stat> {
    return this.#writes.set(path, data, options);
  }

  /** Deletes a znode. Throws NoNodeError, NotEmptyError, BadVersionError. */
  delete(path: string, options: DeleteOptions = {}): Promise<void> {
    return this.#writes.delete(path, options);
  }

  /** Begins a transaction: several writes, of which all are done or none. */
  transaction(): Transaction {
    return new Transaction(this.#asker);
  }

  // Who may do what.

  /** A znode's access control list. */
  async getAcl(
    path: string,
    { signal }: RequestOptions = {},
  ): Promise<{ readonly acl: readonly Acl[]; readonly stat: Stat }> {
    const request = { op: "getACL", path: this.#outer(path) } as const;
    const { response } = await this.#asker.read("getACL", request, { path, signal });
    return { acl: response.acl, stat: statOf(response.stat) };
  }

  /** Replaces it; `version` is the Stat's aversion. */
  async setAcl(path: string, acl: readonly Acl[], { version, signal }: VersionOptions = {}): Promise<Stat> {
    const request = { op: "setACL", path: this.#outer(path), acl, version: version ?? ANY_VERSION } as const;
    return statOf((await this.#asker.ask("stat", request, { path, signal })).response.stat);
  }

  /** Logs in, as `digest` with `user:password`, say; each later connection of the session is logged in again. */
  async addAuth(scheme: string, auth: string | Uint8Array, { signal }: RequestOptions = {}): Promise<void> {
    const bytes = typeof auth === "string" ? encoder.encode(auth) : auth;
    await this.#asker.ask("empty", { op: "auth", type: 0, scheme, auth: bytes }, { signal });
  }

  /** What this session has proven to be. */
  async whoAmI({ signal }: RequestOptions = {}): Promise<readonly Identity[]> {
    return (await this.#asker.read("identities", { op: "whoAmI" }, { signal })).response.identities;
  }

  // Watching.

  /**
   * Watches a znode, there or not, until it is closed: `for await (const event of await client.watch("/a"))`. It
   * resolves once the watch is set: what changes after that is told. No change is missed over a reconnect, but several
   * may be told as one, and of what is below a recursive watch only that it may have changed ("resync"). The iteration
   * throws where the session expires, and the signal's reason where that fires.
   */
  async watch(path: string, { recursive, signal }: WatchOptions = {}): Promise<Watch> {
    let unwatch = (): void => undefined;
    const onAbort = (): void => {
      queue.fail(signal?.reason);
      end();
    };
    const end = (): void => {
      signal?.removeEventListener("abort", onAbort);
      unwatch();
    };
    const queue = new WatchQueue(path, end);
    const take = (event: WatchEvent): void => {
      if (event.type === "ended") return queue.fail(this.#session.ended.reason);
      queue.push(event);
      if (event.type === "removed") queue.close();
    };
    unwatch = await this.addWatch(path, take, { recursive, signal });
    signal?.addEventListener("abort", onAbort, { once: true });
    return queue;
  }

  /**
   * The same, told to a function, before any later answer is; the last that it is told is "ended" or "removed".
   * Resolves with what takes the watch away.
   */
  async addWatch(
    path: string,
    listener: (event: WatchEvent) => void,
    { recursive = false, signal }: WatchOptions = {},
  ): Promise<() => void> {
    const mode = recursive ? ADD_WATCH_MODES.recursive : ADD_WATCH_MODES.persistent;
    const request = { op: "addWatch", path: this.#outer(path), mode } as const;
    const set = this.#asker.ask("error", request, { path, signal, watch: listener, isRepeatable: true });
    // So that the session knows whether it is there, and can tell after a reconnect what became of it.
    const known = recursive ? undefined : this.exists(path, { signal });
    let watcher: number | undefined;
    const unwatch = (): void => {
      if (watcher !== undefined) this.#session.unwatch(watcher);
    };
    try {
      ({ watcher } = await set);
      await known;
      return unwatch;
    } catch (error) {
      // Whichever failed first, the other one is not waited for.
      known?.catch(() => {});
      unwatch();
      throw error;
    }
  }

  /** Removes all watches of this client at a path; those that are waited for are told "removed". */
  async removeWatches(path: string, { signal }: RequestOptions = {}): Promise<void> {
    const request = { op: "removeWatches", path: this.#outer(path), type: WATCHER_TYPES.any } as const;
    await this.#asker.ask("empty", request, { path, signal });
  }

  // The ensemble.

  /** Who is in the ensemble. */
  async config({ signal, watch }: ReadOptions = {}): Promise<EnsembleConfig> {
    const path = CONFIG_PATH;
    const request = { op: "getData", path, watch: watch !== undefined } as const;
    const { response } = await this.#asker.read("getData", request, { path, signal, watch });
    return readConfig(response.data);
  }

  /** Changes who is in the ensemble, where it allows that to this session. */
  async reconfig({
    joining,
    leaving,
    members,
    fromVersion,
    signal,
  }: ReconfigOptions): Promise<EnsembleConfig> {
    const request = {
      op: "reconfig",
      joiningServers: joining?.join(",") ?? null,
      leavingServers: leaving?.join(",") ?? null,
      newMembers: members?.join("\n") ?? null,
      currentConfigId: fromVersion ?? -1n,
    } as const;
    const { response } = await this.#asker.ask("getData", request, { path: CONFIG_PATH, signal });
    return readConfig(response.data);
  }

  #outer(path: string): string {
    return this.#asker.chroot.outer(path);
  }
}
