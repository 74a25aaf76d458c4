/**
 * What the runtimes say when the process of a replica is lost: each of the others tells, in lines that name places in
 * its own code, that there is no socket of it. That is what a loss looks like from within, and says no more than that
 * the process ended, which is told. So these lines go into a file where a process was lost shortly before or after
 * them, and only there; every other line passes, and so do these where no process was lost.
 */
import { appendFileSync, rmSync } from "node:fs";
import { Transform } from "node:stream";
import { StringDecoder } from "node:string_decoder";

/** A socket that is not there, is not listened to, or breaks: ENOENT, EPIPE, ECONNRESET, ECONNREFUSED. */
const COMPLAINT = /^workerd\/jsg\/util\.c\+\+:\d+: error: e = .*\(os error (?:2|32|104|111)\)$/;

/** The line behind one: where in the runtime it was. */
const PLACE = /^stack: .*sentryErrorContext = jsgInternalError/;

/** What is said so long after the loss of a process is of that: it may be started again a few seconds later. */
const AFTER_MS = 10_000;

/** The others may notice a loss before this process hears of it: what they say waits so long for that. */
const BEFORE_MS = 1000;

/** A file so long takes no more: what comes then is printed. */
const FILE_BYTES_MAX = 1024 * 1024;

/** A complaint that may yet turn out to be of a loss, and the filter that it came to. */
interface Waiting {
  readonly text: string;
  readonly filter: Transform;
  readonly timer: NodeJS.Timeout;
}

/** See the file's comment. */
export class BrokenLinks {
  readonly #file: string;
  readonly #tell: (line: string) => void;
  readonly #waiting = new Set<Waiting>();
  #lostAtMs = Number.NEGATIVE_INFINITY;
  #fileBytes = 0;
  #isStopping = false;

  /** `tell` says once where the lines are; a file of an earlier run is removed. */
  constructor(file: string, tell: (line: string) => void) {
    this.#file = file;
    this.#tell = tell;
    rmSync(file, { force: true });
  }

  /** All are stopped: they lose each other in turn, and nobody need look at that. */
  stopping(): void {
    this.#isStopping = true;
    this.lost();
  }

  /** The process of a replica was lost. */
  lost(): void {
    this.#lostAtMs = performance.now();
    for (const one of this.#waiting) {
      clearTimeout(one.timer);
      this.#keep(one);
    }
    this.#waiting.clear();
  }

  /** A filter for what one runtime writes to its standard error. */
  filter(): Transform {
    const decoder = new StringDecoder("utf8");
    let rest = "";
    let isComplaint = false;
    const take = (line: string, filter: Transform): void => {
      // Where it was belongs to what was said just before.
      isComplaint = COMPLAINT.test(line) || (isComplaint && PLACE.test(line));
      if (isComplaint) this.#judge(`${line}\n`, filter);
      else filter.push(`${line}\n`);
    };
    const end = (filter: Transform): void => this.#giveUp(filter);
    return new Transform({
      transform(chunk: Buffer, _, done) {
        const lines = (rest + decoder.write(chunk)).split("\n");
        rest = lines.pop() ?? "";
        for (const line of lines) take(line, this);
        done();
      },
      flush(done) {
        end(this);
        rest += decoder.end();
        if (rest !== "") this.push(rest);
        done();
      },
    });
  }

  #judge(text: string, filter: Transform): void {
    if (performance.now() - this.#lostAtMs <= AFTER_MS) return this.#keep({ text, filter });
    const timer = setTimeout(() => {
      this.#waiting.delete(waiting);
      filter.push(text);
    }, BEFORE_MS);
    const waiting: Waiting = { text, filter, timer };
    this.#waiting.add(waiting);
  }

  /** The runtime has ended: what still waits of it is printed. */
  #giveUp(filter: Transform): void {
    for (const one of [...this.#waiting].filter((waiting) => waiting.filter === filter)) {
      clearTimeout(one.timer);
      this.#waiting.delete(one);
      filter.push(one.text);
    }
  }

  #keep({ text, filter }: Pick<Waiting, "text" | "filter">): void {
    if (this.#fileBytes + text.length > FILE_BYTES_MAX) return void filter.push(text);
    if (this.#fileBytes === 0 && !this.#isStopping) {
      this.#tell(
        `links broke by this, as is to be expected: nothing to look at (${this.#file} has what the runtimes say of it)`,
      );
    }
    this.#fileBytes += text.length;
    appendFileSync(this.#file, text);
  }
}
