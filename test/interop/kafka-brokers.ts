/** Three Kafka brokers in ZooKeeper mode on loopback, each a JVM of its own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Child, ProcessSet } from "../compat/processes.ts";
import { freePorts } from "../harness/ports.ts";
import { SMALL_JAVA } from "./artifacts.ts";
import { SASL_LOGIN } from "./coordinator.ts";

/** The ids of the brokers. */
export const BROKERS: readonly number[] = [1, 2, 3];

/** The session of a broker: how long its death goes unnoticed. Kafka's default is 18 s. */
const SESSION_TIMEOUT_MS = 10_000;

/** Where brokers are to live, and what they are told. */
export interface BrokerSetup {
  readonly processes: ProcessSet;
  /** A folder of their own; it goes when the run ends. */
  readonly folder: string;
  readonly classpath: string;
  /** Connect string and chroot. */
  readonly zookeeper: string;
  /** Whether they log in to the ensemble and let nobody else write their znodes. */
  readonly isLoggedIn: boolean;
}

/** See the file's comment. */
export class KafkaBrokers {
  readonly #setup: BrokerSetup;
  readonly #ports: readonly number[];
  readonly #running = new Map<number, Child>();

  private constructor(setup: BrokerSetup, ports: readonly number[]) {
    this.#setup = setup;
    this.#ports = ports;
  }

  /** Starts all of them. They are not ready yet. */
  static async start(setup: BrokerSetup): Promise<KafkaBrokers> {
    const brokers = new KafkaBrokers(setup, await freePorts(2 * BROKERS.length));
    await mkdir(setup.folder, { recursive: true });
    if (setup.isLoggedIn) await writeFile(join(setup.folder, "jaas.conf"), jaas());
    for (const id of BROKERS) await brokers.startOne(id);
    return brokers;
  }

  /** Where clients that show no name find the brokers; these may do everything. */
  get plain(): string {
    return this.#addresses(0);
  }

  /** Where clients with a name and a password find them. */
  get sasl(): string {
    return this.#addresses(BROKERS.length);
  }

  /** Starts one, on what it left behind. */
  async startOne(id: number): Promise<void> {
    const { processes, folder, classpath, isLoggedIn } = this.#setup;
    const file = join(folder, `broker-${id}.properties`);
    await writeFile(file, this.#properties(id));
    const login = isLoggedIn ? [`-Djava.security.auth.login.config=${join(folder, "jaas.conf")}`] : [];
    const logger = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
    const args = ["-Xmx320m", ...SMALL_JAVA, ...login, logger, "-cp", classpath, "kafka.Kafka", file];
    this.#running.set(id, processes.start({ command: "java", args, cwd: folder }));
  }

  /** Kills it: no goodbye to anybody. */
  async kill(id: number): Promise<void> {
    const child = this.#take(id);
    child.signal("SIGKILL");
    await child.ended;
  }

  /** Ends one in good order: it hands over first. */
  async stopOne(id: number): Promise<void> {
    const child = this.#take(id);
    child.signal("SIGTERM");
    await child.ended;
  }

  /** Ends all in good order. */
  async stop(): Promise<void> {
    for (const id of this.#running.keys()) await this.#setup.processes.stop(this.#take(id));
  }

  /** The last that each printed, for the report of a failure. */
  output(): string {
    return [...this.#running].map(([id, child]) => `broker ${id}:\n${child.tail}`).join("\n");
  }

  #take(id: number): Child {
    const child = this.#running.get(id);
    if (child === undefined) throw new Error(`broker ${id} does not run`);
    this.#running.delete(id);
    return child;
  }

  #addresses(from: number): string {
    const ports = this.#ports.slice(from, from + BROKERS.length);
    return ports.map((port) => `127.0.0.1:${port}`).join(",");
  }

  #properties(id: number): string {
    const { folder, zookeeper, isLoggedIn } = this.#setup;
    const index = BROKERS.indexOf(id);
    const plain = this.#ports[index] ?? 0;
    const sasl = this.#ports[BROKERS.length + index] ?? 0;
    const scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
    const values: Readonly<Record<string, string | number | boolean>> = {
      "broker.id": id,
      "log.dirs": join(folder, `logs-${id}`),
      "zookeeper.connect": zookeeper,
      "zookeeper.session.timeout.ms": SESSION_TIMEOUT_MS,
      "zookeeper.set.acl": isLoggedIn,
      listeners: `PLAINTEXT://127.0.0.1:${plain},SASL_PLAINTEXT://127.0.0.1:${sasl}`,
      "inter.broker.listener.name": "PLAINTEXT",
      "sasl.enabled.mechanisms": "SCRAM-SHA-256",
      "listener.name.sasl_plaintext.scram-sha-256.sasl.jaas.config": scram,
      "authorizer.class.name": "kafka.security.authorizer.AclAuthorizer",
      "super.users": "User:ANONYMOUS",
      "auto.create.topics.enable": false,
      "default.replication.factor": 3,
      "min.insync.replicas": 2,
      "replica.lag.time.max.ms": 5000,
      "offsets.topic.num.partitions": 3,
      "group.initial.rebalance.delay.ms": 0,
      "num.network.threads": 1,
      "num.io.threads": 2,
      "background.threads": 1,
      "log.cleaner.enable": false,
    };
    return Object.entries(values)
      .map(([name, value]) => `${name}=${value}\n`)
      .join("");
  }
}

function jaas(): string {
  const { user, password } = SASL_LOGIN;
  const login = `org.apache.zookeeper.server.auth.DigestLoginModule required`;
  return `Client {\n  ${login} username="${user}" password="${password}";\n};\n`;
}
