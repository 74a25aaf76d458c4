/**
 * HBase with two masters and two region servers: while rows are written our leader dies, then the active master and our
 * leader at once, then a region server and our leader; what HBase has acknowledged must be there in the end.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { ProcessSet } from "../compat/processes.ts";
import { until } from "../compat/servers.ts";
import { freePorts } from "../harness/ports.ts";
import type { Toolbox } from "../compat/tools.ts";
import { compilePrograms, jarVersion, needJars } from "./artifacts.ts";
import type { Coordinator } from "./coordinator.ts";
import { Driver } from "./driver.ts";
import { HadoopDaemons, type Settings } from "./hadoop-daemons.ts";
import type { Scenario } from "./scenario.ts";

/** The newest one that Maven Central has with Hadoop 3 and that all its parts are served of. */
const ARTIFACTS = ["org.apache.hbase:hbase-server:2.5.12-hadoop3"] as const;
const PROGRAMS = ["Driver", "Znodes", "HbaseProgram"];

const MASTERS: readonly string[] = ["master-one", "master-two"];
const SERVERS: readonly string[] = ["server-one", "server-two"];

const MASTER = "org.apache.hadoop.hbase.master.HMaster";
const REGION_SERVER = "org.apache.hadoop.hbase.regionserver.HRegionServer";

const REGIONS = 4;
const ROWS_PER_SECOND = 100;

/** How long a dead master or server goes unnoticed; HBase's own default is 90 s. */
const SESSION_TIMEOUT_MS = 10_000;

const SETTLE_MS = 240_000;

/** HBase's jars and our program for it. */
export interface HbaseKit {
  readonly version: string;
  readonly classpath: string;
}

/** One run of the scenario. */
export interface HbaseRun {
  readonly processes: ProcessSet;
  readonly kit: HbaseKit;
  readonly coordinator: Coordinator;
  readonly folder: string;
}

/** Fetches HBase and compiles what drives it. */
export async function prepareHbase(tools: Toolbox): Promise<HbaseKit> {
  const jars = await needJars(tools, "hbase", ARTIFACTS);
  const classpath = await compilePrograms(tools, jars, PROGRAMS);
  return { version: (await jarVersion(jars, "hbase-server")).replace("-hadoop3", ""), classpath };
}

/** The scenario. Everything it started has ended when it resolves. */
export async function playHbase(run: HbaseRun, scenario: Scenario): Promise<void> {
  await withHbase(run, async (hbase) => {
    await hbase.start(scenario);
    await hbase.deaths(scenario);
    await hbase.rows(scenario);
    await hbase.stop(scenario);
  });
}

/** The first minutes: nobody dies, and a region server stops in good order. */
export async function beginHbase(run: HbaseRun, scenario: Scenario): Promise<void> {
  await withHbase(run, async (hbase) => {
    await hbase.start(scenario);
    await hbase.rows(scenario);
    await hbase.stop(scenario);
  });
}

async function withHbase(run: HbaseRun, action: (hbase: Hbase) => Promise<void>): Promise<void> {
  const { processes, kit, coordinator } = run;
  const folder = join(run.folder, "hbase");
  await mkdir(folder, { recursive: true });
  const daemons = await HadoopDaemons.open({ processes, folder, classpath: kit.classpath });
  const ports = await freePorts(MASTERS.length + SERVERS.length);
  const masters = ports.slice(0, MASTERS.length);
  const common = settings(folder, coordinator.connect, masters);
  for (const [index, name] of [...MASTERS, ...SERVERS].entries()) {
    const which = MASTERS.includes(name) ? "master" : "regionserver";
    await daemons.configure(name, { ...common, [`hbase.${which}.port`]: ports[index] ?? 0 });
  }
  await daemons.configure("client", common);
  const driver = new Driver(processes, daemons.command("client", ["HbaseProgram", coordinator.aside]));
  try {
    await action(new Hbase({ daemons, driver, coordinator, ports }));
  } catch (error) {
    process.stderr.write(`${daemons.output()}\n`);
    throw error;
  } finally {
    await driver.stop();
    await daemons.stop();
  }
}

function settings(folder: string, zookeeper: string, masters: readonly number[]): Settings {
  return {
    "hbase.cluster.distributed": true,
    "hbase.rootdir": `file://${join(folder, "data")}`,
    "hbase.tmp.dir": join(folder, "tmp"),
    // The usual class for local files adds sums of its own, and can't say when a row is on the disk.
    "fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "hbase.zookeeper.quorum": zookeeper,
    "zookeeper.session.timeout": SESSION_TIMEOUT_MS,
    "hbase.masters": masters.map((port) => `localhost:${port}`).join(","),
    "hbase.master.hostname": "localhost",
    "hbase.unsafe.regionserver.hostname": "localhost",
    "hbase.master.info.port": -1,
    "hbase.regionserver.info.port": -1,
    "hbase.regionserver.handler.count": 5,
    "hbase.master.wait.on.regionservers.mintostart": SERVERS.length,
    "hbase.hregion.memstore.flush.size": 16 * 1024 * 1024,
  };
}

class Hbase {
  readonly #daemons: HadoopDaemons;
  readonly #driver: Driver;
  readonly #coordinator: Coordinator;
  readonly #ports: readonly number[];

  constructor(parts: {
    readonly daemons: HadoopDaemons;
    readonly driver: Driver;
    readonly coordinator: Coordinator;
    /** Of the masters, then of the region servers. */
    readonly ports: readonly number[];
  }) {
    this.#daemons = parts.daemons;
    this.#driver = parts.driver;
    this.#coordinator = parts.coordinator;
    this.#ports = parts.ports;
  }

