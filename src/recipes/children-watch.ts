/**
 * ChildrenWatch: kazoo's, a function that is called with the names of a znode's children, at first and at each
 * change, until it returns false.
 *
 * What can go wrong, and what happens then:
 * - The connection or the session is lost: the children are listed again when there is a connection. With
 *   `allowSessionLost: false` a lost session ends the watch.
 * - Children come and go between two lists: what lasted is told.
 * - The one dies that made an ephemeral child: its end is a change.
 * - The znode is not there, or goes: nothing is told until it is there.
 *
 * Znodes: any. Source: kazoo recipe/watchers.py, ChildrenWatch.
 */
import { inBackground } from "./perseverance.ts";
import type { RecipeClient, WatchEvent } from "./recipe-client.ts";
import { isKeeperError } from "./recipe-error.ts";
import { Upkeep } from "./until-read.ts";

/**
 * Returning false ends the watch. `event` is what told of the change; undefined at first and after a lost
 * connection.
 */
export type ChildrenWatchFunction = (names: readonly string[], event: WatchEvent | undefined) => false | void;

/** See the file's comment. It begins at once. */
export class ChildrenWatch {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #watch: ChildrenWatchFunction;
  readonly #upkeep: Upkeep;
  #before: string | undefined;
  #event: WatchEvent | undefined;

  constructor(
    client: RecipeClient,
    path: string,
    watch: ChildrenWatchFunction,
    settings: { readonly allowSessionLost?: boolean } = {},
  ) {
    this.#client = client;
    this.#path = path;
    this.#watch = watch;
    this.#upkeep = new Upkeep(client, async () => await this.#look());
    if (settings.allowSessionLost !== false) return;
    const end = client.onState((state) => {
      if (state !== "lost") return;
      end();
      this.stop();
    });
  }

  /** Whether it calls its function no more. */
  get isStopped(): boolean {
    return this.#upkeep.isStopped;
  }

  /** Calls the function no more. */
  stop(): void {
    inBackground(this.#upkeep.stop());
  }

  async #look(): Promise<void> {
    const watch = (event: WatchEvent): void => {
      this.#event = event;
      this.#upkeep.ring();
    };
    const names = await this.#list(watch);
    if (names === undefined || this.#upkeep.isStopped) return;
    const list = names.toSorted();
    const text = list.join("/");
    const event = this.#event;
    this.#event = undefined;
    if (text === this.#before) return;
    this.#before = text;
    if (this.#watch(list, event) === false) this.stop();
  }

  async #list(watch: (event: WatchEvent) => void): Promise<readonly string[] | undefined> {
    try {
      return (await this.#client.children(this.#path, watch)).names;
    } catch (error) {
      // No znode, no children: that is told below.
      if (!isKeeperError(error, "noNode")) throw error;
    }
    this.#before = undefined;
    // Its creation tells; or it has come between the two.
    if ((await this.#client.exists(this.#path, watch)) !== undefined) this.#upkeep.ring();
    return undefined;
  }
}
