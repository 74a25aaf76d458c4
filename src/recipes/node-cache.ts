/**
 * NodeCache: one znode, kept at hand, with word of its changes.
 *
 * What can go wrong, and what happens then:
 * - The connection or the session is lost: what is at hand grows old, and is read again when there is a connection.
 * - The znode changes twice between two reads: the second state is told, the first is not.
 * - The one dies that writes it: the last state stays at hand.
 *
 * Znodes: any. Source: Curator NodeCache (deprecated there, as CuratorCache does it, too).
 */
import { Listeners } from "./listeners.ts";
import type { RecipeClient, Znode } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";
import { ZnodeMirror } from "./znode-mirror.ts";

/** See the file's comment. */
export class NodeCache {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #listeners = new Listeners<[Znode | undefined]>();
  #mirror: ZnodeMirror | undefined;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.#path = path;
  }

  /** The znode as it was read last; undefined where there is none. */
  get current(): Znode | undefined {
    return this.#mirror?.znode;
  }

  /** Begins; resolves when it has been read. Once. */
  async start(): Promise<this> {
    if (this.#mirror !== undefined)
      throw new RecipeError("misuse", "a cache is started once: make another one");
    this.#mirror = new ZnodeMirror(this.#client, this.#path, (znode) => this.#listeners.tell(znode));
    await this.#mirror.known;
    return this;
  }

  /** Calls the listener with the znode, or with undefined where it is gone, whenever that changes. */
  onChange(listener: (znode: Znode | undefined) => void): () => void {
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
