/**
 * What a fuzzer plays: an episode is a list of steps against a fresh thing under test. A step is a verb, a number and
 * bytes, whatever the target, so that every episode can be written down, read, made smaller and played again.
 */

/** See the file's comment. What the number means depends on the verb. */
export interface Step {
  readonly verb: string;
  readonly number: number;
  readonly bytes: Uint8Array;
}

const NO_BYTES = new Uint8Array(0);

/** A step. */
export function step(verb: string, number = 0, bytes: Uint8Array = NO_BYTES): Step {
  return { verb, number, bytes };
}

/** What something does that must not happen. */
export class Finding extends Error {
  override readonly name = "Finding";
}

/** Throws a Finding unless the condition holds. */
export function expectThat(condition: boolean, what: () => string): void {
  if (!condition) throw new Finding(what());
}

/** How often what came about, so that a test can tell when the fuzzer reaches less than it did. */
export class Tally {
  readonly counts: Map<string, number> = new Map();

  hit(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }
}

/** An episode as lines: `verb number hex`. */
export function stepsText(steps: readonly Step[]): string {
  return steps
    .map(({ verb, number, bytes }) => `${verb} ${number} ${hexText(bytes)}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
}

/** Bytes as pairs of digits. */
export function hexText(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");
}

/** Reads what stepsText wrote; lines that begin with # are for people. */
export function readSteps(text: string): readonly Step[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [verb = "", number = "0", hex = ""] = line.split(" ");
      return { verb, number: Number(number), bytes: Uint8Array.from(Buffer.from(hex, "hex")) };
    });
}
