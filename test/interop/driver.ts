/** A program of test/interop/java, which does what it is told a line at a time. */
import type { Child, Command, ProcessSet } from "../compat/processes.ts";

/** How long one word may take: Kafka's own clients give up after a minute. */
const ANSWER_DEADLINE_MS = 300_000;

/** See the file's comment. */
export class Driver {
  readonly #processes: ProcessSet;
  readonly #child: Child;
  #answered: ((line: string) => void) | undefined;

  constructor(processes: ProcessSet, command: Command) {
    this.#processes = processes;
    this.#child = processes.start(command, (line) => {
      if (!line.startsWith("ok ") && !line.startsWith("error ")) return;
      this.#answered?.(line);
    });
  }

  /** Says a word; gives what stands behind "ok". Throws what stands behind "error". */
  async ask(...words: readonly (string | number)[]): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#answered = resolve;
    const what = words.join(" ");
    const timer = setTimeout(() => {
      reject(new Error(`no answer to "${what}" within ${ANSWER_DEADLINE_MS} ms\n${this.#child.tail}`));
    }, ANSWER_DEADLINE_MS);
    this.#child.writeLine(what);
    const ended = this.#child.ended.then(() => {
      throw new Error(`the program ended at "${what}"\n${this.#child.tail}`);
    });
    try {
      const line = await Promise.race([promise, ended]);
      if (line.startsWith("error ")) throw new Error(`${what}: ${line.slice("error ".length)}`);
      return line.slice("ok ".length);
    } finally {
      clearTimeout(timer);
      this.#answered = undefined;
      // It may still end; then nobody asks.
      ended.catch(() => {});
    }
  }

  /** The error that a word must be answered with; throws where it is not refused. */
  async refused(...words: readonly (string | number)[]): Promise<string> {
    let answer: string;
    try {
      answer = await this.ask(...words);
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    throw new Error(`${words.join(" ")} was not refused: ${answer}`);
  }

  /** Tells it that nothing more comes, and waits until it has ended of itself. */
  async end(): Promise<void> {
    const timer = setTimeout(() => this.#child.signal("SIGKILL"), ANSWER_DEADLINE_MS);
    this.#child.process.stdin?.end();
    await this.#child.ended;
    clearTimeout(timer);
    const { exitCode } = this.#child.process;
    if (exitCode !== 0) throw new Error(`the program ended with ${String(exitCode)}\n${this.#child.tail}`);
  }

  async stop(): Promise<void> {
    await this.#processes.stop(this.#child);
  }
}
