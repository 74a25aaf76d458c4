/** Who asks in a measurement: sessions of the SDK by WebSocket or TCP, or callers of its HTTP client. */
import type { Client } from "../../client/client.ts";
import type { HttpClient } from "../../client/http/http-client.ts";
import { connect } from "../../client/connect.ts";
import { connectRecipes, type SdkRecipeClient } from "../../recipes/connect-recipes.ts";
import { InterProcessMutex } from "../../recipes/inter-process-mutex.ts";
import { logIn, type Reach } from "../reach.ts";
import { tcpTransport } from "../tcp-transport.ts";

/** What is asked of an ensemble. Each throws the SDK's errors. */
export interface BenchClient {
  create(path: string, data: Uint8Array): Promise<unknown>;
  set(path: string, data: Uint8Array): Promise<unknown>;
  get(path: string): Promise<unknown>;
  /** Takes a lock that nobody else wants, and gives it back. */
  lock(path: string): Promise<unknown>;
  children(path: string): Promise<readonly string[]>;
  delete(path: string): Promise<unknown>;
  /** All of them or none. */
  deleteTogether(paths: readonly string[]): Promise<unknown>;
  /** Never throws. */
  close(): Promise<void>;
}

/** An ensemble, and the way to it. */
export interface BenchDoor {
  readonly kind: "websocket" | "http" | "tcp";
  /** For people, and for the document. */
  readonly address: string;
  /** Throws the SDK's errors where nobody lets it in. */
  open(): Promise<BenchClient>;
}

/** How long the first connection may take, in ms. */
const CONNECT_MS = 10_000;

/** By the SDK's sessions, each over a WebSocket of its own. */
export function webSocketDoor(reach: Reach): BenchDoor {
  return {
    kind: "websocket",
    address: reach.address,
    async open() {
      const client = await reach.session();
      const recipes = async (): Promise<SdkRecipeClient> => {
        const options = reach.socketOptions(() => undefined);
        return await connectRecipes(reach.address, { ...options, connectTimeoutMs: CONNECT_MS });
      };
      return new SessionBenchClient(client, recipes);
    },
  };
}

/** By the SDK's sessions, each over a TCP connection of its own: the doors of an ensemble, or a ZooKeeper. */
export function tcpDoor(hosts: readonly string[]): BenchDoor {
  const options = { transport: tcpTransport, connectTimeoutMs: CONNECT_MS };
  return {
    kind: "tcp",
    address: hosts.join(","),
    async open() {
      const client = await connect(hosts, options);
      await logIn(client, "EDGEKEEPER_AUTH");
      return new SessionBenchClient(client, async () => await connectRecipes(hosts, options));
    },
  };
}

/** By requests over HTTP: there is no session but those of leases. */
export function httpDoor(reach: Reach): BenchDoor {
  return {
    kind: "http",
    address: reach.address,
    async open() {
      const client = reach.http();
      // Whether anybody is there, and lets us in, is told before it begins.
      await client.exists("/");
      return new HttpBenchClient(client);
    },
  };
}

/** Locks are those of recipes, with a session of their own, which is made with the first. */
class SessionBenchClient implements BenchClient {
  readonly #client: Client;
  readonly #connectRecipes: () => Promise<SdkRecipeClient>;
  #recipes: Promise<SdkRecipeClient> | undefined;

  constructor(client: Client, recipes: () => Promise<SdkRecipeClient>) {
    this.#client = client;
    this.#connectRecipes = recipes;
  }

  create(path: string, data: Uint8Array): Promise<unknown> {
    return this.#client.create(path, data);
  }

  set(path: string, data: Uint8Array): Promise<unknown> {
    return this.#client.set(path, data);
  }

  get(path: string): Promise<unknown> {
    return this.#client.get(path);
  }

  async lock(path: string): Promise<void> {
    const mutex = new InterProcessMutex(await (this.#recipes ??= this.#connectRecipes()), path);
    const held = await mutex.acquire();
    await held.release();
  }

  children(path: string): Promise<readonly string[]> {
    return this.#client.children(path);
  }

  delete(path: string): Promise<unknown> {
    return this.#client.delete(path);
  }

  deleteTogether(paths: readonly string[]): Promise<unknown> {
    const transaction = this.#client.transaction();
    for (const path of paths) transaction.delete(path);
    return transaction.commit();
  }

  async close(): Promise<void> {
    // One that never came up was told to whoever asked for a lock.
    const recipes = await this.#recipes?.catch(() => undefined);
    await Promise.all([recipes?.close(), this.#client.close()]);
  }
}

/** A lock is a lease, which is released long before it would have to be renewed. */
class HttpBenchClient implements BenchClient {
  readonly #client: HttpClient;

  constructor(client: HttpClient) {
    this.#client = client;
  }

  create(path: string, data: Uint8Array): Promise<unknown> {
    return this.#client.create(path, data);
  }

  set(path: string, data: Uint8Array): Promise<unknown> {
    return this.#client.put(path, data);
  }

  get(path: string): Promise<unknown> {
    return this.#client.get(path);
  }

  async lock(path: string): Promise<void> {
    const lease = await this.#client.lock(path, { renew: false });
    await lease.release();
  }

  children(path: string): Promise<readonly string[]> {
    return this.#client.children(path);
  }

  delete(path: string): Promise<unknown> {
    return this.#client.delete(path);
  }

  deleteTogether(paths: readonly string[]): Promise<unknown> {
    const transaction = this.#client.transaction();
    for (const path of paths) transaction.delete(path);
    return transaction.commit();
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
