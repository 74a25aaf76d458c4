/** One measurement: so many lanes, each of which asks for one thing after the other, for so long. */
import { ConnectionLossError } from "../../client/errors.ts";
import { Progress } from "../progress.ts";
import type { BenchClient } from "./bench-client.ts";
import type { BenchGround } from "./bench-ground.ts";
import { Latencies } from "./latencies.ts";

/** The kinds of work there are, in the order in which they are measured. */
export const WORKS = ["set", "get", "create", "lock"] as const;

/** A kind of work. */
export type WorkName = (typeof WORKS)[number];

/** What is asked, and of what. */
export interface BenchWork {
  readonly name: WorkName;
  readonly ground: BenchGround;
  /** Znodes that are set and read. */
  readonly znodes: number;
  readonly data: Uint8Array;
}

/** Who asks, and for how long. */
export interface BenchCrew {
  readonly clients: readonly BenchClient[];
  /** Lanes of each client. */
  readonly outstanding: number;
  readonly durationMs: number;
  /** Ends it early. */
  readonly signal: AbortSignal;
}

/** What was seen, of requests that were answered while it counted. A lock is one: taken, and given back. */
export interface BenchFigures {
  readonly work: WorkName;
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

/** Before it counts, for a part of the time that it counts. */
const WARM_UP = 0.2;

/** How long the last answers are waited for, in ms. */
const ANSWER_MS = 30_000;

/** How often it says how far it is, in ms. */
const TELL_MS = 100;

/** Children of one parent. */
const BLOCK = 10_000;

/** Two lanes do not begin at the same znode. */
const STRIDE = 7;

/**
 * Measures. Throws what the first request throws that fails, the signal's reason, and ConnectionLossError where an
 * answer does not come.
 */
export async function measureWork(work: BenchWork, crew: BenchCrew): Promise<BenchFigures> {
  const { clients, outstanding, durationMs } = crew;
  const latencies = new Latencies();
  const state = { isCounting: false, isStopping: false, lastMs: 0 };
  const stopped = new AbortController();
  const lanes = clients.flatMap((client, index) =>
    Array.from({ length: outstanding }, (_, at) => laneOf(work, client, index * outstanding + at)),
  );
  const running = lanes.map(async (ask) => {
    try {
      while (!state.isStopping) {
        const beganMs = performance.now();
        await ask();
        if (!state.isCounting) continue;
        state.lastMs = performance.now();
        latencies.add(state.lastMs - beganMs);
      }
    } catch (error) {
      state.isStopping = true;
      stopped.abort(error);
      throw error;
    }
  });
  const all = Promise.allSettled(running);
  const signal = AbortSignal.any([crew.signal, stopped.signal]);
  let fromMs = 0;
  try {
    await passed(WARM_UP * durationMs, signal);
    state.isCounting = true;
    fromMs = performance.now();
    await passed(durationMs, signal, new Progress(work.name, durationMs / 1000, "s"));
  } finally {
    state.isStopping = true;
    // The last answers count as well, or the slowest would be left out.
    await withinLimit(all);
  }
  signal.throwIfAborted();
  return figuresOf(work.name, latencies, state.lastMs - fromMs);
}

function figuresOf(work: WorkName, latencies: Latencies, tookMs: number): BenchFigures {
  return {
    work,
    requests: latencies.count,
    perSecond: (latencies.count * 1000) / tookMs,
    p50Ms: latencies.percentile(0.5),
    p95Ms: latencies.percentile(0.95),
    p99Ms: latencies.percentile(0.99),
  };
}

/** What one lane asks for, again and again. */
function laneOf(
  { name, ground, znodes, data }: BenchWork,
  client: BenchClient,
  lane: number,
): () => Promise<unknown> {
  let count = 0;
  const value = (): string => ground.valuePath((lane * STRIDE + count++) % znodes);
  switch (name) {
    case "set":
      return () => client.set(value(), data);
    case "get":
      return () => client.get(value());
    case "lock":
      return () => client.lock(ground.lockPath(lane));
    case "create":
      return async () => {
        const parent = ground.creationParent(lane, Math.floor(count / BLOCK));
        if (count % BLOCK === 0) await client.create(parent, new Uint8Array(0));
        await client.create(`${parent}/n${count++}`, data);
      };
  }
}

/** Throws the signal's reason. */
async function passed(ms: number, signal: AbortSignal, progress?: Progress): Promise<void> {
  const beganMs = performance.now();
  let toldMs = 0;
  try {
    for (let goneMs = 0; goneMs < ms; goneMs = performance.now() - beganMs) {
      await pause(Math.min(TELL_MS, ms - goneMs), signal);
      const nowMs = Math.min(ms, performance.now() - beganMs);
      progress?.add((nowMs - toldMs) / 1000);
      toldMs = nowMs;
    }
  } finally {
    progress?.end();
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
  signal.throwIfAborted();
}

async function withinLimit(all: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const detail = `no answer came within ${ANSWER_MS / 1000} s`;
    timer = setTimeout(() => reject(new ConnectionLossError({ detail, mayBeDone: true })), ANSWER_MS);
  });
  try {
    await Promise.race([all, late]);
  } finally {
    clearTimeout(timer);
  }
}
