/**
 * A client for recipes in a made-up world: the session of test/sim/clients, whose every word is recorded and
 * checked, behind promises. Whatever it settles it says, so that who drives the world lets promises go on before
 * the next event.
 */
import { OPEN_ACL } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import { ERROR_CODES, type ErrorName, KeeperError } from "../../src/base/error-code.ts";
import type { SessionId } from "../../src/base/ids.ts";
import type { CreateRequest, MultiOperation, MultiResult, Response } from "../../src/base/request.ts";
import type { Stat as WireStat } from "../../src/base/stat.ts";
import { zxidToBigInt } from "../../src/base/zxid.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { WatcherEvent } from "../../src/jute/records.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import type {
  Children,
  ConnectionState,
  Created,
  CreateMode,
  CreateSettings,
  RecipeClient,
  RecipeClock,
  RecipeSession,
  Stat,
  TransactionPart,
  TransactionResult,
  WatchEvent,
  WatchListener,
  Znode,
} from "../../src/recipes/recipe-client.ts";
import { EVENT_TYPES, WATCHER_TYPES } from "../../src/tree/watch-table.ts";
import type { ClientClock } from "../sim/clients/client-clock.ts";
import type { OpenOperation, Recorder } from "../sim/clients/recorder.ts";
import { SessionClient } from "../sim/clients/session-client.ts";
import type { SessionOwner } from "../sim/clients/session-owner.ts";
import type { ClientPort } from "../../src/world/client-port.ts";
import { WatchListeners } from "./watch-listeners.ts";

/** A client stops to speak for its session so long before that can be over. */
const MARGIN_MS = 500;
/** Between two looks at whether the session may be over. */
const LOOK_MS = 100;

const FLAGS: Readonly<Record<CreateMode, number>> = {
  persistent: 0,
  ephemeral: 1,
  persistentSequential: 2,
  ephemeralSequential: 3,
  container: 4,
  ttl: 5,
  ttlSequential: 6,
};

const REASONS: ReadonlyMap<number, ErrorName> = new Map(
  Object.entries(ERROR_CODES).map(([name, code]) => [code, name as ErrorName]),
);

/** What a client is made of. */
export interface RecipeClientParts {
  readonly name: string;
  readonly port: ClientPort;
  readonly clock: ClientClock;
  /** Unix time in ms at the beginning of the clock. */
  readonly epochMs: number;
  readonly rng: Rng;
  readonly recorder: Recorder;
  readonly timeoutMs: number;
  /** Promises have something to do. */
  readonly onSettled: () => void;
}

interface LiveSession extends RecipeSession {
  readonly aborter: AbortController;
}

interface Waiting {
  readonly session: LiveSession | undefined;
  readonly request: ClientRequest;
  readonly resolve: (response: Response) => void;
  readonly reject: (error: unknown) => void;
}

/** See the file's comment. */
export class SessionRecipeClient implements RecipeClient, SessionOwner {
  readonly link: SessionClient;
  readonly clock: RecipeClock;
  readonly #parts: RecipeClientParts;
  readonly #watches = new WatchListeners();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #session: LiveSession | undefined;
  #state: ConnectionState = "suspended";
  /** Not sent yet, as there is no connection. */
  #waiting: Waiting[] = [];
  #isStopped = false;
  /** A session that may be over: it is closed as soon as there is a connection. */
  #disowned: SessionId | undefined;

  constructor(parts: RecipeClientParts) {
    this.#parts = parts;
    const { clock, epochMs, onSettled } = parts;
    this.clock = {
      get nowMs() {
        return epochMs + clock.nowMs;
      },
      later(delayMs, act) {
        let isOff = false;
        clock.later(delayMs, () => {
          if (isOff) return;
          onSettled();
          act();
        });
        return () => {
          isOff = true;
        };
      },
    };
    this.link = new SessionClient({ ...parts, owner: this });
  }

