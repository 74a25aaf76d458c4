/** Three servers of the newest ZooKeeper that Edgekeeper claims to be, whose members may be changed. */
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ZOOKEEPER_VERSION } from "../../src/keeper/status.ts";
import type { Child, ProcessSet } from "./processes.ts";
import { type Ensemble, untilServing } from "./servers.ts";
import { freePorts } from "../harness/ports.ts";
import { prepareClasspath } from "./single-zookeeper.ts";

/** An ensemble, and how each of its servers stands in the configuration. */
export interface ReconfigurableZooKeeper extends Ensemble {
  /** What stands behind `server.N=`, of 1, 2 and 3. */
  readonly specs: readonly string[];
}

/** Starts them on free ports of loopback, with their data in a directory under `temporary`. */
export async function startReconfigurableZooKeeper(
  processes: ProcessSet,
  temporary: string,
  setup: { readonly superDigest: string },
): Promise<ReconfigurableZooKeeper> {
  const classpath = await prepareClasspath(processes);
  const directory = await mkdtemp(join(temporary, "zookeeper-"));
  const ports = await freePorts(9);
  const specs = [0, 1, 2].map(
    (index) => `127.0.0.1:${ports[3 + index]}:${ports[6 + index]}:participant;127.0.0.1:${ports[index]}`,
  );
  const members = specs.map((spec, index) => `server.${index + 1}=${spec}\n`).join("");
  const children: Child[] = [];
  for (const sid of [1, 2, 3]) {
    const home = join(directory, String(sid));
    await mkdir(join(home, "data"), { recursive: true });
    await writeFile(join(home, "data", "myid"), `${sid}\n`);
    await writeFile(join(home, "members"), members);
    await writeFile(join(home, "zoo.cfg"), zooCfg(home));
    const args = [
      "-Xmx256m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      "-Dzookeeper.forceSync=no",
      `-Dzookeeper.DigestAuthenticationProvider.superDigest=${setup.superDigest}`,
      "-cp",
      classpath,
      "org.apache.zookeeper.server.quorum.QuorumPeerMain",
      join(home, "zoo.cfg"),
    ];
    children.push(processes.start({ command: "java", args, cwd: home }));
  }
  const addresses = ports.slice(0, 3).map((port) => ({ host: "127.0.0.1", port }));
  const stop = async (): Promise<void> => {
    await Promise.all(children.map((child) => processes.stop(child)));
  };
  await untilServing(addresses, children);
  return { name: `zookeeper ${ZOOKEEPER_VERSION}`, addresses, stop, specs };
}

function zooCfg(home: string): string {
  return [
    "tickTime=2000",
    "initLimit=10",
    "syncLimit=5",
    `dataDir=${join(home, "data")}`,
    `dynamicConfigFile=${join(home, "members")}`,
    "reconfigEnabled=true",
    // Edgekeeper has no other kind of server for an ensemble of one.
    "standaloneEnabled=false",
    "maxClientCnxns=0",
    "admin.enableServer=false",
    "4lw.commands.whitelist=*",
    "",
  ].join("\n");
}
