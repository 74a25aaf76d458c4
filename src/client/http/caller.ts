/**
 * Requests over HTTP, asked again where that is safe: what only reads, what carries a key, and what surely was not
 * done.
 */
import { ConnectionLossError, type EdgekeeperError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { HttpProblemError } from "./http-errors.ts";
import { errorOfProblem, OUTCOME_UNKNOWN, type Problem, readProblem } from "./problems.ts";

/** What is used of fetch, so that a service binding's, or a test's, will do. */
export type Fetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body: Uint8Array | string | null;
    readonly signal: AbortSignal;
  },
) => Promise<HttpResponse>;

/** What is used of a Response. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** Read where an answer comes in parts. */
  readonly body: { getReader(): BodyReader } | null;
  text(): Promise<string>;
}

/** What is used of a stream's reader. */
export interface BodyReader {
  read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>;
  cancel(): Promise<void>;
}

/** One request. */
export interface HttpRequest {
  readonly method: "GET" | "PUT" | "POST" | "DELETE";
  /** Behind the ensemble's /v1. */
  readonly path: string;
  /** What errors name. */
  readonly about?: string | undefined;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: Uint8Array | string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Whether it is safe to ask again where nobody knows whether it was done. */
  readonly isRepeatable: boolean;
  /** A problem that says, where it is asked again, that an attempt before did it. */
  readonly doneCode?: string;
  /** How long the ensemble may take beside its usual time, as it was asked to wait; told anew for each attempt. */
  readonly waitMs?: number;
}

/** An answer that is no error. */
export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** A header of it. */
  readonly header: (name: string) => string | null;
  /** How often it was asked before. */
  readonly attempt: number;
  /** When the attempt that was answered began, by the runtime's clock. */
  readonly sentMs: number;
}

/** One attempt takes no longer than this, beside what the ensemble was asked to wait. */
const ATTEMPT_MS_MAX = 20_000;

const PAUSE_MS_FIRST = 100;
const PAUSE_MS_MAX = 2000;

/** Problems of which it is sure that nothing was done. */
const NOT_DONE: ReadonlySet<string> = new Set([
  "no-quorum",
  "lagging",
  "busy",
  "too-many-keys",
  "too-many-requests",
  "issuer-unreachable",
  "http-429",
]);

/** The parts of a caller. */
export interface CallerParts {
  /** The ensemble's, with /v1 and no slash behind it. */
  readonly url: string;
  readonly token: string | undefined;
  readonly fetch: Fetch;
  readonly runtime: Runtime;
  /** How long to go on asking, in ms, from the first attempt on. */
  readonly retryMs: number;
  /** Told why it is asked again, before it is. */
  readonly onRetry?: ((error: EdgekeeperError) => void) | undefined;
}

type Attempt =
  | { readonly kind: "answer"; readonly response: HttpResponse; readonly text: string }
  | { readonly kind: "lost"; readonly cause: unknown };

/** Asks one ensemble; remembers the newest zxid, so that answers never go back in time. */
export class Caller {
  readonly #parts: CallerParts;
  #zxid: string | undefined;

  constructor(parts: CallerParts) {
    this.#parts = parts;
  }

  get runtime(): Runtime {
    return this.#parts.runtime;
  }

  /** The newest zxid that an answer showed, twenty digits. */
  get zxid(): string | undefined {
    return this.#zxid;
  }

