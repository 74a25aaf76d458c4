/** The generator's own ceiling: `responder.ts` in a process of its own, which answers everything at once. */
import { join } from "node:path";
import { ProcessSet } from "../compat/processes.ts";
import { freePorts } from "../harness/ports.ts";
import type { Served } from "./targets/target.ts";

/** One that runs. */
export interface Ceiling extends Served {
  /** Where it answers HTTP. */
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startCeiling(): Promise<Ceiling> {
  const set = new ProcessSet();
  const [wirePort = 0, httpPort = 0] = await freePorts(2);
  const file = join(import.meta.dirname, "responder.ts");
  const ready = Promise.withResolvers<"ready">();
  const command = { command: process.execPath, args: [file, String(wirePort), String(httpPort)] };
  const child = set.start(command, (line) => {
    if (line === "ready") ready.resolve(line);
  });
  const end = await Promise.race([ready.promise, child.ended]);
  if (end !== "ready") throw new Error(`the responder ended:\n${child.tail}`);
  return {
    name: "generator",
    addresses: [{ host: "127.0.0.1", port: wirePort }],
    httpPort,
    processes: () => (child.process.pid === undefined ? [] : [child.process.pid]),
    stop: async () => await set.stopAll(),
  };
}
