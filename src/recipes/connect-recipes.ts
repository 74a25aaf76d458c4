/**
 * The SDK's client as recipes want it. Where its session is lost it makes another; and it gives a session up by its own
 * clock before any replica can end it, so that nobody is given a lock while its holder still believes to hold it.
 */
import type { Client } from "../client/client.ts";
import { connect } from "../client/connect.ts";
import { ClosedError, SessionExpiredError } from "../client/errors.ts";
import type { ConnectOptions } from "../client/options.ts";
import { defaultRuntime, type Runtime } from "../client/runtime.ts";
import type { StateEvent } from "../client/session.ts";
import type { WatchEvent as ClientWatchEvent } from "../client/znode.ts";
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
} from "./recipe-client.ts";

/** A session is given up so long before it can be over, at least: timers may be late. */
const MARGIN_MS = 500;

/** And by no more than this part of its timeout. */
const MARGIN_PART = 8;

/** Before a session is asked for again, where there was none. */
const PAUSE_MS = 1000;

const MODES: Readonly<
  Record<
    CreateMode,
    { readonly mode: "persistent" | "ephemeral" | "container" | "ttl"; readonly sequential: boolean }
  >
> = {
  persistent: { mode: "persistent", sequential: false },
  persistentSequential: { mode: "persistent", sequential: true },
  ephemeral: { mode: "ephemeral", sequential: false },
  ephemeralSequential: { mode: "ephemeral", sequential: true },
  container: { mode: "container", sequential: false },
  ttl: { mode: "ttl", sequential: false },
  ttlSequential: { mode: "ttl", sequential: true },
};

/** How recipes connect; the rest is as recipes need it. */
export type RecipeOptions = Omit<ConnectOptions, "session" | "retryReads" | "outOfTouchFactor">;

/** Connects to an ensemble for recipes. Throws what the SDK's connect throws. */
export async function connectRecipes(
  address: string | readonly string[],
  options: RecipeOptions = {},
): Promise<SdkRecipeClient> {
  const runtime = options.runtime ?? defaultRuntime();
  const { signal, ...lasting } = options;
  // Answers come in the order of their questions: nothing is asked again behind the recipe's back.
  const open = (first: boolean): Promise<Client> =>
    connect(address, {
      ...lasting,
      ...(first && signal !== undefined ? { signal } : {}),
      runtime,
      retryReads: false,
      outOfTouchFactor: 1,
    });
  return new SdkRecipeClient(runtime, open, await open(true));
}

interface LiveSession extends RecipeSession {
  readonly client: Client;
  readonly aborter: AbortController;
}

/** See the file's comment. */
export class SdkRecipeClient implements RecipeClient, AsyncDisposable {
  readonly clock: RecipeClock;
  readonly #runtime: Runtime;
  readonly #open: (first: boolean) => Promise<Client>;
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #session: LiveSession | undefined;
  #state: ConnectionState = "connected";
  #isClosed = false;
  /** Who waits for the next session, or the end of all. */
  readonly #waiting: (() => void)[] = [];
  #stopLook = (): void => undefined;

  /** For connectRecipes alone. */
  constructor(runtime: Runtime, open: (first: boolean) => Promise<Client>, client: Client) {
    this.#runtime = runtime;
    this.#open = open;
    this.clock = {
      get nowMs() {
        return runtime.unixMs();
      },
      later: (delayMs, act) => runtime.startTimer(delayMs, act),
    };
    this.#adopt(client);
  }

  get session(): RecipeSession | undefined {
    return this.#session;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  onState(listener: (state: ConnectionState) => void): () => void {
    const own = (state: ConnectionState): void => listener(state);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  report(error: unknown): void {
    this.#runtime.report(error);
  }

  randomBytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#runtime.rng.below(256));
  }

