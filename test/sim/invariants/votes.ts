/** Promises and starts: what a replica says once and never takes back. */
import type { Sid } from "../../../src/base/ids.ts";
import type { Entry } from "./histories.ts";
import type { Memberships } from "./memberships.ts";
import { broken, demand, type Watched } from "./view.ts";

/** The disk of a voter that promises, as it is then. */
export interface Promiser {
  readonly sid: Sid;
  readonly generation: number;
  /** Whether it was in an epoch before. */
  readonly hasEntered: boolean;
}

/** See the file's comment. */
export class Votes {
  /** By disk and epoch, to whom it was promised. */
  readonly #promises = new Map<string, string>();
  /** By epoch the voters that promised it; true for those that had been in an epoch. */
  readonly #promisers = new Map<number, Map<Sid, boolean>>();
  readonly #memberships: Memberships;
  /** The latest instance of each replica that said a word. */
  readonly #instances = new Map<Sid, number>();

  constructor(memberships: Memberships) {
    this.#memberships = memberships;
  }

  /** How many promises were made. */
  get count(): number {
    return this.#promises.size;
  }

  /** A disk has promised an epoch, durably, and may say so; `generation` tells a lost disk from its successor. */
  promised(disk: Promiser, epoch: number, leader: string): void {
    const { sid, generation, hasEntered } = disk;
    const key = `${sid} ${generation} ${epoch}`;
    const before = this.#promises.get(key);
    if (before !== undefined)
      broken(
        "OneVotePerPromise",
        `replica ${sid} promises epoch ${epoch} to ${before} and then to ${leader}`,
      );
    this.#promises.set(key, leader);
    const promisers = this.#promisers.get(epoch) ?? new Map<Sid, boolean>();
    this.#promisers.set(epoch, promisers.set(sid, hasEntered || promisers.get(sid) === true));
  }

  /**
   * A leader is through discovery, with a history or without one. A voter that was in no epoch is new, or has lost what
   * it acknowledged: it speaks for no history.
   */
  discovered(
    name: string,
    epoch: number,
    own: { readonly sid: Sid; readonly hasEntered: boolean; readonly history: Entry },
  ): void {
    const promisers = new Map([...(this.#promisers.get(epoch) ?? []), [own.sid, own.hasEntered] as const]);
    const full = [...promisers].flatMap(([sid, hasEntered]) => (hasEntered ? [sid] : []));
    const { initialVoters } = this.#memberships;
    const isFirst = own.history.depth === 0 && initialVoters.every((sid) => promisers.has(sid));
    demand(isFirst || this.#memberships.isQuorum(own.history, new Set(full)), "QuorumWasInAnEpoch", () => {
      const those = [...promisers.keys()].join(", ");
      return `${name} leads epoch ${epoch} by promises of ${those}: of them were in an epoch ${full.join(", ")}`;
    });
  }

  /** A replica starts: its number is higher than that of any start that was heard. */
  started({ sid, instance, name }: Watched): void {
    const before = this.#instances.get(sid) ?? 0;
    demand(instance > before, "OneVotePerPromise", () => {
      return `${name} starts as instance ${instance}, and an instance ${before} was heard`;
    });
  }

  /** Something leaves it. Its number is durable: of a start whose number was lost with the power nobody heard. */
  spoke({ sid, instance }: Watched): void {
    if (instance > (this.#instances.get(sid) ?? 0)) this.#instances.set(sid, instance);
  }
}
