/**
 * Three servers of the newest ZooKeeper that Edgekeeper claims to be, which serve reads without a quorum; any of them
 * can be killed and started again.
 */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Child, ProcessSet } from "./processes.ts";
import { type Address, untilServing } from "./servers.ts";
import { freePorts } from "../harness/ports.ts";
import { prepareClasspath } from "./single-zookeeper.ts";

/** The servers, and what can be done to them. */
export interface ZooKeeperTrio {
  readonly addresses: readonly Address[];
  kill(index: number): Promise<void>;
  start(index: number): void;
}

/** Starts them on free ports of loopback, with their data in a directory under `temporary`. */
export async function startZooKeeperTrio(processes: ProcessSet, temporary: string): Promise<ZooKeeperTrio> {
  const classpath = await prepareClasspath(processes);
  const directory = await mkdtemp(join(temporary, "zookeepers-"));
  const ports = await freePorts(9);
  const members = [0, 1, 2].map(
    (index) => `server.${index + 1}=127.0.0.1:${ports[3 + index]}:${ports[6 + index]}`,
  );
  const children = new Map<number, Child>();
  const configurationOf = (index: number): string => join(directory, `zoo-${index}.cfg`);
  const start = (index: number): void => {
    const args = ["-Xmx192m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dzookeeper.forceSync=no"];
    args.push("-Dreadonlymode.enabled=true", "-cp", classpath);
    args.push("org.apache.zookeeper.server.quorum.QuorumPeerMain", configurationOf(index));
    children.set(index, processes.start({ command: "java", args, cwd: directory }));
  };
  for (const index of [0, 1, 2]) {
    const dataDirectory = join(directory, `data-${index}`);
    await mkdir(dataDirectory);
    await writeFile(join(dataDirectory, "myid"), `${index + 1}\n`);
    const lines = [
      "tickTime=2000",
      "initLimit=10",
      "syncLimit=5",
      `dataDir=${dataDirectory}`,
      `clientPort=${ports[index]}`,
      "clientPortAddress=127.0.0.1",
      // Without it ZooKeeper makes no session in read-only mode.
      "localSessionsEnabled=true",
      "localSessionsUpgradingEnabled=true",
      "admin.enableServer=false",
      "4lw.commands.whitelist=*",
      ...members,
      "",
    ];
    await writeFile(configurationOf(index), lines.join("\n"));
    start(index);
  }
  const addresses = ports.slice(0, 3).map((port) => ({ host: "127.0.0.1", port }));
  await untilServing(addresses, [...children.values()]);
  const kill = async (index: number): Promise<void> => {
    const child = children.get(index);
    if (child !== undefined) await processes.stop(child);
  };
  return { addresses, kill, start };
}