  /** Ends the session, and makes no other. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const session = this.#session;
    if (session !== undefined) await session.client.close();
    this.#over(session, "closed");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async create(path: string, { mode, data, acl, ttlMs }: CreateSettings): Promise<Created> {
    return await this.#in((client) => client.create(path, data, { ...MODES[mode], acl, ttlMs }));
  }

  async delete(path: string, version?: number): Promise<void> {
    await this.#in((client) => client.delete(path, { version }));
  }

  async set(path: string, data: Uint8Array, version?: number): Promise<Stat> {
    return await this.#in((client) => client.set(path, data, { version }));
  }

  async get(path: string, watch?: WatchListener): Promise<Znode> {
    return await this.#in((client) => client.get(path, { watch: forward(watch) }));
  }

  async exists(path: string, watch?: WatchListener): Promise<Stat | undefined> {
    return await this.#in((client) => client.exists(path, { watch: forward(watch) }));
  }

  async children(path: string, watch?: WatchListener): Promise<Children> {
    const { children, stat } = await this.#in((client) =>
      client.childrenAndStat(path, { watch: forward(watch) }),
    );
    return { names: children, stat };
  }

  async sync(path: string): Promise<void> {
    await this.#in((client) => client.sync(path));
  }

  async transaction(parts: readonly TransactionPart[]): Promise<readonly TransactionResult[]> {
    const results = await this.#in((client) => {
      const transaction = client.transaction();
      for (const part of parts) {
        if (part.op === "create") {
          const { path, mode, data, acl, ttlMs } = part;
          transaction.create(path, data, { ...MODES[mode], acl, ttlMs });
        } else if (part.op === "set") transaction.set(part.path, part.data, part);
        else if (part.op === "delete") transaction.delete(part.path, part);
        else transaction.check(part.path, part);
      }
      return transaction.commit();
    });
    return results.map((result) => {
      if (result.op === "create") return { path: result.path };
      return result.op === "set" ? { stat: result.stat } : {};
    });
  }

  async addWatch(
    path: string,
    mode: "persistent" | "recursive",
    listener: WatchListener,
  ): Promise<() => Promise<void>> {
    const told = (event: ClientWatchEvent): void => {
      const seen = seenOf(event);
      if (seen !== undefined) listener(seen);
    };
    const unwatch = await this.#in((client) =>
      client.addWatch(path, told, { recursive: mode === "recursive" }),
    );
    return async () => {
      unwatch();
      await Promise.resolve();
    };
  }

  #adopt(client: Client): void {
    const aborter = new AbortController();
    const { sessionId: id, timeoutMs } = client;
    const session: LiveSession = { id, timeoutMs, lost: aborter.signal, client, aborter };
    this.#session = session;
    client.onState((event) => this.#onState(session, event));
    this.#look(session);
    this.#tell("connected");
    this.#wake();
    // It may have ended before anybody listened.
    if (client.ended.aborted) this.#over(session, "lost");
  }

  #onState(session: LiveSession, { state }: StateEvent): void {
    if (session !== this.#session) return;
    if (state === "suspended") this.#tell("suspended");
    else if (state === "reconnected") this.#tell("connected");
    else if (state !== "connected") this.#over(session, this.#isClosed ? "closed" : "lost");
  }

  /** Gives the session up when it may soon be over. */
  #look(session: LiveSession): void {
    const marginMs = Math.min(MARGIN_MS, session.timeoutMs / MARGIN_PART);
    const leftMs = session.client.assuredUntilMs - marginMs - this.#runtime.nowMs();
    this.#stopLook = this.#runtime.startTimer(Math.max(0, leftMs), () => {
      if (session !== this.#session) return;
      if (session.client.assuredUntilMs - marginMs > this.#runtime.nowMs()) return this.#look(session);
      this.#over(session, "lost");
    });
  }

  #over(session: LiveSession | undefined, state: "lost" | "closed"): void {
    if (session !== undefined && session !== this.#session) return;
    this.#stopLook();
    this.#session = undefined;
    if (session !== undefined) {
      session.aborter.abort(new SessionExpiredError());
      // Where it can be reached it is ended there too, so that what it held is free at once.
      session.client.close().catch((error: unknown) => this.report(error));
    }
    this.#tell(state);
    if (state === "closed") return this.#wake();
    this.#reopen().catch((error: unknown) => this.report(error));
  }

  async #reopen(): Promise<void> {
    for (;;) {
      try {
        const client = await this.#open(false);
        if (this.#isClosed) return await client.close();
        return this.#adopt(client);
      } catch (error) {
        // Nobody waits for a session of a client that is closed; any other failure is told, and tried again.
        if (this.#isClosed) return;
        this.report(error);
      }
      await new Promise<void>((resolve) => {
        this.#runtime.startTimer(PAUSE_MS / 2 + this.#runtime.rng.below(PAUSE_MS), resolve);
      });
      if (this.#isClosed) return;
    }
  }

  #tell(state: ConnectionState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const listener of this.#listeners) {
      try {
        listener(state);
      } catch (error) {
        this.report(error);
      }
    }
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Asks in the session there is, or in the next one. */
  async #in<T>(ask: (client: Client) => Promise<T>): Promise<T> {
    while (this.#session === undefined) {
      if (this.#isClosed) throw new ClosedError();
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    }
    const session = this.#session;
    try {
      return await ask(session.client);
    } catch (error) {
      if (session.lost.aborted && !this.#isClosed) throw new SessionExpiredError({ cause: error });
      throw error;
    }
  }
}

function forward(watch: WatchListener | undefined): ((event: ClientWatchEvent) => void) | undefined {
  if (watch === undefined) return undefined;
  return (event) => {
    const seen = seenOf(event);
    if (seen !== undefined) watch(seen);
  };
}

/** That a watch is gone with its session recipes know by the session. */
function seenOf({ type, path }: ClientWatchEvent): WatchEvent | undefined {
  if (type === "ended" || type === "removed") return undefined;
  return { kind: type, path };
}
