/** Makes the znodes that all work needs, once, and goes. */
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import type { ClientPlan } from "./client-plan.ts";
import { pairAt } from "./multi-work.ts";
import { SessionClient } from "./session-client.ts";
import type { SessionOwner } from "./session-owner.ts";
import type { ClientParts } from "./worker.ts";
import { bytesOf, createOf, numbered, PLACES } from "./workload.ts";

/** What is there before the work begins, parents first. */
export function placesOf(plan: ClientPlan): readonly string[] {
  const each = (count: number, pathsAt: (index: number) => readonly string[]): readonly string[] =>
    Array.from({ length: count }, (_, index) => pathsAt(index)).flat();
  return [
    ...Object.values(PLACES).filter((place) => isWorkedAt(place, plan)),
    ...each(plan.parents, (index) => [numbered(PLACES.parents, index)]),
    ...each(plan.pairs, pairAt),
    ...each(plan.locks, (index) => [numbered(PLACES.locks, index), numbered(PLACES.fenced, index)]),
  ];
}

function isWorkedAt(place: string, { weights, callers = 0, bearers = 0 }: ClientPlan): boolean {
  if (place === PLACES.idle) return weights.idlers !== undefined;
  return place !== PLACES.called || callers > 0 || bearers > 0;
}

/** Creates one after the other. One whose answer was lost is created again: nobody has changed it yet. */
export class SetupClient implements SessionOwner {
  readonly session: SessionClient;
  readonly #left: string[];
  readonly #done: () => void;
  #isClosing = false;

  /** `done` is called when all stand, whatever comes of the session after. */
  constructor(parts: ClientParts, done: () => void) {
    const { name, port, clock, rng, recorder, plan } = parts;
    const timeoutMs = Math.max(...plan.sessionTimeoutsMs);
    this.session = new SessionClient({ name, port, clock, rng, recorder, timeoutMs, owner: this });
    this.#left = [...placesOf(plan)];
    this.#done = done;
  }

  /** Connects and begins. */
  start(): void {
    this.session.start();
  }

  connected(): void {
    this.#next();
  }

  #next(): void {
    const path = this.#left[0];
    if (path === undefined) return this.#close();
    this.session.ask(createOf(path, bytesOf("0")), ({ outcome }) => {
      if (outcome.kind !== "answered") return;
      if (outcome.error !== ERROR_CODES.ok && outcome.error !== ERROR_CODES.nodeExists) return;
      this.#left.shift();
      this.#next();
    });
  }

  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.session.stop();
    this.session.close();
    this.#done();
  }
}
