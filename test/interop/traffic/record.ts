/**
 * Records a system's first minutes at a real ZooKeeper: what it is told there is what it must be told by Edgekeeper.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type { ProcessSet } from "../../compat/processes.ts";
import { formatAddress } from "../../compat/servers.ts";
import { startSingleZooKeeper } from "../../compat/single-zookeeper.ts";
import { digestOf, SUPER_LOGIN } from "../../differential/values.ts";
import type { Coordinator } from "../coordinator.ts";
import { RecordingProxy } from "./proxy.ts";
import { renderRecording } from "./recording.ts";
import { keep } from "./scrub.ts";

/** Where the recordings are. */
export const RECORDINGS: string = join(import.meta.dirname, "recordings");

/** Containers are removed by a sweep at its own time: never while somebody records. */
const NEVER_MS = 2 ** 31 - 1;

/** Lets a system play against a real ZooKeeper; writes down what passed between them. */
export async function record(
  processes: ProcessSet,
  temporary: string,
  system: {
    readonly name: string;
    readonly about: string;
    readonly play: (coordinator: Coordinator) => Promise<void>;
  },
): Promise<string> {
  const zookeeper = await startSingleZooKeeper(processes, temporary, {
    superDigest: digestOf(SUPER_LOGIN),
    saslPasswords: {},
    sweepIntervalMs: NEVER_MS,
  });
  const [upstream] = zookeeper.addresses;
  if (upstream === undefined) throw new Error("a server has an address");
  const proxy = await RecordingProxy.open(upstream);
  try {
    await system.play({
      connect: proxy.connect,
      aside: formatAddress(upstream),
      leader: () => Promise.resolve(1),
      killLeader: () => Promise.reject(new Error("nothing is killed while somebody records")),
      output: () => "",
      stop: () => Promise.resolve(),
    });
  } finally {
    await proxy.close();
    await zookeeper.stop();
  }
  const file = join(RECORDINGS, `${system.name}.txt`);
  await mkdir(dirname(file), { recursive: true });
  const recording = keep(`${system.about}, at ${zookeeper.name}`, proxy.lines);
  const text = renderRecording(recording);
  await writeFile(file, text);
  return `${recording.lines.length} lines, ${Math.round(text.length / 1024)} KiB in ${file}`;
}
