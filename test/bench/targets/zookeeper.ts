/** An ensemble of three of Debian's ZooKeeper, as it comes: three JVMs, each with data of its own. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZOOKEEPER_PACKAGES } from "../../compat/clients.ts";
import { type Child, ProcessSet } from "../../compat/processes.ts";
import { type Address, askWord, untilServing } from "../../compat/servers.ts";
import { freePorts } from "../../harness/ports.ts";
import { Toolbox } from "../../compat/tools.ts";
import { SyncCount } from "../syncs.ts";
import type { Target } from "./target.ts";

/** Each of three, as Debian's own start script has it; nothing else is set. */
const HEAP = "-Xmx1000m";

/** Servers that can be struck one by one. */
export interface ZooKeeperTarget extends Target {
  /** SIGKILL, SIGSTOP or SIGCONT to one server. */
  signal(sid: number, signal: NodeJS.Signals): Promise<void>;
  /** Starts a server again that was killed. */
  restart(sid: number): void;
}

/** Starts it on new data, and waits until it serves. */
export async function startZooKeeper(): Promise<ZooKeeperTarget> {
  const target = await newZooKeeper();
  await target.start();
  return target;
}

/** One that is not started yet. */
export async function newZooKeeper(): Promise<ZooKeeperTarget> {
  const set = new ProcessSet();
  const tools = await Toolbox.open(set);
  await tools.needDebian(ZOOKEEPER_PACKAGES);
  const version = await tools.debianVersion("zookeeper");
  const directory = await mkdtemp(join(tmpdir(), "bench-zookeeper-"));
  const { addresses, configurations } = await configure(directory);
  const servers = new Servers({ set, directory, configurations, addresses, syncs: await SyncCount.make() });
  return {
    name: "zookeeper",
    version,
    addresses,
    processes: () => servers.processes,
    syncs: async () => await servers.setup.syncs.read(),
    leader: async () => await leaderOf(addresses),
    start: async () => await servers.start(),
    kill: async () => await servers.kill(),
    signal: async (sid, signal) => await servers.signal(sid, signal),
    restart: (sid) => servers.restart(sid),
    stop: async () => await servers.stop(),
  };
}

interface Setup {
  readonly set: ProcessSet;
  readonly directory: string;
  readonly configurations: readonly string[];
  readonly addresses: readonly Address[];
  readonly syncs: SyncCount;
}

class Servers {
  readonly setup: Setup;
  readonly #children = new Map<number, Child>();
  readonly #kill: () => void;

  constructor(setup: Setup) {
    this.setup = setup;
    this.#kill = () => setup.set.killAll();
    process.once("exit", this.#kill);
  }

  get processes(): readonly number[] {
    return [...this.#children.values()].flatMap((child) => child.process.pid ?? []);
  }

  async start(): Promise<void> {
    for (const index of this.setup.configurations.keys()) this.restart(index + 1);
    await untilServing(this.setup.addresses, [...this.#children.values()]);
  }

  restart(sid: number): void {
    const { set, directory, configurations, syncs } = this.setup;
    const args = [HEAP, "-cp", "/etc/zookeeper/conf:/usr/share/java/zookeeper.jar"];
    args.push("org.apache.zookeeper.server.quorum.QuorumPeerMain", configurations[sid - 1] ?? "");
    this.#children.set(sid, set.start({ command: "java", args, cwd: directory, env: syncs.environment }));
  }

  async signal(sid: number, signal: NodeJS.Signals): Promise<void> {
    const child = this.#children.get(sid);
    if (child === undefined) throw new Error(`there is no server ${sid}`);
    child.signal(signal);
    if (signal === "SIGKILL") await child.ended;
  }

  async kill(): Promise<void> {
    await Promise.all([...this.#children.keys()].map(async (sid) => await this.signal(sid, "SIGKILL")));
  }

  async stop(): Promise<void> {
    await this.setup.set.stopAll();
    process.off("exit", this.#kill);
    await rm(this.setup.directory, { recursive: true, force: true });
    await this.setup.syncs.remove();
  }
}

async function leaderOf(addresses: readonly Address[]): Promise<number> {
  const answers = await Promise.all(addresses.map(async (address) => await askWord(address, ["srvr"])));
  const leader = answers.findIndex((answer) => /^Mode: leader$/m.test(answer));
  if (leader === -1) throw new Error("no server of ZooKeeper leads");
  return leader + 1;
}

/** Writes the files of three servers. */
async function configure(
  directory: string,
): Promise<{ readonly addresses: readonly Address[]; readonly configurations: readonly string[] }> {
  const ports = await freePorts(9);
  const members = [0, 1, 2].map(
    (index) => `server.${index + 1}=127.0.0.1:${ports[3 + index]}:${ports[6 + index]}`,
  );
  const configurations: string[] = [];
  for (const index of [0, 1, 2]) {
    const data = join(directory, `data-${index + 1}`);
    const configuration = join(directory, `zoo-${index + 1}.cfg`);
    await mkdir(data);
    await writeFile(join(data, "myid"), `${index + 1}\n`);
    const lines = ["tickTime=2000", "initLimit=10", "syncLimit=5", `dataDir=${data}`];
    lines.push(`clientPort=${ports[index]}`, "clientPortAddress=127.0.0.1", "maxClientCnxns=0");
    lines.push("admin.enableServer=false", "4lw.commands.whitelist=*", ...members, "");
    await writeFile(configuration, lines.join("\n"));
    configurations.push(configuration);
  }
  return {
    addresses: ports.slice(0, 3).map((port) => ({ host: "127.0.0.1", port })),
    configurations,
  };
}
