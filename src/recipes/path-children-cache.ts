/**
 * PathChildrenCache: the children of a znode, kept at hand with their data, with word of which come, change and go.
 *
 * What can go wrong: what can with a CuratorCache, and the same happens. The parent is made where it lacks.
 *
 * It is told of what happens further below, too, and takes no notice; where much does, keep such things elsewhere.
 *
 * Znodes: PATH (container where it has to be made) / any. Source: Curator PathChildrenCache (deprecated there).
 */
import { nameOf } from "../base/path.ts";
import { Listeners } from "./listeners.ts";
import { makeContainers } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";
import { type MirrorEntry, type MirrorEvent, SubtreeMirror } from "./subtree-mirror.ts";

/** See the file's comment. */
export class PathChildrenCache {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #listeners = new Listeners<[MirrorEvent]>();
  #mirror: SubtreeMirror | undefined;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  /** Begins; resolves when all children were read. Once. */
  async start(): Promise<this> {
    if (this.#mirror !== undefined)
      throw new RecipeError("misuse", "a cache is started once: make another one");
    await makeContainers(this.#client, this.#path);
    const tell = (event: MirrorEvent): void => {
      const { path } = event.kind === "deleted" ? event.before : event.entry;
      if (path !== this.#path) this.#listeners.tell(event);
    };
    this.#mirror = new SubtreeMirror(this.#client, { root: this.#path, depth: 1, tell });
    await this.#mirror.initialized;
    return this;
  }

  /** The children as they were read last, in the order of their names. */
  get currentData(): readonly MirrorEntry[] {
    const entries = [...(this.#mirror?.entries.values() ?? [])].filter(({ path }) => path !== this.#path);
    return entries.toSorted((a, b) => (nameOf(a.path) < nameOf(b.path) ? -1 : 1));
  }

  /** One child; undefined where there is none. */
  get(path: string): MirrorEntry | undefined {
    return path === this.#path ? undefined : this.#mirror?.entries.get(path);
  }

  /** Calls the listener when a child comes, changes or goes; the returned function ends that. */
  onEvent(listener: (event: MirrorEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Reads all again soon. */
  rebuild(): void {
    this.#mirror?.refresh();
  }

  /** Tells nothing more. */
  async close(): Promise<void> {
    await this.#mirror?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
