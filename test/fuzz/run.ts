/**
 * `npm run fuzz`: random and mutated frames, bodies and messages against the code that ships. `--help` tells the
 * options. It stops at the first episode that fails, makes it small, and keeps it in test/fuzz/corpus.
 */
import { relative } from "node:path";
import { Worker } from "node:worker_threads";
import { HELP, type Order, readArguments } from "./arguments.ts";
import { keepFinding, keepReaching, readKept } from "./corpus.ts";
import { type Failure, failureOf, minimizedFailure, playEpisode, reaching } from "./fuzzer.ts";
import { targetOf, TARGETS } from "./targets.ts";
import type { WorkerNews, WorkerOrder } from "./worker.ts";

const PROGRESS_MS = 5000;
/** An episode takes less than a second: one that takes so long does not end. */
const STANDSTILL_MS = 120_000;
/** Making it small plays it some hundred times. */
const MINIMIZE_MS = 300_000;
/** Small episodes enough for what is rare. */
const COLLECTED_EPISODES = 400;

process.exitCode = await main();

async function main(): Promise<number> {
  const names = TARGETS.map(({ target }) => target.name);
  const order = readArguments(process.argv.slice(2), names, Date.now());
  if (order === "help") {
    console.log(HELP);
    return 0;
  }
  if ("error" in order) {
    console.error(`${order.error}\nnpm run fuzz -- --help tells what there is`);
    return 2;
  }
  if (order.replay !== undefined) return await replay(order.replay);
  if (order.episode !== undefined) return await playOne(order, order.episode);
  if (order.collects) return await collect(order);
  console.log(`seed ${order.seed}`);
  const chosen = TARGETS.filter(({ target }) => order.target === undefined || target.name === order.target);
  const shares = chosen.reduce((sum, { share }) => sum + share, 0);
  let total = 0;
  for (const { target, share } of chosen) {
    const part = share / shares;
    const untilMs = Date.now() + order.minutes * 60_000 * part;
    const frames = Math.ceil(order.frames * part);
    const outcome = await fuzz({ target: target.name, seed: order.seed, first: 0, frames, untilMs });
    if (typeof outcome !== "number") return tell(outcome);
    total += outcome;
  }
  console.log(`${total} frames, nothing found`);
  return 0;
}

/** Runs a thread until it is done; gives its frames, or what it found. */
async function fuzz(order: WorkerOrder): Promise<number | Failure> {
  const startMs = performance.now();
  const worker = new Worker(new URL("worker.ts", import.meta.url), { workerData: order });
  const { promise, resolve, reject } = Promise.withResolvers<number | Failure>();
  let last: { frames: number; episode: number; rssMb: number } = {
    frames: 0,
    episode: order.first,
    rssMb: 0,
  };
  let found: Failure | undefined;
  let heardMs = startMs;
  const line = (frames: number): string => {
    const seconds = (performance.now() - startMs) / 1000;
    const rate = (frames / seconds).toFixed(0);
    return `${order.target.padEnd(8)} ${frames} frames in ${seconds.toFixed(0)} s, ${rate}/s, ${last.rssMb} MB`;
  };
  worker.on("message", (news: WorkerNews) => {
    heardMs = performance.now();
    if (news.kind === "news") last = news;
    else if (news.kind === "done") resolve(found ?? news.frames);
    else found = news.failure;
    if (news.kind === "found")
      console.log(`${order.target}: episode ${news.failure.episode} fails; making it small`);
    if (news.kind === "done") console.log(line(news.frames));
  });
  worker.on("error", reject);
  const progress = setInterval(() => console.log(line(last.frames)), PROGRESS_MS);
  const watch = setInterval(() => {
    const silentMs = performance.now() - heardMs;
    if (silentMs < (found === undefined ? STANDSTILL_MS : MINIMIZE_MS)) return;
    const { target, seed } = order;
    const what = `hangs: nothing is heard for ${Math.round(silentMs / 1000)} s, in or soon after this episode`;
    resolve(found ?? { target, seed, episode: last.episode, what, steps: [] });
  }, 1000);
  try {
    return await promise;
  } finally {
    clearInterval(progress);
    clearInterval(watch);
    await worker.terminate();
  }
}

function tell(failure: Failure): number {
  const { target, seed, episode, what, steps } = failure;
  console.log(`\n${target}, seed ${seed}, episode ${episode}:\n${what}\n`);
  console.log(`again: npm run fuzz -- --target ${target} --seed ${seed} --episode ${episode}`);
  if (steps.length === 0) return 1;
  const file = relative(process.cwd(), keepFinding(target, what, steps));
  console.log(`small: npm run fuzz -- --replay ${file} (${steps.length} steps)`);
  return 1;
}

async function collect({ target: only, seed }: Order): Promise<number> {
  for (const { target } of TARGETS) {
    if (only !== undefined && target.name !== only) continue;
    const reached = await reaching(target, { seed, episodes: COLLECTED_EPISODES });
    console.log(`${relative(process.cwd(), keepReaching(target.name, reached))}: ${reached.size} episodes`);
  }
  return 0;
}

async function playOne({ target: name, seed }: Order, episode: number): Promise<number> {
  const target = targetOf(name ?? "");
  if (target === undefined) return 2;
  const played = await playEpisode(target, { seed, episode });
  if (typeof played !== "number") return tell(await minimizedFailure(target, played));
  console.log(`${played} frames, nothing found`);
  return 0;
}

async function replay(file: string): Promise<number> {
  const folder = file.split("/").at(-2) ?? "";
  const target = targetOf(folder);
  if (target === undefined) {
    console.error(`${file} is in no target's folder: ${TARGETS.map((one) => one.target.name).join(", ")}`);
    return 2;
  }
  let failed = 0;
  for (const { name, steps } of readKept(file)) {
    const what = await failureOf(target, steps);
    if (what !== undefined) failed++;
    console.log(what === undefined ? `${name} passes` : `${name} fails: ${what}`);
  }
  return failed === 0 ? 0 : 1;
}
