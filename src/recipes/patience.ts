/**
 * How long somebody is willing to wait: until a time, an AbortSignal, or the end of something that is waited
 * within.
 */
import { RecipeError } from "./recipe-error.ts";
import type { RecipeClock } from "./recipe-client.ts";

/** What every wait of a recipe takes. */
export interface WaitOptions {
  /** Rejects with the fault `timeout` after so many ms; without it there is no limit. */
  readonly timeoutMs?: number | undefined;
  /** Rejects with the signal's reason when it is aborted. */
  readonly signal?: AbortSignal | undefined;
}

/** See the file's comment. Whoever makes one disposes of it. */
export class Patience implements Disposable {
  readonly #over: Promise<never>;
  readonly #ends: (() => void)[] = [];
  #end: (error: unknown) => void = () => undefined;
  #error: { readonly error: unknown } | undefined;

  /** `what` completes the sentence "not within 5 ms: ...". */
  constructor(clock: RecipeClock, { timeoutMs, signal }: WaitOptions, what: string) {
    this.#over = new Promise<never>((_, reject) => {
      this.#end = (error) => {
        this.#error ??= { error };
        reject(this.#error.error instanceof Error ? this.#error.error : new Error(String(error)));
      };
    });
    // Who does not wait at the moment is not to blame.
    this.#over.catch(() => undefined);
    if (signal !== undefined) this.until(signal, () => signal.reason);
    if (timeoutMs !== undefined) {
      const error = (): RecipeError => new RecipeError("timeout", `not within ${timeoutMs} ms: ${what}`);
      this.#ends.push(clock.later(timeoutMs, () => this.#end(error())));
    }
  }

  /** Whether it has come to its end. */
  get isOver(): boolean {
    return this.#error !== undefined;
  }

  /** Ends with this signal, too. */
  until(signal: AbortSignal, reason: () => unknown): void {
    if (signal.aborted) return this.#end(reason());
    const onAbort = (): void => this.#end(reason());
    signal.addEventListener("abort", onAbort, { once: true });
    this.#ends.push(() => signal.removeEventListener("abort", onAbort));
  }

  /** Settles as the promise does, or rejects as soon as the patience ends. */
  async of<T>(promise: Promise<T>): Promise<T> {
    // An outcome that is there already must not win over an end that came before.
    if (this.#error !== undefined) {
      // The caller is told that its patience is over; nobody hears how this ends.
      promise.catch(() => undefined);
      return await this.#over;
    }
    return await Promise.race([this.#over, promise]);
  }

  /** Waits for nothing but its end. */
  async end(): Promise<never> {
    return await this.#over;
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends) end();
    this.#ends.length = 0;
  }
}
