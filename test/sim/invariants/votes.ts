/** Promises and starts: what a replica says once and never takes back. */
import type { Sid } from "../../../src/base/ids.ts";
import { broken, demand, type Watched } from "./view.ts";

/** See the file's comment. */
export class Votes {
  /** By disk and epoch, to whom it was promised. */
  readonly #promises = new Map<string, string>();
  /** The latest instance of each replica that said a word. */
  readonly #instances = new Map<Sid, number>();

  /** How many promises were made. */
  get count(): number {
    return this.#promises.size;
  }

  /** A disk has promised an epoch, durably, and may say so; `generation` tells a lost disk from its successor. */
  promised(disk: { readonly sid: Sid; readonly generation: number }, epoch: number, leader: string): void {
    const { sid, generation } = disk;
    const key = `${sid} ${generation} ${epoch}`;
    const before = this.#promises.get(key);
    if (before !== undefined)
      broken(
        "OneVotePerPromise",
        `replica ${sid} promises epoch ${epoch} to ${before} and then to ${leader}`,
      );
    this.#promises.set(key, leader);
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
