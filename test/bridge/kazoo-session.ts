/** Drives the program kazoo_session.py: asks, and waits for what it tells. */
import { join } from "node:path";

import { installKazoo } from "../compat/clients.ts";
import { type Child, ProcessSet } from "../compat/processes.ts";
import { Toolbox } from "../compat/tools.ts";

/** What the program prints. */
interface Told {
  readonly answer?: number;
  readonly value?: unknown;
  readonly error?: string;
  readonly event?: string;
  readonly state?: string;
  readonly type?: string;
  readonly path?: string;
}

/** How long anything may take, in ms. */
const DEADLINE_MS = 60_000;

/** A kazoo client. */
export class KazooSession {
  readonly told: Told[] = [];
  readonly #child: Child;
  readonly #set: ProcessSet;
  #wake: () => void = () => undefined;
  #asked = 0;

  private constructor(set: ProcessSet, command: string, args: readonly string[]) {
    this.#set = set;
    this.#child = set.start({ command, args }, (line) => {
      this.told.push(JSON.parse(line) as Told);
      this.#wake();
    });
    this.#child.process.once("close", () => this.#wake());
  }

  /** Starts one, and waits until it has its session. */
  static async start(ports: readonly number[], timeoutMs: number): Promise<KazooSession> {
    const set = new ProcessSet();
    const { command } = await installKazoo(await Toolbox.open(set));
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
    const program = join(import.meta.dirname, "kazoo_session.py");
    const session = new KazooSession(set, command, ["-B", "-u", program, hosts, String(timeoutMs / 1000)]);
    await session.until(({ event }) => event === "ready");
    return session;
  }

  /** What it answers; throws with its error. */
  async ask(command: string, ...args: readonly unknown[]): Promise<unknown> {
    const number = ++this.#asked;
    this.#child.writeLine(JSON.stringify([number, command, ...args]));
    const { value, error } = await this.until(({ answer }) => answer === number);
    if (error !== undefined) throw new Error(error);
    return value;
  }

  /** What it has told, or will tell, from this place on. */
  async until(matches: (told: Told) => boolean, from = 0): Promise<Told> {
    const deadlineMs = performance.now() + DEADLINE_MS;
    for (;;) {
      const found = this.told.slice(from).find(matches);
      if (found !== undefined) return found;
      const leftMs = deadlineMs - performance.now();
      if (leftMs <= 0 || this.#child.hasEnded) {
        throw new Error(`kazoo has not told it; its last words:\n${this.#child.tail}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** How often it was told so. */
  count(event: string): number {
    return this.told.filter((told) => told.event === event).length;
  }

  async stop(): Promise<void> {
    await this.#set.stopAll();
  }
}
