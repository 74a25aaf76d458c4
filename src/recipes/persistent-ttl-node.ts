/**
 * PersistentTtlNode: a znode that outlives its session by some time, and no more: as long as this object is there a
 * child of it is touched again and again, and when that ceases both go by their time to live.
 *
 * What can go wrong, and what happens then:
 * - The process dies, or cannot reach any server for longer than the time to live: child and znode go.
 * - It is back after that: the znode is made anew.
 * - The session is lost: nothing happens, as it belongs to no session.
 *
 * Znodes: PATH (TTL), PATH/touch (TTL). Parents are made as containers. Source: Curator PersistentTtlNode.
 */
import { childOf } from "../base/path.ts";
import { inBackground, NO_DATA, persevere } from "./perseverance.ts";
import { PersistentNode } from "./persistent-node.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";

/** What is to be kept. */
export interface PersistentTtlNodeSettings {
  readonly path: string;
  readonly data: Uint8Array;
  /** So long it outlives the last touch, and as much again as a server takes to sweep. */
  readonly ttlMs: number;
  /** How often the child is touched in that time. Default 2. */
  readonly touchesPerTtl?: number | undefined;
  /** The child's name. Default `touch`. */
  readonly childName?: string | undefined;
}

const TOUCHES_PER_TTL = 2;

/** See the file's comment. */
export class PersistentTtlNode {
  readonly #client: RecipeClient;
  readonly #settings: PersistentTtlNodeSettings;
  readonly #node: PersistentNode;
  #cancel: (() => void) | undefined;

  constructor(client: RecipeClient, settings: PersistentTtlNodeSettings) {
    const { path, data, ttlMs } = settings;
    this.#client = client;
    this.#settings = settings;
    this.#node = new PersistentNode(client, { path, data, ttlMs, mode: "ttl", staysWhenClosed: true });
  }

  get data(): Uint8Array {
    return this.#node.data;
  }

  /** Resolves when it was there for the first time. */
  get created(): Promise<void> {
    return this.#node.created;
  }

  /** Begins. Once. */
  start(): this {
    if (this.#cancel !== undefined)
      throw new RecipeError("misuse", "a node is started once: make another one");
    this.#node.start();
    this.#touchLater();
    return this;
  }

  /** What it is to hold from now on. */
  async setData(data: Uint8Array): Promise<void> {
    await this.#node.setData(data);
  }

  /** Keeps it no more: it goes by its time to live. */
  async close(): Promise<void> {
    this.#cancel?.();
    await this.#node.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #touchLater(): void {
    const { ttlMs, touchesPerTtl = TOUCHES_PER_TTL } = this.#settings;
    this.#cancel = this.#client.clock.later(ttlMs / touchesPerTtl, () => {
      this.#touchLater();
      inBackground(this.#touch());
    });
  }

  async #touch(): Promise<void> {
    const { path, ttlMs, childName = "touch" } = this.#settings;
    const child = childOf(path, childName);
    try {
      await persevere(this.#client, async () => await this.#client.set(child, NO_DATA));
    } catch (error) {
      // It is not there yet, or its time was over: it is made.
      if (!isKeeperError(error, "noNode")) throw error;
      await this.#client.create(child, { mode: "ttl", data: NO_DATA, ttlMs });
    }
  }
}
