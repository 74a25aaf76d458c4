/**
 * One lock that all doors contend for at the same time: Curator's InterProcessMutex, kazoo's Lock, the SDK over
 * WebSocket, curl, and a Worker by its service binding. Each takes it some times, and under it does the same by its own
 * door: it creates a znode that nobody else may have (so two holders at once are seen), finds in the record a smaller
 * token than its own, writes down its own with one more than the count (so an update that is lost shows), and deletes
 * the znode again.
 *
 * Then what happens to those who vanish: a holder that says nothing more, a waiter that is killed, an answer that is
 * lost.
 */
import { once } from "node:events";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { buildPackage } from "../../packaging/build.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { contendBySdk } from "./clients/node/sdk-contender.ts";
import { compileJava, installKazoo } from "./clients.ts";
import type { Child, Command, ProcessSet } from "./processes.ts";
import type { Toolbox } from "./tools.ts";

/** How often each contender takes the lock. */
const ROUNDS = 6;

/** For everything that is waited for. */
const DEADLINE_MS = 90_000;

const ROOT = "/contended";

/** What came of one part. */
export interface ContendedResult {
  readonly name: string;
  /** Why it failed; undefined where it did not. */
  readonly failure: string | undefined;
  readonly elapsedMs: number;
}

/** Plays both parts; never throws for what a client or the ensemble did. */
export async function runContended(
  processes: ProcessSet,
  tools: Toolbox,
): Promise<readonly ContendedResult[]> {
  const run = new ContendedRun(processes);
  const results: ContendedResult[] = [];
  const part = async (name: string, play: () => Promise<void>): Promise<void> => {
    const startedAt = performance.now();
    const failure = await play().then(
      () => undefined,
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    );
    results.push({ name, failure, elapsedMs: performance.now() - startedAt });
  };
  try {
    await part("clients and ensemble", async () => await run.open(tools));
    if (results.some(({ failure }) => failure !== undefined)) return results;
    await part("one holder at a time, by five doors", async () => await run.contend());
    await part("holder, waiter and answer that vanish", async () => await run.vanish());
    return results;
  } finally {
    await run.close();
  }
}

class ContendedRun {
  readonly #processes: ProcessSet;
  #ensemble: TestEnsemble | undefined;
  /** Where the published package is built. */
  #package = "";
  #java: Command | undefined;
  #python: Command | undefined;

  constructor(processes: ProcessSet) {
    this.#processes = processes;
  }