  get session(): RecipeSession | undefined {
    return this.#session;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects for the first time. */
  start(): this {
    this.link.start();
    return this;
  }

  /** Ends the session, and makes no other. */
  close(): void {
    this.#isStopped = true;
    this.link.stop();
    this.link.close();
    this.#sessionIsOver("closed");
  }

  /** Is gone without a word, as a process is that was killed: its session is left to expire. */
  abandon(): void {
    this.#isStopped = true;
    this.link.abandon();
    this.#sessionIsOver("closed");
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    const own = (state: ConnectionState): void => listener(state);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** What was reported: the world's tests want nothing here. */
  readonly reports: unknown[] = [];

  report(error: unknown): void {
    this.reports.push(error);
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#parts.rng.below(256));
  }

  async create(path: string, settings: CreateSettings): Promise<Created> {
    const response = await this.#ask(createOf(path, settings, true));
    if (response.op !== "create2") throw new Error(`a create is answered by ${response.op}`);
    return { path: response.path, stat: statOf(response.stat) };
  }

  async delete(path: string, version = -1): Promise<void> {
    await this.#ask({ op: "delete", path, version });
  }

  async set(path: string, data: Uint8Array, version = -1): Promise<Stat> {
    return statIn(await this.#ask({ op: "setData", path, data, version }));
  }

  async get(path: string, watch?: WatchListener): Promise<Znode> {
    const response = await this.#watching("data", path, watch, {
      op: "getData",
      path,
      watch: watch !== undefined,
    });
    if (response.op !== "getData") throw new Error(`a read is answered by ${response.op}`);
    return { data: response.data, stat: statOf(response.stat) };
  }

  async exists(path: string, watch?: WatchListener): Promise<Stat | undefined> {
    try {
      return statIn(
        await this.#watching("exists", path, watch, { op: "exists", path, watch: watch !== undefined }),
      );
    } catch (error) {
      if (error instanceof KeeperError && error.reason === "noNode") return undefined;
      throw error;
    }
  }

  async children(path: string, watch?: WatchListener): Promise<Children> {
    const request = { op: "getChildren2", path, watch: watch !== undefined } as const;
    const response = await this.#watching("children", path, watch, request);
    if (response.op !== "children2") throw new Error(`a list is answered by ${response.op}`);
    return { names: response.children, stat: statOf(response.stat) };
  }

  async sync(path: string): Promise<void> {
    await this.#ask({ op: "sync", path });
  }

  async transaction(parts: readonly TransactionPart[]): Promise<readonly TransactionResult[]> {
    const response = await this.#ask({ op: "multi", operations: parts.map(multiOperation) });
    if (response.op !== "multi") throw new Error(`a multi is answered by ${response.op}`);
    const failed = response.results.find((result) => result.op === "error" && result.code !== ERROR_CODES.ok);
    if (failed?.op === "error") throw errorOf(failed.code);
    return response.results.map(resultOf);
  }

  async addWatch(
    path: string,
    mode: "persistent" | "recursive",
    listener: WatchListener,
  ): Promise<() => Promise<void>> {
    const end = this.#watches.addPersistent(mode, path, listener);
    try {
      await this.#ask({ op: "addWatch", path, mode: mode === "recursive" ? 1 : 0 });
    } catch (error) {
      end();
      throw error;
    }
    return async () => {
      if (!end()) return;
      const type = mode === "recursive" ? WATCHER_TYPES.recursive : WATCHER_TYPES.persistent;
      try {
        await this.#ask({ op: "removeWatches", path, type });
      } catch (error) {
        // Gone with its session, or with a connection on which it was never set.
        if (!(error instanceof KeeperError)) throw error;
      }
    };
  }

  connected(): void {
    this.#parts.onSettled();
    const { session: id, timeoutMs } = this.link;
    if (this.#session !== undefined && this.#session.id !== id) this.#sessionIsOver("lost");
    if (this.#disowned === id) return this.link.close();
    if (this.#session === undefined) {
      const aborter = new AbortController();
      this.#session = { id, timeoutMs, lost: aborter.signal, aborter };
      this.#look(this.#session);
    }
    // The end of the connection before may not have been noticed.
    if (this.#state === "connected") this.#suspended();
    this.#tell("connected");
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) this.#send(one);
  }

  ended(): void {
    this.#parts.onSettled();
    this.#disowned = undefined;
    this.#sessionIsOver("lost");
  }

  event(event: WatcherEvent): void {
    this.#parts.onSettled();
    const told = watchEventOf(event);
    if (told !== undefined) this.#watches.fire(told);
  }

  /** Gives the session up when it may be over, by the client's own clock. */
  #look(session: LiveSession): void {
    this.#parts.clock.later(LOOK_MS, () => {
      if (this.#session !== session) return;
      if (!this.link.isConnected && this.#state === "connected") this.#suspended();
      const { heardOwnMs } = this.link;
      if (heardOwnMs + session.timeoutMs - MARGIN_MS > this.#parts.clock.nowMs) return this.#look(session);
      this.#disowned = session.id;
      this.#sessionIsOver("lost");
      if (this.link.isConnected) this.link.close();
    });
  }

  #suspended(): void {
    this.#tell("suspended");
  }

  #sessionIsOver(state: "lost" | "closed"): void {
    const session = this.#session;
    this.#session = undefined;
    this.#parts.onSettled();
    this.#watches.clear();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      const isOver = one.session === session && session !== undefined;
      if (isOver || state === "closed") one.reject(new KeeperError("sessionExpired"));
      else this.#waiting.push(one);
    }
    if (session !== undefined && !session.lost.aborted) {
      session.aborter.abort(new KeeperError("sessionExpired", "the session is over"));
    }
    this.#tell(this.#isStopped ? "closed" : state);
  }

