/** Hearing of changes over HTTP, by server-sent events; where the stream is lost it goes on at another replica. */
import type { BodyReader, Caller } from "./caller.ts";
import { pause } from "./caller.ts";
import { numberOf, readDocument, textOf } from "./documents.ts";
import { EventLines, type ServerSentEvent } from "./event-lines.ts";
import { HistoryGoneError } from "./http-errors.ts";

/** What is watched over HTTP. */
export interface HttpWatchOptions {
  /** data: it is created, set, deleted; children: their list; node, the default: both; recursive: it and all below. */
  readonly part?: "data" | "children" | "node" | "recursive" | undefined;
  /** Tells what happened behind this: the client's `zxid` after a read, or an event's `id`. Default: from now on. */
  readonly since?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a watch over HTTP tells: nothing twice, and nothing left out; where that cannot be, it tells `resync`. */
export interface HttpEvent {
  readonly type: "created" | "deleted" | "dataChanged" | "childrenChanged" | "resync";
  readonly path: string;
  readonly zxid: bigint;
  /** Unix milliseconds, by the clock of the leader; undefined for a resync. */
  readonly time: number | undefined;
  /** Where another watch may go on, as `since`. */
  readonly id: string;
}

/** The events of a watch; whoever leaves the loop ends it. */
export type HttpWatch = AsyncGenerator<HttpEvent, void, undefined>;

const HEARTBEAT_MS = 10_000;

/** A stream that says nothing for so long is lost. */
const SILENCE_MS: number = HEARTBEAT_MS * 2.5;

const PAUSE_MS = 500;

const TYPES: ReadonlySet<string> = new Set(["created", "deleted", "dataChanged", "childrenChanged"]);

/** Watches from the moment that it resolves, or from `since`. */
export async function openWatch(caller: Caller, path: string, options: HttpWatchOptions): Promise<HttpWatch> {
  const stream = new EventStream(caller, path, options);
  await stream.open();
  return stream.events();
}

class EventStream {
  readonly #caller: Caller;
  readonly #path: string;
  readonly #options: HttpWatchOptions;
  #position: string | undefined;
  /** What comes next may have something missing before it. */
  #isGap = false;
  #reader: BodyReader | undefined;
  #lines = new EventLines();
  #ending = new AbortController();

  constructor(caller: Caller, path: string, options: HttpWatchOptions) {
    this.#caller = caller;
    this.#path = path;
    this.#options = options;
    this.#position = options.since;
  }

  async open(): Promise<void> {
    const { part = "node", signal } = this.#options;
    this.#ending = new AbortController();
    const onAbort = (): void => this.#ending.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const ending = this.#ending.signal;
    ending.addEventListener("abort", () => signal?.removeEventListener("abort", onAbort), { once: true });
    signal?.throwIfAborted();
    this.#lines = new EventLines();
    const encoded = this.#path.split("/").map(encodeURIComponent).join("/");
    for (;;) {
      try {
        this.#reader = await this.#caller.open({
          method: "GET",
          path: `/watch${encoded}?part=${part}&heartbeatMs=${HEARTBEAT_MS}`,
          about: this.#path,
          headers: { accept: "text/event-stream", "last-event-id": this.#position },
          signal: ending,
          isRepeatable: true,
        });
        return;
      } catch (error) {
        // What was missed is told as a gap, and the watch begins anew.
        if (!(error instanceof HistoryGoneError) || this.#position === undefined) throw error;
        this.#position = undefined;
        this.#isGap = true;
      }
    }
  }

  async *events(): HttpWatch {
    const { signal } = this.#options;
    try {
      for (;;) {
        for (const event of await this.#read()) {
          this.#position = event.id ?? this.#position;
          const told = this.#toldBy(event);
          if (told !== undefined) yield told;
        }
        if (this.#reader !== undefined) continue;
        await pause(this.#caller.runtime, this.#caller.runtime.rng.below(PAUSE_MS), signal);
        await this.open();
      }
    } finally {
      this.#ending.abort();
    }
  }

  /** What came; nothing, and no reader any more, where the stream is over. */
  async #read(): Promise<readonly ServerSentEvent[]> {
    const stop = this.#caller.runtime.startTimer(SILENCE_MS, () => this.#ending.abort(new Error("silence")));
    try {
      const part = await this.#reader?.read();
      if (part?.value !== undefined) return this.#lines.push(part.value);
    } catch {
      // It broke; what is missing is told by the next one.
      this.#options.signal?.throwIfAborted();
    } finally {
      stop();
    }
    this.#ending.abort();
    this.#reader = undefined;
    return [];
  }

  #toldBy({ type, data }: ServerSentEvent): HttpEvent | undefined {
    const id = this.#position ?? "";
    if (TYPES.has(type)) {
      const { path, zxid, time } = readDocument(data);
      const common = { path: textOf(path), zxid: BigInt(textOf(zxid)), time: numberOf(time), id };
      return { type: type as HttpEvent["type"], ...common };
    }
    if (!(type === "reset" || (type === "open" && this.#isGap))) return undefined;
    this.#isGap = false;
    const zxid = BigInt(textOf(readDocument(data)["zxid"]));
    return { type: "resync", path: this.#path, zxid, time: undefined, id };
  }
}
