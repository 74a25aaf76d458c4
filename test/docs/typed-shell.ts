/**
 * A shell in which the commands of a page are typed one after the other, so that later ones find the variables and the
 * folder that earlier ones left. Words such as LEASE or ETAG, which a page writes for what an answer held, are replaced
 * by what the latest answer held.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";

/** What one command did. */
export interface Typed {
  readonly output: string;
  readonly status: number;
}

/** A hang is what this is for. */
const DEADLINE_MS = 60_000;

/** See the file's comment. */
export class TypedShell {
  readonly #child: ChildProcess;
  readonly #told = new Map<string, string>();
  #printed = "";
  #wake: () => void = () => undefined;

  /** `preamble` is run first, unseen: functions that stand for programs, say. */
  constructor(cwd: string, preamble: string) {
    const path = `${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`;
    const environment = { ...process.env, PATH: path, CI: "1", NO_COLOR: "1" };
    this.#child = spawn("bash", ["--norc"], { cwd, env: environment, stdio: ["pipe", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (chunk: string) => {
        this.#printed += chunk;
        this.#wake();
      });
    }
    this.#child.stdin?.write(`exec 2>&1\n${preamble}\n`);
  }

  /** Types a command, and resolves when it has ended. Throws where a word stands for what no answer held. */
  async type(command: string): Promise<Typed> {
    return await this.#typed(command, undefined);
  }

  /** Types a command that goes on until Ctrl-C, and presses that once it has printed this. */
  async typeUntil(command: string, pattern: RegExp): Promise<Typed> {
    return await this.#typed(command, pattern);
  }

  async #typed(command: string, until: RegExp | undefined): Promise<Typed> {
    const mark = randomUUID();
    const filled = this.#filled(command);
    this.#printed = "";
    // A command of its own line, so that its end does not fall into a here-document.
    this.#child.stdin?.write(`${filled}\nprintf '\\n%s %d\\n' ${mark} $?\n`);
    const end = new RegExp(`\\n?\\n${mark} (\\d+)\\n`);
    const deadline = performance.now() + DEADLINE_MS;
    let isInterrupted = until === undefined;
    for (;;) {
      if (!isInterrupted && until?.test(this.#printed) === true) {
        isInterrupted = true;
        this.#interrupt();
      }
      const found = end.exec(this.#printed);
      if (found !== null) return this.#done(this.#printed.slice(0, found.index), Number(found[1]));
      if (this.#child.exitCode !== null || performance.now() >= deadline) {
        throw new Error(`no end of\n${filled}\n${this.#printed}`);
      }
      await this.#more(deadline - performance.now());
    }
  }

  /** Ends it. */
  async stop(): Promise<void> {
    const closed = once(this.#child, "close");
    this.#child.kill("SIGKILL");
    await closed;
  }

  /** What the shell runs now. */
  #interrupt(): void {
    const pid = String(this.#child.pid);
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    for (const child of children) process.kill(Number(child), "SIGINT");
  }

  #done(output: string, status: number): Typed {
    for (const [, name = "", value = ""] of output.matchAll(
      /"(lease|token|session|revision|id)":"([^"]*)"/g,
    )) {
      this.#told.set(name.toUpperCase(), value);
    }
    // The program lists what there is a line each, its id in front.
    const id = /^([0-9a-f]{16})\s/m.exec(output)?.[1];
    if (id !== undefined) this.#told.set("ID", id);
    const etag = /^etag: (.*?)\r?$/im.exec(output)?.[1];
    if (etag !== undefined) this.#told.set("ETAG", etag);
    return { output, status };
  }

  #filled(command: string): string {
    return command.replaceAll(
      /"ETAG"|(?<![\w$])(?:LEASE|TOKEN|ETAG|SESSION|REVISION|ID)(?![\w=])/g,
      (word) => {
        const value = this.#told.get(word.replaceAll('"', ""));
        if (value === undefined)
          throw new Error(`${word} stands for what no answer before held, in\n${command}`);
        return value;
      },
    );
  }

  async #more(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** The commands of a block, each whole: with its continued lines, loops and here-documents. */
export function commandsIn(text: string): readonly string[] {
  const commands: string[] = [];
  let command = "";
  for (const line of text.trimEnd().split("\n")) {
    command = command === "" ? line : `${command}\n${line}`;
    if (!isWhole(command)) continue;
    if (command.trim() !== "") commands.push(command);
    command = "";
  }
  if (command !== "") throw new Error(`a command that does not end:\n${command}`);
  return commands;
}

/** As bash sees it: what is not whole is no program, or a here-document that the end of the text closes. */
function isWhole(command: string): boolean {
  if (command.endsWith("\\")) return false;
  try {
    const warnings = execFileSync("bash", ["-n"], { input: `${command}\n`, stdio: ["pipe", "pipe", "pipe"] });
    return warnings.length === 0 && !isWithinHereDocument(command);
  } catch (error) {
    // bash refuses half a command with status 2; that is the question that was asked.
    if (error instanceof Error && "status" in error) return false;
    throw error;
  }
}

function isWithinHereDocument(command: string): boolean {
  const [, word] = /<<-?\s*'?(\w+)'?/.exec(command) ?? [];
  return word !== undefined && !command.split("\n").slice(1).includes(word);
}
