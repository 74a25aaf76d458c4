/**
 * Runs a client program through its checks. The program prints one JSON object a line: {"begin": id} when it
 * starts a check, {"check": id, "verdict", "detail"} when the check has ended, {"ask": "move"} when it wants
 * its proxy to lead to another replica (answered by the line "moved" on its input). A check that hangs, or
 * takes the program down with it, fails; the program is started again for the rest.
 */
import type { ClientReport, Outcome, Verdict } from "./checks.ts";
import type { ClientProgram } from "./clients.ts";
import type { Child, ProcessSet } from "./processes.ts";
import { SwitchProxy } from "./proxy.ts";
import { askWord, formatAddress } from "./servers.ts";
import type { Ensemble } from "./servers.ts";

/**
 * How long one check may take, in ms. The longest, expiry, waits for a session of 4 s to end and a frozen
 * client to come back.
 */
const CHECK_TIMEOUT_MS = 45_000;

/**
 * How long all checks of one client may take, in ms: a server that answers nothing must not hold the run for
 * each check's deadline.
 */
const CLIENT_TIMEOUT_MS = 240_000;

/** One run of a client against an ensemble. */
export interface ProgramRun {
  readonly processes: ProcessSet;
  readonly program: ClientProgram;
  readonly ensemble: Ensemble;
  /** Unique to the run and the client: every check's znodes are below `${prefix}-${check id}`. */
  readonly prefix: string;
  readonly checks: readonly string[];
}

/** Runs all checks of one client. Never throws for what a client or a server did: that is a failed check. */
export async function runProgram(run: ProgramRun): Promise<ClientReport> {
  const outcomes: Outcome[] = [];
  let remaining: readonly string[] = run.checks;
  const deadline = performance.now() + CLIENT_TIMEOUT_MS;
  while (remaining.length > 0 && performance.now() < deadline) {
    const proxy = await SwitchProxy.listen(run.ensemble.addresses);
    const session = new ProgramSession(run, proxy, remaining);
    const timer = setTimeout(() => session.end(), deadline - performance.now());
    outcomes.push(...(await session.ended()));
    clearTimeout(timer);
    await proxy.close();
    const answered = new Set(outcomes.map((outcome) => outcome.check));
    remaining = run.checks.filter((check) => !answered.has(check));
  }
  for (const check of remaining) {
    const detail = `not asked: this client's ${CLIENT_TIMEOUT_MS} ms were over`;
    outcomes.push({ check, verdict: "fail", detail, elapsedMs: 0 });
  }
  outcomes.sort((left, right) => run.checks.indexOf(left.check) - run.checks.indexOf(right.check));
  return { client: run.program.name, outcomes };
}

/** One process of a client program, from its start to its end or to the first check that ends it. */
class ProgramSession {
  readonly #run: ProgramRun;
  readonly #proxy: SwitchProxy;
  readonly #child: Child;
  readonly #outcomes: Outcome[] = [];
  readonly #addressChecks: Promise<void>[] = [];
  readonly #first: string;
  #current: string | undefined;
  #startedAt = performance.now();
  #timer: NodeJS.Timeout;
  #isLate = false;

  constructor(run: ProgramRun, proxy: SwitchProxy, checks: readonly string[]) {
    const [first] = checks;
    if (first === undefined) throw new Error("a session without checks");
    this.#first = first;
    this.#run = run;
    this.#proxy = proxy;
    const hosts = run.ensemble.addresses.map(formatAddress).join(",");
    const args = [...run.program.command.args, hosts, formatAddress(proxy.address), run.prefix, ...checks];
    this.#child = run.processes.start({ ...run.program.command, args }, (line) => this.#onLine(line));
    this.#timer = setTimeout(() => this.#onLate(), CHECK_TIMEOUT_MS);
  }

  /** Ends the program where it is; the check it was at has failed. */
  end(): void {
    this.#onLate();
  }

