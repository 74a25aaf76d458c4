/**
 * Callers without a connection, by the HTTP API: they set documents by If-Match and read them, add to a counter and
 * create under keys. Each is one lane, which asks for one thing after the other. What they do to znodes is judged as any
 * client's; the counter must come to the sum of what was added.
 */
import { OPEN_ACL } from "../../src/base/acl.ts";
import { type Rng, seededRng } from "../../src/base/rng.ts";
import { HttpApi } from "../harness/http-api.ts";
import { Violation } from "../sim/verdict.ts";
import { type Fate, HttpCaller, type HttpCallerSetup, type HttpCounts, statOf } from "./http-caller.ts";
import { HttpLocker, type LockCounts } from "./http-locker.ts";
import type { Recorder } from "./recorded-client.ts";

/** How it is made. */
export interface HttpLoadSetup {
  /** Of the ensemble. */
  readonly url: string;
  /** Exists; all paths lie below it. */
  readonly root: string;
  readonly seed: number;
  readonly recorder: Recorder;
}

const LOCKERS = 3;
const WRITERS = 3;
/** Fewer than writers, so that they get into each other's way. */
const DOCUMENTS = 2;
const ADDERS = 2;
const MAKERS = 2;
/** Between two requests of a lane. */
const PACE_MS = 40;
/** In the end, when all is calm, the counter is read within this. */
const READ_DEADLINE_MS = 30_000;

/** What was added, as its caller knows. */
interface Addition {
  readonly startMs: number;
  readonly endMs: number;
  /** What it came to; undefined where nobody knows whether it was added. */
  readonly value: bigint | undefined;
}

/** See the file's comment. */
export class HttpLoad {
  readonly #setup: HttpLoadSetup;
  readonly #http: HttpCounts = { answered: 0, undone: 0, unknown: 0, repeated: 0 };
  readonly #locks: LockCounts = { acquired: 0, lost: 0, hungUp: 0 };
  readonly #additions: Addition[] = [];
  readonly #violations: Violation[] = [];
  #sets = 0;
  #reads = 0;
  #creates = 0;
  #lanes: Promise<unknown> = Promise.resolve();
  #isStopping = false;
  #parts: HttpCallerSetup | undefined;

  constructor(setup: HttpLoadSetup) {
    this.#setup = setup;
  }

  /** What they did, by names for people. */
  get counts(): Readonly<Record<string, number>> {
    const { answered, undone, unknown, repeated } = this.#http;
    const { acquired, lost, hungUp } = this.#locks;
    return {
      "HTTP requests answered": answered,
      "HTTP requests surely not done": undone,
      "HTTP requests unknown": unknown,
      "HTTP requests repeated under a key": repeated,
      "HTTP documents set": this.#sets,
      "HTTP documents read": this.#reads,
      "HTTP counter additions": this.#additions.filter(({ value }) => value !== undefined).length,
      "HTTP creates under a key": this.#creates,
      "HTTP locks acquired": acquired,
      "HTTP locks lost": lost,
      "HTTP waiters hung up": hungUp,
    };
  }

