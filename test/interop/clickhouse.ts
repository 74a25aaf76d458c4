/**
 * ClickHouse's ReplicatedMergeTree on two servers: while blocks are inserted, each server and our leader die at once;
 * blocks that are inserted again, as nobody knows of them, must be there once.
 */
import { join } from "node:path";

import type { ProcessSet } from "../compat/processes.ts";
import { until } from "../compat/servers.ts";
import type { Toolbox } from "../compat/tools.ts";
import { CLUSTER, ClickHouseServers, SERVERS } from "./clickhouse-servers.ts";
import type { Coordinator } from "./coordinator.ts";
import { Load } from "./load.ts";
import type { Scenario } from "./scenario.ts";

const PROGRAM = "/usr/sbin/clickhouse-server";

const ZNODE = "/clickhouse/tables/1/numbers";

const BLOCK_ROWS = 100;

/** ClickHouse wants few and large blocks; its log and its queue in znodes grow by each. In ms. */
const BLOCK_PAUSE_MS = 200;

const SETTLE_MS = 180_000;

/** ClickHouse. */
export interface ClickHouseKit {
  readonly version: string;
}

/** One run of the scenario. */
export interface ClickHouseRun {
  readonly processes: ProcessSet;
  readonly kit: ClickHouseKit;
  readonly coordinator: Coordinator;
  readonly folder: string;
}

/** Fetches ClickHouse as Debian has it: 18.16, the last one that is free of code that Debian can't ship. */
export async function prepareClickHouse(tools: Toolbox): Promise<ClickHouseKit> {
  await tools.needDebian([[PROGRAM, "clickhouse-server"]]);
  return { version: (await tools.debianVersion("clickhouse-server")).replace("+ds", "") };
}

/** The scenario. Everything it started has ended when it resolves. */
export async function playClickHouse(run: ClickHouseRun, scenario: Scenario): Promise<void> {
  await withClickHouse(run, async (clickhouse) => {
    await clickhouse.start(scenario);
    await clickhouse.deaths(scenario);
    await clickhouse.rows(scenario);
    await clickhouse.restart(scenario);
    await clickhouse.statements(scenario);
  });
}

/** The first minutes: nobody dies. */
export async function beginClickHouse(run: ClickHouseRun, scenario: Scenario): Promise<void> {
  await withClickHouse(run, async (clickhouse) => {
    await clickhouse.start(scenario);
    await clickhouse.rows(scenario);
    await clickhouse.statements(scenario);
  });
}

async function withClickHouse(
  run: ClickHouseRun,
  action: (clickhouse: ClickHouse) => Promise<void>,
): Promise<void> {
  const { processes, coordinator } = run;
  const folder = join(run.folder, "clickhouse");
  const zookeeper = coordinator.connect;
  const servers = await ClickHouseServers.open({ processes, folder, program: PROGRAM, zookeeper });
  const load = new Load(BLOCK_PAUSE_MS, async (block, server) => {
    await servers.ask(SERVERS[server % SERVERS.length] ?? "", `INSERT INTO numbers VALUES ${rowsOf(block)}`);
  });
  try {
    await action(new ClickHouse(servers, load, coordinator));
  } catch (error) {
    process.stderr.write(`${servers.output()}\n`);
    throw error;
  } finally {
    // Nobody takes what is under way, where a step has failed.
    load.abandon();
    await servers.stop();
  }
}

class ClickHouse {
  readonly #servers: ClickHouseServers;
  readonly #load: Load;
  readonly #coordinator: Coordinator;

  constructor(servers: ClickHouseServers, load: Load, coordinator: Coordinator) {
    this.#servers = servers;
    this.#load = load;
    this.#coordinator = coordinator;
  }

