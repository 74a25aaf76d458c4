/** A thread that fuzzes: an episode that never ends must not end the program that watches it. */
import { parentPort, workerData } from "node:worker_threads";
import { must } from "../../src/base/assert.ts";
import { type Failure, minimizedFailure, playEpisode } from "./fuzzer.ts";
import { targetOf } from "./targets.ts";

/** What a thread is told. */
export interface WorkerOrder {
  readonly target: string;
  readonly seed: number;
  readonly first: number;
  /** Ends with the first episode after which so many frames were taken in, or when this time is over. */
  readonly frames: number;
  readonly untilMs: number;
}

/** What a thread tells: news after each while, and the end. */
export type WorkerNews =
  | { readonly kind: "news"; readonly frames: number; readonly episode: number; readonly rssMb: number }
  | { readonly kind: "found"; readonly failure: Failure }
  | { readonly kind: "small"; readonly failure: Failure }
  | { readonly kind: "done"; readonly frames: number; readonly episodes: number };

/** News more often than this cost time; an episode takes some tens of milliseconds. */
const NEWS_MS = 200;

const order = workerData as WorkerOrder;
const tell = (news: WorkerNews): void => parentPort?.postMessage(news);
const target = must(targetOf(order.target), "a target");
let frames = 0;
let episode = order.first;
let toldMs = 0;
for (; frames < order.frames && Date.now() < order.untilMs; episode++) {
  const nowMs = performance.now();
  if (nowMs - toldMs >= NEWS_MS) {
    toldMs = nowMs;
    tell({ kind: "news", frames, episode, rssMb: Math.round(process.memoryUsage().rss / 2 ** 20) });
  }
  const played = await playEpisode(target, { seed: order.seed, episode });
  if (typeof played === "number") frames += played;
  else {
    tell({ kind: "found", failure: played });
    tell({ kind: "small", failure: await minimizedFailure(target, played) });
    break;
  }
}
tell({ kind: "done", frames, episodes: episode - order.first });
