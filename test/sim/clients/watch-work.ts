/**
 * Watches of every kind on the znodes that the other work changes, their removal, and changes of those znodes so that
 * something fires where nobody else does anything.
 */
import { WATCHER_TYPES } from "../../../src/tree/watch-table.ts";
import type { SessionClient } from "./session-client.ts";
import { createOf, FLAGS, PLACES, type WorkContext, type Workload } from "./workload.ts";

/** A session has so many watches that stay at most: each is told of every change. */
const PERSISTENT_MAX = 2;

const MODES = { persistent: 0, recursive: 1 } as const;

/** See the file's comment. */
export class WatchWork implements Workload {
  readonly #context: WorkContext;

  constructor(context: WorkContext) {
    this.#context = context;
  }

  act(session: SessionClient): void {
    const { rng } = this.#context;
    const path = this.#context.register();
    const chance = rng.below(100);
    if (chance < 16) session.ask({ op: "getData", path, watch: true });
    else if (chance < 32) session.ask({ op: "exists", path, watch: true });
    else if (chance < 42) session.ask({ op: "getChildren2", path: this.#watchedParent(), watch: true });
    else if (chance < 50) this.#watchForGood(session);
    else if (chance < 54) this.#unwatch(session, path);
    else if (chance < 70) session.ask({ op: "setData", path, data: this.#context.data(), version: -1 });
    else if (chance < 82) session.ask(createOf(path, this.#context.data()));
    else if (chance < 90) session.ask({ op: "delete", path, version: -1 });
    else this.#create(session);
  }

  #watchedParent(): string {
    return this.#context.rng.below(3) === 0 ? PLACES.registers : this.#context.parent();
  }

  #watchForGood(session: SessionClient): void {
    if (session.watches.persistentCount >= PERSISTENT_MAX) return this.#create(session);
    const isRecursive = this.#context.rng.below(2) === 0;
    const path = this.#context.pick([this.#context.register(), this.#context.parent(), PLACES.registers]);
    session.ask({ op: "addWatch", path, mode: isRecursive ? MODES.recursive : MODES.persistent });
  }

  /** Any of its watches that stay, or all that it has on a register, there or not. */
  #unwatch(session: SessionClient, path: string): void {
    const stays = session.watches.firstPersistent();
    const watch = stays ?? { path, type: this.#context.pick([WATCHER_TYPES.data, WATCHER_TYPES.any]) };
    session.ask({ op: "removeWatches", ...watch });
  }

  #create(session: SessionClient): void {
    const { watchersOwn = true } = this.#context.plan;
    const flags = watchersOwn ? FLAGS.ephemeralSequential : FLAGS.sequential;
    session.ask(createOf(`${this.#context.parent()}/w-`, this.#context.data(), flags));
  }
}
