/** The couriers of one replica: one for each webhook that is not disabled, while the replica leads. */
import { ZXID_ZERO } from "../base/zxid.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import { hookUrlProblem } from "../base/hook-url.ts";
import { readPosition, type StreamWord } from "../keeper/event-stream.ts";
import { hooksOf, type KnownHook } from "../keeper/hook-calls.ts";
import { STREAM_HOLD_MS } from "../keeper/stream-limits.ts";
import type { Tree } from "../tree/tree.ts";
import { hookStatePathOf } from "../tree/webhooks.ts";
import type { Calls } from "./calls.ts";
import { Courier, type CourierPorts, type OwnStream } from "./courier.ts";
import { HOOK_IDLE_NOTE_MS, HOOK_LOOK_MS } from "./limits.ts";
import type { Streams } from "./streams.ts";

/** What they need of their replica. */
export interface CouriersParts {
  readonly isEnabled: boolean;
  /** Whether webhooks may be sent anywhere. */
  readonly isDevelopment: boolean;
  readonly isLeading: () => boolean;
  readonly tree: () => Tree;
  readonly calls: Calls;
  readonly streams: Streams;
  readonly log: (text: string) => void;
  /** Runs beside everything else; a failure of it ends the object. */
  readonly inBackground: (work: Promise<void>) => void;
}

/** See the file's comment. */
export class Couriers {
  readonly #parts: CouriersParts;
  readonly #running = new Map<string, Courier>();
  #lookedMs = 0;

  constructor(parts: CouriersParts) {
    this.#parts = parts;
  }

  /** Time has passed. */
  tick(): void {
    const nowMs = Date.now();
    if (!this.#parts.isEnabled || nowMs - this.#lookedMs < HOOK_LOOK_MS) return;
    this.#lookedMs = nowMs;
    if (!this.#parts.isLeading()) return this.stopAll();
    const hooks = hooksOf(this.#parts.tree());
    const wanted = new Map(hooks.map((hook) => [hook.name, hook]));
    for (const [name, courier] of this.#running) {
      const hook = wanted.get(name);
      if (hook !== undefined && !courier.isOver && !courier.isOutdated(hook)) continue;
      courier.stop();
      this.#running.delete(name);
    }
    for (const hook of hooks) if (hook.disabled === "" && !this.#running.has(hook.name)) this.#start(hook);
  }

  /** This replica tells nothing any more. */
  stopAll(): void {
    for (const courier of this.#running.values()) courier.stop();
    this.#running.clear();
  }

  #start(hook: KnownHook): void {
    const courier = new Courier(hook, this.#ports());
    this.#running.set(hook.name, courier);
    this.#parts.inBackground(courier.run());
  }

  #ports(): CourierPorts {
    const { calls, streams, tree, log, isDevelopment } = this.#parts;
    return {
      now: () => Date.now(),
      open: ({ since, ...watched }) => {
        const asked = { ...watched, since: readPosition(since), minZxid: ZXID_ZERO };
        return ownStream(streams, { ...asked, heartbeatMs: HOOK_IDLE_NOTE_MS, holdMs: STREAM_HOLD_MS });
      },
      note: async (name, state, version) => {
        const answer = await calls.own({ kind: "noteHook", name, state, version });
        if (answer.kind !== "answered" || answer.code !== ERROR_CODES.ok) return undefined;
        return tree().get(hookStatePathOf(name))?.version;
      },
      fetch: async (request, signal) => {
        // It may have been registered elsewhere, where more goes.
        const problem = hookUrlProblem(request.url, isDevelopment);
        if (problem !== undefined) throw new Error(problem);
        const response = await fetch(request, { signal });
        // Whatever it says, nobody reads it.
        await response.body?.cancel();
        return response;
      },
      pause: async (ms, signal) => {
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer = setTimeout(resolve, ms);
        signal.addEventListener("abort", () => resolve(), { once: true });
        await promise;
        clearTimeout(timer);
      },
      log,
    };
  }
}

/** A stream whose reader is this replica itself: what it has not asked for yet counts as unread. */
function ownStream(streams: Streams, asked: Parameters<Streams["openOwn"]>[0]): OwnStream {
  const texts: string[] = [];
  let end: OwnStream["end"];
  let isOver = false;
  let wake: (() => void) | undefined;
  const handle = streams.openOwn(asked, (word: StreamWord | "lost") => {
    if (word === "lost") isOver = true;
    else if (word.kind === "text") texts.push(word.text);
    else if (word.kind === "refused") {
      isOver = true;
      end = word.reason === "gone" ? "refused-gone" : undefined;
    } else if (word.kind === "end") {
      isOver = true;
      end = /"reason":"gone"/.test(word.text) ? "gone" : undefined;
      texts.length = 0;
    }
    wake?.();
  });
  let unread = 0;
  return {
    get end() {
      return end;
    },
    close: () => handle.close(),
    next: async () => {
      if (unread > 0) handle.taken(unread);
      unread = 0;
      while (texts.length === 0 && !isOver) {
        const { promise, resolve } = Promise.withResolvers<void>();
        wake = resolve;
        await promise;
      }
      if (texts.length === 0) return undefined;
      const text = texts.join("");
      texts.length = 0;
      unread = text.length;
      // What is told outside waits for the disk, as any word that reveals a commit.
      await handle.durable();
      return text;
    },
  };
}
