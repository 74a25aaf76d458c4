/**
 * Deaths of a replica at every stage of the snapshots that it is sent: with the n-th message of the n-th attempt, the
 * one that says that a snapshot comes and the one that ends it among them. What is planned outlives the deaths.
 */
import { logLine } from "../../src/durable/log-line.ts";
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import { readLinkMessage } from "../../src/keeper/link-codec.ts";

/** See the file's comment. */
export class SnapshotDeaths {
  readonly #ctx: DurableObjectState;
  #left: number;
  /** Messages of a snapshot until death; undefined where none is planned. */
  #countdown: number | undefined;
  #isDying = false;

  constructor(ctx: DurableObjectState) {
    this.#ctx = ctx;
    ctx.storage.sql.exec(
      "CREATE TABLE IF NOT EXISTS deaths (stage INTEGER NOT NULL, left_over INTEGER NOT NULL)",
    );
    const [row] = ctx.storage.sql
      .exec<{ stage: number; left_over: number }>("SELECT * FROM deaths")
      .toArray();
    this.#left = row?.left_over ?? 0;
    this.#countdown = this.#left > 0 ? row?.stage : undefined;
  }

  /** Plans so many. */
  plan(count: number): void {
    this.#left = count;
    this.#countdown = 1;
    this.#write(1);
  }

  /** Whether the replica dies of this input, or is dying already: it takes no more. */
  isDueBefore(input: KeeperInput): boolean {
    if (this.#isDying) return true;
    if (this.#countdown === undefined || input.kind !== "linkBytes" || !isOfSnapshot(input.bytes))
      return false;
    this.#countdown--;
    if (this.#countdown > 0) return false;
    this.#isDying = true;
    const { stage } = this.#ctx.storage.sql.exec<{ stage: number }>("SELECT stage FROM deaths").one();
    this.#left--;
    this.#write(stage + 1);
    const cause = `fault: death at message ${stage} of a snapshot`;
    logLine(cause);
    // The plan must outlive the death.
    this.#ctx.waitUntil(this.#ctx.storage.sync().then(() => this.#ctx.abort(cause)));
    return true;
  }

  #write(stage: number): void {
    this.#ctx.storage.sql.exec("DELETE FROM deaths");
    this.#ctx.storage.sql.exec("INSERT INTO deaths VALUES (?, ?)", stage, this.#left);
  }
}

function isOfSnapshot(bytes: Uint8Array): boolean {
  const message = readLinkMessage(bytes);
  if (typeof message === "string" || message.kind !== "zab") return false;
  const { kind } = message.message;
  return kind === "snapshot" || kind === "snapshotPart" || kind === "snapshotEnd";
}
