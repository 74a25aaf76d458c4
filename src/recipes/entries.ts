/** What all queues have in common: entries that are put once, taken by one alone, and waited for. */
import { childOf } from "../base/path.ts";
import { DoneMarker, markersOf } from "./done-marker.ts";
import { Bell } from "./latch.ts";
import type { Patience } from "./patience.ts";
import { currentSession, makeContainers, persevere, withParents } from "./perseverance.ts";
import type { NodeData } from "../base/request.ts";
import type { RecipeClient, WatchListener } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";

/** An entry that was read. */
export interface Entry {
  readonly name: string;
  readonly data: NodeData;
  readonly version: number;
}

/** Entries below one znode. */
export class Entries {
  readonly path: string;
  readonly #client: RecipeClient;
  readonly #marker: DoneMarker;

  constructor(client: RecipeClient, path: string) {
    this.#client = client;
    this.path = path;
    this.#marker = new DoneMarker(client, markersOf(path));
  }

  /** Puts entries at the end, all or none, each once. Their names begin so; the number is added. */
  async put(entries: readonly { readonly prefix: string; readonly data: Uint8Array }[]): Promise<void> {
    const parts = entries.map(({ prefix, data }) => {
      const path = childOf(this.path, prefix);
      return { op: "create", path, mode: "persistentSequential", data } as const;
    });
    await withParents(this.#client, childOf(this.path, "-"), async () => await this.#marker.commit(parts));
  }

  /** The names, in no order; none where there is no queue yet, which is made where it is to be watched. */
  async list(watch?: WatchListener): Promise<readonly string[]> {
    for (;;) {
      try {
        return (await persevere(this.#client, async () => await this.#client.children(this.path, watch)))
          .names;
      } catch (error) {
        // There is no queue yet.
        if (!isKeeperError(error, "noNode")) throw error;
        if (watch === undefined) return [];
      }
      await makeContainers(this.#client, this.path);
    }
  }

  /** What is in an entry; undefined where it is gone. */
  async read(name: string): Promise<Entry | undefined> {
    try {
      const path = childOf(this.path, name);
      const { data, stat } = await persevere(this.#client, async () => await this.#client.get(path));
      return { name, data, version: stat.version };
    } catch (error) {
      // Somebody else has taken it: undefined says so.
      if (isKeeperError(error, "noNode")) return undefined;
      throw error;
    }
  }

  /** Takes an entry away; whether it was this call that did. `instead` is put in the same transaction. */
  async remove(
    { name, version }: Entry,
    instead?: { readonly prefix: string; readonly data: Uint8Array },
  ): Promise<boolean> {
    const path = childOf(this.path, name);
    const create =
      instead === undefined
        ? []
        : [
            {
              op: "create",
              path: childOf(this.path, instead.prefix),
              mode: "persistentSequential",
              data: instead.data,
            } as const,
          ];
    try {
      await this.#marker.commit([{ op: "delete", path, version }, ...create]);
      return true;
    } catch (error) {
      // Somebody else was sooner, which false tells.
      if (isKeeperError(error, "noNode", "badVersion")) return false;
      throw error;
    }
  }

  /** Takes the first entry of these that is still there. */
  async takeFirst(names: readonly string[]): Promise<Entry | undefined> {
    for (const name of names) {
      const entry = await this.read(name);
      if (entry !== undefined && (await this.remove(entry))) return entry;
    }
    return undefined;
  }

  /**
   * Waits until `take` takes one of those that it is given; what rings `watch` lets it look again. An entry that is
   * being taken when the patience ends is given all the same: it must not get lost.
   */
  async untilTaken<T>(
    patience: Patience,
    take: (names: readonly string[], watch: WatchListener) => Promise<T | undefined>,
  ): Promise<T> {
    const bell = new Bell();
    const ring = (): void => bell.ring();
    const end = this.#client.onState(ring);
    try {
      for (;;) {
        await currentSession(this.#client, patience);
        try {
          const names = await patience.of(this.list(ring));
          const taken = await take(names, ring);
          if (taken !== undefined) return taken;
        } catch (error) {
          // Another session begins, and looks again.
          const isLost = error instanceof RecipeError && error.fault === "sessionLost";
          if (!isLost && !isKeeperError(error, "sessionExpired")) throw error;
          continue;
        }
        await patience.of(bell.rung());
      }
    } finally {
      end();
    }
  }

  /** Takes away what it needed. */
  async close(): Promise<void> {
    await this.#marker.close();
  }
}
