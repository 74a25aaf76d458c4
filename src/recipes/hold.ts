/**
 * What somebody has who holds a lock, a lease or an office: the fencing token that tells them from all earlier
 * holders, and the signal that tells when it may be gone. Nobody can be stopped from believing in a lock that is
 * lost: who writes elsewhere under it sends the token along, and what is written to refuses a smaller one than it
 * has seen.
 */
import { deleteEphemeral, inBackground } from "./perseverance.ts";
import type { Created, RecipeClient, RecipeSession, Stat } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";

/** What Curator's Revoker writes into a holder's znode. */
export const REVOKE_MESSAGE = "__REVOKE__";

/** As many digits as the largest zxid has. */
const TOKEN_DIGITS = 20;

/** The fencing token of a znode: twenty digits, zeros first, so that texts are in the order of the creations. */
export function tokenOf({ czxid }: Stat): string {
  return czxid.toString().padStart(TOKEN_DIGITS, "0");
}

/** The znode that a hold rests on. It is looked after from the moment it stands in the queue. */
export class HeldZnode {
  readonly path: string;
  /** Twenty digits, of the znode's czxid: texts of them are in the order in which their holders came. */
  readonly token: string;
  readonly session: RecipeSession;
  readonly #client: RecipeClient;
  readonly #lost = new AbortController();
  readonly #onSessionLost = (): void => this.#lose("sessionLost", "the session is over");
  #onRevoke: (() => void) | undefined;
  #entries = 0;
  #isGivenUp = false;

  constructor(client: RecipeClient, session: RecipeSession, { path, stat }: Created) {
    this.#client = client;
    this.session = session;
    this.path = path;
    this.token = tokenOf(stat);
    if (session.lost.aborted) this.#onSessionLost();
    else session.lost.addEventListener("abort", this.#onSessionLost, { once: true });
  }

  /** Aborted when the znode is gone or may be: by the end of the session, or because somebody deleted it. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Looks after the znode from now on; `onRevoke` hears of Curator's Revoker. Rejects where the znode cannot be
   * read.
   */
  async guard(onRevoke?: () => void): Promise<void> {
    this.#onRevoke = onRevoke;
    try {
      const { data, stat } = await this.#client.get(this.path, ({ kind }) => {
        if (this.#isGivenUp || this.lost.aborted) return;
        if (kind === "deleted") this.#lose("notHeld", "its znode was deleted by somebody else");
        else inBackground(this.guard(this.#onRevoke));
      });
      if (stat.ephemeralOwner !== this.session.id) this.#lose("notHeld", "its znode is another session's");
      else if (data !== null && new TextDecoder().decode(data) === REVOKE_MESSAGE) this.#onRevoke?.();
    } catch (error) {
      // That it is gone is told by the signal.
      if (!isKeeperError(error, "noNode")) throw error;
      this.#lose("notHeld", "its znode was deleted by somebody else");
    }
  }

  /** One more that holds it. Throws the fault `notHeld` where it is held no more. */
  enter(): Hold {
    if (this.#isGivenUp || this.lost.aborted) {
      throw new RecipeError("notHeld", `${this.path} is not held, or no more`, this.lost.reason);
    }
    this.#entries++;
    return new Hold(this);
  }

  /** One less; with the last the znode goes. */
  async leave(): Promise<void> {
    if (--this.#entries === 0) await this.giveUp();
  }

  /** The znode is about to be deleted by other means: its end is no loss. */
  letGo(): void {
    this.#isGivenUp = true;
    this.session.lost.removeEventListener("abort", this.#onSessionLost);
  }

  /** Deletes the znode, however often that takes. */
  async giveUp(): Promise<void> {
    if (this.#isGivenUp) return;
    this.letGo();
    await deleteEphemeral(this.#client, this.session, this.path);
  }

  #lose(fault: "sessionLost" | "notHeld", why: string): void {
    if (!this.lost.aborted) this.#lost.abort(new RecipeError(fault, `${this.path} is lost: ${why}`));
  }
}

/** A lock that is held, once. `await using` gives it back. */
export class Hold implements AsyncDisposable {
  readonly #znode: HeldZnode;
  #isReleased = false;

  constructor(znode: HeldZnode) {
    this.#znode = znode;
  }

  /** Of the znode that it rests on. */
  get path(): string {
    return this.#znode.path;
  }

  /** Twenty digits, larger than those of every earlier holder. */
  get token(): string {
    return this.#znode.token;
  }

  /**
   * Aborted when the lock is lost or may be, with why as its reason: stop what the lock guards. It is not aborted by
   * `release`.
   */
  get signal(): AbortSignal {
    return this.#znode.lost;
  }

  /** Whether it is neither released nor lost. */
  get isHeld(): boolean {
    return !this.#isReleased && !this.signal.aborted;
  }

  /** For recipes: what it rests on. */
  get znode(): HeldZnode {
    return this.#znode;
  }

  /** Gives it back. Resolves when the znode is gone; also where the lock was lost. A second time does nothing. */
  async release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    await this.#znode.leave();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release();
  }
}
