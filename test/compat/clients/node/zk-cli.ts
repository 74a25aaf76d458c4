/** Drives the real zkCli.sh by its standard input and reads its real output. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import type { ChildProcessWithoutNullStreams } from "node:child_process";
import { WAIT_MS, expectEqual, waitFor } from "./harness.ts";

/** Ends every command's output: what the harmless command `version` prints. */
const END = /^ZooKeeper CLI version:/;

/** A Stat as `get -s` prints it, by the names it prints. */
export type PrintedStat = ReadonlyMap<string, string>;

/** One zkCli process, with one session, kept for many commands. */
export class ZkCli {
  readonly #process: ChildProcessWithoutNullStreams;
  /** Everything printed so far, line by line, watch events included. */
  readonly lines: string[] = [];
  #partial = "";
  #hasEnded = false;

  constructor(hosts: string, timeoutMs = 10_000) {
    // One pipe for both streams keeps the order in which a person would read them.
    const script = 'exec /usr/share/zookeeper/bin/zkCli.sh -timeout "$0" -server "$1" 2>&1';
    this.#process = spawn("/bin/bash", ["-c", script, String(timeoutMs), hosts], {
      env: { ...process.env, JVMFLAGS: "-Xmx128m -XX:+UseSerialGC -XX:TieredStopAtLevel=1" },
    });
    this.#process.stdout.setEncoding("utf8");
    this.#process.stdout.on("data", (chunk: string) => {
      const lines = (this.#partial + chunk).split("\n");
      this.#partial = lines.pop() ?? "";
      this.lines.push(...lines);
    });
    this.#process.on("close", () => {
      this.#hasEnded = true;
    });
    // A write to a zkCli that ended is reported by the wait for its answer.
    this.#process.stdin.on("error", () => {});
  }

  /** Waits for the first connection, which zkCli itself does not. */
  async connected(): Promise<this> {
    await this.event("SyncConnected", "None", "null");
    return this;
  }

  /** Runs a command and gives the lines it printed, without the watch events among them. */
  async run(command: string): Promise<string> {
    const from = this.lines.length;
    this.#process.stdin.write(`${command}\nversion\n`);
    const end = await waitFor(`the end of "${command}"`, () => {
      const index = this.lines.findIndex((line, number) => number >= from && END.test(line));
      if (index < 0 && this.#hasEnded)
        throw new Error(`zkCli ended; it printed ${this.lines.slice(-5).join("\n")}`);
      return index < 0 ? undefined : index;
    });
    return withoutEvents(this.lines.slice(from, end)).join("\n");
  }

  /** Runs a command and compares all that it prints. */
  async expect(command: string, expected: string): Promise<void> {
    expectEqual(command, expected, await this.run(command));
  }

  /** Runs a command that prints a Stat. */
  async stat(command: string): Promise<PrintedStat> {
    const output = await this.run(command);
    const pairs = [...output.matchAll(/^(\w+) = (.*)$/gm)].map(
      (match) => [match[1] ?? "", match[2] ?? ""] as const,
    );
    if (pairs.length !== 11) throw new Error(`${command}: expected the 11 lines of a Stat, saw:\n${output}`);
    return new Map(pairs);
  }

  /** Waits until an event was printed, at or after the given line. */
  async event(state: string, type: string, path: string, from = 0): Promise<void> {
    await waitFor(`${state} ${type} ${path}; printed: ${this.lines.slice(-6).join(" | ")}`, () => {
      const wanted = eventLine(state, type, path);
      return this.lines.indexOf(wanted, from) >= 0 ? true : undefined;
    });
  }

  /** How often an event was printed. */
  eventCount(type: string, path: string): number {
    return this.lines.filter((line) => line === eventLine("SyncConnected", type, path)).length;
  }

  /**
   * To zkCli.sh and the java process it waits for: ids asked of the kernel, as the script starts java as its
   * child.
   */
  signal(signal: NodeJS.Signals): void {
    const id = this.#process.pid;
    if (id === undefined || this.#hasEnded) return;
    for (const child of childrenOf(id)) process.kill(child, signal);
    this.#process.kill(signal);
  }

  /** Ends it as a person would: quit closes the session. */
  async quit(): Promise<void> {
    this.#process.stdin.end("quit\n");
    try {
      await waitFor("zkCli quits", () => (this.#hasEnded ? true : undefined), { timeoutMs: WAIT_MS });
    } finally {
      this.signal("SIGKILL");
    }
  }
}

function childrenOf(id: number): readonly number[] {
  try {
    return readFileSync(`/proc/${id}/task/${id}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
  } catch {
    // It ended between the question and the look: nobody is left to signal.
    return [];
  }
}

function eventLine(state: string, type: string, path: string): string {
  return `WatchedEvent state:${state} type:${type} path:${path}`;
}

/** An event is an empty line, "WATCHER::", an empty line and the event itself. */
function withoutEvents(lines: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (const line of lines) {
    if (line.startsWith("WatchedEvent ")) {
      while (kept.at(-1) === "") kept.pop();
      if (kept.at(-1) === "WATCHER::") kept.pop();
      if (kept.at(-1) === "") kept.pop();
    } else kept.push(line);
  }
  return kept;
}