  #tell(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    this.#parts.onSettled();
    for (const listener of this.#listeners) listener(state);
  }

  async #watching(
    kind: "data" | "exists" | "children",
    path: string,
    listener: WatchListener | undefined,
    request: ClientRequest,
  ): Promise<Response> {
    if (listener === undefined) return await this.#ask(request);
    const end = this.#watches.addOnce(kind, path, listener);
    try {
      return await this.#ask(request);
    } catch (error) {
      // A read that finds nothing leaves no watch; exists does.
      const isSet = kind === "exists" && error instanceof KeeperError && error.reason === "noNode";
      if (!isSet) end();
      throw error;
    }
  }

  async #ask(request: ClientRequest): Promise<Response> {
    if (this.#isStopped) throw new KeeperError("sessionExpired", "the client is closed");
    return await new Promise<Response>((resolve, reject) => {
      this.#send({ session: this.#session, request, resolve, reject });
    });
  }

  #send(one: Waiting): void {
    const { session, request, resolve, reject } = one;
    const isElse = session !== undefined && session !== this.#session;
    if (isElse) return reject(new KeeperError("sessionExpired"));
    const isSent = this.link.ask(request, (operation) => {
      this.#parts.onSettled();
      settle(operation, resolve, (error) => reject(session?.lost.aborted === true ? expired() : error));
    });
    if (isSent) return;
    if (this.#state === "connected") this.#suspended();
    this.#waiting.push(one);
  }
}

function expired(): KeeperError {
  return new KeeperError("sessionExpired");
}

function settle(
  { outcome }: OpenOperation,
  resolve: (response: Response) => void,
  reject: (error: unknown) => void,
): void {
  if (outcome.kind === "unknown") reject(new KeeperError("connectionLoss", outcome.reason));
  else if (outcome.error !== ERROR_CODES.ok) reject(errorOf(outcome.error));
  else resolve(must(outcome.response, "a response of a success"));
}

function errorOf(code: number): KeeperError {
  return new KeeperError(REASONS.get(code) ?? "systemError", REASONS.has(code) ? "" : String(code));
}

function statIn(response: Response): Stat {
  if (response.op !== "stat") throw new Error(`answered by ${response.op}`);
  return statOf(response.stat);
}

function statOf(stat: WireStat): Stat {
  const { czxid, mzxid, pzxid } = stat;
  return { ...stat, czxid: zxidToBigInt(czxid), mzxid: zxidToBigInt(mzxid), pzxid: zxidToBigInt(pzxid) };
}

function createOf(path: string, settings: CreateSettings, isStatTold: boolean): CreateRequest {
  const { mode, data, acl = OPEN_ACL, ttlMs = 0 } = settings;
  const isTtl = mode === "ttl" || mode === "ttlSequential";
  const plain = isStatTold ? "create2" : "create";
  const op = isTtl ? "createTTL" : mode === "container" ? "createContainer" : plain;
  return { op, path, data, acl, flags: FLAGS[mode], ttlMs };
}

function multiOperation(part: TransactionPart): MultiOperation {
  if (part.op === "create") return createOf(part.path, part, true);
  if (part.op === "set") return { op: "setData", path: part.path, data: part.data, version: part.version };
  return part;
}

function resultOf(result: MultiResult): TransactionResult {
  if (result.op === "create2") return { path: result.path, stat: statOf(result.stat) };
  if (result.op === "create") return { path: result.path };
  return result.op === "setData" ? { stat: statOf(result.stat) } : {};
}

function watchEventOf({ type, path }: WatcherEvent): WatchEvent | undefined {
  switch (type) {
    case EVENT_TYPES.created:
      return { kind: "created", path };
    case EVENT_TYPES.deleted:
      return { kind: "deleted", path };
    case EVENT_TYPES.dataChanged:
      return { kind: "dataChanged", path };
    case EVENT_TYPES.childrenChanged:
      return { kind: "childrenChanged", path };
    default:
      return undefined;
  }
}
