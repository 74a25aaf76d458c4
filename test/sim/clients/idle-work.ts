/**
 * Znodes that end by themselves: TTL znodes and containers, with children that come and go, set now and then, and
 * watched. What the service removes is nobody's request: the checks judge whether it was due.
 */
import type { SessionClient } from "./session-client.ts";
import { createOf, FLAGS, numbered, PLACES, type WorkContext, type Workload } from "./workload.ts";

/** Of each kind so many, that all share. */
const PLACES_MAX = 4;

const TTLS_MS = [1, 300, 1500, 5000];

/** See the file's comment. */
export class IdleWork implements Workload {
  readonly #context: WorkContext;

  constructor(context: WorkContext) {
    this.#context = context;
  }

  act(session: SessionClient): void {
    const { rng } = this.#context;
    const path = this.#any();
    const child = `${path}/${rng.below(2)}`;
    const chance = rng.below(100);
    if (chance < 18) this.#createTtl(session, this.#ttl(), FLAGS.ttl);
    else if (chance < 24) this.#createTtl(session, `${PLACES.idle}/n-`, FLAGS.ttlSequential);
    else if (chance < 36)
      session.ask({ ...this.#plain(this.#container()), op: "createContainer", flags: FLAGS.container });
    else if (chance < 50)
      session.ask(this.#plain(child, this.#context.pick([FLAGS.persistent, FLAGS.ephemeral])));
    else if (chance < 64) session.ask({ op: "delete", path: child, version: -1 });
    else if (chance < 72) session.ask({ op: "setData", path, data: this.#context.data(), version: -1 });
    else if (chance < 76) session.ask({ op: "delete", path, version: -1 });
    else if (chance < 82) this.#createBoth(session);
    else if (chance < 90) session.ask({ op: "exists", path, watch: rng.below(2) === 0 });
    else if (chance < 96) session.ask({ op: "getChildren2", path: PLACES.idle, watch: rng.below(2) === 0 });
    else this.#readNewest(session, path);
  }

  #any(): string {
    return this.#context.rng.below(2) === 0 ? this.#ttl() : this.#container();
  }

  #ttl(): string {
    return `${numbered(PLACES.idle, this.#context.rng.below(PLACES_MAX))}t`;
  }

  #container(): string {
    return `${numbered(PLACES.idle, this.#context.rng.below(PLACES_MAX))}c`;
  }

  #plain(path: string, flags: number = FLAGS.persistent): ReturnType<typeof createOf> {
    return createOf(path, this.#context.data(), flags);
  }

  #createTtl(session: SessionClient, path: string, flags: number): void {
    session.ask({ ...this.#plain(path, flags), op: "createTTL", ttlMs: this.#context.pick(TTLS_MS) });
  }

  /** A container and its first child, which Curator makes one behind the other. */
  #createBoth(session: SessionClient): void {
    const path = this.#container();
    const container = { ...this.#plain(path), op: "createContainer", flags: FLAGS.container } as const;
    session.ask({ op: "multi", operations: [container, this.#plain(`${path}/0`)] });
  }

  #readNewest(session: SessionClient, path: string): void {
    session.together(() => {
      session.ask({ op: "sync", path });
      session.ask({ op: "getData", path, watch: false });
    });
  }
}
