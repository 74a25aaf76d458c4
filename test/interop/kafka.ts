/**
 * Kafka in ZooKeeper mode: three brokers lose their controller, then another broker, and we our leader each time, while
 * messages are produced; then what Kafka keeps in znodes is changed and seen to have its effect.
 */
import { join } from "node:path";

import type { ProcessSet } from "../compat/processes.ts";
import { until } from "../compat/servers.ts";
import type { Toolbox } from "../compat/tools.ts";
import { compilePrograms, jarVersion, needJars, SMALL_JAVA } from "./artifacts.ts";
import type { Coordinator } from "./coordinator.ts";
import { Driver } from "./driver.ts";
import { BROKERS, KafkaBrokers } from "./kafka-brokers.ts";
import type { Scenario } from "./scenario.ts";

const ARTIFACTS = ["org.apache.kafka:kafka_2.13:3.9.1", "org.slf4j:slf4j-simple:1.7.36"] as const;
const PROGRAMS = ["Driver", "Znodes", "KafkaLoad", "KafkaProgram"];

const MESSAGES = 100_000;

/** Slow enough that all deaths fall into it; the rest follows at full speed. */
const MESSAGES_PER_SECOND = 1500;

const PARTITIONS = 6;
const SETTLE_MS = 180_000;

/** Kafka's jars and our program for it. */
export interface KafkaKit {
  readonly version: string;
  readonly classpath: string;
}

/** One run of the scenario. */
export interface KafkaRun {
  readonly processes: ProcessSet;
  readonly kit: KafkaKit;
  readonly coordinator: Coordinator;
  readonly folder: string;
  /** "" or a path. */
  readonly chroot: string;
  readonly isLoggedIn: boolean;
}

/** Fetches Kafka and compiles what drives it. */
export async function prepareKafka(tools: Toolbox): Promise<KafkaKit> {
  const jars = await needJars(tools, "kafka", ARTIFACTS);
  const classpath = await compilePrograms(tools, jars, PROGRAMS);
  return { version: await jarVersion(jars, "kafka_2.13"), classpath };
}

/** The scenario. Everything it started has ended when it resolves. */
export async function playKafka(run: KafkaRun, scenario: Scenario): Promise<void> {
  await withKafka(run, async (kafka) => {
    await kafka.start(scenario);
    await kafka.deaths(scenario);
    await kafka.metadata(scenario);
    await kafka.access(scenario, run.isLoggedIn);
    await kafka.stop(scenario);
  });
}

/** The first minutes of three brokers: nobody dies, and the controller moves in good order. */
export async function beginKafka(run: KafkaRun, scenario: Scenario): Promise<void> {
  await withKafka(run, async (kafka) => {
    await kafka.start(scenario);
    await kafka.metadata(scenario);
    await kafka.access(scenario, run.isLoggedIn);
    await kafka.handOver(scenario);
    await kafka.stop(scenario);
  });
}

async function withKafka(run: KafkaRun, action: (kafka: Kafka) => Promise<void>): Promise<void> {
  const { processes, kit, coordinator, chroot, isLoggedIn } = run;
  const folder = join(run.folder, `kafka${chroot.replaceAll("/", "-")}`);
  const brokers = await KafkaBrokers.start({
    processes,
    folder,
    classpath: kit.classpath,
    zookeeper: coordinator.connect + chroot,
    isLoggedIn,
  });
  const logger = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
  const flags = ["-Xmx256m", ...SMALL_JAVA, logger, "-cp", kit.classpath];
  const program = ["KafkaProgram", brokers.plain, brokers.sasl, coordinator.aside + chroot];
  const driver = new Driver(processes, { command: "java", args: [...flags, ...program] });
  try {
    await action(new Kafka(brokers, driver, coordinator));
  } catch (error) {
    process.stderr.write(`${brokers.output()}\n`);
    throw error;
  } finally {
    await driver.stop();
    await brokers.stop();
  }
}

/** One partition as Kafka describes it. */
interface Partition {
  readonly leader: number;
  readonly inSync: readonly number[];
}

class Kafka {
  readonly #brokers: KafkaBrokers;
  readonly #driver: Driver;
  readonly #coordinator: Coordinator;

  constructor(brokers: KafkaBrokers, driver: Driver, coordinator: Coordinator) {
    this.#brokers = brokers;
    this.#driver = driver;
    this.#coordinator = coordinator;
  }

