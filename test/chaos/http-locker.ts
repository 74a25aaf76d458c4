/**
 * A caller that contends by the HTTP API for the lock that clients with connections queue for, by the same znodes. It
 * waits, hangs up, asks again under its key, holds, renews, writes under its token, gives the lock back or lets it
 * expire.
 */
import type { Rng } from "../../src/base/rng.ts";
import { NO_SESSION } from "../../src/base/ids.ts";
import { type Zxid, zxidDigits, zxidText } from "../../src/base/zxid.ts";
import { Violation } from "../sim/verdict.ts";
import { type HttpCaller, statOf, zxidOf } from "./http-caller.ts";
import type { Recorder } from "./recorded-client.ts";

/** What all of them came to. */
export interface LockCounts {
  acquired: number;
  /** Not given back: its lease ended, or may have. */
  lost: number;
  /** Requests that were left alone in the queue. */
  hungUp: number;
}

/** What one works with. */
export interface HttpLockerSetup {
  readonly caller: HttpCaller;
  readonly rng: Rng;
  /** Where `lock` and `guarded` stand. */
  readonly root: string;
  readonly recorder: Recorder;
  readonly counts: LockCounts;
}

interface Lease {
  readonly lease: string;
  readonly token: Zxid;
  /** By the clock of performance.now(): nobody ends it before. */
  untilMs: number;
  /** It was told so. */
  isOver: boolean;
}

const TTL_MS = 4000;
/** A holder stops to believe so long before its lease can be over. */
const MARGIN_MS = 200;
const WAITS_MS = [0, 1000, 5000] as const;
const HOLD_MS_MAX = 200;
/** One hold in so many lasts so long that faults find it. */
const LONG_ONE_IN = 15;
const LONG_HOLD_MS_MAX = 6000;
/** One holder in so many goes without a word. */
const VANISH_ONE_IN = 40;
/** One waiter in so many has so little patience. */
const HASTY_ONE_IN = 6;
const HASTY_MS_MAX = 1500;
const RETRY_MS = 100;
const ASKINGS_MAX = 5;
const PATIENCE_MS = 20_000;

/** See the file's comment. */
export class HttpLocker {
  readonly violations: Violation[] = [];
  readonly #setup: HttpLockerSetup;

  constructor(setup: HttpLockerSetup) {
    this.#setup = setup;
  }

  /** One attempt, with all that follows. */
  async turn(): Promise<void> {
    const { rng, counts } = this.#setup;
    const lease = await this.#acquire();
    if (lease === undefined) return await pause(RETRY_MS);
    if (this.#leftMs(lease) <= 0) {
      counts.lost++;
      return;
    }
    counts.acquired++;
    const fromMs = performance.now();
    await this.#hold(
      lease,
      fromMs + rng.below(rng.below(LONG_ONE_IN) === 0 ? LONG_HOLD_MS_MAX : HOLD_MS_MAX),
    );
    const isVanishing = rng.below(VANISH_ONE_IN) === 0;
    if (isVanishing || this.#leftMs(lease) <= 0) counts.lost++;
    this.#noteHold(lease, fromMs);
    if (!isVanishing) await this.#release(lease);
    return undefined;
  }

  /** Asks for it, again under its key where the answer was lost. */
  async #acquire(): Promise<Lease | undefined> {
    const { caller, rng, counts } = this.#setup;
    const waitMs = WAITS_MS[rng.below(WAITS_MS.length)] ?? 0;
    const key = rng.below(4) === 0 ? undefined : caller.freshKey();
    const headers = key === undefined ? {} : { "idempotency-key": key };
    const json = { ttlMs: TTL_MS, waitMs, owner: caller.name };
    const isHasty = waitMs > 0 && rng.below(HASTY_ONE_IN) === 0;
    const patienceMs = isHasty ? rng.below(HASTY_MS_MAX) : PATIENCE_MS + waitMs;
    for (let askings = 0; askings < ASKINGS_MAX; askings++) {
      const fate = await caller.ask("POST", `${this.#path}/acquire`, { headers, json }, patienceMs);
      if (fate.kind === "answered") {
        const { answer, sentMs } = fate;
        if (answer.status !== 200) return undefined;
        const untilMs = sentMs + Number(answer.json?.["heldForMs"]);
        return {
          lease: String(answer.json?.["lease"]),
          token: zxidOf(String(answer.json?.["token"])),
          untilMs,
          isOver: false,
        };
      }
      if (isHasty) {
        counts.hungUp++;
        return undefined;
      }
      if (fate.kind === "unknown" && key === undefined) return undefined;
      await pause(RETRY_MS);
    }
    return undefined;
  }

  /** Writes under it, and renews it where it holds for long. */
  async #hold(lease: Lease, untilMs: number): Promise<void> {
    await this.#writeUnder(lease);
    while (performance.now() < untilMs && this.#leftMs(lease) > 0) {
      if (this.#leftMs(lease) < TTL_MS / 2) await this.#renew(lease);
      await pause(10);
    }
  }

  async #writeUnder({ token }: Lease): Promise<void> {
    const { caller, root } = this.#setup;
    const path = `${root}/guarded`;
    const data = zxidText(token);
    const startMs = performance.now();
    const headers = { "if-held": `${root}/lock@${zxidDigits(token)}` };
    const fate = await caller.ask("PUT", `/nodes${path}`, { headers, body: data });
    const request = { op: "setData", path, data: new TextEncoder().encode(data), version: -1 } as const;
    const isDone = fate.kind === "answered" && fate.answer.status === 200;
    caller.note(request, startMs, fate, isDone ? { op: "stat", stat: statOf(fate.answer) } : undefined);
  }

  async #renew(lease: Lease): Promise<void> {
    const { caller } = this.#setup;
    const json = { lease: lease.lease };
    const fate = await caller.ask("POST", `${this.#path}/renew`, { json }, TTL_MS);
    if (fate.kind !== "answered") return;
    const { answer, sentMs } = fate;
    if (answer.status === 200) {
      lease.untilMs = Math.max(lease.untilMs, sentMs + Number(answer.json?.["heldForMs"]));
      return;
    }
    lease.isOver = true;
    const earlyMs = lease.untilMs - performance.now();
    if (earlyMs <= 0) return;
    const what = `${caller.name} is told ${String(answer.code)} ${earlyMs.toFixed(0)} ms before its lease is over`;
    this.violations.push(new Violation("LeaseNotEarly", what));
  }

  /** It may go on until it asks for the release, or must not be sure any more. */
  #noteHold(lease: Lease, fromMs: number): void {
    const { caller, recorder, root } = this.#setup;
    const toMs = Math.max(fromMs, Math.min(performance.now(), lease.untilMs - MARGIN_MS));
    const { token } = lease;
    recorder.holds.push({
      lock: `${root}/lock`,
      client: caller.name,
      session: NO_SESSION,
      token,
      fromMs,
      toMs,
    });
  }

  /** Until it is sure; what it cannot give back expires. */
  async #release({ lease }: Lease): Promise<void> {
    for (let askings = 0; askings < ASKINGS_MAX; askings++) {
      const fate = await this.#setup.caller.ask("POST", `${this.#path}/release`, { json: { lease } });
      if (fate.kind === "answered") return;
      await pause(RETRY_MS);
    }
  }

  #leftMs({ untilMs, isOver }: Lease): number {
    return isOver ? 0 : untilMs - MARGIN_MS - performance.now();
  }

  get #path(): string {
    return `/locks/${encodeURIComponent(`${this.#setup.root}/lock`)}`;
  }
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
