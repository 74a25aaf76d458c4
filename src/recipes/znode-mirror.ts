/** One znode, as it was seen last: read with a watch, read again at each event and on each new connection. */
import { Latch } from "./latch.ts";
import type { RecipeClient, WatchEvent, Znode } from "./recipe-client.ts";
import { isKeeperError } from "./recipe-error.ts";
import { Upkeep } from "./until-read.ts";

/** Told of each change, and of what is there at first; `event` is what a watch told, if one did. */
export type MirrorListener = (znode: Znode | undefined, event: WatchEvent | undefined) => void;

/** See the file's comment. What changed and changed back between two reads is not seen. */
export class ZnodeMirror {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #tell: MirrorListener;
  readonly #known = new Latch();
  readonly #upkeep: Upkeep;
  #znode: Znode | undefined;
  #isKnown = false;
  #event: WatchEvent | undefined;

  constructor(client: RecipeClient, path: string, tell: MirrorListener) {
    this.#client = client;
    this.#path = path;
    this.#tell = tell;
    this.#upkeep = new Upkeep(client, async () => await this.#look());
  }

  /** Undefined where there is none, or nothing was read yet. */
  get znode(): Znode | undefined {
    return this.#znode;
  }

  /** Resolves when it was read for the first time. */
  get known(): Promise<void> {
    return this.#known.opened;
  }

  /**
   * Takes in what somebody else has read, or was answered to a write. Older than what is known counts for nothing.
   */
  take(znode: Znode | undefined): void {
    const before = this.#znode;
    const isOlder = before !== undefined && znode !== undefined && znode.stat.mzxid < before.stat.mzxid;
    if (isOlder || this.#upkeep.isStopped) return;
    const isSame = this.#isKnown && before?.stat.mzxid === znode?.stat.mzxid;
    this.#znode = znode;
    this.#isKnown = true;
    const event = this.#event;
    this.#event = undefined;
    if (!isSame) this.#tell(znode, event);
    this.#known.open();
  }

  /** Reads again soon. */
  refresh(): void {
    this.#upkeep.ring();
  }

  /** Tells nothing more. */
  async stop(): Promise<void> {
    await this.#upkeep.stop();
  }

  async #look(): Promise<void> {
    const watch = (event: WatchEvent): void => {
      this.#event = event;
      this.#upkeep.ring();
    };
    try {
      this.take(await this.#client.get(this.#path, watch));
    } catch (error) {
      if (!isKeeperError(error, "noNode")) throw error;
      // It may have come between the two.
      if ((await this.#client.exists(this.#path, watch)) === undefined) this.take(undefined);
      else this.#upkeep.ring();
    }
  }
}
