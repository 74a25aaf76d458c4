/**
 * Znodes that were used lately, within a bound on their memory. In two generations: what is used moves to the young
 * one; once that holds half of the bound it becomes the old one, and what has stayed in the old one is forgotten. So
 * what is used again and again costs one look, where a list in the order of use would be changed at each.
 */
import type { Znode } from "./node-store.ts";

/** See the file's comment. */
export class ZnodeCache {
  readonly #generationBytesMax: number;
  readonly #bytesOf: (path: string, node: Znode) => number;
  #young = new Map<string, Znode>();
  #youngBytes = 0;
  #old = new Map<string, Znode>();
  #oldBytes = 0;

  /** Holds at most `bytesMax` by `bytesOf`; what takes more than half of that is not held at all. */
  constructor(bytesMax: number, bytesOf: (path: string, node: Znode) => number) {
    this.#generationBytesMax = bytesMax / 2;
    this.#bytesOf = bytesOf;
  }

  /** By `bytesOf`. */
  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  /** The znode, if it is held; it counts as used. */
  get(path: string): Znode | undefined {
    const young = this.#young.get(path);
    if (young !== undefined) return young;
    const old = this.#old.get(path);
    if (old === undefined) return undefined;
    this.#old.delete(path);
    const bytes = this.#bytesOf(path, old);
    this.#oldBytes -= bytes;
    this.#hold(path, old, bytes);
    return old;
  }

  /** Whether it is held; it does not count as used. */
  has(path: string): boolean {
    return this.#young.has(path) || this.#old.has(path);
  }

  /** Holds a znode, in the place of another at this path. */
  set(path: string, node: Znode): void {
    this.delete(path);
    const bytes = this.#bytesOf(path, node);
    if (bytes <= this.#generationBytesMax) this.#hold(path, node, bytes);
  }

  /** Forgets the znode at this path, and gives it, if it was held. */
  delete(path: string): Znode | undefined {
    const young = this.#young.get(path);
    if (young !== undefined) {
      this.#young.delete(path);
      this.#youngBytes -= this.#bytesOf(path, young);
      return young;
    }
    const old = this.#old.get(path);
    if (old === undefined) return undefined;
    this.#old.delete(path);
    this.#oldBytes -= this.#bytesOf(path, old);
    return old;
  }

  #hold(path: string, node: Znode, bytes: number): void {
    if (this.#youngBytes + bytes > this.#generationBytesMax) {
      this.#old = this.#young;
      this.#oldBytes = this.#youngBytes;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(path, node);
    this.#youngBytes += bytes;
  }
}
