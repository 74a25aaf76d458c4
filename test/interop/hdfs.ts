/**
 * HDFS with two NameNodes and automatic failover by ZKFC: the active NameNode dies, then its whole machine, and our
 * leader each time, while a file is written.
 */
import { join } from "node:path";

import { until } from "../compat/servers.ts";
import { freePorts } from "../harness/ports.ts";
import { digestOf } from "../differential/values.ts";
import type { Driver } from "./driver.ts";
import { askPage, type HadoopDaemons, type Settings } from "./hadoop-daemons.ts";
import type { Coordinator } from "./coordinator.ts";
import type { Scenario } from "./scenario.ts";

/** The NameNodes. */
const NAME_NODES = ["nn1", "nn2"] as const;
type NameNode = (typeof NAME_NODES)[number];

/** The name service. */
const SERVICE = "interop";
const ZNODE = `/hadoop-ha/${SERVICE}`;

/** A ZKFC's session, as by default: how long the death of a machine goes unnoticed. */
const SESSION_TIMEOUT_MS = 10_000;

/** As whom the ZKFCs log in. */
const LOGIN = "failover:failover-secret";

const SETTLE_MS = 180_000;

/** A file that is written while things die: so many lines, one every so many ms. */
const LINES = 400;
const LINE_MS = 50;

const NAME_NODE = "org.apache.hadoop.hdfs.server.namenode.NameNode";
const DATA_NODE = "org.apache.hadoop.hdfs.server.datanode.DataNode";
const FAILOVER_CONTROLLER = "org.apache.hadoop.hdfs.tools.DFSZKFailoverController";

/** See the file's comment. */
export class Hdfs {
  readonly #daemons: HadoopDaemons;
  readonly #coordinator: Coordinator;
  readonly #folder: string;
  readonly #ports: readonly number[];
  #active: NameNode = "nn1";

  private constructor(daemons: HadoopDaemons, coordinator: Coordinator, where: Where) {
    this.#daemons = daemons;
    this.#coordinator = coordinator;
    this.#folder = where.folder;
    this.#ports = where.ports;
  }

