/**
 * YARN with two ResourceManagers and its state in znodes (ZKRMStateStore): the active one dies while an application
 * runs, and so does our leader; the application goes on under the other.
 */
import { join } from "node:path";

import { until } from "../compat/servers.ts";
import { freePorts } from "../harness/ports.ts";
import type { Coordinator } from "./coordinator.ts";
import type { Driver } from "./driver.ts";
import { askPage, type HadoopDaemons, type Settings } from "./hadoop-daemons.ts";
import type { Scenario } from "./scenario.ts";

/** The ResourceManagers. */
const MANAGERS = ["rm1", "rm2"] as const;
type Manager = (typeof MANAGERS)[number];

/** A session, as by default: how long the death of a manager goes unnoticed. */
const SESSION_TIMEOUT_MS = 10_000;
const SETTLE_MS = 180_000;

/** How long the application runs: longer than it takes until the other manager is active. */
const APPLICATION_MS = 40_000;

/** How long it runs where nobody dies. */
const SHORT_MS = 3000;

const RESOURCE_MANAGER = "org.apache.hadoop.yarn.server.resourcemanager.ResourceManager";
const NODE_MANAGER = "org.apache.hadoop.yarn.server.nodemanager.NodeManager";

/** Settings for each address of a ResourceManager, in the order of its ports. */
const ADDRESSES = ["", ".scheduler", ".resource-tracker", ".admin", ".webapp"] as const;
const WEB_PORT = ADDRESSES.indexOf(".webapp");

/** See the file's comment. */
export class Yarn {
  readonly #daemons: HadoopDaemons;
  readonly #coordinator: Coordinator;
  readonly #folder: string;
  readonly #ports: readonly number[];
  #active: Manager = "rm1";

  private constructor(daemons: HadoopDaemons, coordinator: Coordinator, where: Where) {
    this.#daemons = daemons;
    this.#coordinator = coordinator;
    this.#folder = where.folder;
    this.#ports = where.ports;
  }

