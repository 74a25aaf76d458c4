/** Spark's masters and its worker on loopback, started by Spark's own scripts. */
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";

import type { Child, Command, ProcessSet } from "../compat/processes.ts";
import { freePorts } from "../harness/ports.ts";

/** The masters, by number. */
export const MASTERS: readonly number[] = [0, 1];

/** How long a master's own page may take, in ms. */
const PAGE_DEADLINE_MS = 3000;

/** Where the daemons are to live, and what they are told. */
export interface SparkSetup {
  readonly processes: ProcessSet;
  /** pyspark's folder. */
  readonly home: string;
  /** A folder of their own; it goes when the run ends. */
  readonly folder: string;
  readonly zookeeper: string;
  /** The znode under which the masters keep what they know. */
  readonly znode: string;
}

/** What a master says of itself; the fields that are looked at. */
export interface MasterState {
  readonly status: string;
  readonly workers: readonly { readonly state: string }[];
  readonly activeapps: readonly { readonly id: string; readonly state: string }[];
  readonly completedapps: readonly { readonly id: string; readonly state: string }[];
}

/** See the file's comment. */
export class SparkDaemons {
  readonly #setup: SparkSetup;
  readonly #ports: readonly number[];
  readonly #masters = new Map<number, Child>();
  #worker: Child | undefined;

  private constructor(setup: SparkSetup, ports: readonly number[]) {
    this.#setup = setup;
    this.#ports = ports;
  }

  /** Nothing runs yet. */
  static async open(setup: SparkSetup): Promise<SparkDaemons> {
    await mkdir(setup.folder, { recursive: true });
    return new SparkDaemons(setup, await freePorts(2 * MASTERS.length + 1));
  }

  /** Where workers and applications find the masters. */
  get url(): string {
    const ports = this.#ports.slice(0, MASTERS.length);
    return `spark://${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
  }

  startMaster(index: number): void {
    const { zookeeper, znode } = this.#setup;
    const options = {
      "spark.deploy.recoveryMode": "ZOOKEEPER",
      "spark.deploy.zookeeper.url": zookeeper,
      "spark.deploy.zookeeper.dir": znode,
    };
    const flags = Object.entries(options).map(([name, value]) => `-D${name}=${value}`);
    const [port, page] = [this.#ports[index] ?? 0, this.#page(index)];
    const args = ["--host", "127.0.0.1", "--port", String(port), "--webui-port", String(page)];
    this.#masters.set(index, this.#start("org.apache.spark.deploy.master.Master", args, flags.join(" ")));
  }

  startWorker(): void {
    const page = this.#ports[2 * MASTERS.length] ?? 0;
    const size = ["--cores", "1", "--memory", "512m", "--work-dir", join(this.#setup.folder, "work")];
    const args = ["--host", "127.0.0.1", "--webui-port", String(page), ...size, this.url];
    this.#worker = this.#start("org.apache.spark.deploy.worker.Worker", args, "");
  }

  /** What a master says; undefined where it does not answer. */
  async state(index: number): Promise<MasterState | undefined> {
    try {
      const signal = AbortSignal.timeout(PAGE_DEADLINE_MS);
      const response = await fetch(`http://127.0.0.1:${this.#page(index)}/json/`, { signal });
      return response.ok ? ((await response.json()) as MasterState) : undefined;
    } catch {
      // Dead, or not there yet: whoever asks has a deadline of its own.
      return undefined;
    }
  }

  /** Kills a master: no goodbye to anybody. */
  async killMaster(index: number): Promise<void> {
    const child = this.#masters.get(index);
    if (child === undefined) throw new Error(`master ${index} does not run`);
    this.#masters.delete(index);
    child.signal("SIGKILL");
    await child.ended;
  }

  /** Our program as an application of one executor. */
  application(jar: string): Command {
    const settings = {
      "spark.driver.host": "127.0.0.1",
      "spark.driver.bindAddress": "127.0.0.1",
      "spark.executor.memory": "450m",
      "spark.ui.enabled": "false",
    };
    const conf = Object.entries(settings).flatMap(([name, value]) => ["--conf", `${name}=${value}`]);
    const size = ["--driver-memory", "512m", "--class", "SparkProgram", jar];
    return this.#command("spark-submit", ["--master", this.url, ...conf, ...size], "");
  }

  /** Ends all. */
  async stop(): Promise<void> {
    const children = [...this.#masters.values(), ...(this.#worker === undefined ? [] : [this.#worker])];
    await Promise.all(children.map(async (child) => await this.#setup.processes.stop(child)));
  }

  /** The last that each printed, for the report of a failure. */
  output(): string {
    const masters = [...this.#masters].map(([index, child]) => `master ${index}:\n${child.tail}`);
    return [...masters, `worker:\n${this.#worker?.tail ?? ""}`].join("\n");
  }

  #page(index: number): number {
    return this.#ports[MASTERS.length + index] ?? 0;
  }

  #start(name: string, args: readonly string[], options: string): Child {
    return this.#setup.processes.start(this.#command("spark-class", [name, ...args], options));
  }

  #command(script: string, args: readonly string[], options: string): Command {
    const { home, folder } = this.#setup;
    const env = {
      SPARK_HOME: home,
      SPARK_LOCAL_IP: "127.0.0.1",
      SPARK_LOCAL_DIRS: join(folder, "local"),
      SPARK_DAEMON_MEMORY: "320m",
      SPARK_DAEMON_JAVA_OPTS: `-XX:+UseSerialGC -XX:TieredStopAtLevel=1 ${options}`.trim(),
      // Its scripts ask for a python3 that is the environment's.
      PATH: [join(home, "bin"), process.env["PATH"] ?? ""].join(delimiter),
    };
    return { command: join(home, "bin", script), args, cwd: folder, env };
  }
}