  async start(scenario: Scenario): Promise<void> {
    await scenario.step("three brokers register, one is controller", async () => {
      const all = BROKERS.join(" ");
      await holds("three brokers", async () => (await this.#driver.ask("ls", "/brokers/ids")) === all);
      return `controller ${await this.#controller()}`;
    });
    await scenario.step(`two topics of ${PARTITIONS} partitions with 3 replicas, all in sync`, async () => {
      for (const topic of ["orders", "events"]) await this.#driver.ask("create", topic, PARTITIONS);
      for (const topic of ["orders", "events"]) await this.#inSync(topic, BROKERS);
      return "";
    });
  }

  async deaths(scenario: Scenario): Promise<void> {
    let victim = 0;
    await scenario.step("messages are produced", async () => {
      await this.#driver.ask("load", "orders", MESSAGES, MESSAGES_PER_SECOND);
      await holds("one is acknowledged", async () => (await this.#driver.ask("acknowledged")) !== "0");
      return `${MESSAGES_PER_SECOND} a second, each acknowledged by all replicas in sync`;
    });
    await scenario.step("under load: the controller and our leader are killed at once", async () => {
      victim = await this.#controller();
      const [told] = await Promise.all([this.#coordinator.killLeader(), this.#brokers.kill(victim)]);
      const next = await this.#controller(victim);
      return `broker ${victim} killed, ${next} is controller; ${told}`;
    });
    await scenario.step("its partitions are led by others, it is in no ISR", async () => {
      await this.#withoutBroker(victim);
      return await this.#acknowledged();
    });
    await scenario.step("it comes back: all replicas are in sync", async () => {
      await this.#returns(victim);
      return await this.#acknowledged();
    });
    await scenario.step("under load: another broker and our leader are killed at once", async () => {
      const controller = await this.#controller();
      victim = BROKERS.find((id) => id !== controller && id !== victim) ?? 0;
      const [told] = await Promise.all([this.#coordinator.killLeader(), this.#brokers.kill(victim)]);
      await this.#withoutBroker(victim);
      return `broker ${victim} killed, its partitions are led by others; ${told}`;
    });
    await scenario.step("it comes back: all replicas are in sync", async () => {
      await this.#returns(victim);
      return await this.#acknowledged();
    });
    await scenario.step(`all ${MESSAGES} messages are acknowledged`, async () => {
      const done = await this.#driver.ask("finish");
      if (done !== `acknowledged=${MESSAGES} failed=0`) throw new Error(done);
      return "";
    });
    await scenario.step("a consumer group reads each of them once, in order", async () => {
      const read = await this.#driver.ask("read");
      if (read !== `read=${MESSAGES} missing=0 twice=0 disordered=0`) throw new Error(read);
      return read;
    });
  }

  async metadata(scenario: Scenario): Promise<void> {
    const driver = this.#driver;
    await scenario.step("preferred leaders are elected again", async () => {
      const elected = await driver.ask("elect");
      await holds("each broker leads two partitions", async () => {
        const partitions = await this.#describe("orders");
        return BROKERS.every((id) => partitions.filter(({ leader }) => leader === id).length === 2);
      });
      return `of ${elected}`;
    });
    await scenario.step("a partition is reassigned to two brokers, and back to three", async () => {
      for (const replicas of ["1,2", "1,2,3"]) {
        await driver.ask("reassign", "events", 0, replicas);
        await holds(`partition 0 is at ${replicas}`, async () => {
          return (await this.#describe("events"))[0]?.inSync.join(",") === replicas;
        });
      }
      return "";
    });
    await scenario.step("a topic's configuration changes, and all brokers keep to it", async () => {
      await driver.ask("send", "events", 3000);
      await driver.ask("configure", "TOPIC", "events", "max.message.bytes", 1000);
      await holds("the configuration is told back", async () => {
        return (await driver.ask("configured", "TOPIC", "events", "max.message.bytes")) === "1000";
      });
      const refusal = await driver.refused("send", "events", 3000);
      if (!refusal.includes("RecordTooLarge")) throw new Error(refusal);
      return "a message too large is refused";
    });
    await scenario.step("a broker's configuration changes while it runs", async () => {
      await driver.ask("configure", "BROKER", "2", "log.retention.ms", 7_200_000);
      await holds("the broker tells it", async () => {
        return (await driver.ask("configured", "BROKER", "2", "log.retention.ms")) === "7200000";
      });
      return "";
    });
    await scenario.step("a topic is deleted, its znodes are gone, and it is made anew", async () => {
      await driver.ask("delete", "events");
      const paths = ["/brokers/topics/events", "/admin/delete_topics/events", "/config/topics/events"];
      for (const path of paths)
        await holds(`${path} is gone`, async () => (await driver.ask("ls", path)) === "-");
      await driver.ask("create", "events", PARTITIONS);
      await this.#inSync("events", BROKERS);
      return await driver.ask("send", "events", 3000);
    });
  }

  async access(scenario: Scenario, isLoggedIn: boolean): Promise<void> {
    const driver = this.#driver;
    const asAlice = ["send-as", "alice", "alice-secret", "events"];
    await scenario.step(
      "a user without ACLs is refused, with one let in, without it refused again",
      async () => {
        await driver.ask("user", "alice", "alice-secret");
        const refusals: string[] = [];
        const refused = async (): Promise<boolean> => {
          const refusal = await driver.refused(...asAlice).catch(() => "");
          refusals.push(refusal);
          return refusal.includes("TopicAuthorization");
        };
        await holds("alice is refused", refused);
        await driver.ask("allow", "alice", "events");
        await holds("alice is let in", async () => await driver.ask(...asAlice).then(always, never));
        if ((await driver.ask("forbid", "alice", "events")) !== "2") throw new Error("two ACLs were to go");
        await holds("alice is refused again", refused);
        return "her SCRAM password is kept in a znode too";
      },
    );
    if (!isLoggedIn) return;
    await scenario.step("nobody but the brokers may write their znodes", async () => {
      const acl = await driver.ask("acl", "/brokers/ids");
      if (!/^sasl:kafka:31 world:anyone:1$|^world:anyone:1 sasl:kafka:31$/.test(acl)) throw new Error(acl);
      return acl;
    });
  }

  async handOver(scenario: Scenario): Promise<void> {
    await scenario.step(
      "the controller stops in good order; another one is controller, and it comes back",
      async () => {
        const before = await this.#controller();
        await this.#brokers.stopOne(before);
        const after = await this.#controller(before);
        await this.#returns(before);
        return `${before}, then ${after}`;
      },
    );
  }

  async stop(scenario: Scenario): Promise<void> {
    await scenario.step("brokers stop in good order; none is registered", async () => {
      await this.#brokers.stop();
      await holds(
        "no broker is registered",
        async () => (await this.#driver.ask("ls", "/brokers/ids")) === "",
      );
      return "";
    });
  }

  /** The broker in /controller, once there is one that is not `besides`. */
  async #controller(besides = -1): Promise<number> {
    let found = -1;
    await holds("there is a controller", async () => {
      const data = await this.#driver.ask("get", "/controller");
      found = data === "-" ? -1 : (JSON.parse(data) as { readonly brokerid: number }).brokerid;
      return found !== -1 && found !== besides;
    });
    return found;
  }

  async #withoutBroker(victim: number): Promise<void> {
    const others = BROKERS.filter((id) => id !== victim);
    for (const topic of ["orders", "events"]) await this.#inSync(topic, others);
  }

  async #returns(id: number): Promise<void> {
    await this.#brokers.startOne(id);
    for (const topic of ["orders", "events"]) await this.#inSync(topic, BROKERS);
  }

  /** Waits until these brokers, and no others, are in sync everywhere, and one of them leads each partition. */
  async #inSync(topic: string, ids: readonly number[]): Promise<void> {
    await holds(`${topic} is in sync at ${ids.join(", ")}`, async () => {
      const partitions = await this.#describe(topic);
      return (
        partitions.length === PARTITIONS &&
        partitions.every(({ leader, inSync }) => ids.includes(leader) && inSync.join() === ids.join())
      );
    });
  }

  async #describe(topic: string): Promise<readonly Partition[]> {
    const text = await this.#driver.ask("describe", topic);
    return text.split(" ").map((part) => {
      const [, leader = "", inSync = ""] = part.split(":");
      return { leader: Number(leader), inSync: inSync.split(",").map(Number) };
    });
  }

  async #acknowledged(): Promise<string> {
    return `${await this.#driver.ask("acknowledged")} messages acknowledged so far`;
  }
}

async function holds(what: string, condition: () => Promise<boolean>): Promise<void> {
  await until(SETTLE_MS, what, condition);
}

function always(): boolean {
  return true;
}

function never(): boolean {
  return false;
}
