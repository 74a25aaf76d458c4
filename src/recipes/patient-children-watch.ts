/**
 * PatientChildrenWatch: kazoo's, for the children of a znode once nothing has come or gone for a while.
 *
 * What can go wrong, and what happens then:
 * - They never come to rest: it waits, for as long as its patience lasts.
 * - The connection or the session is lost: they are listed again, and the time begins anew where they have changed.
 * - The one dies that made an ephemeral child: its end is a change, and the time begins anew.
 *
 * Znodes: any that is there. Source: kazoo recipe/watchers.py, PatientChildrenWatch.
 */
import { ChildrenWatch } from "./children-watch.ts";
import { Latch } from "./latch.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** The children at rest. */
export interface PatientChildren {
  readonly names: readonly string[];
  /** Resolves at the first change after that. */
  readonly changed: Promise<void>;
}

/** See the file's comment. */
export class PatientChildrenWatch {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #timeBoundaryMs: number;

  /** So long nothing may come or go. */
  constructor(client: RecipeClient, path: string, timeBoundaryMs = 30_000) {
    this.#client = client;
    this.#path = path;
    this.#timeBoundaryMs = timeBoundaryMs;
  }

  /** Waits until they have come to rest. Throws the fault `timeout`, or the signal's reason. */
  async start(options: WaitOptions = {}): Promise<PatientChildren> {
    using patience = new Patience(this.#client.clock, options, `the children of ${this.#path} keep changing`);
    const rest = new Latch();
    const changed = new Latch();
    let names: readonly string[] = [];
    let isAtRest = false;
    let cancel = (): void => undefined;
    const watch = new ChildrenWatch(this.#client, this.#path, (list) => {
      cancel();
      if (isAtRest) {
        changed.open();
        return false;
      }
      names = list;
      cancel = this.#client.clock.later(this.#timeBoundaryMs, () => {
        isAtRest = true;
        rest.open();
      });
      return undefined;
    });
    try {
      await patience.of(rest.opened);
    } catch (error) {
      cancel();
      watch.stop();
      throw error;
    }
    return { names, changed: changed.opened };
  }
}
