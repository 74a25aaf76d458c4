/** `edgekeeper shell`: a session that stays, with zkCli's verbs, a history, and completion of verbs and paths. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface, type Interface } from "node:readline";

import { Command } from "commander";

import { childOf, parentOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { endingOf, EXIT, ProgramError, usageError } from "../exit-code.ts";
import { wholeNumber } from "../option-values.ts";
import { Output } from "../output.ts";
import { Reach, type ReachOptions, withReach } from "../reach.ts";
import { wordsOf } from "../words.ts";
import { sessionText } from "../znode-text.ts";
import { addQuotaVerbs } from "../verbs/quota-verbs.ts";
import { addReadingVerbs } from "../verbs/reading-verbs.ts";
import { addSessionVerbs } from "../verbs/session-verbs.ts";
import type { VerbHost } from "../verbs/verb-host.ts";
import { addWritingVerbs } from "../verbs/writing-verbs.ts";

const ABOUT =
  "Look around in a session that stays: zkCli's verbs, a history, and the tab key for verbs and paths. Lines that do " +
  "not come from a terminal are run one after the other, and the first that fails ends it.";

/** Lines that the history keeps. */
const HISTORY_MAX = 1000;

/** Adds the command to the program. */
export function addShellCommand(program: Command): void {
  const command = program.command("shell").summary("look around in a session that stays").description(ABOUT);
  withReach(command).action(async (options: ReachOptions) => {
    const shell = new Shell(options);
    try {
      await shell.connect(options.url);
      process.exitCode = isTerminal() ? await shell.talk() : await shell.runAll();
    } finally {
      await shell.close();
    }
  });
}

function isTerminal(): boolean {
  return process.stdin.isTTY && process.stdout.isTTY;
}

/** See the file's comment. */
class Shell {
  readonly #options: ReachOptions;
  readonly #output: Output;
  /** What this shell was asked for, from its start. */
  readonly #asked: string[] = [];
  #client: Client | undefined;
  #isOver = false;

  constructor(options: ReachOptions) {
    this.#options = options;
    this.#output = new Output(options);
  }