  async start(scenario: Scenario): Promise<void> {
    await scenario.step("two servers start, and see what is in the ensemble", async () => {
      for (const name of SERVERS) this.#servers.start(name);
      for (const name of SERVERS) await this.#serves(name);
      return "";
    });
    await scenario.step("a statement makes a replicated table on both", async () => {
      const engine = "ReplicatedMergeTree('/clickhouse/tables/{shard}/numbers', '{replica}')";
      const columns = "(number UInt32) ENGINE = ";
      await this.#onAll(`CREATE TABLE numbers ON CLUSTER ${CLUSTER} ${columns}${engine} ORDER BY number`);
      for (const name of SERVERS) await this.#sees(name, "EXISTS TABLE numbers", "1");
      return "by the queue for statements in znodes";
    });
    await scenario.step("blocks are inserted, and are on both", async () => {
      this.#load.start();
      await this.#more();
      for (const name of SERVERS) await holds("rows are there", async () => (await this.#rows(name)) > 0);
      return `of ${BLOCK_ROWS} rows`;
    });
  }

  async deaths(scenario: Scenario): Promise<void> {
    await scenario.step("under load: our leader is killed", async () => {
      const told = await this.#coordinator.killLeader();
      await this.#more();
      return told;
    });
    for (const victim of SERVERS.toReversed()) {
      await scenario.step(`under load: server ${victim} and our leader are killed at once`, async () => {
        const [told] = await Promise.all([this.#coordinator.killLeader(), this.#servers.kill(victim)]);
        await this.#more();
        return `the other one takes blocks; ${told}`;
      });
      await scenario.step("it comes back, and catches up", async () => {
        this.#servers.start(victim);
        await this.#active(victim);
        await holds("it has what was acknowledged", async () => {
          const acknowledged = this.#count;
          return (await this.#rows(victim)) >= acknowledged;
        });
        return "";
      });
    }
  }

  get #count(): number {
    return this.#load.acknowledged * BLOCK_ROWS;
  }

  async rows(scenario: Scenario): Promise<void> {
    await scenario.step("every acknowledged row is on both servers, once", async () => {
      await this.#load.finish();
      const count = await this.#whole();
      return `${count} rows; ${this.#load.failures} inserts were refused or not answered, and sent again`;
    });
  }

  /** 18.16's thread for ALTER may stand still for good where it was at work as a session ended. */
  async restart(scenario: Scenario): Promise<void> {
    await scenario.step("both stop in good order, start again, and have every row", async () => {
      await this.#servers.stop();
      for (const name of SERVERS) this.#servers.start(name);
      for (const name of SERVERS) await this.#active(name);
      await this.#whole();
      return "";
    });
  }

  async statements(scenario: Scenario): Promise<void> {
    const count = this.#count;
    await scenario.step("a block that is inserted again at the other server is not there twice", async () => {
      const last = rowsOf(this.#load.acknowledged - 1);
      for (const name of SERVERS) {
        await this.#servers.ask(name, `INSERT INTO numbers VALUES ${last}`);
        await this.#sees(name, "SELECT count() FROM numbers", String(count));
      }
      return "";
    });
    await scenario.step("parts are merged to one, on both", async () => {
      await this.#servers.ask("one", "OPTIMIZE TABLE numbers FINAL");
      const parts = "SELECT count() FROM system.parts WHERE table = 'numbers' AND active";
      for (const name of SERVERS) await this.#sees(name, parts, "1");
      return "";
    });
    await scenario.step("a column is added at one, and is there on both", async () => {
      await this.#servers.ask("two", "ALTER TABLE numbers ADD COLUMN double UInt32 DEFAULT number * 2");
      const sum = String(count * (count - 1));
      for (const name of SERVERS) await this.#sees(name, "SELECT sum(double) FROM numbers", sum);
      return "";
    });
    await scenario.step("a statement drops the table on both; its znodes are gone", async () => {
      await this.#onAll(`DROP TABLE numbers ON CLUSTER ${CLUSTER}`);
      for (const name of SERVERS) await this.#sees(name, "EXISTS TABLE numbers", "0");
      const left = "SELECT count() FROM system.zookeeper WHERE path = '/clickhouse/tables/1'";
      await this.#sees("one", left, "0");
      return ZNODE;
    });
    await scenario.step("both stop in good order", async () => {
      await this.#servers.stop();
      return "";
    });
  }

  /** Waits until it answers, and has a session. */
  async #serves(name: string): Promise<void> {
    await holds(`${name} serves`, async () => {
      const text = "SELECT count() FROM system.zookeeper WHERE path = '/' AND name = 'zookeeper'";
      return (await this.#servers.ask(name, text).catch(String)) === "1";
    });
  }

  /** Waits until it serves, and sees all replicas of the table active. */
  async #active(name: string): Promise<void> {
    await this.#serves(name);
    await holds(`${name} sees all replicas active`, async () => {
      const text = "SELECT active_replicas FROM system.replicas WHERE table = 'numbers'";
      return (await this.#servers.ask(name, text).catch(String)) === String(SERVERS.length);
    });
  }

  /** Waits until both servers have each number once; gives how many there are. */
  async #whole(): Promise<number> {
    const wanted = [this.#count, this.#count, this.#count - 1].join("\t");
    for (const name of SERVERS) {
      await this.#sees(name, "SELECT count(), uniqExact(number), max(number) FROM numbers", wanted);
    }
    return this.#count;
  }

  /** Each server tells in a line of its own how it went: its address, 0, and so on. */
  async #onAll(statement: string): Promise<void> {
    const answer = await this.#servers.ask("one", statement);
    const done = answer.split("\n").filter((line) => line.split("\t")[2] === "0");
    if (done.length !== SERVERS.length) throw new Error(answer);
  }

  /** Waits until a server answers so. */
  async #sees(name: string, statement: string, wanted: string): Promise<void> {
    let seen = "";
    await holds(`${name} answers ${statement}`, async () => {
      seen = await this.#servers.ask(name, statement);
      return seen === wanted;
    }).catch((error: unknown) => {
      throw new Error(`${String(error)} with ${wanted}, but with ${seen}`);
    });
  }

  async #rows(name: string): Promise<number> {
    return Number(await this.#servers.ask(name, "SELECT count() FROM numbers").catch(() => "0"));
  }

  /** Waits until blocks are acknowledged that were not. */
  async #more(): Promise<void> {
    const before = this.#load.acknowledged;
    await holds("more blocks are acknowledged", () => Promise.resolve(this.#load.acknowledged > before + 1));
  }
}

/** Numbers from 0, in their order, in blocks. */
function rowsOf(block: number): string {
  return Array.from({ length: BLOCK_ROWS }, (_, index) => `(${block * BLOCK_ROWS + index})`).join(",");
}

async function holds(what: string, condition: () => Promise<boolean>): Promise<void> {
  await until(SETTLE_MS, what, condition);
}
