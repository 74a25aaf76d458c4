/** How long no write is acknowledged when the leader fails. */
import type { Acknowledged } from "../../chaos/load.ts";
import { gapsWithin } from "../../chaos/gaps.ts";
import { WireClient } from "../../client/wire-client.ts";
import { type Address, until, untilServing } from "../../compat/servers.ts";
import { type Bench, withStarted } from "../bench.ts";
import { EMPTY_CREATE, passed } from "../measure.ts";
import { inTurn, type Metrics } from "../report.ts";
import { type EdgekeeperTarget, startEdgekeeper } from "../targets/edgekeeper.ts";
import { startZooKeeper, type ZooKeeperTarget } from "../targets/zookeeper.ts";

/** The product, with faults on demand. */
export const FAULTS_CONFIG = "test/faults/wrangler.toml";

/** What the leader suffers. */
const FAULTS = ["abort", "freeze"] as const;
type Fault = (typeof FAULTS)[number];

/** A freeze of ZooKeeper lasts until others have taken over, after ten seconds: often enough is often enough. */
const FREEZES_MAX = 2;
/** Longer than the heartbeat limit and an election. */
const FROZEN_MS = 6000;

const WRITERS = 9;
const SESSION_TIMEOUT_MS = 10_000;
/** Before the blow, and after writes go on. */
const CALM_MS = 500;
const RECOVERY_TIMEOUT_MS = 60_000;

/** An ensemble whose leader can be struck. */
export interface Victim {
  readonly name: string;
  readonly addresses: readonly Address[];
  leader(): Promise<number>;
  strike(sid: number, fault: Fault): Promise<void>;
  /** Ends what the fault did; resolves when all serve. */
  heal(sid: number, fault: Fault): Promise<void>;
}

/** Measures each fault. */
export async function runFailover(bench: Bench): Promise<void> {
  const { rounds } = bench.plan;
  bench.say("starting zookeeper and edgekeeper, with faults on demand");
  await withStarted(async (start) => {
    const victims = [
      zooKeeperVictim(await start(startZooKeeper)),
      edgekeeperVictim(await start(async () => await startEdgekeeper({ config: FAULTS_CONFIG }))),
    ];
    for (const fault of FAULTS) {
      const times = fault === "freeze" ? Math.min(rounds, FREEZES_MAX) : rounds;
      const figures = await inTurn(victims, times, async (victim) => await measureGap(victim, fault));
      bench.add("failover", { label: fault, figures });
    }
  });
}

async function measureGap(victim: Victim, fault: Fault): Promise<Metrics> {
  const writers = await Writers.begin(victim);
  await passed(CALM_MS);
  const sid = await victim.leader();
  const fromMs = performance.now();
  await victim.strike(sid, fault);
  await until(RECOVERY_TIMEOUT_MS, `${victim.name} acknowledges writes again`, async () => {
    const [first, last] = [
      writers.acknowledged.findLast(({ atMs }) => atMs < fromMs),
      writers.acknowledged.at(-1),
    ];
    if (first === undefined || last === undefined) return false;
    // The gap is over once writes have gone on for a while since the longest pause.
    const untilMs = performance.now();
    const { ensembleMs } = gapsWithin(writers.acknowledged, { fromMs, untilMs });
    return (
      untilMs - fromMs > ensembleMs + CALM_MS &&
      untilMs - last.atMs < CALM_MS &&
      untilMs - fromMs > 2 * CALM_MS
    );
  });
  const untilMs = performance.now();
  const { ensembleMs } = gapsWithin(writers.acknowledged, { fromMs, untilMs });
  await writers.end();
  await victim.heal(sid, fault);
  return { gapMs: ensembleMs };
}

/** Clients that write as fast as each is answered. */
class Writers {
  readonly acknowledged: Acknowledged[] = [];
  readonly #clients: readonly WireClient[];
  #isStopping = false;
  #running: Promise<unknown> = Promise.resolve();

  private constructor(clients: readonly WireClient[]) {
    this.#clients = clients;
  }

  /** As many at each server; throws where one does not get a session. */
  static async begin({ addresses, name }: Victim): Promise<Writers> {
    const clients = Array.from(
      { length: WRITERS },
      (_, index) => new WireClient({ servers: addresses, first: index, timeoutMs: SESSION_TIMEOUT_MS }),
    );
    const writers = new Writers(clients);
    for (const [index, client] of clients.entries()) {
      if (!(await client.connected(SESSION_TIMEOUT_MS))) throw new Error(`${name} gives no session`);
      await client.request({ ...EMPTY_CREATE, path: pathOf(index) });
    }
    writers.#running = Promise.all(clients.map(async (client, index) => await writers.#write(client, index)));
    return writers;
  }

  async end(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#clients.map(async (client) => await client.abandon()));
    await this.#running;
  }

  async #write(client: WireClient, index: number): Promise<void> {
    const data = new Uint8Array(100);
    while (!this.#isStopping) {
      const { kind } = await client.request({ op: "setData", path: pathOf(index), data, version: -1 });
      if (kind === "ok") this.acknowledged.push({ client: index, atMs: performance.now() });
      else if (!this.#isStopping) await client.connected(SESSION_TIMEOUT_MS);
    }
  }
}

function pathOf(writer: number): string {
  return `/gap-${writer}`;
}

function zooKeeperVictim(target: ZooKeeperTarget): Victim {
  const { name, addresses } = target;
  return {
    name,
    addresses,
    leader: async () => await target.leader(),
    strike: async (sid, fault) => await target.signal(sid, fault === "abort" ? "SIGKILL" : "SIGSTOP"),
    heal: async (sid, fault) => {
      if (fault === "abort") target.restart(sid);
      else await target.signal(sid, "SIGCONT");
      await untilServing(addresses, []);
    },
  };
}

function edgekeeperVictim(target: EdgekeeperTarget): Victim {
  const { name, addresses } = target;
  return {
    name,
    addresses,
    leader: async () => await target.leader(),
    strike: async (sid, fault) => {
      await target.suffer(sid, fault === "abort" ? { kind: "abort" } : { kind: "freeze", ms: FROZEN_MS });
    },
    heal: async () => await untilServing(addresses, []),
  };
}
