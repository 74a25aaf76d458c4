/**
 * Tells one webhook, as long as this replica leads: in order, each event again until it is taken. How far it came is
 * noted through the log, so that the next leader goes on from there: what was delivered behind the last note it
 * delivers again. Where two replicas take themselves for the leader, both deliver, and one of them can note nothing:
 * receivers know by its id what they have.
 */
import { comparePositions, readPosition, type StreamEnd } from "../keeper/event-stream.ts";
import type { KnownHook } from "../keeper/hook-calls.ts";
import { HOOKS_PATH, type HookState } from "../tree/webhooks.ts";
import type { WatchedPart } from "../tree/event-filter.ts";
import { type HookEvent, readTold, retryDelayMs, signedRequest } from "./hook-delivery.ts";
import {
  HOOK_DEADLINE_MS,
  HOOK_EVENTS_MAX,
  HOOK_IDLE_NOTE_MS,
  HOOK_NOTE_MS,
  HOOK_RETRY_MS,
} from "./limits.ts";

/** A stream of events within the replica. */
export interface OwnStream {
  /** The next text of it, once there is one; undefined where it has ended. */
  next(): Promise<string | undefined>;
  /** Why it has ended; undefined where nobody said so. */
  readonly end: StreamEnd | "refused-gone" | undefined;
  close(): void;
}

/** What a courier does things with. */
export interface CourierPorts {
  now(): number;
  open(asked: { readonly path: string; readonly part: WatchedPart; readonly since: string }): OwnStream;
  /** Notes how far it came; gives the version of that, undefined where it was not noted. */
  note(name: string, state: HookState, version: number): Promise<number | undefined>;
  fetch(request: Request, signal: AbortSignal): Promise<{ readonly status: number }>;
  pause(ms: number, signal: AbortSignal): Promise<void>;
  log(text: string): void;
}

/** Of one webhook. */
export class Courier {
  readonly #hook: KnownHook;
  readonly #ports: CourierPorts;
  readonly #stopped = new AbortController();
  #state: HookState;
  #version: number;
  #notedMs: number;
  /** Whether something was delivered since the last note. */
  #isUnnoted = false;
  #isOver = false;

  constructor(hook: KnownHook, ports: CourierPorts) {
    this.#hook = hook;
    this.#ports = ports;
    this.#version = hook.version;
    const { position, failures, error, deliveredMs, disabled } = hook;
    this.#state = { position, failures, error, deliveredMs, disabled };
    this.#notedMs = ports.now();
  }

  /** Whether it tells nothing any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether somebody else than this courier has noted something of the webhook, or it is another one by now. */
  isOutdated({ version, url, secret, createdMs }: KnownHook): boolean {
    const hook = this.#hook;
    const isSame = url === hook.url && secret === hook.secret && createdMs === hook.createdMs;
    return !isSame || version > this.#version;
  }

  /** Tells no more from now on. */
  stop(): void {
    this.#stopped.abort();
  }

  /** Tells until it is stopped, or must not go on. */
  async run(): Promise<void> {
    const { signal } = this.#stopped;
    while (!signal.aborted && this.#state.disabled === "") {
      const { path, part } = this.#hook;
      const stream = this.#ports.open({ path, part, since: this.#state.position });
      await this.#tell(stream);
      stream.close();
      if (stream.end === "gone" || stream.end === "refused-gone") {
        await this.#disable("it was told too slowly: what comes next is not kept any more");
      } else await this.#ports.pause(HOOK_RETRY_MS, signal);
    }
    this.#isOver = true;
  }

  async #tell(stream: OwnStream): Promise<void> {
    const { signal } = this.#stopped;
    for (;;) {
      const text = await this.#next(stream);
      if (text === undefined || signal.aborted) break;
      const told = readTold(text);
      const events = told.filter((one): one is HookEvent => one.told !== undefined && !isOwn(one.told));
      for (let at = 0; at < events.length; at += HOOK_EVENTS_MAX) {
        if (!(await this.#deliver(events.slice(at, at + HOOK_EVENTS_MAX)))) return;
      }
      const last = told.at(-1);
      if (last !== undefined) this.#advance(last.id);
      const dueMs = this.#isUnnoted ? HOOK_NOTE_MS : HOOK_IDLE_NOTE_MS;
      if (this.#ports.now() - this.#notedMs >= dueMs) await this.#note();
    }
    if (!signal.aborted) await this.#note();
  }

  /** What is told next. What was delivered is noted meanwhile, where nothing comes for long. */
  async #next(stream: OwnStream): Promise<string | undefined> {
    const next = stream.next();
    if (!this.#isUnnoted) return await next;
    const waitMs = Math.max(0, this.#notedMs + HOOK_NOTE_MS - this.#ports.now());
    const pause = this.#ports.pause(waitMs, this.#stopped.signal).then(() => true);
    const isNoteDue = await Promise.race([next.then(() => false), pause]);
    if (isNoteDue && !this.#stopped.signal.aborted) await this.#note();
    return await next;
  }

  /** Until it is taken; false where it is not to be told any more. */
  async #deliver(events: readonly HookEvent[]): Promise<boolean> {
    const { signal } = this.#stopped;
    while (!signal.aborted) {
      const error = await this.#attempt(events);
      if (error === undefined) {
        const last = events.at(-1)?.id ?? this.#state.position;
        this.#state = { ...this.#state, failures: 0, error: "", deliveredMs: this.#ports.now() };
        this.#advance(last);
        this.#isUnnoted = true;
        return true;
      }
      if (signal.aborted) return false;
      const failures = this.#state.failures + 1;
      this.#state = { ...this.#state, failures, error };
      if (error === GONE) {
        await this.#disable("its receiver wants no more: it answered 410");
        return false;
      }
      await this.#note();
      await this.#ports.pause(retryDelayMs(failures), signal);
    }
    return false;
  }

  /** Why it was not taken; undefined where it was. */
  async #attempt(events: readonly HookEvent[]): Promise<string | undefined> {
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(HOOK_DEADLINE_MS)]);
    try {
      const request = await signedRequest(this.#hook, events, this.#ports.now());
      const { status } = await this.#ports.fetch(request, signal);
      if (status >= 200 && status < 300) return undefined;
      return status === 410 ? GONE : `it answered ${status}`;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #advance(id: string): void {
    const isLater = comparePositions(readPosition(id), readPosition(this.#state.position)) > 0;
    if (isLater) this.#state = { ...this.#state, position: id };
  }

  async #disable(disabled: string): Promise<void> {
    this.#ports.log(`webhook ${this.#hook.name} is disabled: ${disabled}`);
    this.#state = { ...this.#state, disabled };
    await this.#note();
  }

  async #note(): Promise<void> {
    this.#notedMs = this.#ports.now();
    this.#isUnnoted = false;
    const version = await this.#ports.note(this.#hook.name, this.#state, this.#version);
    if (version !== undefined) this.#version = version;
  }
}

/** What is noted of webhooks is no news to any: each would lead to the next. */
function isOwn({ path }: HookEvent["told"]): boolean {
  return typeof path === "string" && path.startsWith(`${HOOKS_PATH}/`);
}

const GONE = "it answered 410";
