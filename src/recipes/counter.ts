/**
 * Counter: kazoo's, a number as text, or in the bytes of Curator's SharedCount.
 *
 * What can go wrong, and what happens then:
 * - Others are quicker: it tries until it succeeds, for as long as its patience lasts.
 * - The answer is lost: as with a DistributedAtomicValue nothing is counted twice, and where it cannot be told
 *   whether it was counted the fault `unknownOutcome` is thrown. (kazoo counts again, so that it may count twice.)
 *
 * Znodes: PATH (persistent, its data the number in ASCII, or four bytes). Source: kazoo recipe/counter.py.
 */
import { DistributedAtomicValue } from "./distributed-atomic-value.ts";
import { int32Bytes, int32Of } from "./int-bytes.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";

/** What a counter is made with. */
export interface CounterSettings {
  /** Where nothing was counted yet. Default 0. */
  readonly default?: number | undefined;
  /** Whether it is in the bytes of Curator's SharedCount: int32 alone. */
  readonly supportCurator?: boolean | undefined;
}

/** See the file's comment. */
export class Counter {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #default: number;
  readonly #isCurators: boolean;
  readonly #value: DistributedAtomicValue;
  #preValue: number | undefined;
  #postValue: number | undefined;

  constructor(client: RecipeClient, path: string, settings: CounterSettings = {}) {
    this.#client = client;
    this.#path = path;
    this.#default = settings.default ?? 0;
    this.#isCurators = settings.supportCurator ?? false;
    this.#value = new DistributedAtomicValue(client, path);
  }

  /** Before this object's last change; undefined where it made none. */
  get preValue(): number | undefined {
    return this.#preValue;
  }

  /** After this object's last change. */
  get postValue(): number | undefined {
    return this.#postValue;
  }

  /** The number, as the replica that is asked has it. Throws the fault `badData`. */
  async value(): Promise<number> {
    return this.#read(await this.#value.get());
  }

  /**
   * Adds to it; gives what it is then. Throws the faults `timeout`, `badData` and `unknownOutcome`, or the signal's
   * reason.
   */
  async add(amount: number, options: WaitOptions = {}): Promise<number> {
    using patience = new Patience(this.#client.clock, options, `others are quicker at ${this.#path}`);
    for (;;) {
      const changing = this.#value.change((previous) => this.#bytes(this.#read(previous) + amount));
      const { succeeded, preValue, postValue } = await patience.of(changing);
      if (!succeeded) continue;
      this.#preValue = this.#read(preValue);
      return (this.#postValue = this.#read(postValue));
    }
  }

  #bytes(value: number): Uint8Array {
    if (this.#isCurators) return int32Bytes(value);
    if (Number.isInteger(value) && !Number.isSafeInteger(value))
      throw new RecipeError("misuse", `${value} is past the whole numbers that are exact`);
    return new TextEncoder().encode(String(value));
  }

  #read(bytes: Uint8Array | undefined): number {
    if (bytes === undefined || bytes.length === 0) return this.#default;
    if (this.#isCurators) return int32Of(bytes, this.#path);
    const text = new TextDecoder().decode(bytes);
    const value = Number(text);
    if (text.trim() === "" || Number.isNaN(value))
      throw new RecipeError("badData", `${this.#path} holds "${text}"`);
    return value;
  }
}
