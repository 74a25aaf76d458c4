/** One direction of a connection: what goes in comes out a while later, in order, until it is cut, shut or muted. */
import type { Agenda } from "./agenda.ts";

/** What a pipe needs to know of where it lies. */
export interface PipeSite {
  readonly agenda: Agenda;
  delayMs(): number;
  /** Whether anything passes now. While it does not, what goes in waits for `resume`. */
  passes(): boolean;
}

interface Frame {
  /** Arrives. */
  readonly act: () => void;
  /** It has arrived, or is lost. */
  isOver: boolean;
  isWaiting: boolean;
}

/** See the file's comment. */
export class Pipe {
  readonly #site: PipeSite;
  /** Under way, oldest first. */
  readonly #frames: Frame[] = [];
  #waiting = 0;
  #lastMs = 0;
  #isShut = false;

  constructor(site: PipeSite) {
    this.#site = site;
  }

  /** Sends something: `act` is its arrival. */
  push(act: () => void): void {
    if (this.#isShut) return;
    const frame: Frame = { act, isOver: false, isWaiting: this.#waiting > 0 || !this.#site.passes() };
    this.#frames.push(frame);
    if (frame.isWaiting) this.#waiting++;
    else this.#schedule(frame);
  }

  /** Sends a last thing: nothing more goes in. */
  shut(act: () => void): void {
    this.push(act);
    this.#isShut = true;
  }

  /** Of what is under way only the oldest `kept` arrive, and then this. */
  cut(kept: number, act: () => void): void {
    for (const frame of this.#frames.splice(kept)) this.#lose(frame);
    this.shut(act);
  }

  /** Nothing arrives any more, and nobody is told. */
  mute(): void {
    for (const frame of this.#frames.splice(0)) this.#lose(frame);
    this.#isShut = true;
  }

  /** What waited goes on its way. */
  resume(): void {
    if (!this.#site.passes()) return;
    for (const frame of this.#frames) {
      if (!frame.isWaiting) continue;
      frame.isWaiting = false;
      this.#schedule(frame);
    }
    this.#waiting = 0;
  }

  #schedule(frame: Frame): void {
    const { agenda } = this.#site;
    this.#lastMs = Math.max(agenda.nowMs + this.#site.delayMs(), this.#lastMs);
    agenda.later(this.#lastMs - agenda.nowMs, () => {
      if (frame.isOver) return;
      frame.isOver = true;
      this.#frames.shift();
      frame.act();
    });
  }

  #lose(frame: Frame): void {
    frame.isOver = true;
    if (frame.isWaiting) this.#waiting--;
  }
}
