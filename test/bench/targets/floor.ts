/** An empty Worker on the runtime that Edgekeeper runs on: what its doors cost, with nothing behind them. */
import { startEnsemble } from "../../harness/ensemble.ts";
import type { Served } from "./target.ts";

/** One that runs. */
export interface Floor extends Served {
  readonly httpPort: number;
  stop(): Promise<void>;
}

/** Starts it. */
export async function startFloor(): Promise<Floor> {
  const ensemble = await startEnsemble({ config: "test/bench/floor/wrangler.toml" });
  return {
    name: "floor",
    addresses: ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port })),
    httpPort: ensemble.httpPort,
    processes: () => (ensemble.process.pid === undefined ? [] : [ensemble.process.pid]),
    stop: async () => await ensemble.stop(),
  };
}