  async open(tools: Toolbox): Promise<void> {
    this.#package = join(tools.cache, "contended-package");
    await buildPackage(this.#package);
    const [java, python] = await Promise.all([compileJava(tools), installKazoo(tools)]);
    this.#java = { ...java, args: [...java.args.slice(0, -1), "Contender"] };
    const script = join(dirname(python.args.at(-1) ?? ""), "contender.py");
    this.#python = { ...python, args: [...python.args.slice(0, -1), script] };
    this.#ensemble = await startEnsemble({
      config: "test/faults/wrangler.toml",
      worker: "test/bound/wrangler.toml",
    });
    for (const [path, data] of [
      [ROOT, ""],
      [`${ROOT}/record`, `${"0".repeat(20)} 0`],
    ] as const) {
      await this.#curl(["-X", "PUT", "--data-binary", data, this.#url(`/nodes${path}`)]);
    }
  }

  async close(): Promise<void> {
    await this.#ensemble?.stop();
  }

  async contend(): Promise<void> {
    // Nobody begins before all stand in the queue.
    const { lease } = await this.#acquire({ key: "until all are there", ttlMs: 2 * DEADLINE_MS, waitMs: 0 });
    const contenders: Readonly<Record<string, Promise<readonly string[]>>> = {
      curator: this.#program(this.#start(this.#java, ROUNDS)),
      kazoo: this.#program(this.#start(this.#python, ROUNDS)),
      curl: this.#byCurl(),
      binding: this.#byBinding(),
      sdk: contendBySdk({
        directory: this.#package,
        address: `${this.#ensemble?.httpUrl}`,
        root: ROOT,
        rounds: ROUNDS,
      }),
    };
    // One that fails before it stands in the queue is told of at once.
    const failed = Promise.all(Object.values(contenders)).then(() => undefined);
    await Promise.race([this.#untilQueued(1 + Object.keys(contenders).length), failed]);
    await this.#release(lease);
    const all: string[] = [];
    for (const [name, taken] of Object.entries(contenders)) {
      const tokens = await taken.catch((error: unknown) => fail(`${name}: ${String(error)}`));
      expectThat(tokens.length === ROUNDS, `${name} took the lock ${tokens.length} times`);
      expectThat(tokens.join() === tokens.toSorted().join(), `${name}'s tokens fall: ${tokens.join(" ")}`);
      all.push(...tokens);
    }
    expectThat(new Set(all).size === all.length, `a token was given twice: ${all.toSorted().join(" ")}`);
    const body = await this.#curl([this.#url(`/nodes${ROOT}/record?consistency=linearizable`)]);
    const expected = `${all.toSorted().at(-1)} ${all.length}`;
    expectThat(body === expected, `the record is "${body}", expected "${expected}"`);
    console.log(`contended: ${all.length} holders by ${Object.keys(contenders).length} doors, one at a time`);
  }

  /**
   * 1. curl asks for the lock, and its answer is lost; asked again with the same key it is told the same lease.
   * 2. It renews until two wait behind it, and vanishes then. Of the two, kazoo is killed, the first.
   * 3. Curator holds the lock next: when the lease is over, and not before.
   */
  async vanish(): Promise<void> {
    const [key, ttlMs] = ["the lost answer", 6000];
    await this.#loseAnswer(key, ttlMs);
    await this.#untilQueued(1);
    const first = await this.#acquire({ key, ttlMs, waitMs: 0 });
    expectThat(
      (await this.#queue()).length === 1,
      "asked again under its key, curl stands in the queue twice",
    );

    const killed = this.#start(this.#python, 1);
    const renew = async (): Promise<string> =>
      await this.#curl([...JSON_POST, JSON.stringify({ lease: first.lease }), `${this.#lock()}/renew`]);
    await this.#untilQueued(2, renew);
    const heir = this.#program(this.#start(this.#java, 1));
    await this.#untilQueued(3, renew);
    killed.signal("SIGKILL");
    const renewedAt = performance.now();
    const { heldForMs } = JSON.parse(await renew()) as { readonly heldForMs: number };

    const [token = ""] = await heir;
    const heldMs = performance.now() - renewedAt;
    expectThat(heldMs >= heldForMs, `taken after ${heldMs} ms, before ${heldForMs} ms`);
    expectThat(token > first.token, `the heir's token ${token} is not above ${first.token}`);
    console.log(`contended: the lease of ${ttlMs} ms was over for the next after ${Math.round(heldMs)} ms`);
  }

  #url(path: string): string {
    return `${this.#ensemble?.httpUrl}/v1${path}`;
  }

  /** A program of a client's own: rounds and tokens. */
  #start(command: Command | undefined, rounds: number): Child {
    if (command === undefined || this.#ensemble === undefined) return fail("it is not open");
    const hosts = this.#ensemble.tcpPorts.map((port) => `127.0.0.1:${port}`).join(",");
    const lines: string[] = [];
    const child = this.#processes.start(
      { ...command, args: [...command.args, hosts, ROOT, String(rounds)] },
      (line) => lines.push(line),
    );
    this.#lines.set(child, lines);
    return child;
  }

  readonly #lines = new Map<Child, string[]>();

  async #program(child: Child): Promise<readonly string[]> {
    const timer = setTimeout(() => child.signal("SIGKILL"), DEADLINE_MS);
    await child.ended;
    clearTimeout(timer);
    if (child.process.exitCode !== 0) return fail(child.tail);
    return (this.#lines.get(child) ?? [])
      .filter((line) => line.startsWith("{"))
      .map((line) => (JSON.parse(line) as { readonly token: string }).token);
  }

  async #byBinding(): Promise<readonly string[]> {
    const response = await fetch(`${this.#ensemble?.workerUrl}/contend`, { method: "POST" });
    if (response.status !== 200) return fail(await response.text());
    return (await response.json()) as readonly string[];
  }

  async #byCurl(): Promise<readonly string[]> {
    const tokens: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const { token, lease } = await this.#acquire({ key: `round ${round}`, ttlMs: 30_000, waitMs: 60_000 });
      const held = ["-H", `If-Held: ${ROOT}/lock@${token}`];
      const node = (name: string): string => this.#url(`/nodes${ROOT}/${name}`);
      await this.#curl([...held, "-X", "PUT", "-H", "If-None-Match: *", "-d", "curl", node("holder")]);
      const body = await this.#curl([`${node("record")}?consistency=linearizable`]);
      const [, last = "", count = ""] = /^(\d{20}) (\d+)$/.exec(body) ?? fail(`the record is "${body}"`);
      expectThat(last < token, `token ${token} after ${last}`);
      const record = `${token} ${Number(count) + 1}`;
      await this.#curl([...held, "-X", "PUT", "--data-binary", record, node("record")]);
      await this.#curl([...held, "-X", "DELETE", node("holder")]);
      await this.#release(lease);
      tokens.push(token);
    }
    return tokens;
  }

  async #release(lease: string): Promise<void> {
    await this.#curl([...JSON_POST, JSON.stringify({ lease }), `${this.#lock()}/release`]);
  }

  #lock(): string {
    return this.#url(`/locks/${encodeURIComponent(`${ROOT}/lock`)}`);
  }

  async #acquire({
    key,
    ...json
  }: {
    readonly key: string;
    readonly ttlMs: number;
    readonly waitMs: number;
  }): Promise<{
    readonly token: string;
    readonly lease: string;
    readonly heldForMs: number;
  }> {
    const headers = ["-H", `Idempotency-Key: ${key}`];
    const body = await this.#curl([
      ...headers,
      ...JSON_POST,
      JSON.stringify(json),
      `${this.#lock()}/acquire`,
    ]);
    return JSON.parse(body) as { token: string; lease: string; heldForMs: number };
  }

  /** Asks as #acquire does, and is gone before it is answered. */
  async #loseAnswer(key: string, ttlMs: number): Promise<void> {
    const { host, hostname, port, pathname } = new URL(`${this.#lock()}/acquire`);
    const body = JSON.stringify({ ttlMs, waitMs: 0 });
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.write(
      `POST ${pathname} HTTP/1.1\r\nHost: ${host}\r\nIdempotency-Key: ${key}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    await this.#untilQueued(1);
    socket.resetAndDestroy();
  }

  async #queue(): Promise<readonly { readonly token: string }[]> {
    const body = await this.#curl([`${this.#lock()}?consistency=linearizable`]);
    return (JSON.parse(body) as { readonly queue: readonly { readonly token: string }[] }).queue;
  }

  async #untilQueued(count: number, meanwhile?: () => Promise<unknown>): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    while ((await this.#queue()).length < count) {
      await meanwhile?.();
      if (performance.now() > deadline) fail(`never ${count} in the queue`);
    }
  }

  /** The real curl: fails for every status from 400 on. */
  async #curl(args: readonly string[]): Promise<string> {
    // What has no line break at its end gets one: what is read of a process is its lines.
    const always = ["--silent", "--show-error", "--fail-with-body", "--write-out", "\n"];
    const printed = await this.#processes.run({ command: "curl", args: [...always, ...args] }, DEADLINE_MS);
    return printed.replace(/\n+$/, "");
  }
}

const JSON_POST = ["-X", "POST", "-H", "Content-Type: application/json", "--data-binary"];

function expectThat(holds: boolean, what: string): void {
  if (!holds) fail(what);
}

function fail(what: string): never {
  throw new Error(what);
}
