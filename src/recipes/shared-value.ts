/**
 * SharedValue: bytes that all see, and that are set by version where that matters.
 *
 * What can go wrong, and what happens then:
 * - Somebody else sets it first: `trySetValue` is false, and `value` is theirs soon.
 * - The answer to a set is lost: the znode is looked at behind a sync, and most often tells; where it does not,
 *   `trySetValue` throws the fault `unknownOutcome`. `setValue` sets again.
 * - The connection or the session is lost: `value` grows old, and is read again when there is a connection.
 * - The one dies that set it: it stays, as it belongs to no session.
 * - Somebody deletes the znode: `value` stays what it was, and sets fail with `noNode`.
 *
 * Znodes: PATH (persistent, its data the value). Source: Curator SharedValue.
 */
import { compareAndSet, ensureZnode } from "./compare-and-set.ts";
import { Listeners } from "./listeners.ts";
import { NO_DATA, persevere } from "./perseverance.ts";
import type { RecipeClient } from "./recipe-client.ts";
import { RecipeError } from "./recipe-error.ts";
import { ZnodeMirror } from "./znode-mirror.ts";

/** A value, and which of its versions it is. */
export interface VersionedValue<T> {
  readonly value: T;
  readonly version: number;
  /** Of its last change. */
  readonly zxid: bigint;
}

/** See the file's comment. */
export class SharedValue {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #seed: Uint8Array;
  readonly #listeners = new Listeners<[Uint8Array]>();
  #mirror: ZnodeMirror | undefined;
  #current: VersionedValue<Uint8Array>;

  /** `seed` is the value where there is none yet. */
  constructor(client: RecipeClient, path: string, seed: Uint8Array) {
    this.#client = client;
    this.#path = path;
    this.#seed = seed;
    this.#current = { value: seed, version: -1, zxid: 0n };
  }

  /** As it was seen last. */
  get value(): Uint8Array {
    return this.#current.value;
  }

  /** The same, with what `trySetValue` compares. */
  get versionedValue(): VersionedValue<Uint8Array> {
    return this.#current;
  }

  /** Makes the znode where there is none, and reads it. Once. */
  async start(): Promise<this> {
    if (this.#mirror !== undefined)
      throw new RecipeError("misuse", "a value is started once: make another one");
    await ensureZnode(this.#client, { path: this.#path, data: this.#seed });
    this.#mirror = new ZnodeMirror(this.#client, this.#path, (znode) => {
      if (znode === undefined) return;
      const { version, mzxid } = znode.stat;
      this.#current = { value: znode.data ?? NO_DATA, version, zxid: mzxid };
      this.#listeners.tell(this.#current.value);
    });
    await this.#mirror.known;
    return this;
  }

  /** Calls the listener with the value whenever it changes. */
  onValue(listener: (value: Uint8Array) => void): () => void {
    return this.#listeners.add(listener);
  }

  /** Sets it, whatever it is. */
  async setValue(value: Uint8Array): Promise<void> {
    const stat = await persevere(this.#client, async () => await this.#client.set(this.#path, value));
    this.#started().take({ data: value, stat });
  }

  /** Sets it where it is still that version; whether it was. Throws the fault `unknownOutcome`. */
  async trySetValue(previous: VersionedValue<Uint8Array>, value: Uint8Array): Promise<boolean> {
    const mirror = this.#started();
    const stat = await compareAndSet(this.#client, { path: this.#path, data: value }, previous.version);
    if (stat === undefined) mirror.refresh();
    else mirror.take({ data: value, stat });
    return stat !== undefined;
  }

  /** Tells nothing more. */
  async close(): Promise<void> {
    await this.#mirror?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #started(): ZnodeMirror {
    if (this.#mirror === undefined) throw new RecipeError("misuse", "not started: call start() first");
    return this.#mirror;
  }
}