  /** Writes the settings; nothing runs yet. */
  static async open(daemons: HadoopDaemons, coordinator: Coordinator, folder: string): Promise<Yarn> {
    const ports = await freePorts(MANAGERS.length * ADDRESSES.length + 3);
    const yarn = new Yarn(daemons, coordinator, { folder, ports });
    for (const manager of MANAGERS) {
      await daemons.configure(manager, { ...yarn.#settings(), "yarn.resourcemanager.ha.id": manager });
    }
    await daemons.configure("node", yarn.#settings());
    return yarn;
  }

  async start(scenario: Scenario, driver: Driver): Promise<void> {
    await scenario.step("of two ResourceManagers one is active; a NodeManager joins", async () => {
      for (const manager of MANAGERS) this.#daemons.start(manager, manager, [RESOURCE_MANAGER]);
      this.#daemons.start("node", "node", [NODE_MANAGER]);
      await this.#oneActive();
      await driver.ask("yarn");
      await until(SETTLE_MS, "a node", async () => (await driver.ask("nodes")) === "1");
      return `${this.#active} is active`;
    });
    await scenario.step("its state is in znodes that it alone may write", async () => {
      const names = await driver.ask("ls", "/rmstore/ZKRMStateRoot");
      if (!names.includes("RMAppRoot") || !names.includes("EpochNode")) throw new Error(names);
      const acl = await driver.ask("acl", "/rmstore/ZKRMStateRoot");
      // Others keep read, write and administration: creating and deleting are the active one's, which is the fence.
      if (!/world:anyone:19/.test(acl) || !/digest:[^ ]+:12/.test(acl)) throw new Error(acl);
      return acl.replaceAll(/digest:[^ ]+:/g, "digest:...:");
    });
  }

  async application(scenario: Scenario, driver: Driver): Promise<void> {
    await scenario.step("an application runs and finishes", async () => {
      const id = await driver.ask("submit", SHORT_MS);
      return await this.#ends(driver, id);
    });
  }

  async deaths(scenario: Scenario, driver: Driver): Promise<void> {
    let id = "";
    await scenario.step(
      "while an application runs, the active one and our leader are killed at once",
      async () => {
        id = await driver.ask("submit", APPLICATION_MS);
        await until(SETTLE_MS, "it runs", async () =>
          (await driver.ask("application", id)).startsWith("RUNNING"),
        );
        const victim = this.#active;
        const [told] = await Promise.all([this.#coordinator.killLeader(), this.#daemons.kill(victim)]);
        await this.#oneActive();
        return `${victim} killed, ${this.#active} is active; ${told}`;
      },
    );
    await scenario.step("the other one knows it, and it finishes in its first attempt", async () => {
      const state = await driver.ask("application", id);
      const end = await this.#ends(driver, id);
      return `${id}: ${state.split(" ")[0] ?? ""}, then ${end}`;
    });
    await scenario.step("the killed one comes back and stands by; a new application runs", async () => {
      const back = MANAGERS.find((manager) => manager !== this.#active) ?? "rm1";
      this.#daemons.start(back, back, [RESOURCE_MANAGER]);
      await until(SETTLE_MS, "it stands by", async () => (await this.#state(back)) === "STANDBY");
      return await this.#ends(driver, await driver.ask("submit", SHORT_MS));
    });
  }

  async #ends(driver: Driver, id: string): Promise<string> {
    let state = "";
    await until(SETTLE_MS, "the application is over", async () => {
      state = await driver.ask("application", id);
      return /^(FINISHED|FAILED|KILLED)/.test(state);
    });
    if (state !== "FINISHED SUCCEEDED 1") throw new Error(state);
    return state;
  }

  async #oneActive(): Promise<void> {
    await until(SETTLE_MS, "one ResourceManager is active", async () => {
      const states = await Promise.all(MANAGERS.map(async (manager) => await this.#state(manager)));
      const found = MANAGERS.find((_, index) => states[index] === "ACTIVE");
      this.#active = found ?? this.#active;
      return found !== undefined && states.filter((state) => state === "ACTIVE").length === 1;
    });
  }

  async #state(manager: Manager): Promise<string | undefined> {
    const page = await askPage(this.#port(manager, WEB_PORT), "/ws/v1/cluster/info");
    return (page as InfoPage | undefined)?.clusterInfo.haState;
  }

  #port(manager: Manager, which: number): number {
    return this.#ports[MANAGERS.indexOf(manager) * ADDRESSES.length + which] ?? 0;
  }

  #settings(): Settings {
    const each = MANAGERS.flatMap((manager) =>
      ADDRESSES.map((part, which): readonly [string, string] => [
        `yarn.resourcemanager${part}.address.${manager}`,
        `127.0.0.1:${this.#port(manager, which)}`,
      ]),
    );
    const hosts = MANAGERS.map(
      (manager) => [`yarn.resourcemanager.hostname.${manager}`, "127.0.0.1"] as const,
    );
    const [node = 0, localizer = 0, page = 0] = this.#ports.slice(MANAGERS.length * ADDRESSES.length);
    const store = "org.apache.hadoop.yarn.server.resourcemanager.recovery.ZKRMStateStore";
    return {
      ...Object.fromEntries([...each, ...hosts]),
      "fs.defaultFS": "file:///",
      "hadoop.tmp.dir": join(this.#folder, "tmp-yarn"),
      "hadoop.zk.address": this.#coordinator.connect,
      "hadoop.zk.timeout-ms": SESSION_TIMEOUT_MS,
      "yarn.resourcemanager.ha.enabled": true,
      "yarn.resourcemanager.ha.rm-ids": MANAGERS.join(","),
      "yarn.resourcemanager.cluster-id": "interop",
      "yarn.resourcemanager.recovery.enabled": true,
      "yarn.resourcemanager.store.class": store,
      "yarn.resourcemanager.ha.automatic-failover.zk-base-path": "/yarn-leader-election",
      "yarn.scheduler.minimum-allocation-mb": 128,
      "yarn.scheduler.capacity.root.queues": "default",
      "yarn.scheduler.capacity.root.default.capacity": 100,
      "yarn.nodemanager.address": `127.0.0.1:${node}`,
      "yarn.nodemanager.localizer.address": `127.0.0.1:${localizer}`,
      "yarn.nodemanager.webapp.address": `127.0.0.1:${page}`,
      "yarn.nodemanager.hostname": "127.0.0.1",
      "yarn.nodemanager.local-dirs": join(this.#folder, "node-local"),
      "yarn.nodemanager.log-dirs": join(this.#folder, "node-logs"),
      "yarn.nodemanager.resource.memory-mb": 1024,
      "yarn.nodemanager.resource.cpu-vcores": 2,
      "yarn.nodemanager.vmem-check-enabled": false,
      "yarn.nodemanager.pmem-check-enabled": false,
      "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage": 99,
      "yarn.client.failover-sleep-base-ms": 200,
      "yarn.client.failover-sleep-max-ms": 1000,
    };
  }
}

interface Where {
  readonly folder: string;
  readonly ports: readonly number[];
}

interface InfoPage {
  readonly clusterInfo: { readonly haState: string };
}
