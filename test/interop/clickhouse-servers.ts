/** Two ClickHouse servers on loopback, which are one shard's replicas. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Child, ProcessSet } from "../compat/processes.ts";
import { freePorts } from "../harness/ports.ts";

/** The names of the servers. */
export const SERVERS: readonly string[] = ["one", "two"];

/** The name of the cluster that both are. */
export const CLUSTER = "interop";

/** How long a server that was killed holds what it has marked as its own, in ms; ClickHouse's own default is 30 s. */
const SESSION_TIMEOUT_MS = 10_000;

/** A statement on a cluster waits for all of its servers. */
const ANSWER_DEADLINE_MS = 60_000;

const STOP_MS = 30_000;

/** Ports of a server: for people, for programs, and for other servers. */
const PORTS_EACH = 3;

/** Where the servers are to live, and what they are told. */
export interface ServerSetup {
  readonly processes: ProcessSet;
  /** A folder of their own; it goes when the run ends. */
  readonly folder: string;
  /** The program. */
  readonly program: string;
  /** A connect string. */
  readonly zookeeper: string;
}

/** See the file's comment. */
export class ClickHouseServers {
  readonly #setup: ServerSetup;
  readonly #ports: readonly number[];
  readonly #running = new Map<string, Child>();

  private constructor(setup: ServerSetup, ports: readonly number[]) {
    this.#setup = setup;
    this.#ports = ports;
  }

  /** Nothing runs yet. */
  static async open(setup: ServerSetup): Promise<ClickHouseServers> {
    const servers = new ClickHouseServers(setup, await freePorts(PORTS_EACH * SERVERS.length));
    for (const name of SERVERS) {
      const folder = join(setup.folder, name);
      await mkdir(join(folder, "data", "tmp"), { recursive: true });
      await writeFile(join(folder, "config.xml"), xml({ yandex: servers.#settings(name) }));
      await writeFile(join(folder, "users.xml"), xml({ yandex: USERS }));
    }
    return servers;
  }

  /** Starts one, on what it left behind. */
  start(name: string): void {
    const { processes, folder, program } = this.#setup;
    const args = [`--config-file=${join(folder, name, "config.xml")}`];
    this.#running.set(name, processes.start({ command: program, args, cwd: join(folder, name) }));
  }

  /** Kills it: no goodbye to anybody. */
  async kill(name: string): Promise<void> {
    const child = this.#running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    this.#running.delete(name);
    child.signal("SIGKILL");
    await child.ended;
  }

  /** Ends all in good order, which takes a server a few seconds. */
  async stop(): Promise<void> {
    const children = [...this.#running.values()];
    this.#running.clear();
    await Promise.all(
      children.map(async (child) => {
        child.signal("SIGTERM");
        const patience = setTimeout(() => child.signal("SIGKILL"), STOP_MS);
        await child.ended;
        clearTimeout(patience);
      }),
    );
  }

  /** What a server answers to a statement, as text. Throws what it refuses, and where it is not there. */
  async ask(name: string, statement: string): Promise<string> {
    const response = await fetch(`http://127.0.0.1:${this.#port(name, 0)}/`, {
      method: "POST",
      body: statement,
      signal: AbortSignal.timeout(ANSWER_DEADLINE_MS),
    });
    const text = (await response.text()).trim();
    if (!response.ok) throw new Error(`${name} answers ${response.status}: ${text}`);
    return text;
  }

  /** The last that each printed, for the report of a failure. */
  output(): string {
    return [...this.#running].map(([name, child]) => `${name}:\n${child.tail}`).join("\n");
  }

  #port(name: string, which: number): number {
    return this.#ports[PORTS_EACH * SERVERS.indexOf(name) + which] ?? 0;
  }

  #settings(name: string): Tree {
    const data = join(this.#setup.folder, name, "data");
    const nodes = this.#setup.zookeeper.split(",").map((address) => {
      const [host = "", port = ""] = address.split(":");
      return { host, port };
    });
    return {
      logger: { level: "warning", console: 1 },
      listen_host: "127.0.0.1",
      http_port: this.#port(name, 0),
      tcp_port: this.#port(name, 1),
      interserver_http_port: this.#port(name, 2),
      interserver_http_host: "127.0.0.1",
      path: `${data}/`,
      tmp_path: `${data}/tmp/`,
      users_config: join(this.#setup.folder, name, "users.xml"),
      default_profile: "default",
      default_database: "default",
      mark_cache_size: 64 * 1024 * 1024,
      uncompressed_cache_size: 0,
      zookeeper: { node: nodes, session_timeout_ms: SESSION_TIMEOUT_MS },
      distributed_ddl: { path: "/clickhouse/task_queue/ddl" },
      macros: { shard: "1", replica: name },
      remote_servers: {
        [CLUSTER]: {
          shard: {
            internal_replication: "true",
            replica: SERVERS.map((one) => ({ host: "127.0.0.1", port: this.#port(one, 1) })),
          },
        },
      },
    };
  }
}

/** Anybody on this machine may do everything. */
const USERS: Tree = {
  profiles: { default: "" },
  users: {
    default: { password: "", networks: { ip: "127.0.0.1" }, profile: "default", quota: "default" },
  },
  quotas: { default: "" },
};

/** Elements by name; of several with one name, a list. */
interface Tree {
  readonly [name: string]: string | number | Tree | readonly Tree[];
}

/** As an XML document. Nothing in it needs to be escaped. */
function xml(tree: Tree): string {
  return Object.entries(tree)
    .map(([name, value]) => {
      if (typeof value !== "object") return element(name, String(value));
      return isList(value) ? value.map((one) => element(name, xml(one))).join("") : element(name, xml(value));
    })
    .join("");
}

function isList(value: Tree | readonly Tree[]): value is readonly Tree[] {
  return Array.isArray(value);
}

function element(name: string, content: string): string {
  return `<${name}>${content}</${name}>\n`;
}