  /** Writes the settings; nothing runs yet. */
  static async open(daemons: HadoopDaemons, coordinator: Coordinator, folder: string): Promise<Hdfs> {
    const hdfs = new Hdfs(daemons, coordinator, { folder, ports: await freePorts(9) });
    for (const name of NAME_NODES) await daemons.configure(name, hdfs.#settings(name));
    await daemons.configure("client", hdfs.#settings(undefined));
    return hdfs;
  }

  async start(scenario: Scenario): Promise<void> {
    const daemons = this.#daemons;
    await scenario.step("ZKFC formats its znode", async () => {
      await daemons.run("nn1", [FAILOVER_CONTROLLER, "-formatZK", "-nonInteractive"]);
      return ZNODE;
    });
    await scenario.step(
      "two NameNodes are formatted, and started with a ZKFC each: one becomes active",
      async () => {
        await daemons.run("nn1", [NAME_NODE, "-format", "-nonInteractive", "-clusterId", SERVICE]);
        daemons.start("nn1", "nn1", [NAME_NODE]);
        await this.#answers("nn1");
        await daemons.run("nn2", [NAME_NODE, "-bootstrapStandby", "-nonInteractive"]);
        daemons.start("nn2", "nn2", [NAME_NODE]);
        for (const name of NAME_NODES) this.#startController(name);
        await this.#oneActive();
        return `${this.#active} is active`;
      },
    );
    await scenario.step("a DataNode joins", async () => {
      daemons.start("datanode", "client", [DATA_NODE]);
      await until(SETTLE_MS, "a live DataNode", async () => {
        return (await this.#bean(this.#active, "FSNamesystemState"))["NumLiveDataNodes"] === 1;
      });
      return "";
    });
  }

  async znodes(scenario: Scenario, driver: Driver): Promise<void> {
    await scenario.step("lock and breadcrumb are ZKFC's alone to write", async () => {
      const names = await driver.ask("ls", ZNODE);
      if (names !== "ActiveBreadCrumb ActiveStandbyElectorLock") throw new Error(names);
      const acl = await driver.ask("acl", ZNODE);
      if (!/^digest:failover:[^:]+:31 world:anyone:1$/.test(acl)) throw new Error(acl);
      return names;
    });
  }

  async write(scenario: Scenario, driver: Driver, file: string): Promise<void> {
    await scenario.step("a file is written and read", async () => {
      await driver.ask("write", file, 20, 1);
      await driver.ask("written");
      return await this.#isWhole(driver, file, 20);
    });
  }

  async deaths(scenario: Scenario, driver: Driver): Promise<void> {
    let victim: NameNode = this.#active;
    await scenario.step(
      "while a file is written, the active NameNode and our leader are killed at once",
      async () => {
        await driver.ask("write", "/one", LINES, LINE_MS);
        victim = this.#active;
        const [told] = await Promise.all([this.#coordinator.killLeader(), this.#daemons.kill(victim)]);
        await this.#oneActive();
        return `${victim} killed, ${this.#active} is active; ${told}`;
      },
    );
    await scenario.step("the file is whole", async () => await this.#finished(driver, "/one"));
    await scenario.step("the NameNode comes back and stands by", async () => {
      this.#daemons.start(victim, victim, [NAME_NODE]);
      await until(SETTLE_MS, "it stands by", async () => (await this.#state(victim)) === "standby");
      return victim;
    });
    await scenario.step(
      "while a file is written, the active one, its ZKFC and our leader are killed at once",
      async () => {
        await driver.ask("write", "/two", LINES, LINE_MS);
        victim = this.#active;
        const killed = [this.#daemons.kill(victim), this.#daemons.kill(`controller-${victim}`)];
        const [told] = await Promise.all([this.#coordinator.killLeader(), ...killed]);
        await this.#oneActive();
        return `${victim} killed, ${this.#active} fences it and is active; ${told}`;
      },
    );
    await scenario.step("the file is whole", async () => await this.#finished(driver, "/two"));
    await scenario.step("they come back, and stand by", async () => {
      this.#daemons.start(victim, victim, [NAME_NODE]);
      this.#startController(victim);
      await until(SETTLE_MS, "it stands by", async () => (await this.#state(victim)) === "standby");
      return victim;
    });
  }

  /** Without a death: the active one's ZKFC ends in good order, and comes back. */
  async handOver(scenario: Scenario): Promise<void> {
    await scenario.step("the active NameNode's ZKFC is asked to give way, and does", async () => {
      const before = this.#active;
      const after = NAME_NODES.find((name) => name !== before) ?? "nn2";
      const admin = "org.apache.hadoop.hdfs.tools.DFSHAAdmin";
      await this.#daemons.run("client", [admin, "-failover", before, after]);
      await this.#oneActive();
      if (this.#active !== after) throw new Error(`${this.#active} is active`);
      return `${before}, then ${after}`;
    });
  }

  #startController(name: NameNode): void {
    this.#daemons.start(`controller-${name}`, name, [FAILOVER_CONTROLLER]);
  }

  async #finished(driver: Driver, file: string): Promise<string> {
    const written = await driver.ask("written");
    if (written !== `${LINES} lines`) throw new Error(written);
    return await this.#isWhole(driver, file, LINES);
  }

  async #isWhole(driver: Driver, file: string, lines: number): Promise<string> {
    const read = await driver.ask("read", file);
    if (read !== `${lines} lines`) throw new Error(`read ${read} of ${lines}`);
    return read;
  }

  async #answers(name: NameNode): Promise<void> {
    await until(SETTLE_MS, `${name} answers`, async () => (await this.#state(name)) !== undefined);
  }

  /** Waits until one NameNode is active; the other, where it answers, stands by. */
  async #oneActive(): Promise<void> {
    await until(SETTLE_MS, "one NameNode is active", async () => {
      const states = await Promise.all(NAME_NODES.map(async (name) => await this.#state(name)));
      const found = NAME_NODES.find((_, index) => states[index] === "active");
      this.#active = found ?? this.#active;
      return found !== undefined && states.filter((state) => state === "active").length === 1;
    });
  }

  async #state(name: NameNode): Promise<string | undefined> {
    const state = (await this.#bean(name, "NameNodeStatus"))["State"];
    return typeof state === "string" ? state : undefined;
  }

  async #bean(name: NameNode, bean: string): Promise<Readonly<Record<string, unknown>>> {
    const path = `/jmx?qry=Hadoop:service=NameNode,name=${bean}`;
    const page = (await askPage(this.#port(name, 1), path)) as JmxPage | undefined;
    return page?.beans[0] ?? {};
  }

  #port(name: NameNode, which: number): number {
    return this.#ports[NAME_NODES.indexOf(name) * 3 + which] ?? 0;
  }

  #settings(own: NameNode | undefined): Settings {
    const folder = this.#folder;
    const each = NAME_NODES.flatMap((name): readonly (readonly [string, string | number])[] => [
      [`dfs.namenode.rpc-address.${SERVICE}.${name}`, `127.0.0.1:${this.#port(name, 0)}`],
      [`dfs.namenode.http-address.${SERVICE}.${name}`, `127.0.0.1:${this.#port(name, 1)}`],
      [`dfs.ha.zkfc.port.${SERVICE}.${name}`, this.#port(name, 2)],
    ]);
    const provider = "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider";
    const [data = 0, http = 0, ipc = 0] = this.#ports.slice(6);
    return {
      ...Object.fromEntries(each),
      ...(own === undefined ? {} : { "dfs.ha.namenode.id": own, "dfs.namenode.name.dir": join(folder, own) }),
      "fs.defaultFS": `hdfs://${SERVICE}`,
      "hadoop.tmp.dir": join(folder, "tmp"),
      "dfs.nameservices": SERVICE,
      [`dfs.ha.namenodes.${SERVICE}`]: NAME_NODES.join(","),
      [`dfs.client.failover.proxy.provider.${SERVICE}`]: provider,
      "dfs.namenode.shared.edits.dir": `file://${join(folder, "shared")}`,
      "dfs.ha.automatic-failover.enabled": true,
      "dfs.ha.fencing.methods": "shell(/bin/true)",
      "dfs.ha.tail-edits.period": 1,
      "ha.zookeeper.quorum": this.#coordinator.connect,
      "ha.zookeeper.session-timeout.ms": SESSION_TIMEOUT_MS,
      "ha.zookeeper.auth": `digest:${LOGIN}`,
      "ha.zookeeper.acl": `digest:${digestOf(LOGIN)}:rwcda,world:anyone:r`,
      "ha.health-monitor.check-interval.ms": 500,
      "dfs.replication": 1,
      "dfs.datanode.data.dir": join(folder, "data"),
      "dfs.datanode.address": `127.0.0.1:${data}`,
      "dfs.datanode.http.address": `127.0.0.1:${http}`,
      "dfs.datanode.ipc.address": `127.0.0.1:${ipc}`,
      "dfs.namenode.datanode.registration.ip-hostname-check": false,
      "dfs.datanode.hostname": "127.0.0.1",
      "dfs.permissions.enabled": false,
    };
  }
}

interface Where {
  readonly folder: string;
  readonly ports: readonly number[];
}

interface JmxPage {
  readonly beans: readonly Readonly<Record<string, unknown>>[];
}
