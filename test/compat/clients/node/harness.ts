/**
 * What the client programs of this directory share: expectations, and the lines that say how each check
 * ended.
 */
import { createInterface } from "node:readline";
import type { Interface } from "node:readline";

/** How long a check waits for one thing, in ms. */
export const WAIT_MS = 20_000;

/** The client has no such call: n/a, with its reason. */
export class NotAvailable extends Error {}

/** What a check needs besides its own clients. */
export interface Place {
  /** All replicas, as connect strings have them. */
  readonly hosts: string;
  /** The proxy that `move` leads to another replica. */
  readonly proxy: string;
  /** The check's own znode. */
  readonly path: string;
  /** Has the proxy cut its connections and lead to another replica. */
  move(): Promise<void>;
}

/** A check returns what the line's detail shall say, mostly nothing. */
export type ClientCheck = (place: Place) => Promise<string | void>;

/** Lines that can be waited for. */
export class LineReader {
  readonly #interface: Interface;
  readonly #lines: string[] = [];
  #wake: () => void = () => {};

  constructor(input: NodeJS.ReadableStream) {
    this.#interface = createInterface({ input });
    this.#interface.on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
  }

  async next(timeoutMs: number = WAIT_MS): Promise<string> {
    return await waitFor("a line of input", () => this.#lines.shift(), {
      timeoutMs,
      onChange: (wake) => (this.#wake = wake),
    });
  }

  close(): void {
    this.#interface.close();
  }
}

/** How to wait: until when, and what tells of a change before the next poll. */
export interface Waiting {
  readonly timeoutMs?: number;
  readonly onChange?: (wake: () => void) => void;
}

/** Asks until the answer is not undefined; throws after the deadline. */
export async function waitFor<T>(
  what: string,
  ask: () => T | undefined | Promise<T | undefined>,
  waiting: Waiting = {},
): Promise<T> {
  const timeoutMs = waiting.timeoutMs ?? WAIT_MS;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 50);
      waiting.onChange?.(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}

/** Compares by their JSON, which is also what the message shows. */
export function expectEqual(what: string, expected: unknown, seen: unknown): void {
  const [left, right] = [JSON.stringify(expected), JSON.stringify(seen)];
  if (left !== right) throw new Error(`${what}: expected ${left}, saw ${right}`);
}

/** The program's main loop: runs the checks named on its command line (hosts, proxy, prefix, check...). */
export async function runChecks(checks: Readonly<Record<string, ClientCheck>>): Promise<void> {
  const [hosts = "", proxy = "", prefix = "", ...names] = process.argv.slice(2);
  const input = new LineReader(process.stdin);
  const move = async (): Promise<void> => {
    print({ ask: "move" });
    expectEqual("answer of the suite", "moved", await input.next());
  };
  for (const name of names) {
    print({ begin: name });
    let verdict = "ok";
    let detail = "";
    try {
      const check = checks[name];
      if (check === undefined) throw new Error("the program has no such check");
      detail = (await check({ hosts, proxy, path: `${prefix}-${name}`, move })) ?? "";
    } catch (error) {
      verdict = error instanceof NotAvailable ? "n/a" : "fail";
      detail = describe(error);
    }
    print({ check: name, verdict, detail });
  }
  input.close();
}

/** One JSON object on a line of its own. */
export function print(message: object): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function describe(error: unknown): string {
  if (error instanceof NotAvailable) return error.message;
  if (!(error instanceof Error)) return String(error);
  const frames = [...(error.stack ?? "").matchAll(/([\w-]+\.ts:\d+)/g)].map((match) => match[1]);
  return `${error.message} (${frames.join(" < ")})`;
}
