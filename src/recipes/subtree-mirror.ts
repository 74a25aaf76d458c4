/**
 * A znode and what is below it, as it was seen last: one recursive watch tells what changed, and that is read.
 *
 * A watch tells nothing of what happened while there was no connection (nor do ZooKeeper's): all of it is read
 * again on each new one. Between an event and a read that was on its way the younger counts: who reads remembers
 * when it asked, and what came for that path since is not overwritten.
 */
import { childOf } from "../base/path.ts";
import { Latch } from "./latch.ts";
import { inBackground, persevere } from "./perseverance.ts";
import type { RecipeClient, RecipeSession, Stat, WatchEvent, Znode } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";
import { Upkeep } from "./until-read.ts";

/** Reads on their way at a time: a large subtree must not fill the client's queue. */
const READS_MAX = 64;

/** One znode of the mirror. */
export interface MirrorEntry extends Znode {
  readonly path: string;
}

/** What changed. `before` is what was known of the znode. */
export type MirrorEvent =
  | { readonly kind: "created"; readonly entry: MirrorEntry }
  | { readonly kind: "changed"; readonly entry: MirrorEntry; readonly before: MirrorEntry }
  | { readonly kind: "deleted"; readonly before: MirrorEntry };

/** What to mirror. */
export interface SubtreeSettings {
  readonly root: string;
  /** 0 for the root alone, 1 for its children, Infinity for all. */
  readonly depth: number;
  readonly tell: (event: MirrorEvent) => void;
}

/** See the file's comment. */
export class SubtreeMirror {
  readonly #client: RecipeClient;
  readonly #settings: SubtreeSettings;
  readonly #entries = new Map<string, MirrorEntry>();
  readonly #initialized = new Latch();
  readonly #upkeep: Upkeep;
  /** When something came for a path, by a clock that counts such things; kept while reads are on their way. */
  readonly #touched = new Map<string, number>();
  #clock = 0;
  #reads = 0;
  readonly #waitingReads: (() => void)[] = [];
  #watchedIn: RecipeSession | undefined;
  #unwatch: (() => Promise<void>) | undefined;

  constructor(client: RecipeClient, settings: SubtreeSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#upkeep = new Upkeep(client, async () => await this.#look());
  }

  /** Resolves when all of it was read for the first time. */
  get initialized(): Promise<void> {
    return this.#initialized.opened;
  }

  /** By path, in no order. */
  get entries(): ReadonlyMap<string, MirrorEntry> {
    return this.#entries;
  }

  /** Reads all of it again soon. */
  refresh(): void {
    this.#upkeep.ring();
  }

  /** Tells nothing more, and takes its watch away. */
  async stop(): Promise<void> {
    const unwatch = this.#unwatch;
    this.#unwatch = undefined;
    await this.#upkeep.stop();
    if (unwatch !== undefined && this.#client.state === "connected") inBackground(unwatch());
  }

  async #look(): Promise<void> {
    const { session, state } = this.#client;
    // It is rung again when that changes.
    if (session === undefined || state !== "connected") return;
    const { root } = this.#settings;
    if (this.#watchedIn !== session) {
      this.#unwatch = await this.#client.addWatch(root, "recursive", (event) => this.#onEvent(event));
      this.#watchedIn = session;
    }
    const seen = new Set<string>();
    const fromClock = this.#clock;
    await this.#walk(root, this.#settings.depth, seen);
    if (this.#client.session !== session) throw new RecipeError("sessionLost", "the session ended meanwhile");
    for (const path of [...this.#entries.keys()].toReversed()) {
      const isYounger = (this.#touched.get(path) ?? 0) > fromClock;
      if (!seen.has(path) && !isYounger) this.#remove(path);
    }
    this.#initialized.open();
  }

  async #walk(path: string, depth: number, seen: Set<string>): Promise<void> {
    const stat = await this.#read(path);
    if (stat === undefined) return;
    seen.add(path);
    if (depth === 0 || stat.numChildren === 0) return;
    const names = await this.#children(path);
    await Promise.all(names.map(async (name) => await this.#walk(childOf(path, name), depth - 1, seen)));
  }

  async #children(path: string): Promise<readonly string[]> {
    try {
      return (await this.#throttled(async () => await this.#client.children(path))).names;
    } catch (error) {
      // No znode, no children.
      if (isKeeperError(error, "noNode")) return [];
      throw error;
    }
  }

  /** Reads one znode into the mirror; its Stat, where it is there. */
  async #read(path: string): Promise<Stat | undefined> {
    try {
      const fromClock = { at: 0 };
      const { data, stat } = await this.#throttled(async () => {
        fromClock.at = this.#clock;
        return await this.#client.get(path);
      });
      if ((this.#touched.get(path) ?? 0) <= fromClock.at) this.#put({ path, data, stat });
      return stat;
    } catch (error) {
      // It is gone: undefined says so.
      if (isKeeperError(error, "noNode")) return undefined;
      throw error;
    }
  }

  async #throttled<T>(read: () => Promise<T>): Promise<T> {
    while (this.#reads >= READS_MAX) {
      await new Promise<void>((resolve) => {
        this.#waitingReads.push(resolve);
      });
    }
    this.#reads++;
    try {
      return await read();
    } finally {
      this.#reads--;
      this.#waitingReads.shift()?.();
    }
  }

  #onEvent({ kind, path }: WatchEvent): void {
    if (this.#upkeep.isStopped) return;
    if (kind === "resync") return this.#upkeep.ring();
    if (!this.#isWithin(path)) return;
    if (this.#reads === 0) this.#touched.clear();
    this.#touched.set(path, ++this.#clock);
    if (kind === "deleted") this.#remove(path);
    else inBackground(this.#readAgain(path));
  }

  /** What fails with its session is read with the next one. */
  async #readAgain(path: string): Promise<void> {
    await persevere(this.#client, async () => await this.#read(path));
  }

  #isWithin(path: string): boolean {
    const { root, depth } = this.#settings;
    if (path === root) return true;
    const below = path.slice(root === "/" ? 1 : root.length + 1);
    return below.split("/").length <= depth;
  }

  #put(entry: MirrorEntry): void {
    const before = this.#entries.get(entry.path);
    if (this.#upkeep.isStopped || (before !== undefined && before.stat.mzxid > entry.stat.mzxid)) return;
    this.#entries.set(entry.path, entry);
    if (before === undefined) this.#settings.tell({ kind: "created", entry });
    else if (before.stat.mzxid !== entry.stat.mzxid) this.#settings.tell({ kind: "changed", entry, before });
  }

  #remove(path: string): void {
    const before = this.#entries.get(path);
    if (before === undefined) return;
    this.#entries.delete(path);
    if (!this.#upkeep.isStopped) this.#settings.tell({ kind: "deleted", before });
  }
}
