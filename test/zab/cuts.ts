/** Who cannot reach whom. */
import type { Sid } from "../../src/base/ids.ts";

export class Cuts {
  /** Pairs "a>b" that cannot reach each other in that direction. */
  readonly #blocked: Set<string> = new Set();

  /** Cuts the groups off from each other; what was cut before is open. */
  partition(...groups: readonly (readonly Sid[])[]): void {
    this.#blocked.clear();
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) this.block(from, to);
      }
    }
  }

  block(from: Sid, to: Sid): void {
    this.#blocked.add(`${from}>${to}`);
  }

  clear(): void {
    this.#blocked.clear();
  }

  isOpen(from: Sid, to: Sid): boolean {
    return !this.#blocked.has(`${from}>${to}`);
  }
}
