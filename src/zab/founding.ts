/**
 * Whether the ensemble has begun, as its register says. The register stands outside of all replicas: the first leader
 * has it written there, durably, that the ensemble serves, before anything is proposed. So voters that are empty know
 * whether they are new, and may begin together, or have lost what they had, and must not: however many of the initial
 * voters have lost their disks, and whoever the members are by then. ZooKeeper leaves that to the operator (the file
 * `initialize`, zookeeper.db.autocreate).
 *  1. An answer that nobody has founded the ensemble holds for as long as its receiver is fresh: a founding takes every
 *     initial voter, and so this one, which would have entered an epoch.
 *  2. The register is written once a quorum has entered the first epoch durably: a first start that dies before that
 *     may begin anew, as nothing was acknowledged, and one that dies after it has its quorum.
 *  3. A history that is not empty proves it: who leads with one waits for no register.
 */
import type { Sid } from "../base/ids.ts";

/** What a peer knows of the register. */
export class Founding {
  readonly #retryMs: number;
  #isKnown = false;
  #founders: readonly Sid[] | undefined;
  #askAtMs = 0;

  /** Asks again after so long, where no answer comes. */
  constructor(retryMs: number) {
    this.#retryMs = retryMs;
  }

  /** The voters that founded the ensemble; undefined where nobody did, or it is not known. */
  get founders(): readonly Sid[] | undefined {
    return this.#founders;
  }

  /** Whether nobody has founded the ensemble: the voters may begin. */
  get mayBegin(): boolean {
    return this.#isKnown && this.#founders === undefined;
  }

  /** Whether the register has answered. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /**
   * Whether the register says that the ensemble was founded, by voters of whom these have one at least. Another first
   * start under the same name, with no voter in common, is another ensemble.
   */
  isBy(voters: readonly Sid[]): boolean {
    return this.#founders?.some((sid) => voters.includes(sid)) === true;
  }

  /** Whether to ask now; who asks is answered, or asks again later. */
  maybeAsk(clockMs: number): boolean {
    if (clockMs < this.#askAtMs) return false;
    this.#askAtMs = clockMs + this.#retryMs;
    return true;
  }

  /** The register's answer. What was founded stays so. */
  hear(founders: readonly Sid[] | undefined): void {
    this.#isKnown = true;
    this.#founders ??= founders;
    this.#askAtMs = 0;
  }
}
