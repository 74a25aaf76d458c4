/** Watch fan-out: one znode is set, and many sessions that watch it are told. */
import { type Bench, withStarted } from "../bench.ts";
import { startCeiling } from "../ceiling.ts";
import { EMPTY_CREATE, openSessions } from "../measure.ts";
import { inTurn, type Metrics } from "../report.ts";
import type { BenchSession } from "../session.ts";
import type { Served } from "../targets/target.ts";

const PATH = "/watched-by-many";

/** One set is over soon: more of them than of what takes seconds. */
const SETS_A_ROUND = 5;

/** Measures it for each number of watchers; `generator` is the program that answers at once. */
export async function measureFanout(bench: Bench, targets: readonly Served[]): Promise<void> {
  const { rounds, scale } = bench.plan;
  await withStarted(async (start) => {
    const ceiling = await start(startCeiling);
    for (const count of scale.watchers) {
      const crowds: Crowd[] = [];
      try {
        for (const target of [...targets, ceiling]) crowds.push(await Crowd.gather(target, count));
        const figures = await inTurn(crowds, rounds * SETS_A_ROUND, async (crowd) => await crowd.told());
        bench.add("fanout", { label: `${count} watchers`, figures });
      } finally {
        for (const crowd of crowds) await crowd.leave();
      }
    }
  });
}

/** Sessions that watch one znode, and one that sets it. */
class Crowd {
  readonly name: string;
  readonly #sessions: readonly BenchSession[];
  readonly #setter: BenchSession;
  readonly #news: News;

  private constructor(
    name: string,
    parts: { readonly sessions: readonly BenchSession[]; readonly setter: BenchSession; readonly news: News },
  ) {
    this.name = name;
    this.#sessions = parts.sessions;
    this.#setter = parts.setter;
    this.#news = parts.news;
  }

  static async gather(target: Served, count: number): Promise<Crowd> {
    const news = new News();
    const sessions = await openSessions(target, count, () => news.came());
    const [setter] = await openSessions(target, 1);
    if (setter === undefined) throw new Error("somebody sets");
    await setter.ask({ ...EMPTY_CREATE, path: PATH });
    return new Crowd(target.name, { sessions, setter, news });
  }

  /** Sets all watches, and then the znode. */
  async told(): Promise<Metrics> {
    await Promise.all(
      this.#sessions.map(async (session) => await session.ask({ op: "getData", path: PATH, watch: true })),
    );
    const all = this.#news.of(this.#sessions.length);
    const beganMs = performance.now();
    const error = await this.#setter.ask({
      op: "setData",
      path: PATH,
      data: new Uint8Array(100),
      version: -1,
    });
    if (error !== 0) throw new Error(`${this.name} answered the set with ${error}`);
    return { lastMs: (await all) - beganMs };
  }

  async leave(): Promise<void> {
    await Promise.all([...this.#sessions, this.#setter].map(async (session) => await session.end()));
  }
}

/** Counts events. */
class News {
  #missing = 0;
  #last: ((atMs: number) => void) | undefined;

  /** Gives the time of the last of so many. */
  async of(count: number): Promise<number> {
    this.#missing = count;
    return await new Promise((resolve) => {
      this.#last = resolve;
    });
  }

  came(): void {
    this.#missing--;
    if (this.#missing === 0) this.#last?.(performance.now());
  }
}
