/** Whether what was acknowledged is there after every process was killed. */
import type { Bench } from "../bench.ts";
import { changesSeen } from "../measure.ts";
import type { Metrics } from "../report.ts";
import type { Target } from "../targets/target.ts";
import type { Work } from "../work.ts";

/** Counts what is acknowledged, below each root. */
export class Kept {
  readonly #targets: readonly Target[];
  readonly #acknowledged = new Map<
    string,
    { readonly work: Omit<Work, "name">; readonly changes: Map<Target, number> }
  >();

  constructor(targets: readonly Target[]) {
    this.#targets = targets;
  }

  /** So many changes were acknowledged by that target, at one time, below the work's root. */
  note(target: Target, work: Omit<Work, "name">, changes: number): void {
    const known = this.#acknowledged.get(work.root) ?? { work, changes: new Map<Target, number>() };
    this.#acknowledged.set(work.root, known);
    known.changes.set(target, (known.changes.get(target) ?? 0) + changes);
  }

  /** Kills each at once, starts it again, and counts what it still knows; gives how many changes are lost. */
  async check(bench: Bench): Promise<number> {
    const figures: Record<string, Metrics> = {};
    let allLost = 0;
    for (const target of this.#targets) {
      await target.kill();
      await target.start();
      let [acknowledged, there] = [0, 0];
      for (const { work, changes } of this.#acknowledged.values()) {
        acknowledged += changes.get(target) ?? 0;
        there += await changesSeen(target, work);
      }
      const lost = Math.max(0, acknowledged - there);
      allLost += lost;
      figures[target.name] = { acknowledged, there, lost };
    }
    bench.add("kept", { label: "changes", figures });
    return allLost;
  }
}
