/** What is measured: an ensemble of three of Debian's ZooKeeper, as it comes, and Edgekeeper as `npm start` runs it. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ZOOKEEPER_PACKAGES } from "../compat/clients.ts";
import { type Child, ProcessSet } from "../compat/processes.ts";
import { type Address, freePorts, untilServing } from "../compat/servers.ts";
import { Toolbox } from "../compat/tools.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

/** A running ensemble. */
export interface Target {
  readonly name: TargetName;
  readonly version: string;
  readonly addresses: readonly Address[];
  /** The processes that were started; what they started counts as theirs. */
  processes(): readonly number[];
  /** Kills all of it as a power cut would, and starts it again on its data. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
}

/** The ensembles that can be measured. */
export const TARGET_NAMES = ["zookeeper", "edgekeeper"] as const;

/** One of them. */
export type TargetName = (typeof TARGET_NAMES)[number];

/** Each of three; nothing else is set. */
const ZOOKEEPER_HEAP = "-Xmx1g";

/** Starts it, and waits until it serves. */
export async function startTarget(name: TargetName): Promise<Target> {
  return name === "zookeeper" ? await startZooKeeper() : await startEdgekeeper();
}

/** Edgekeeper, which runs one bundle. */
export interface EdgekeeperTarget extends Target {
  readonly bundleFile: string;
}

async function startZooKeeper(): Promise<Target> {
  const set = new ProcessSet();
  const kill = (): void => set.killAll();
  process.once("exit", kill);
  const tools = await Toolbox.open(set);
  await tools.needDebian(ZOOKEEPER_PACKAGES);
  const version = await tools.debianVersion("zookeeper");
  const directory = await mkdtemp(join(tmpdir(), "bench-zookeeper-"));
  const { addresses, configurations } = await configure(directory);
  let children: readonly Child[] = [];
  const start = async (): Promise<void> => {
    children = configurations.map((configuration) => {
      const args = [ZOOKEEPER_HEAP, "-cp", "/etc/zookeeper/conf:/usr/share/java/zookeeper.jar"];
      args.push("org.apache.zookeeper.server.quorum.QuorumPeerMain", configuration);
      return set.start({ command: "java", args, cwd: directory });
    });
    await untilServing(addresses, children);
  };
  await start();
  return {
    name: "zookeeper",
    version,
    addresses,
    processes: () => children.flatMap((child) => child.process.pid ?? []),
    async killAndRestart() {
      for (const child of children) child.signal("SIGKILL");
      await Promise.all(children.map(async (child) => await child.ended));
      await start();
    },
    async stop() {
      await set.stopAll();
      process.off("exit", kill);
      await rm(directory, { recursive: true, force: true });
    },
  };
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

/** Starts Edgekeeper alone, by another workerd executable where one is given. */
export async function startEdgekeeper(runtimeFile?: string): Promise<EdgekeeperTarget> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "bench-edgekeeper-"));
  const [httpPort = 0, ...tcpPorts] = await freePorts(4);
  const addresses = tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
  let ensemble: TestEnsemble;
  const start = async (): Promise<void> => {
    const vars = { MAX_CLIENT_CNXNS: "0", LOG_LEVEL: "error" };
    const runtime = runtimeFile === undefined ? {} : { runtimeFile };
    ensemble = await startEnsemble({ dataDirectory, httpPort, tcpPorts, vars, ...runtime });
    await untilServing(addresses, []);
  };
  await start();
  return {
    name: "edgekeeper",
    version: "this tree",
    addresses,
    bundleFile: join(dataDirectory, "runtime", "worker.js"),
    processes: () => (ensemble.process.pid === undefined ? [] : [ensemble.process.pid]),
    async killAndRestart() {
      await ensemble.kill9();
      await start();
    },
    async stop() {
      await ensemble.stop();
      await rm(dataDirectory, { recursive: true, force: true });
    },
  };
}
