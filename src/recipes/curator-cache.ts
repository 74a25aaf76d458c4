/**
 * CuratorCache: a znode and all below it, kept at hand, with word of what changes.
 *
 * What can go wrong, and what happens then:
 * - The connection or the session is lost: what is at hand grows old, and all of it is read again when there is a
 *   connection; what changed meanwhile is told then.
 * - A znode changes twice between an event and the read: the second state is told, the first is not. One that is
 *   deleted and made again may be told as changed.
 * - The one dies that wrote an ephemeral below: it is told as deleted when that session is over.
 * - The subtree is larger than memory: watch less of it, or take PathChildrenCache.
 *
 * Znodes: any. Source: Curator CuratorCache; CuratorCacheBridge is this, too, as every server here has persistent
 * watches.
 */
import { Listeners } from "./listeners.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";
import { type MirrorEntry, type MirrorEvent, SubtreeMirror } from "./subtree-mirror.ts";

/** See the file's comment. */
export class CuratorCache {
  readonly #client: RecipeClient;
  readonly #root: string;
  readonly #depth: number;
  readonly #listeners = new Listeners<[MirrorEvent]>();
  #mirror: SubtreeMirror | undefined;

  /** `singleNode`: the root alone. */
  constructor(client: RecipeClient, root: string, settings: { readonly singleNode?: boolean } = {}) {
    this.#client = client;
    this.#root = root;
    this.#depth = settings.singleNode === true ? 0 : Number.POSITIVE_INFINITY;
  }

  /** Begins; resolves when all of it was read: Curator's event `initialized`. Once. */
  async start(): Promise<this> {
    if (this.#mirror !== undefined)
      throw new RecipeError("misuse", "a cache is started once: make another one");
    const tell = (event: MirrorEvent): void => this.#listeners.tell(event);
    this.#mirror = new SubtreeMirror(this.#client, { root: this.#root, depth: this.#depth, tell });
    await this.#mirror.initialized;
    return this;
  }

  /** A znode as it was read last; undefined where there is none. */
  get(path: string): MirrorEntry | undefined {
    return this.#mirror?.entries.get(path);
  }

  /** How many znodes there are, the root counted. */
  get size(): number {
    return this.#mirror?.entries.size ?? 0;
  }

  /** All of them, in the order of their paths. */
  entries(): readonly MirrorEntry[] {
    return [...(this.#mirror?.entries.values() ?? [])].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  }

  /** Calls the listener with each change from now on; the returned function ends that. */
  onEvent(listener: (event: MirrorEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Tells nothing more. */
  async close(): Promise<void> {
    await this.#mirror?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
