/**
 * Three servers and an observer of the ZooKeeper that Edgekeeper claims to be, with their AdminServers: what operators
 * see of a leader, of a follower and of an observer is compared with them.
 */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { Child, ProcessSet } from "./processes.ts";
import { type Ensemble, untilServing } from "./servers.ts";
import { freePorts } from "../harness/ports.ts";
import { ADMIN_JARS, prepareClasspath } from "./single-zookeeper.ts";

/** An ensemble whose AdminServers listen on these ports, in the order of its addresses. */
export interface AdministeredEnsemble extends Ensemble {
  readonly adminPorts: readonly number[];
}

/** Three that vote, and an observer. */
const ENSEMBLE_SIZE = 4;
const OBSERVER = 3;

/** How the servers are to be. */
export interface ZooKeeperEnsembleSetup {
  /** `user:base64(sha1(user:password))` of the super user. */
  readonly superDigest: string;
  /** One server alone, which ZooKeeper calls standalone. */
  readonly isAlone?: boolean;
}

/** Starts them on free ports of loopback, with their data in a directory under `temporary`. */
export async function startZooKeeperEnsemble(
  processes: ProcessSet,
  temporary: string,
  setup: ZooKeeperEnsembleSetup,
): Promise<AdministeredEnsemble> {
  const classpath = await prepareClasspath(processes);
  const directory = await mkdtemp(join(temporary, "zookeeper-"));
  const size = setup.isAlone === true ? 1 : ENSEMBLE_SIZE;
  const ports = await freePorts(4 * size);
  const [clientPorts, adminPorts, quorumPorts, electionPorts] = [0, 1, 2, 3].map((nth) =>
    ports.slice(nth * size, (nth + 1) * size),
  );
  const indexes = Array.from({ length: size }, (_, index) => index);
  const members = indexes.map((index) => {
    const role = index === OBSERVER ? ":observer" : "";
    return `server.${index + 1}=127.0.0.1:${quorumPorts?.[index]}:${electionPorts?.[index]}${role}`;
  });
  const children: Child[] = [];
  for (const index of indexes) {
    const data = join(directory, `data-${index + 1}`);
    const configuration = join(directory, `zoo-${index + 1}.cfg`);
    await mkdir(data);
    await writeFile(join(data, "myid"), `${index + 1}\n`);
    const lines = [
      "tickTime=2000",
      "initLimit=10",
      "syncLimit=5",
      `dataDir=${data}`,
      `clientPort=${clientPorts?.[index]}`,
      "clientPortAddress=127.0.0.1",
      "admin.serverAddress=127.0.0.1",
      `admin.serverPort=${adminPorts?.[index]}`,
      "4lw.commands.whitelist=*",
      "serializeLastProcessedZxid.enabled=true",
      ...(index === OBSERVER ? ["peerType=observer"] : []),
      ...(setup.isAlone === true ? [] : members),
      "",
    ];
    await writeFile(configuration, lines.join("\n"));
    const args = [
      "-Xmx160m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Dzookeeper.forceSync=no",
      "-Dzookeeper.admin.rateLimiterIntervalInMS=0",
      `-Dzookeeper.DigestAuthenticationProvider.superDigest=${setup.superDigest}`,
      "-cp",
      [classpath, ...ADMIN_JARS].join(":"),
      "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      configuration,
    ];
    children.push(processes.start({ command: "java", args, cwd: directory }));
  }
  const addresses = (clientPorts ?? []).map((port) => ({ host: "127.0.0.1", port }));
  await untilServing(addresses, children);
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => processes.stop(child)));
  };
  return { name: "zookeeper 3.9.5 ensemble", addresses, adminPorts: adminPorts ?? [], stop };
}