  /** Asks; `request` is made anew for each attempt. Throws typed errors, and the signal's reason. */
  async ask(request: HttpRequest | ((spentMs: number) => HttpRequest)): Promise<HttpAnswer> {
    return (await this.#ask(request, true)).answer;
  }

  /** Opens an answer that comes in parts; the request's signal ends it. Throws as `ask` does. */
  async open(request: HttpRequest): Promise<BodyReader> {
    const { response } = await this.#ask(request, false);
    if (response?.body === null || response === undefined) {
      throw new HttpProblemError({ code: "bad-answer", status: 200 }, { detail: "it has no body" });
    }
    return response.body.getReader();
  }

  async #ask(
    request: HttpRequest | ((spentMs: number) => HttpRequest),
    isRead: boolean,
  ): Promise<{ readonly answer: HttpAnswer; readonly response?: HttpResponse }> {
    const { runtime, retryMs, onRetry } = this.#parts;
    const beganMs = runtime.nowMs();
    for (let attempt = 0; ; attempt++) {
      const sentMs = runtime.nowMs();
      const asked = typeof request === "function" ? request(sentMs - beganMs) : request;
      const { about, signal, isRepeatable } = asked;
      signal?.throwIfAborted();
      const outcome = await this.#attempt(asked, isRead);
      signal?.throwIfAborted();
      let error: EdgekeeperError;
      let pauseMs = runtime.rng.below(Math.min(PAUSE_MS_MAX, PAUSE_MS_FIRST * 2 ** Math.min(attempt, 10)));
      if (outcome.kind === "lost") {
        const mayBeDone = asked.method !== "GET";
        const { url: at } = this.#parts;
        error = new ConnectionLossError({ path: about, cause: outcome.cause, mayBeDone, at });
        if (!isRepeatable) throw error;
      } else {
        const { response, text } = outcome;
        this.#see(response.headers.get("zxid"));
        const { status } = response;
        const header = (name: string): string | null => response.headers.get(name);
        if (status < 400) return { answer: { status, text, header, attempt, sentMs }, response };
        const problem = readProblem(status, text);
        if (attempt > 0 && problem.code === asked.doneCode) {
          return { answer: { status: 204, text: "", header, attempt, sentMs } };
        }
        error = errorOfProblem(problem, {
          path: about,
          isCreate: asked.method === "PUT" || asked.method === "POST",
        });
        if (!(NOT_DONE.has(problem.code) || (isRepeatable && isUnknown(problem)))) throw error;
        pauseMs = Math.max(pauseMs, Number(response.headers.get("retry-after") ?? 0) * 1000 || 0);
      }
      if (runtime.nowMs() + pauseMs - beganMs > retryMs) throw error;
      onRetry?.(error);
      await pause(runtime, pauseMs, signal);
    }
  }

  async #attempt(request: HttpRequest, isRead: boolean): Promise<Attempt> {
    const { url, token, fetch, runtime } = this.#parts;
    const { method, path, body = null, signal, waitMs = 0 } = request;
    const headers: Record<string, string> = {};
    if (token !== undefined) headers["authorization"] = `Bearer ${token}`;
    if (this.#zxid !== undefined) headers["min-zxid"] = this.#zxid;
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      if (value !== undefined) headers[name] = value;
    }
    const ending = new AbortController();
    const onAbort = (): void => ending.abort(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const limitMs = ATTEMPT_MS_MAX + waitMs;
    const stop = runtime.startTimer(limitMs, () => ending.abort(new Error(`no answer within ${limitMs} ms`)));
    try {
      const response = await fetch(`${url}${path}`, { method, headers, body, signal: ending.signal });
      const isOpen = !isRead && response.status < 400;
      return { kind: "answer", response, text: isOpen ? "" : await response.text() };
    } catch (cause) {
      return { kind: "lost", cause };
    } finally {
      stop();
      // Of an answer that comes in parts it is the signal that ends it.
      if (isRead) signal?.removeEventListener("abort", onAbort);
    }
  }

  #see(zxid: string | null): void {
    // Twenty digits each: the order of the texts is that of the zxids.
    if (zxid !== null && zxid > (this.#zxid ?? "")) this.#zxid = zxid;
  }
}

/** A gateway's own word for it, or that of a proxy on the way. */
function isUnknown({ code, status }: Problem): boolean {
  return code === OUTCOME_UNKNOWN || (status >= 500 && code === `http-${status}`);
}

/** Waits; throws the signal's reason where that fires first. */
export async function pause(runtime: Runtime, ms: number, signal: AbortSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => {
    const stop = runtime.startTimer(ms, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    const onAbort = (): void => {
      stop();
      resolve();
    };
    signal?.addEventListener("abort", onAbort, { once: true });
  });
  signal?.throwIfAborted();
}