  async start(scenario: Scenario): Promise<void> {
    await scenario.step("of two masters one is active; two region servers join", async () => {
      for (const name of [...MASTERS, ...SERVERS]) this.#start(name);
      await this.#serving(SERVERS);
      return `${await this.#active()} is active`;
    });
    await scenario.step(`a table of ${REGIONS} regions is made`, async () => {
      await this.#driver.ask("create");
      return await this.#assigned();
    });
    await scenario.step("rows are written", async () => {
      await this.#driver.ask("load", ROWS_PER_SECOND);
      await this.#more();
      return `at most ${ROWS_PER_SECOND} a second`;
    });
  }

  async deaths(scenario: Scenario): Promise<void> {
    await scenario.step("under load: our leader is killed", async () => {
      const told = await this.#coordinator.killLeader();
      await this.#more();
      return told;
    });
    await this.#masterDies(scenario);
    for (const victim of SERVERS) {
      await scenario.step(`under load: ${victim} and our leader are killed at once`, async () => {
        const [told] = await Promise.all([this.#coordinator.killLeader(), this.#daemons.kill(victim)]);
        await this.#serving(SERVERS.filter((name) => name !== victim));
        const regions = await this.#assigned();
        await this.#more();
        return `all regions are at the other one (${regions}); ${told}`;
      });
      await scenario.step("it comes back", async () => {
        this.#start(victim);
        await this.#serving(SERVERS);
        return "";
      });
    }
  }

  async #masterDies(scenario: Scenario): Promise<void> {
    let victim = "";
    await scenario.step("under load: the active master and our leader are killed at once", async () => {
      victim = await this.#active();
      const [told] = await Promise.all([this.#coordinator.killLeader(), this.#daemons.kill(victim)]);
      const next = await this.#active(victim);
      await this.#more();
      return `${victim} killed, ${next} is active; ${told}`;
    });
    await scenario.step("it comes back, and stands by", async () => {
      this.#start(victim);
      await this.#standby();
      return "";
    });
  }

  async rows(scenario: Scenario): Promise<void> {
    await scenario.step("every acknowledged row is there, once", async () => {
      const told = await this.#driver.ask("finish");
      const count = /^acknowledged=(\d+) /.exec(told)?.[1];
      const scanned = await this.#driver.ask("scan");
      if (scanned !== `rows=${count} wrong=0`) throw new Error(`${told}, but ${scanned}`);
      return told;
    });
    await scenario.step("the switch of the balancer is kept, in a znode", async () => {
      for (const flag of ["false", "true"]) {
        if ((await this.#driver.ask("flag", flag)) !== flag) throw new Error(`it is not ${flag}`);
      }
      return "";
    });
    await scenario.step("the table is disabled and deleted", async () => {
      const isThere = await this.#driver.ask("drop");
      if (isThere !== "false") throw new Error("it is still there");
      return "";
    });
  }

  async stop(scenario: Scenario): Promise<void> {
    await scenario.step("a region server stops in good order; the master knows", async () => {
      for (const name of SERVERS.slice(1)) await this.#daemons.end(name);
      await this.#serving(SERVERS.slice(0, 1));
      return "";
    });
  }

  #start(name: string): void {
    this.#daemons.start(name, name, [MASTERS.includes(name) ? MASTER : REGION_SERVER, "start"]);
  }

  #port(name: string): number {
    return this.#ports[[...MASTERS, ...SERVERS].indexOf(name)] ?? 0;
  }

  /** The master that is active, once there is one that is not `besides`. */
  async #active(besides = ""): Promise<string> {
    let found: string | undefined;
    await holds("a master is active", async () => {
      const [port = ""] = (await this.#driver.ask("master").catch(String)).split(" ");
      found = MASTERS.find((name) => String(this.#port(name)) === port);
      return found !== undefined && found !== besides;
    });
    if (found === undefined) throw new Error("no master is active");
    return found;
  }

  async #standby(): Promise<void> {
    await holds("a master stands by", async () => {
      return (await this.#driver.ask("master").catch(String)).endsWith(
        ` and ${MASTERS.length - 1} behind it`,
      );
    });
  }

  /** Waits until these region servers, and no others, are alive by the master. */
  async #serving(names: readonly string[]): Promise<void> {
    const ports = names.map((name) => this.#port(name)).toSorted((a, b) => a - b);
    await holds(`${names.join(" and ")} serve`, async () => {
      return (await this.#driver.ask("servers").catch(String)) === ports.join(" ");
    });
  }

  /** Waits until each region of the table is at a server; gives how many are at each. */
  async #assigned(): Promise<string> {
    let counts: readonly number[] = [];
    await holds("all regions are at servers", async () => {
      const told = await this.#driver.ask("regions").catch(() => "");
      counts = told.split(" ").map((part) => Number(part.split(":")[1] ?? 0));
      return counts.reduce((sum, one) => sum + one, 0) === REGIONS;
    });
    return counts.join(" and ");
  }

  /** Waits until rows are acknowledged that were not. */
  async #more(): Promise<void> {
    const before = Number(await this.#driver.ask("acknowledged"));
    await holds("more rows are acknowledged", async () => {
      return Number(await this.#driver.ask("acknowledged")) > before + 1;
    });
  }
}

async function holds(what: string, condition: () => Promise<boolean>): Promise<void> {
  await until(SETTLE_MS, what, condition);
}
