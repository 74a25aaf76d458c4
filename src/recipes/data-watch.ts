/**
 * DataWatch: kazoo's, a function that is called with a znode's data, at first and at each change, until it returns
 * false.
 *
 * What can go wrong, and what happens then:
 * - The connection or the session is lost: the znode is read again when there is a connection, and what changed is
 *   told.
 * - The znode changes twice between two reads: the second state is told, the first is not.
 * - The one dies that wrote it: the last state stays; an ephemeral's end is told as undefined.
 *
 * Znodes: any, also one that is not there yet: kazoo has no watch for that alone. Source: kazoo recipe/watchers.py.
 */
import { inBackground } from "./perseverance.ts";
import type { RecipeClient, Stat, WatchEvent } from "./recipe-client.ts";
import { ZnodeMirror } from "./znode-mirror.ts";

/** Returning false ends the watch. All is undefined where there is no znode; null are data that are null. */
export type DataWatchFunction = (
  data: Uint8Array | null | undefined,
  stat: Stat | undefined,
  event: WatchEvent | undefined,
) => false | void;

/** See the file's comment. It begins at once. */
export class DataWatch {
  readonly #mirror: ZnodeMirror;

  constructor(client: RecipeClient, path: string, watch: DataWatchFunction) {
    this.#mirror = new ZnodeMirror(client, path, (znode, event) => {
      if (watch(znode?.data, znode?.stat, event) === false) this.stop();
    });
  }

  /** Calls the function no more. */
  stop(): void {
    inBackground(this.#mirror.stop());
  }
}
