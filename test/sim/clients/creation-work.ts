/**
 * Creations: sequential and ephemeral znodes with data of their own below parents that all share, lists of them, and
 * their deletion. A create whose answer was lost is not tried again: its marker may be there already.
 */
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import type { Operation } from "../history/types.ts";
import type { SessionClient } from "./session-client.ts";
import { createOf, FLAGS, Recent, type WorkContext, type Workload } from "./workload.ts";

const KNOWN_MAX = 24;

/** See the file's comment. */
export class CreationWork implements Workload {
  readonly #context: WorkContext;
  /** Paths that were created here and not deleted; ephemerals among them may be gone. */
  readonly #known = new Recent<string>(KNOWN_MAX);

  constructor(context: WorkContext) {
    this.#context = context;
  }

  act(session: SessionClient): void {
    const parent = this.#context.parent();
    const chance = this.#context.rng.below(100);
    if (chance < 12) this.#create(session, `${parent}/n-`, FLAGS.sequential);
    else if (chance < 22) this.#create(session, `${parent}/n-`, FLAGS.ephemeralSequential);
    else if (chance < 30) this.#create(session, `${parent}/${this.#context.marker()}`, FLAGS.ephemeral);
    // All want to be the one.
    else if (chance < 38) this.#create(session, `${parent}/one`, FLAGS.ephemeral);
    else if (chance < 50) this.#delete(session);
    else if (chance < 74) session.ask({ op: "getChildren2", path: parent, watch: false });
    else if (chance < 90) this.#look(session, parent);
    else session.ask({ op: "getEphemerals", path: parent });
  }

  #create(session: SessionClient, path: string, flags: number): void {
    const request = createOf(path, this.#context.data(), flags);
    const isWithStat = this.#context.rng.below(2) === 0;
    session.ask(isWithStat ? { ...request, op: "create2" } : request, ({ outcome }) => {
      if (outcome.kind !== "answered" || outcome.response === undefined) return;
      if ("path" in outcome.response) this.#known.add(outcome.response.path);
    });
  }

  /** A delete is the same however often it is done, as no path is ever created twice but `one`. */
  #delete(session: SessionClient): void {
    const { length } = this.#known.items;
    const path = this.#known.take(this.#context.rng.below(Math.max(1, length)));
    if (path === undefined) return this.#create(session, `${this.#context.parent()}/n-`, FLAGS.sequential);
    const again = ({ outcome }: Operation): void => {
      if (outcome.kind === "unknown" && !path.endsWith("/one")) this.#known.add(path);
    };
    session.ask({ op: "delete", path, version: -1 }, again);
  }

  #look(session: SessionClient, parent: string): void {
    const { items } = this.#known;
    const path = items.length === 0 ? `${parent}/one` : this.#context.pick(items);
    const forget = ({ outcome }: Operation): void => {
      if (outcome.kind !== "answered" || outcome.error !== ERROR_CODES.noNode) return;
      const index = this.#known.items.indexOf(path);
      if (index >= 0) this.#known.take(index);
    };
    const isExists = this.#context.rng.below(2) === 0;
    session.ask({ op: isExists ? "exists" : "getData", path, watch: false }, forget);
  }
}
