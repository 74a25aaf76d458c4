/** How long replicas are in memory while nobody asks for anything, with sessions and watches open. */
import { connect } from "../../../src/client/index.ts";
import { type Bench, withStarted } from "../bench.ts";
import { passed } from "../measure.ts";
import type { Metrics } from "../report.ts";
import { type EdgekeeperTarget, startEdgekeeper } from "../targets/edgekeeper.ts";

const PATH = "/watched-asleep";

/** Sooner than by default, so that a benchmark need not wait a minute for it. */
const DORMANT_AFTER_MS = 10_000;
const ASLEEP_LIMIT_MS = 30_000;
const LOOK_MS = 1000;
/** Sessions that are made at once. */
const CONNECTS_AT_ONCE = 50;
const TOLD_LIMIT_MS = 15_000;

/** Measures it at an ensemble of its own. */
export async function runSleep(bench: Bench): Promise<void> {
  const { idleSessions, idleSeconds } = bench.plan.scale;
  bench.say("starting edgekeeper, to be left alone");
  await withStarted(async (start) => {
    const vars = { DORMANT_AFTER_MS: String(DORMANT_AFTER_MS) };
    const target = await start(async () => await startEdgekeeper({ vars }));
    for (const count of [0, idleSessions]) {
      const found = await measureSleep(target, count, idleSeconds);
      const label = count === 0 ? "nobody connected" : `${count} sessions`;
      bench.add("inMemory", { label, figures: { edgekeeper: found } });
    }
  });
}

async function measureSleep(target: EdgekeeperTarget, count: number, seconds: number): Promise<Metrics> {
  const watchers = await Watchers.gather(target.httpUrl, count);
  try {
    const lastAskedMs = performance.now();
    while (await anyAwake(target)) {
      if (performance.now() - lastAskedMs > ASLEEP_LIMIT_MS)
        throw new Error("the replicas do not fall asleep");
      await passed(LOOK_MS);
    }
    const awakeSeconds = (performance.now() - lastAskedMs) / 1000;
    let awake = 0;
    for (let look = 0; look < seconds; look++) {
      if (await anyAwake(target)) awake++;
      await passed(LOOK_MS);
    }
    const beganMs = performance.now();
    const response = await fetch(`${target.httpUrl}/v1/nodes${PATH}`, { method: "PUT", body: "now" });
    const wakeMs = performance.now() - beganMs;
    if (!response.ok) throw new Error(`the set was answered: ${response.status} ${await response.text()}`);
    return { awakeSeconds, part: awake / seconds, told: await watchers.told(), wakeMs };
  } finally {
    await watchers.leave();
  }
}

/** To look at one wakes nobody. */
async function anyAwake(target: EdgekeeperTarget): Promise<boolean> {
  return (await target.replicas()).some(({ status }) => status?.asleep !== true);
}

type Client = Awaited<ReturnType<typeof connect>>;

/** Sessions of the SDK, each with a watch of one znode. */
class Watchers {
  readonly #clients: Client[] = [];
  #told = 0;

  static async gather(url: string, count: number): Promise<Watchers> {
    const response = await fetch(`${url}/v1/nodes${PATH}`, { method: "PUT", body: "before" });
    if (!response.ok) throw new Error(`no ${PATH} was made: ${response.status}`);
    const watchers = new Watchers();
    for (let made = 0; made < count; made += CONNECTS_AT_ONCE) {
      const size = Math.min(CONNECTS_AT_ONCE, count - made);
      await Promise.all(Array.from({ length: size }, async () => await watchers.#add(url)));
    }
    return watchers;
  }

  /** How many have been told, once all are or it has been long enough. */
  async told(): Promise<number> {
    const deadlineMs = performance.now() + TOLD_LIMIT_MS;
    while (this.#told < this.#clients.length && performance.now() < deadlineMs) await passed(LOOK_MS / 10);
    return this.#told;
  }

  async leave(): Promise<void> {
    await Promise.all(this.#clients.map(async (client) => await client.close()));
  }

  async #add(url: string): Promise<void> {
    const client = await connect(url);
    this.#clients.push(client);
    const watch = await client.watch(PATH);
    // One that was told nothing ends with its client, by an error; how many were told is what counts.
    this.#listen(watch).catch(() => undefined);
  }

  async #listen(watch: Awaited<ReturnType<Client["watch"]>>): Promise<void> {
    for await (const event of watch) {
      if (event.type === "dataChanged") this.#told++;
      return;
    }
  }
}
