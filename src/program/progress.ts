/** How far long work is: a line that is written over in a terminal, and one now and then elsewhere. */

/** Characters of the bar, where it is known how much there is. */
const BAR = 20;

const TERMINAL_MS = 100;
const FILE_MS = 5000;

/** See the file's comment; on the standard error. */
export class Progress {
  readonly #what: string;
  readonly #isTerminal = process.stderr.isTTY;
  readonly #total: number | undefined;
  readonly #unit: string;
  #done = 0;
  #toldMs = performance.now();

  /** `unit`, such as s, stands behind the numbers. */
  constructor(what: string, total?: number, unit = "") {
    this.#what = what;
    this.#total = total;
    this.#unit = unit === "" ? "" : ` ${unit}`;
  }

  /** So many more are done. */
  add(count = 1): void {
    this.#done += count;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < (this.#isTerminal ? TERMINAL_MS : FILE_MS)) return;
    this.#toldMs = nowMs;
    const of = this.#total === undefined ? "" : ` of ${this.#total}`;
    const told = `${Math.floor(this.#done)}${of}${this.#unit}`;
    if (this.#isTerminal) process.stderr.write(`\r${this.#what}: ${this.#bar()}${told}`);
    else process.stderr.write(`${this.#what}: ${told}\n`);
  }

  #bar(): string {
    if (this.#total === undefined) return "";
    const full = Math.min(BAR, Math.floor((this.#done / Math.max(1, this.#total)) * BAR));
    return `[${"#".repeat(full)}${"-".repeat(BAR - full)}] `;
  }

  /** Takes the line away. */
  end(): void {
    if (this.#isTerminal) process.stderr.write("\r\u001b[K");
  }
}

/** The same items, counted as they pass. */
export async function* counted<T>(items: AsyncIterable<T>, progress: Progress): AsyncGenerator<T, void> {
  try {
    for await (const item of items) {
      progress.add();
      yield item;
    }
  } finally {
    progress.end();
  }
}
