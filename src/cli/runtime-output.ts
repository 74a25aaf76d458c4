/**
 * What the runtime prints. Replicas tell of their elections while they start, which is no news to whoever waits for
 * the ensemble: it is held back until the ensemble serves, and told where it does not.
 */
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Transform } from "node:stream";

/** A runtime that fails in a circle fills no memory: the newest of this much is kept. */
const HELD_BYTES_MAX = 256 * 1024;

/** The pipes of a runtime that ended are at their end by then, unless a process that it left holds them. */
const DRAIN_MS = 500;

/** The output of one runtime, held back at first. */
export class RuntimeOutput {
  readonly #streams: readonly {
    readonly from: Readable;
    readonly to: NodeJS.WritableStream;
    readonly through?: Transform | undefined;
  }[];
  readonly #closed: Promise<unknown>;
  readonly #hold: (chunk: Buffer) => void;
  readonly #child: ChildProcess;
  readonly #heard: ((line: string) => void) | undefined;
  #held: Buffer[] = [];
  #heldBytes = 0;

  /** What is released of its standard error goes through the filter; lines of its standard output are heard. */
  constructor(child: ChildProcess, filter?: Transform, heard?: (line: string) => void) {
    this.#child = child;
    this.#heard = heard;
    this.#streams = [
      { from: child.stdout, to: process.stdout },
      { from: child.stderr, to: process.stderr, through: filter },
    ].flatMap(({ from, ...where }) => (from === null ? [] : [{ from, ...where }]));
    this.#hold = (chunk) => this.#keep(chunk);
    for (const { from } of this.#streams) from.on("data", this.#hold);
    this.#closed = Promise.all(this.#streams.map(async ({ from }) => once(from, "close")));
  }

  /** From now on everything goes through as it comes; what was held is dropped. */
  release(): void {
    this.#held = [];
    const { stdout } = this.#child;
    if (stdout !== null && this.#heard !== undefined) {
      createInterface({ input: stdout }).on("line", this.#heard);
    }
    for (const { from, to, through } of this.#streams) {
      from.off("data", this.#hold);
      if (through === undefined) from.pipe(to, { end: false });
      else from.pipe(through).pipe(to, { end: false });
    }
  }

  /** What is held; complete once the runtime has ended. */
  async held(): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const drained = new Promise<void>((resolve) => (timer = setTimeout(resolve, DRAIN_MS)));
    await Promise.race([this.#closed, drained]);
    clearTimeout(timer);
    return Buffer.concat(this.#held).toString("utf8");
  }

  #keep(chunk: Buffer): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    while (this.#held.length > 1 && this.#heldBytes > HELD_BYTES_MAX) {
      this.#heldBytes -= this.#held.shift()?.length ?? 0;
    }
  }
}

/** Each line once, in the order of their first, without the places in the code that a failure went through. */
export function withoutStacks(output: string): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !/^\s+at |^\s*stack:/.test(line));
  return [...new Set(lines)].join("\n");
}
