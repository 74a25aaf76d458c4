/**
 * PersistentWatcher: a watch that stays, over sessions, too.
 *
 * What can go wrong, and what happens then:
 * - The connection is lost: what happens meanwhile is told to nobody. `onReset` tells that it is there again: look
 *   then.
 * - The session is lost: the watch is set in the next one, and `onReset` is called.
 * - The one dies that changes the znodes: what it did is told; its ephemerals are told as deleted.
 *
 * Znodes: any. Source: Curator PersistentWatcher.
 */
import { Listeners } from "./listeners.ts";
import { inBackground } from "./perseverance.ts";
import type { RecipeClient, RecipeSession, WatchEvent } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";
import { Upkeep } from "./until-read.ts";

/** See the file's comment. */
export class PersistentWatcher {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #mode: "persistent" | "recursive";
  readonly #listeners = new Listeners<[WatchEvent]>();
  readonly #resets = new Listeners<[]>();
  #upkeep: Upkeep | undefined;
  #watchedIn: RecipeSession | undefined;
  #unwatch: (() => Promise<void>) | undefined;

  constructor(client: RecipeClient, path: string, settings: { readonly recursive?: boolean } = {}) {
    this.#client = client;
    this.#path = path;
    this.#mode = settings.recursive === true ? "recursive" : "persistent";
  }

  /** Begins. Once. */
  start(): this {
    if (this.#upkeep !== undefined)
      throw new RecipeError("misuse", "a watcher is started once: make another one");
    this.#upkeep = new Upkeep(this.#client, async () => await this.#look());
    return this;
  }

  /** Calls the listener with each event; the returned function ends that. */
  onEvent(listener: (event: WatchEvent) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Calls the listener when the watch is set, at first and again: what happened before was not told. */
  onReset(listener: () => void): () => void {
    return this.#resets.add(listener);
  }

  /** Tells nothing more, and takes the watch away. */
  async close(): Promise<void> {
    const unwatch = this.#unwatch;
    this.#unwatch = undefined;
    await this.#upkeep?.stop();
    if (unwatch !== undefined && this.#client.state === "connected") inBackground(unwatch());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #look(): Promise<void> {
    const { session, state } = this.#client;
    if (session === undefined || state !== "connected") return;
    if (this.#watchedIn !== session) {
      this.#unwatch = await this.#client.addWatch(this.#path, this.#mode, (event) => {
        if (this.#upkeep?.isStopped === true) return;
        if (event.kind === "resync") this.#resets.tell();
        else this.#listeners.tell(event);
      });
      this.#watchedIn = session;
    }
    this.#resets.tell();
  }
}
