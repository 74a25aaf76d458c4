/** What can be fuzzed. */
import type { Dice } from "./dice.ts";
import type { Step, Tally } from "./episode.ts";

/** One thing under test. */
export interface Target {
  readonly name: string;
  /**
   * One episode's steps, by lot alone: nothing of it depends on what the thing under test does. `size` is how many
   * connections, bursts or records there are, where that shall be few.
   */
  make(dice: Dice, size?: number): readonly Step[];
  /**
   * Plays steps against a fresh thing; throws whatever is found. Gives the frames, bodies or messages that it took in.
   * `tally` is told what came about, where it is given: that costs time.
   */
  play(steps: readonly Step[], tally?: Tally): number | Promise<number>;
}
