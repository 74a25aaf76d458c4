/**
 * Lock cycles over HTTP: acquire and release, each one request and one committed transaction, by as many connections as
 * locks, each with a lock of its own.
 */
import { type Bench, withStarted } from "../bench.ts";
import { startCeiling } from "../ceiling.ts";
import { type Answer, HttpConnection, postOf } from "../http-client.ts";
import { Latencies } from "../../../src/program/bench/latencies.ts";
import { passed } from "../measure.ts";
import { inTurn, type Metrics } from "../report.ts";
import { startEdgekeeper } from "../targets/edgekeeper.ts";
import { type Etcd, startEtcd } from "../targets/etcd.ts";
import { startFloor } from "../targets/floor.ts";
import { cpuSeconds } from "../usage.ts";

/** How one kind of server is asked for locks. */
interface Locksmith {
  readonly name: string;
  readonly ports: readonly number[];
  processes(): readonly number[];
  /** What the holder of a lock of this name sends. */
  cycle(connection: HttpConnection, lock: string): Promise<Cycle>;
}

/** Both requests. */
interface Cycle {
  readonly acquire: Buffer;
  /** From what the acquire was answered. Throws where that was no lock. */
  release(acquired: Answer): Buffer;
}

/** Before it counts, for a part of the time that it counts. */
const WARM_UP = 0.3;

/** Measures all of them in turn, and gives the version of etcd. */
export async function runLocks(bench: Bench): Promise<string> {
  const { rounds, seconds, scale } = bench.plan;
  bench.say("starting etcd, edgekeeper and an empty Worker");
  return await withStarted(async (start) => {
    const etcd = await start(startEtcd);
    const edgekeeper = await start(startEdgekeeper);
    const ours = { ...edgekeeper, httpPort: Number(new URL(edgekeeper.httpUrl).port) };
    const empty = [await start(startFloor), await start(startCeiling)];
    const smiths = [transactions(etcd), lockService(etcd), ...[ours, ...empty].map(edgekeeperLocks)];
    for (const count of scale.locksAtOnce) {
      const figures = await inTurn(
        smiths,
        rounds,
        async (smith) => await measureCycles(smith, count, seconds),
      );
      bench.add("locks", { label: `${count} at once`, figures });
    }
    return etcd.version;
  });
}

async function measureCycles(smith: Locksmith, count: number, seconds: number): Promise<Metrics> {
  const holders: Holder[] = [];
  try {
    for (let index = 0; index < count; index++) holders.push(await Holder.open(smith, index));
    const latencies = new Latencies();
    const running = holders.map(async (holder) => await holder.run(latencies));
    await passed(WARM_UP * seconds * 1000);
    const [cpuBefore, clientsBefore] = [await cpuSeconds(smith.processes()), process.cpuUsage()];
    for (const holder of holders) holder.isCounting = true;
    const beganMs = performance.now();
    await passed(seconds * 1000);
    for (const holder of holders) holder.isCounting = false;
    const tookMs = performance.now() - beganMs;
    const clients = process.cpuUsage(clientsBefore);
    const cpu = (await cpuSeconds(smith.processes())) - cpuBefore;
    for (const holder of holders) holder.isStopping = true;
    await Promise.all(running);
    return {
      cyclesPerSecond: (latencies.count * 1000) / tookMs,
      p50Ms: latencies.percentile(0.5),
      p99Ms: latencies.percentile(0.99),
      cpuUs: (cpu * 1e6) / latencies.count,
      clientCores: (clients.user + clients.system) / 1000 / tookMs,
    };
  } finally {
    for (const holder of holders) holder.close();
  }
}

/** Takes and gives back one lock. */
class Holder {
  isCounting = false;
  isStopping = false;
  readonly #connection: HttpConnection;
  readonly #cycle: Cycle;

  private constructor(connection: HttpConnection, cycle: Cycle) {
    this.#connection = connection;
    this.#cycle = cycle;
  }

