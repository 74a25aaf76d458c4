/** Three servers of a real ZooKeeper under the same load, so that figures have something to stand beside. */
import { tmpdir } from "node:os";

import type { Members } from "../../src/base/settings.ts";
import { type Child, type Command, ProcessSet } from "../compat/processes.ts";
import { askWord, type Ensemble, startZooKeeper as startServers } from "../compat/servers.ts";
import type { Fault, ReplicaDigest, Target } from "./target.ts";

const WORD_DEADLINE_MS = 1000;

/** Remembers what it started and how, so that each server can be killed, stopped and started again. */
class ServerProcesses extends ProcessSet {
  readonly servers: { readonly command: Command; child: Child }[] = [];

  override start(command: Command, onLine?: (line: string) => void): Child {
    const child = super.start(command, onLine);
    const isKnown = this.servers.some((server) => server.command === command);
    if (!isKnown) this.servers.push({ command, child });
    return child;
  }

  server(sid: number): { readonly command: Command; child: Child } {
    const server = this.servers[sid - 1];
    if (server === undefined) throw new Error(`there is no server ${sid}`);
    return server;
  }

  async kill(sid: number): Promise<void> {
    const { child } = this.server(sid);
    child.signal("SIGKILL");
    await child.ended;
  }

  restart(sid: number): void {
    const server = this.server(sid);
    server.child = this.start(server.command);
  }
}

/** Starts three servers of the Debian package `zookeeper` on fresh data. */
export async function startZooKeeper(): Promise<Target> {
  const processes = new ServerProcesses();
  return new ZooKeeperTarget(processes, await startServers(processes, tmpdir()));
}

class ZooKeeperTarget implements Target {
  readonly name = "zookeeper";
  readonly httpUrl = undefined;
  readonly kinds = ["none", "down", "freeze", "kill all"] as const;
  readonly members: Members = { voters: [1, 2, 3], observers: [] };
  readonly servers: Target["servers"];
  readonly #processes: ServerProcesses;
  readonly #ensemble: Ensemble;

  constructor(processes: ServerProcesses, ensemble: Ensemble) {
    this.#processes = processes;
    this.#ensemble = ensemble;
    this.servers = ensemble.addresses;
  }

  async leader(): Promise<number | undefined> {
    const modes = await this.#modes();
    const leader = modes.indexOf("leader");
    return leader < 0 ? undefined : leader + 1;
  }

  async isServing(): Promise<boolean> {
    const modes = await this.#modes();
    return modes.includes("leader") && modes.every((mode) => mode === "leader" || mode === "follower");
  }

  digests(): Promise<readonly ReplicaDigest[]> {
    return Promise.resolve([]);
  }

  async inject({ kind, sid, ms }: Fault): Promise<void> {
    if (kind === "none") return;
    if (kind === "kill all") {
      await Promise.all([1, 2, 3].map((each) => this.#processes.kill(each)));
      for (const each of [1, 2, 3]) this.#processes.restart(each);
    } else if (kind === "down") {
      await this.#processes.kill(sid);
      setTimeout(() => this.#processes.restart(sid), ms);
    } else if (kind === "freeze") {
      const { child } = this.#processes.server(sid);
      child.signal("SIGSTOP");
      setTimeout(() => child.signal("SIGCONT"), ms);
    } else {
      throw new Error(`ZooKeeper cannot be made to suffer "${kind}" from outside`);
    }
  }

  async describe(): Promise<string> {
    return (await this.#modes()).join(" ");
  }

  async stop(): Promise<void> {
    await this.#processes.stopAll();
    await this.#ensemble.stop();
  }

  async #modes(): Promise<readonly string[]> {
    return await Promise.all(
      this.servers.map(async (server) => {
        try {
          const answer = await askWord(server, ["srvr"], WORD_DEADLINE_MS);
          return /^Mode: (\w+)$/m.exec(answer)?.[1] ?? "not serving";
        } catch {
          return "not there";
        }
      }),
    );
  }
}