  /** Makes what they work with, and begins. */
  async start(): Promise<void> {
    const { url, root, seed, recorder } = this.#setup;
    const api = await HttpApi.open(url);
    const setup = { api, recorder, counts: this.#http, isOver: () => this.#isStopping };
    this.#parts = setup;
    const maker = new HttpCaller("http maker", setup);
    const paths = Array.from({ length: DOCUMENTS }, (_, index) => this.#document(index));
    for (const path of [...paths, this.#made]) await this.#make(maker, path);
    const lanes = (name: string, count: number, lane: (caller: HttpCaller, rng: Rng) => Promise<void>) =>
      Array.from({ length: count }, async (_, index) => {
        const caller = new HttpCaller(`http ${name} ${index}`, setup);
        await lane(caller, seededRng([seed, index, name.length, 0x68747470]));
      });
    this.#lanes = Promise.all([
      ...lanes("writer", WRITERS, async (caller, rng) => await this.#write(caller, rng)),
      ...lanes("adder", ADDERS, async (caller) => await this.#add(caller)),
      ...lanes("creator", MAKERS, async (caller) => await this.#create(caller)),
      ...lanes("locker", LOCKERS, async (caller, rng) => {
        const locker = new HttpLocker({ caller, rng, root, recorder, counts: this.#locks });
        while (!this.#isStopping) await locker.turn();
        this.#violations.push(...locker.violations);
      }),
    ]);
  }

  /** Lets every lane end what it is at. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#lanes;
  }

  /** When all is calm: what its lanes saw that was wrong, and whether the counter is what was added. */
  async finish(): Promise<readonly Violation[]> {
    if (this.#parts === undefined) return [];
    const caller = new HttpCaller("http reader", this.#parts);
    const untilMs = performance.now() + READ_DEADLINE_MS;
    const path = `/counters/${this.#counter}?consistency=linearizable`;
    let fate: Fate = { kind: "undone" };
    while (fate.kind !== "answered" && performance.now() < untilMs) fate = await caller.ask("GET", path);
    if (fate.kind !== "answered") return [new Violation("the ensemble serves in the end", `GET ${path}`)];
    const value = BigInt(String(fate.answer.json?.["value"] ?? 0));
    return [...this.#violations, ...checkCounter(this.#additions, value)];
  }

  #document(index: number): string {
    return `${this.#setup.root}/http-document-${index % DOCUMENTS}`;
  }

  get #made(): string {
    return `${this.#setup.root}/http-made`;
  }

  /** Beside the root: what it stands at is judged by what was added, not as a client's znode. */
  get #counter(): string {
    return this.#setup.root.slice(1);
  }

  /** Throws where that fails, as no fault is injected yet. */
  async #make(caller: HttpCaller, path: string): Promise<void> {
    const startMs = performance.now();
    const fate = await caller.askUntilAnswered("POST", `/nodes${path}`, { body: path });
    if (fate.kind !== "answered" || fate.answer.status !== 201)
      throw new Error(`cannot create ${path}: ${JSON.stringify(fate)}`);
    caller.note(createOf(path, path, 0), startMs, fate, { op: "create2", path, stat: statOf(fate.answer) });
  }

  /** Sets documents at the version that it knows, and reads them. */
  async #write(caller: HttpCaller, rng: Rng): Promise<void> {
    const known = new Map<string, { readonly etag: string; readonly version: number }>();
    for (let count = 0; !this.#isStopping; count++) {
      await pause();
      const path = this.#document(rng.below(DOCUMENTS));
      const at = known.get(path);
      if (at === undefined || rng.below(3) === 0) {
        const shown = await this.#read(caller, path, rng.below(3) > 0);
        if (shown !== undefined) known.set(path, shown);
        continue;
      }
      const data = `${caller.name} ${count}`;
      const startMs = performance.now();
      const init = { body: data, headers: { "if-match": at.etag } };
      const key = rng.below(2) === 0 ? caller.freshKey() : undefined;
      const fate = await caller.askUntilAnswered("PUT", `/nodes${path}`, init, key);
      const request = { op: "setData", path, data: bytes(data), version: at.version } as const;
      known.delete(path);
      if (fate.kind !== "answered" || fate.answer.status !== 200) {
        caller.note(request, startMs, fate);
        continue;
      }
      const stat = statOf(fate.answer);
      caller.note(request, startMs, fate, { op: "stat", stat });
      this.#sets++;
      known.set(path, { etag: String(fate.answer.headers.get("etag")), version: stat.version });
    }
  }

  async #read(
    caller: HttpCaller,
    path: string,
    isLinearizable: boolean,
  ): Promise<{ readonly etag: string; readonly version: number } | undefined> {
    const startMs = performance.now();
    const query = isLinearizable ? "?consistency=linearizable" : "";
    const init = { headers: { accept: "application/json" } };
    const fate = await caller.ask("GET", `/nodes${path}${query}`, init);
    if (fate.kind !== "answered" || fate.answer.status !== 200) return undefined;
    const { json, headers } = fate.answer;
    const stat = statOf(fate.answer);
    const data = Buffer.from(String(json?.["data"]), "base64");
    // What a client with a connection does for the same: a sync, and the read behind it.
    if (isLinearizable) caller.note({ op: "sync", path }, startMs, fate, { op: "path", path });
    const request = { op: "getData", path, watch: false } as const;
    caller.note(request, startMs, fate, { op: "getData", data: new Uint8Array(data), stat });
    this.#reads++;
    return { etag: String(headers.get("etag")), version: stat.version };
  }

  async #add(caller: HttpCaller): Promise<void> {
    while (!this.#isStopping) {
      await pause();
      const startMs = performance.now();
      const init = { json: { by: "1" } };
      const path = `/counters/${this.#counter}/add`;
      const fate = await caller.askUntilAnswered("POST", path, init, caller.freshKey());
      if (fate.kind === "undone") continue;
      if (fate.kind === "answered" && fate.answer.status !== 200)
        throw new Error(`an addition was refused: ${fate.answer.text}`);
      const value = fate.kind === "answered" ? BigInt(String(fate.answer.json?.["value"])) : undefined;
      this.#additions.push({ startMs, endMs: performance.now(), value });
    }
  }

  async #create(caller: HttpCaller): Promise<void> {
    for (let count = 0; !this.#isStopping; count++) {
      await pause();
      const prefix = `${this.#made}/${caller.name.replaceAll(" ", "-")}-${count}-`;
      const startMs = performance.now();
      const init = { body: prefix };
      const path = `/nodes${prefix}?sequential=true`;
      const fate = await caller.askUntilAnswered("POST", path, init, caller.freshKey());
      const request = createOf(prefix, prefix, SEQUENTIAL);
      if (fate.kind !== "answered" || fate.answer.status !== 201) {
        caller.note(request, startMs, fate);
        continue;
      }
      const made = String(fate.answer.json?.["path"]);
      caller.note(request, startMs, fate, { op: "create2", path: made, stat: statOf(fate.answer) });
      this.#creates++;
    }
  }
}

/** What was added for certain is in it, once, and nothing that was not; what additions came to follows time. */
export function checkCounter(additions: readonly Addition[], value: bigint): readonly Violation[] {
  const certain = additions.filter(
    (one): one is Addition & { readonly value: bigint } => one.value !== undefined,
  );
  const found: Violation[] = [];
  if (value < BigInt(certain.length) || value > BigInt(additions.length)) {
    const asked = `${certain.length} were added for certain, ${additions.length} perhaps`;
    found.push(new Violation("CounterIsSum", `the counter is ${value}, where ${asked}`));
  }
  const byValue = certain.toSorted((a, b) => Number(a.value - b.value));
  let latest: { readonly value: bigint; readonly startMs: number } | undefined;
  for (const [index, one] of byValue.entries()) {
    const { value: told, startMs, endMs } = one;
    if (told === byValue[index - 1]?.value)
      found.push(new Violation("CounterIsSum", `two additions came to ${told}`));
    else if (latest !== undefined && endMs < latest.startMs) {
      const what = `came to ${told}, which was told before one began that came to ${latest.value}`;
      found.push(new Violation("CounterIsSum", `an addition ${what}`));
    }
    if (latest === undefined || startMs > latest.startMs) latest = one;
  }
  return found;
}

const SEQUENTIAL = 2;

function createOf(path: string, data: string, flags: number) {
  return { op: "create2", path, data: bytes(data), acl: OPEN_ACL, flags, ttlMs: 0 } as const;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

async function pause(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, PACE_MS));
}
