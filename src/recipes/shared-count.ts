/**
 * SharedCount: an int32 that all see, and that is set by version where that matters. It may be the number of leases
 * of an InterProcessSemaphoreV2.
 *
 * What can go wrong: what can with a SharedValue, and the same happens. Bytes that are no int32 are told as
 * `badData`.
 *
 * Znodes: PATH (persistent, its data four bytes, the highest first). Source: Curator SharedCount.
 */
import { int32Bytes, int32Of } from "./int-bytes.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { SharedValue, type VersionedValue } from "./shared-value.ts";

/** See the file's comment. */
export class SharedCount {
  readonly #value: SharedValue;
  readonly #path: string;

  /** `seed` is the count where there is none yet. */
  constructor(client: RecipeClient, path: string, seed: number) {
    this.#path = path;
    this.#value = new SharedValue(client, path, int32Bytes(seed));
  }

  /** As it was seen last. */
  get count(): number {
    return int32Of(this.#value.value, this.#path);
  }

  /** The same, with what `trySetCount` compares. */
  get versionedCount(): VersionedValue<number> {
    const { version, zxid } = this.#value.versionedValue;
    return { value: this.count, version, zxid };
  }

  /** Makes the znode where there is none, and reads it. Once. */
  async start(): Promise<this> {
    await this.#value.start();
    return this;
  }

  /** Calls the listener with the count whenever it changes. */
  onCount(listener: (count: number) => void): () => void {
    return this.#value.onValue((bytes) => listener(int32Of(bytes, this.#path)));
  }

  /** Sets it, whatever it is. */
  async setCount(count: number): Promise<void> {
    await this.#value.setValue(int32Bytes(count));
  }

  /** Sets it where it is still that version; whether it was. Throws the fault `unknownOutcome`. */
  async trySetCount(previous: VersionedValue<number>, count: number): Promise<boolean> {
    const { version, zxid, value } = previous;
    return await this.#value.trySetValue({ version, zxid, value: int32Bytes(value) }, int32Bytes(count));
  }

  /** Tells nothing more. */
  async close(): Promise<void> {
    await this.#value.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
