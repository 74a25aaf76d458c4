/** When something went wrong in a run: what is promised for calm times only is asked of the others. */
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import type { Turn } from "../../src/keeper/turn.ts";
import type { Fault } from "../../src/world/fault.ts";
import type { MachineView, WorldObserver } from "../../src/world/observer.ts";

/** A fault that is over may be felt for so long. */
const AFTERMATH_MS = 3000;

/** See the file's comment. */
export class Troubles implements WorldObserver {
  readonly #nowMs: () => number;
  readonly #stretches: { readonly fromMs: number; readonly toMs: number }[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Whether anything went wrong then, or shortly before, or may yet. */
  isDisturbed(fromMs: number, toMs: number): boolean {
    if (toMs > this.#nowMs()) return true;
    return this.#stretches.some((one) => one.fromMs <= toMs && one.toMs >= fromMs);
  }

  started(): void {
    this.#note(0);
  }

  died(): void {
    this.#note(0);
  }

  stepped(_machine: MachineView, _input: KeeperInput, turn: Turn): void {
    if (turn.after.some((action) => action.kind === "log" && action.line.includes(" phase "))) this.#note(0);
  }

  fault(fault: Fault): void {
    const lastsMs = "forMs" in fault ? fault.forMs : "downMs" in fault ? fault.downMs : 0;
    this.#note(lastsMs + (fault.kind === "badAlarm" ? fault.lateMs : 0));
  }

  #note(lastsMs: number): void {
    const fromMs = this.#nowMs();
    this.#stretches.push({ fromMs, toMs: fromMs + lastsMs + AFTERMATH_MS });
  }
}
