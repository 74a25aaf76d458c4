/** How far long work is: a line that is written over in a terminal, and one now and then elsewhere. */

const TERMINAL_MS = 100;
const FILE_MS = 5000;

/** See the file's comment; on the standard error. */
export class Progress {
  readonly #what: string;
  readonly #isTerminal = process.stderr.isTTY;
  readonly #total: number | undefined;
  #done = 0;
  #toldMs = performance.now();

  constructor(what: string, total?: number) {
    this.#what = what;
    this.#total = total;
  }

  /** So many more are done. */
  add(count = 1): void {
    this.#done += count;
    const nowMs = performance.now();
    if (nowMs - this.#toldMs < (this.#isTerminal ? TERMINAL_MS : FILE_MS)) return;
    this.#toldMs = nowMs;
    const of = this.#total === undefined ? "" : ` of ${this.#total}`;
    process.stderr.write(`${this.#isTerminal ? "\r" : ""}${this.#what}: ${this.#done}${of}`);
    if (!this.#isTerminal) process.stderr.write("\n");
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
