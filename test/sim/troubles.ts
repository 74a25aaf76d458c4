/** When something went wrong in a run: what is promised for calm times only is asked of the others. */
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import type { Turn } from "../../src/keeper/turn.ts";
import type { Fault } from "../../src/world/fault.ts";
import { FALLS_ASLEEP, type MachineView, type WorldObserver } from "../../src/world/observer.ts";

/** A fault that is over may be felt for so long. */
const AFTERMATH_MS = 3000;

interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** See the file's comment. */
export class Troubles implements WorldObserver {
  readonly #nowMs: () => number;
  readonly #stretches: Stretch[] = [];
  /** Those that no ensemble brings about by itself: it falls asleep, and wakes to elect a leader. */
  readonly #faults: Stretch[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether anything went wrong then, or shortly before, or may yet. */
  isDisturbed(fromMs: number, toMs: number): boolean {
    if (toMs > this.#nowMs()) return true;
    return this.#stretches.some((one) => one.fromMs <= toMs && one.toMs >= fromMs);
  }

  /** When so long a time begins in which nothing goes wrong, at that moment or later; Infinity for never. */
  soundFromMs(atMs: number, forMs: number): number {
    let fromMs = atMs;
    // In the order in which they begin.
    for (const fault of this.#faults)
      if (fault.fromMs <= fromMs + forMs) fromMs = Math.max(fromMs, fault.toMs);
    return fromMs + forMs > this.#nowMs() ? Infinity : fromMs;
  }

  started(): void {
    this.#note(0);
  }

  died(_machine: MachineView, why: string): void {
    this.#note(0, why !== FALLS_ASLEEP);
  }

  stepped(_machine: MachineView, _input: KeeperInput, turn: Turn): void {
    if (turn.after.some((action) => action.kind === "log" && action.line.includes(" phase "))) this.#note(0);
  }

  fault(fault: Fault): void {
    const lastsMs = "forMs" in fault ? fault.forMs : "downMs" in fault ? fault.downMs : 0;
    this.#note(lastsMs + (fault.kind === "badAlarm" ? fault.lateMs : 0), true);
  }

  #note(lastsMs: number, isFault = false): void {
    const fromMs = this.#nowMs();
    const stretch = { fromMs, toMs: fromMs + lastsMs + AFTERMATH_MS };
    this.#stretches.push(stretch);
    if (isFault) this.#faults.push(stretch);
  }
}
