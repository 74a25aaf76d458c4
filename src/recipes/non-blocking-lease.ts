/**
 * NonBlockingLease: kazoo's, a lease of so long by the clock, that outlives its process: for a job that is to run
 * once in an hour, on any machine. Who has it renews it under the same identifier.
 *
 * What can go wrong, and what happens then:
 * - The holder dies: nobody else gets the lease before its time is over. That is what it is for.
 * - Clocks differ: the time is that of whoever asks; one whose clock runs ahead takes the lease early. The `token`
 *   tells later holders apart from earlier ones wherever they write.
 * - The connection or the session is lost while it asks: the lock under which it asks goes with the session, and it
 *   asks again. The change itself is one transaction.
 * - Another version of the znode's data is there: the lease is not given, as in kazoo.
 *
 * Znodes: PATH as a Lock; PATH/lease_holder (persistent, JSON: version, holder, end in UTC).
 * Source: kazoo recipe/lease.py, NonBlockingLease.
 */
import { childOf } from "../base/path.ts";
import { tokenOf } from "./hold.ts";
import { Lock } from "./lock.ts";
import type { WaitOptions } from "./patience.ts";
import { persevere } from "./perseverance.ts";
import type { RecipeClient, TransactionPart, Znode } from "./recipe-client.ts";
import { isKeeperError, isTransient, RecipeError } from "./recipe-error.ts";

/** What a lease is made with. */
export interface NonBlockingLeaseSettings {
  readonly durationMs: number;
  /** Who this is: who asks again under the same one renews. */
  readonly identifier: string;
}

/** A lease that was given. */
export interface Lease {
  /** Unix time in ms, a whole second. */
  readonly endMs: number;
  /** Larger than those of all earlier leases. */
  readonly token: string;
}

const VERSION = 1;
const SECOND_MS = 1000;
const DATE_LENGTH = 19;

/** See the file's comment. */
export class NonBlockingLease {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #settings: NonBlockingLeaseSettings;

  constructor(client: RecipeClient, path: string, settings: NonBlockingLeaseSettings) {
    if (!(settings.durationMs >= SECOND_MS))
      throw new RecipeError("misuse", `a lease of ${settings.durationMs} ms: give 1000 or more`);
    this.#client = client;
    this.#path = path;
    this.#settings = settings;
  }

  /**
   * The lease, new or renewed; undefined where another one has it. Throws the fault `timeout`, or the signal's
   * reason.
   */
  async obtain(options: WaitOptions = {}): Promise<Lease | undefined> {
    const { identifier } = this.#settings;
    await using hold = await new Lock(this.#client, this.#path, { identifier }).acquire(options);
    while (hold.isHeld) {
      const before = await this.#read();
      if (before !== undefined && !this.#mayReplace(before)) return undefined;
      const lease = await this.#replace(before);
      if (lease !== undefined) return lease;
    }
    throw hold.signal.reason;
  }

  #mayReplace(before: Znode): boolean {
    const { version, holder, end } = parse(before, this.#path);
    if (version !== VERSION) return false;
    return holder === this.#settings.identifier || this.#client.clock.nowMs >= end;
  }

  /** Undefined where it is to be looked at again. */
  async #replace(before: Znode | undefined): Promise<Lease | undefined> {
    const { identifier, durationMs } = this.#settings;
    const path = childOf(this.#path, "lease_holder");
    const endMs = Math.floor((this.#client.clock.nowMs + durationMs) / SECOND_MS) * SECOND_MS;
    const end = new Date(endMs).toISOString().slice(0, DATE_LENGTH);
    const data = new TextEncoder().encode(JSON.stringify({ version: VERSION, holder: identifier, end }));
    const old: readonly TransactionPart[] =
      before === undefined ? [] : [{ op: "delete", path, version: before.stat.version }];
    try {
      await this.#client.transaction([...old, { op: "create", path, mode: "persistent", data }]);
    } catch (error) {
      // Where the answer was lost, what is read next tells: it is this holder's, and is renewed.
      if (isTransient(error) || isKeeperError(error, "noNode", "nodeExists", "badVersion")) return undefined;
      throw error;
    }
    const stat = await persevere(this.#client, async () => await this.#client.exists(path));
    return stat === undefined ? undefined : { endMs, token: tokenOf(stat) };
  }

  async #read(): Promise<Znode | undefined> {
    const path = childOf(this.#path, "lease_holder");
    try {
      await persevere(this.#client, async () => await this.#client.sync(path));
      return await persevere(this.#client, async () => await this.#client.get(path));
    } catch (error) {
      // Nothing is there: undefined says so.
      if (isKeeperError(error, "noNode")) return undefined;
      throw error;
    }
  }
}

function parse(
  { data }: Znode,
  path: string,
): { readonly version: unknown; readonly holder: unknown; readonly end: number } {
  const text = data === null ? "" : new TextDecoder().decode(data);
  try {
    const value: unknown = JSON.parse(text);
    if (
      typeof value === "object" &&
      value !== null &&
      "version" in value &&
      "holder" in value &&
      "end" in value
    ) {
      const { version, holder, end } = value;
      return { version, holder, end: Date.parse(`${String(end)}Z`) };
    }
  } catch (cause) {
    throw new RecipeError("badData", `${path}/lease_holder holds "${text}"`, cause);
  }
  throw new RecipeError("badData", `${path}/lease_holder holds "${text}"`);
}
