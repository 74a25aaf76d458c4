/** Edgekeeper behind `edgekeeper bridge`, as clients of a deployment have it; what the bridge costs is told apart. */
import { join } from "node:path";
import { type Child, ProcessSet } from "../../compat/processes.ts";
import { untilServing } from "../../compat/servers.ts";
import { freePorts } from "../../harness/ports.ts";
import { newEdgekeeper } from "./edgekeeper.ts";
import type { Target } from "./target.ts";

const PROGRAM = join(import.meta.dirname, "../../../src/program/main.ts");

/** One that is not started yet. */
export async function newBridged(): Promise<Target> {
  const behind = await newEdgekeeper();
  const ports = await freePorts(behind.addresses.length);
  const set = new ProcessSet();
  const killAll = (): void => set.killAll();
  process.once("exit", killAll);
  const args = [PROGRAM, "bridge", "--url", behind.httpUrl, "--ports", ports.join(",")];
  const addresses = ports.map((port) => ({ host: "127.0.0.1", port }));
  let bridge: Child | undefined;
  return {
    ...behind,
    name: "bridge",
    addresses,
    processes: () => [
      ...behind.processes(),
      ...(bridge?.process.pid === undefined ? [] : [bridge.process.pid]),
    ],
    async start() {
      await behind.start();
      bridge = set.start({ command: process.execPath, args });
      await untilServing(addresses, [bridge]);
    },
    async kill() {
      bridge?.signal("SIGKILL");
      await bridge?.ended;
      await behind.kill();
    },
    async stop() {
      await set.stopAll();
      process.off("exit", killAll);
      await behind.stop();
    },
  };
}