  static async open(smith: Locksmith, index: number): Promise<Holder> {
    const connection = await HttpConnection.open(smith.ports[index % smith.ports.length] ?? 0);
    return new Holder(connection, await smith.cycle(connection, `bench-${index}`));
  }

  /** Until it is to stop. Throws where a lock is not given, or not taken back. */
  async run(latencies: Latencies): Promise<void> {
    while (!this.isStopping) {
      const beganMs = performance.now();
      const acquired = await this.#connection.ask(this.#cycle.acquire);
      const released = await this.#connection.ask(this.#cycle.release(acquired));
      if (released.status >= 300)
        throw new Error(`a release was answered: ${released.status} ${released.body}`);
      if (this.isCounting) latencies.add(performance.now() - beganMs);
    }
  }

  close(): void {
    this.#connection.close();
  }
}

/** Also for what answers everything alike. */
function edgekeeperLocks(target: {
  readonly name: string;
  readonly httpPort: number;
  processes(): readonly number[];
}): Locksmith {
  return {
    name: target.name,
    ports: [target.httpPort],
    processes: () => target.processes(),
    cycle: async ({ port }, lock) => ({
      acquire: postOf(port, `/v1/locks/${lock}/acquire`, '{"ttlMs":30000}'),
      release: (acquired) => {
        const lease = field("lease", acquired);
        return postOf(port, `/v1/locks/${lock}/release`, `{"lease":"${lease}"}`);
      },
    }),
  };
}

/** A lock that ends with its holder's lease lives as long as this, in seconds; nobody renews it here. */
const LEASE_TTL_S = 600;

/** The cheapest lock of etcd: put if it is not there, delete if it is ours. */
function transactions(etcd: Etcd): Locksmith {
  return {
    ...ofEtcd(etcd, "etcd"),
    cycle: async (connection, lock) => {
      const [key, value, lease] = [base64(lock), base64("holder"), await granted(connection)];
      const acquire = {
        compare: [{ target: "CREATE", key, createRevision: "0" }],
        success: [{ requestPut: { key, value, lease } }],
      };
      const release = {
        compare: [{ target: "VALUE", key, value }],
        success: [{ requestDeleteRange: { key } }],
      };
      const releaseBytes = postOf(connection.port, "/v3/kv/txn", JSON.stringify(release));
      return {
        acquire: postOf(connection.port, "/v3/kv/txn", JSON.stringify(acquire)),
        release: (acquired) => {
          if (acquired.body.includes('"succeeded":true')) return releaseBytes;
          throw new Error(`etcd gave no lock: ${acquired.status} ${acquired.body}`);
        },
      };
    },
  };
}

/** The lock of etcd that waits in a queue. */
function lockService(etcd: Etcd): Locksmith {
  return {
    ...ofEtcd(etcd, "etcd-lock"),
    cycle: async (connection, lock) => {
      const body = { name: base64(lock), lease: await granted(connection) };
      return {
        acquire: postOf(connection.port, "/v3/lock/lock", JSON.stringify(body)),
        release: (acquired) => {
          const key = field("key", acquired);
          return postOf(connection.port, "/v3/lock/unlock", JSON.stringify({ key }));
        },
      };
    },
  };
}

function ofEtcd(etcd: Etcd, name: string): Omit<Locksmith, "cycle"> {
  return { name, ports: etcd.httpPorts, processes: () => etcd.processes() };
}

async function granted(connection: HttpConnection): Promise<string> {
  const body = JSON.stringify({ TTL: LEASE_TTL_S });
  return field("ID", await connection.ask(postOf(connection.port, "/v3/lease/grant", body)));
}

/** A field of a JSON document that is a text without escapes. Throws where it is missing. */
function field(name: string, { status, body }: Answer): string {
  const mark = `"${name}":"`;
  const at = body.indexOf(mark);
  if (status >= 300 || at === -1) throw new Error(`no ${name} came: ${status} ${body}`);
  return body.slice(at + mark.length, body.indexOf('"', at + mark.length));
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
