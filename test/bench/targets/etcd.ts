/** A cluster of three of Debian's etcd, as it comes: three processes, each with data of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ProcessSet } from "../../compat/processes.ts";
import { until } from "../../compat/servers.ts";
import { freePorts } from "../../harness/ports.ts";
import { Toolbox } from "../../compat/tools.ts";

/** One that runs. */
export interface Etcd {
  readonly name: "etcd";
  readonly version: string;
  /** Of their JSON gateways. */
  readonly httpPorts: readonly number[];
  processes(): readonly number[];
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

/** Starts it on new data, and waits until all three know their leader. */
export async function startEtcd(): Promise<Etcd> {
  const set = new ProcessSet();
  const kill = (): void => set.killAll();
  process.once("exit", kill);
  const tools = await Toolbox.open(set);
  const command = await tools.needCommand("etcd", "etcd-server");
  const version = await tools.debianVersion("etcd-server");
  const directory = await mkdtemp(join(tmpdir(), "bench-etcd-"));
  const ports = await freePorts(6);
  const httpPorts = ports.slice(0, 3);
  const peerUrl = (index: number): string => `http://127.0.0.1:${ports[3 + index]}`;
  const cluster = [0, 1, 2].map((index) => `bench-${index}=${peerUrl(index)}`).join(",");
  const children = [0, 1, 2].map((index) => {
    const clientUrl = `http://127.0.0.1:${httpPorts[index]}`;
    const args = ["--name", `bench-${index}`, "--data-dir", join(directory, String(index))];
    args.push("--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl);
    args.push("--listen-peer-urls", peerUrl(index), "--initial-advertise-peer-urls", peerUrl(index));
    args.push("--initial-cluster", cluster, "--initial-cluster-token", directory, "--logger", "zap");
    args.push("--log-level", "error");
    return set.start({ command, args, cwd: directory });
  });
  await until(START_TIMEOUT_MS, "etcd serves", async () => {
    const ended = children.find((child) => child.hasEnded);
    if (ended !== undefined) throw new Error(`etcd ended:\n${ended.tail}`);
    const healths = await Promise.allSettled(
      httpPorts.map(async (port) => await (await fetch(`http://127.0.0.1:${port}/health`)).text()),
    );
    return healths.every((one) => one.status === "fulfilled" && one.value.includes('"health":"true"'));
  });
  return {
    name: "etcd",
    version,
    httpPorts,
    processes: () => children.flatMap((child) => child.process.pid ?? []),
    async stop() {
      await set.stopAll();
      process.off("exit", kill);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
