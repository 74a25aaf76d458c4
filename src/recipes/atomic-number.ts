/** What Curator's atomic integer and long have in common: a number in a DistributedAtomicValue. */
import type { AtomicResult, AtomicSettings } from "./distributed-atomic-value.ts";
import { DistributedAtomicValue } from "./distributed-atomic-value.ts";
import type { RecipeClient } from "./recipe-client.ts";

/** How numbers are written, and added up. */
export interface NumberFormat<T> {
  readonly zero: T;
  readonly one: T;
  readonly bytes: (value: T) => Uint8Array;
  readonly read: (bytes: Uint8Array, path: string) => T;
  readonly sum: (a: T, b: T) => T;
  readonly negative: (value: T) => T;
}

/** See the file's comment. */
export class AtomicNumber<T> {
  readonly #path: string;
  readonly #format: NumberFormat<T>;
  readonly #value: DistributedAtomicValue;

  constructor(client: RecipeClient, path: string, format: NumberFormat<T>, settings: AtomicSettings) {
    this.#path = path;
    this.#format = format;
    this.#value = new DistributedAtomicValue(client, path, settings);
  }

  /** Nought where there is none. As the replica that is asked has it. Throws the fault `badData`. */
  async get(): Promise<T> {
    const bytes = await this.#value.get();
    return bytes === undefined ? this.#format.zero : this.#format.read(bytes, this.#path);
  }

  /** Sets it to that where it is the other; otherwise it did not succeed. */
  async compareAndSet(expected: T, value: T): Promise<AtomicResult<T>> {
    const { bytes } = this.#format;
    return this.#result(await this.#value.compareAndSet(bytes(expected), bytes(value)));
  }

  /** Sets it, whatever it is, if others let it. */
  async trySet(value: T): Promise<AtomicResult<T>> {
    return this.#result(await this.#value.trySet(this.#format.bytes(value)));
  }

  /** Sets it, whatever others do. */
  async forceSet(value: T): Promise<void> {
    await this.#value.forceSet(this.#format.bytes(value));
  }

  /** Sets it where there is none; whether there was none. */
  async initialize(value: T): Promise<boolean> {
    return await this.#value.initialize(this.#format.bytes(value));
  }

  /** Adds to it; past the largest it goes on with the smallest. Throws the faults `badData` and `unknownOutcome`. */
  async add(amount: T): Promise<AtomicResult<T>> {
    const { zero, read, bytes, sum } = this.#format;
    const change = await this.#value.change((previous) => {
      const before = previous === undefined ? zero : read(previous, this.#path);
      return bytes(sum(before, amount));
    });
    return this.#result(change);
  }

  /** Takes from it. */
  async subtract(amount: T): Promise<AtomicResult<T>> {
    return await this.add(this.#format.negative(amount));
  }

  /** Adds one. */
  async increment(): Promise<AtomicResult<T>> {
    return await this.add(this.#format.one);
  }

  /** Takes one. */
  async decrement(): Promise<AtomicResult<T>> {
    return await this.subtract(this.#format.one);
  }

  #result({ succeeded, preValue, postValue, stats }: AtomicResult<Uint8Array>): AtomicResult<T> {
    const read = (bytes: Uint8Array | undefined): T | undefined =>
      bytes === undefined ? undefined : this.#format.read(bytes, this.#path);
    return { succeeded, preValue: read(preValue), postValue: read(postValue), stats };
  }
}