  /** Ends the session, and begins one at that address. */
  async connect(url: string): Promise<void> {
    const reach = await Reach.of({ ...this.#options, url });
    await this.close();
    const client = await reach.session();
    client.onState(({ state }) => this.#output.note(`[session ${sessionText(client.sessionId)} ${state}]`));
    this.#client = client;
    if (isTerminal()) {
      this.#output.note(`${reach.address}, session ${sessionText(client.sessionId)}; help lists the verbs`);
    }
  }

  /** Ends the session, where there is one. */
  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.close();
  }

  /** Reads lines of a person until there are no more; gives the code to end with. */
  async talk(): Promise<number> {
    const history = await readHistory();
    const lines = createInterface({
      input: process.stdin,
      output: process.stdout,
      history: [...history],
      historySize: HISTORY_MAX,
      removeHistoryDuplicates: true,
      completer: (line: string, done: (error: Error | null, found: [string[], string]) => void) => {
        this.#complete(line)
          .then((found) => done(null, found))
          // What cannot be asked is not completed: the command itself will say why.
          .catch(() => done(null, [[], line]));
      },
    });
    let kept: readonly string[] = history;
    lines.on("history", (all: string[]) => (kept = [...all]));
    lines.setPrompt("edgekeeper> ");
    lines.prompt();
    for await (const line of lines) {
      await this.#run(line, lines);
      if (this.#isOver || this.#client?.ended.aborted === true) break;
      lines.prompt();
    }
    lines.close();
    await writeHistory(kept);
    return EXIT.done;
  }

  /** Runs the lines of a file or a pipe; gives the code of the first that fails. */
  async runAll(): Promise<number> {
    for await (const line of createInterface({ input: process.stdin })) {
      const code = await this.#run(line, undefined);
      if (code !== EXIT.done || this.#isOver) return code;
    }
    return EXIT.done;
  }

  async #run(line: string, lines: Interface | undefined): Promise<number> {
    const words = wordsOf(line);
    if (words.length === 0) return EXIT.done;
    this.#asked.push(line);
    try {
      await this.#verbs(lines).parseAsync([...words], { from: "user" });
      return EXIT.done;
    } catch (error) {
      const ending = endingOf(error);
      if (ending === undefined) throw error;
      if (ending.message !== "") this.#output.note(ending.message);
      return ending.exitCode;
    }
  }

  /** Made anew for each line, as commander keeps what it has read. */
  #verbs(lines: Interface | undefined): Command {
    const verbs = new Command()
      .name("edgekeeper>")
      .usage("VERB [options] ...")
      .helpOption("-h, --help", "print what a verb takes")
      .helpCommand("help [verb]", "list the verbs, or print what one takes")
      .configureHelp({ subcommandTerm: (command) => command.name() })
      .exitOverride()
      .configureOutput({ outputError: () => undefined, writeErr: (text) => process.stdout.write(text) });
    const host: VerbHost = {
      isShell: true,
      command: (name) => verbs.command(name),
      run: async (_, act) =>
        await act({
          client: this.#connected(),
          output: this.#output,
          onWatch: ({ type, path }) => {
            this.#output.print({ event: type, path }, `WATCHER ${type} ${path}`);
            lines?.prompt(true);
          },
        }),
    };
    addReadingVerbs(host);
    addWritingVerbs(host);
    addQuotaVerbs(host);
    addSessionVerbs(host);
    this.#addShellVerbs(verbs, lines);
    return verbs;
  }

  #connected(): Client {
    if (this.#client !== undefined) return this.#client;
    throw new ProgramError("there is no session: connect", { exitCode: EXIT.unreachable, code: "CLOSED" });
  }

  /** Verbs of the shell itself. */
  #addShellVerbs(verbs: Command, lines: Interface | undefined): void {
    verbs
      .command("quit")
      .alias("exit")
      .description("end the session, and the shell")
      .action(() => {
        this.#isOver = true;
      });
    verbs
      .command("close")
      .description("end the session, and stay")
      .action(async () => await this.close());
    verbs
      .command("connect")
      .description("begin a session anew, here or elsewhere; the one before ends")
      .argument("[url]", "the deployment", this.#options.url)
      .action(async (url: string) => await this.connect(url));
    verbs
      .command("history")
      .description("show what this shell was asked for, with numbers that redo takes")
      .action(() => {
        const asked = this.#asked.map((line, index) => ({ number: index, line }));
        this.#output.print(
          { history: asked },
          asked.map(({ number, line }) => `${number} - ${line}`),
        );
      });
    verbs
      .command("redo")
      .description("ask once more")
      .argument("<number>", "as history has it", wholeNumber(0, Number.MAX_SAFE_INTEGER))
      .action(async (number: number) => {
        const line = this.#asked[number];
        if (line === undefined || wordsOf(line)[0] === "redo") {
          throw usageError(`${number} is no number of the history`);
        }
        // It stands there as what was asked for, and not as a number that may be asked again.
        this.#asked.pop();
        this.#asked.push(line);
        await this.#verbs(lines).parseAsync([...wordsOf(line)], { from: "user" });
      });
  }

  /** Verbs for the first word; for a path the children of the znode that it begins with. */
  async #complete(line: string): Promise<[string[], string]> {
    const [, start = "", word = ""] = /^(.*\s)?(\S*)$/.exec(line) ?? [];
    if (start.trim() === "") {
      const verbs = this.#verbs(undefined).commands.map((command) => `${command.name()} `);
      return [verbs.filter((verb) => verb.startsWith(word)), word];
    }
    if (!word.startsWith("/")) return [[], word];
    const parent = word.endsWith("/") && word !== "/" ? word.slice(0, -1) : parentOf(word);
    const children = await this.#connected().children(parent);
    const paths = children.map((name) => childOf(parent, name));
    return [paths.filter((path) => path.startsWith(word)), word];
  }
}

function historyFile(): string {
  const state = process.env["XDG_STATE_HOME"] || join(homedir(), ".local", "state");
  return join(state, "edgekeeper", "history");
}

/** The latest line first, as readline has it. Nothing where there is none yet. */
async function readHistory(): Promise<readonly string[]> {
  try {
    return (await readFile(historyFile(), "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    // Nobody has used it here yet.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}

/** Lines that log in are not kept: they have a password. */
async function writeHistory(lines: readonly string[]): Promise<void> {
  const kept = lines.filter((line) => !/^\s*addauth\b/.test(line)).slice(0, HISTORY_MAX);
  await mkdir(dirname(historyFile()), { recursive: true });
  await writeFile(historyFile(), `${kept.join("\n")}\n`, { mode: 0o600 });
}
