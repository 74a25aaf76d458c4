/** Three PostgreSQL servers on loopback, each kept by a Patroni of its own. */
import { readFileSync } from "node:fs";
import { chmod, chown, cp, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import type { Child, Command, ProcessSet } from "../compat/processes.ts";
import { freePorts } from "../harness/ports.ts";

/** The names of the nodes. */
export const NODES: readonly string[] = ["one", "two", "three"];

/** The name that all of them share. */
const SCOPE = "interop";

/** How long a dead primary goes unnoticed, and what Patroni's other times must fit into; it takes no less. In s. */
const TIMES = { ttl: 20, loop_wait: 4, retry_timeout: 8 } as const;

/** PostgreSQL's superuser, with the passwords of this run alone. */
export const LOGIN = { user: "postgres", password: "interop" } as const;

/** How long a server may take to end in good order. */
const STOP_MS = 60_000;

/** How often all of them are asked for at most. */
const MEMBERS_PAUSE_MS = 1000;

const PAGE_DEADLINE_MS = 4000;

/** Where the nodes are to live, and what they run. */
export interface NodeSetup {
  readonly processes: ProcessSet;
  /** A folder of their own; it goes when the run ends. */
  readonly folder: string;
  /** Python packages, Patroni among them. */
  readonly packages: string;
  /** Where PostgreSQL's programs are. */
  readonly programs: string;
  /** Who runs them where we are root, which PostgreSQL refuses to be. */
  readonly account: { readonly uid: number; readonly gid: number } | undefined;
  /** A connect string. */
  readonly zookeeper: string;
}

/** What Patroni tells of a node; the fields that are looked at. */
export interface Member {
  readonly name: string;
  readonly role: string;
  readonly state: string;
  readonly timeline?: number;
}

/** See the file's comment. */
export class PatroniNodes {
  readonly #setup: NodeSetup;
  readonly #ports: readonly number[];
  readonly #running = new Map<string, Child>();
  #mayAsk: Promise<void> = Promise.resolve();
  readonly #killAtExit = (): void => {
    for (const name of this.#running.keys()) this.#killServer(name);
  };

  private constructor(setup: NodeSetup, ports: readonly number[]) {
    this.#setup = setup;
    this.#ports = ports;
  }

  /** Nothing runs yet. */
  static async open(setup: NodeSetup): Promise<PatroniNodes> {
    const { folder, packages, account } = setup;
    await mkdir(folder, { recursive: true });
    // Whoever runs PostgreSQL may not look into the cache of root.
    await cp(packages, join(folder, "packages"), { recursive: true });
    const nodes = new PatroniNodes(setup, await freePorts(2 * NODES.length));
    for (const name of NODES) {
      await mkdir(join(folder, name));
      // JSON is YAML.
      await writeFile(nodes.#settingsFile(name), JSON.stringify(nodes.#settings(name)));
      if (account !== undefined) await chown(join(folder, name), account.uid, account.gid);
    }
    await chmod(folder, 0o755);
    // Before the folder goes, which says who they are.
    process.prependListener("exit", nodes.#killAtExit);
    return nodes;
  }

  /** Ports of the servers, in the order of their names. */
  get ports(): readonly number[] {
    return this.#ports.slice(0, NODES.length);
  }

  /** Starts a node on what it left behind. */
  start(name: string): void {
    this.#running.set(name, this.#setup.processes.start(this.#command(name)));
  }

  /** Kills Patroni and its PostgreSQL: no goodbye to anybody. */
  async kill(name: string): Promise<void> {
    const child = this.#take(name);
    child.signal("SIGKILL");
    this.#killServer(name);
    await child.ended;
  }

  /** Ends all in good order. */
  async stop(): Promise<void> {
    process.off("exit", this.#killAtExit);
    const children = [...this.#running];
    this.#running.clear();
    await Promise.all(
      children.map(async ([name, child]) => {
        child.signal("SIGTERM");
        // Its server holds the pipes that a child's end is known by.
        const patience = globalThis.setTimeout(() => {
          child.signal("SIGKILL");
          this.#killServer(name);
        }, STOP_MS);
        await child.ended;
        clearTimeout(patience);
      }),
    );
  }

  /** All nodes as any one of them tells; undefined where none does. */
  async members(): Promise<readonly Member[] | undefined> {
    // For each answer Patroni reads all that it has in the ensemble.
    await this.#mayAsk;
    this.#mayAsk = setTimeout(MEMBERS_PAUSE_MS);
    for (const name of this.#running.keys()) {
      const answer = await this.#ask(name, "GET", "/cluster", undefined);
      if (answer !== undefined)
        return (JSON.parse(answer) as { readonly members: readonly Member[] }).members;
    }
    return undefined;
  }

  /** Whether a node itself says that its server runs, and follows the primary where it is none. */
  async isRunning(name: string): Promise<boolean> {
    if (!this.#running.has(name)) return false;
    const answer = await this.#ask(name, "GET", "/patroni", undefined);
    if (answer === undefined) return false;
    const told = JSON.parse(answer) as { readonly state: string; readonly replication_state?: string };
    return told.state === "running" && (told.replication_state ?? "streaming") === "streaming";
  }

  /** Changes settings of all nodes. */
  async configure(settings: unknown): Promise<void> {
    const [name = ""] = this.#running.keys();
    const answer = await this.#ask(name, "PATCH", "/config", settings);
    if (answer === undefined) throw new Error(`${name} did not take the settings`);
  }

  /** Asks for a node to become the primary in good order; what Patroni says to that is not always what it does. */
  async switchover(leader: string, candidate: string): Promise<void> {
    await this.#ask(leader, "POST", "/switchover", { leader, candidate });
  }

  /** The last that each printed, for the report of a failure. */
  output(): string {
    return [...this.#running].map(([name, child]) => `${name}:\n${child.tail}`).join("\n");
  }

  #take(name: string): Child {
    const child = this.#running.get(name);
    if (child === undefined) throw new Error(`${name} does not run`);
    this.#running.delete(name);
    return child;
  }

  /** Patroni makes its server the leader of a group of its own, so it does not go with Patroni's. */
  #killServer(name: string): void {
    let text: string;
    try {
      text = readFileSync(join(this.#setup.folder, name, "data", "postmaster.pid"), "utf8");
    } catch {
      // It removes the file when it ends in good order.
      return;
    }
    const pid = Number(text.split("\n", 1)[0]);
    if (!Number.isInteger(pid) || pid <= 1)
      throw new Error(`no process id in ${name}'s postmaster.pid: ${text}`);
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      // It died without a word before.
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }

  async #ask(name: string, method: string, path: string, body: unknown): Promise<string | undefined> {
    const port = this.#ports[NODES.length + NODES.indexOf(name)] ?? 0;
    try {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        method,
        // A switchover is answered when it is done.
        signal: AbortSignal.timeout(method === "GET" ? PAGE_DEADLINE_MS : 10 * PAGE_DEADLINE_MS),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      return response.ok ? text : undefined;
    } catch {
      // Dead, or not there yet: whoever asks has a deadline of its own.
      return undefined;
    }
  }

  #command(name: string): Command {
    const { folder, account } = this.#setup;
    const patroni = ["/usr/bin/python3", "-B", "-m", "patroni", this.#settingsFile(name)];
    const [command = "", ...args] =
      account === undefined
        ? patroni
        : ["setpriv", `--reuid=${account.uid}`, `--regid=${account.gid}`, "--clear-groups", ...patroni];
    const env = { PYTHONPATH: join(folder, "packages"), HOME: join(folder, name), LC_ALL: "C.UTF-8" };
    return { command, args, cwd: join(folder, name), env };
  }

  #settingsFile(name: string): string {
    return join(this.#setup.folder, `${name}.yml`);
  }

  #settings(name: string): unknown {
    const { folder, programs, zookeeper } = this.#setup;
    const index = NODES.indexOf(name);
    const server = `127.0.0.1:${this.#ports[index] ?? 0}`;
    const page = `127.0.0.1:${this.#ports[NODES.length + index] ?? 0}`;
    const replication = { username: "replicator", password: LOGIN.password };
    return {
      scope: SCOPE,
      name,
      restapi: { listen: page, connect_address: page },
      zookeeper: { hosts: zookeeper.split(",") },
      bootstrap: {
        dcs: { ...TIMES, synchronous_mode: true, postgresql: { use_pg_rewind: true } },
        initdb: [{ encoding: "UTF8" }, { locale: "C.UTF-8" }, "data-checksums"],
      },
      postgresql: {
        listen: server,
        connect_address: server,
        data_dir: join(folder, name, "data"),
        bin_dir: programs,
        pgpass: join(folder, name, "pgpass"),
        authentication: { superuser: { username: LOGIN.user, password: LOGIN.password }, replication },
        parameters: { unix_socket_directories: join(folder, name), shared_buffers: "16MB" },
        pg_hba: [
          "host all all 127.0.0.1/32 scram-sha-256",
          "host replication all 127.0.0.1/32 scram-sha-256",
        ],
      },
      watchdog: { mode: "off" },
    };
  }
}

/** The folder of Python packages in a virtual environment. */
export async function packagesOf(environment: string): Promise<string> {
  const [python = ""] = await readdir(join(environment, "lib"));
  return join(environment, "lib", python, "site-packages");
}