  async ended(): Promise<readonly Outcome[]> {
    await this.#child.ended;
    clearTimeout(this.#timer);
    await this.#run.processes.stop(this.#child);
    // A program that ends before its first check, or between two, has nothing else to be blamed on.
    const blamed = this.#current ?? (this.#outcomes.length === 0 ? this.#first : undefined);
    if (blamed !== undefined) {
      const reason = this.#isLate
        ? `no answer within ${Math.round(performance.now() - this.#startedAt)} ms`
        : "the client program ended";
      this.#record(blamed, "fail", `${reason}; its last output:\n${this.#child.tail}`);
    }
    await Promise.all(this.#addressChecks);
    return this.#outcomes;
  }

  #onLate(): void {
    this.#isLate = true;
    this.#child.signal("SIGKILL");
  }

  #onLine(line: string): void {
    const message = parseLine(line);
    if (message === undefined) return;
    if ("ask" in message) {
      this.#proxy.move();
      this.#child.writeLine("moved");
      return;
    }
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onLate(), CHECK_TIMEOUT_MS);
    if ("begin" in message) {
      this.#current = message.begin;
      this.#startedAt = performance.now();
      return;
    }
    this.#current = undefined;
    if (message.check === "config" && message.verdict === "ok") {
      this.#addressChecks.push(this.#checkConfig(message.detail));
    } else {
      this.#record(message.check, message.verdict, message.detail);
    }
  }

  /**
   * What Curator's EnsembleTracker would do with the text: connect to the client address of each member,
   * where there is one.
   */
  async #checkConfig(text: string): Promise<void> {
    const { addresses, problem } = parseConfig(text);
    const failures = problem === undefined ? [] : [problem];
    for (const address of addresses) {
      try {
        const answer = await askWord(address, ["ruok"]);
        if (answer !== "imok") failures.push(`${formatAddress(address)} of the config says "${answer}"`);
      } catch (error) {
        failures.push(`${formatAddress(address)} of the config does not answer: ${String(error)}`);
      }
    }
    this.#record("config", failures.length === 0 ? "ok" : "fail", failures.join("\n"));
  }

  #record(check: string, verdict: Verdict, detail: string): void {
    this.#outcomes.push({ check, verdict, detail, elapsedMs: performance.now() - this.#startedAt });
  }
}

type Line =
  | { readonly begin: string }
  | { readonly ask: "move" }
  | { readonly check: string; readonly verdict: Verdict; readonly detail: string };

/** A protocol line, or undefined for anything else a client library prints. */
function parseLine(line: string): Line | undefined {
  if (!line.startsWith("{")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // Not ours: a library may print what it likes.
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  if ("begin" in value && typeof value.begin === "string") return { begin: value.begin };
  if ("ask" in value && value.ask === "move") return { ask: "move" };
  if (!("check" in value && typeof value.check === "string")) return undefined;
  const detail = "detail" in value && typeof value.detail === "string" ? value.detail : "";
  const verdict = "verdict" in value ? value.verdict : undefined;
  if (verdict !== "ok" && verdict !== "fail" && verdict !== "n/a") return undefined;
  return { check: value.check, verdict, detail };
}

interface ParsedConfig {
  readonly addresses: readonly { host: string; port: number }[];
  readonly problem: string | undefined;
}

/**
 * The client addresses in the text of /zookeeper/config: lines
 * `server.N=host:port:port[:role][;[host:]clientPort]`, then `version=hex`. No member with a client address
 * is fine (a client then keeps the addresses it was given), and so is an empty text. A wildcard host means
 * the member's own, as ZooKeeper's clients read it.
 */
function parseConfig(text: string): ParsedConfig {
  const addresses: { host: string; port: number }[] = [];
  for (const line of text.split("\n")) {
    if (line === "" || /^version=[0-9a-f]+$/.test(line)) continue;
    const member =
      /^server\.\d+=([^;:]+):\d+:\d+(?::(?:participant|observer))?(?:;(?:([^;:]+):)?(\d+))?$/.exec(line);
    if (member === null) return { addresses, problem: `not a line of a ZooKeeper config: "${line}"` };
    const [, memberHost = "", clientHost = memberHost, clientPort] = member;
    const host = clientHost === "0.0.0.0" ? memberHost : clientHost;
    if (clientPort !== undefined) addresses.push({ host, port: Number(clientPort) });
  }
  return { addresses, problem: undefined };
}
