/** Ports for what tests start: none that somebody else's test, or the kernel, takes before it is listened on. */

import { createServer } from "node:net";

/** From 32,768 on the kernel gives ports to outgoing connections: one of these could take a port just found free. */
const LOWEST = 10_000;
const LANE_PORTS = 5_600;
const LANES = 4;

/** Held by this process from its first word on, so that two calls never answer the same. */
const handedOut = new Set<number>();

/**
 * Ports on loopback that nobody listened on a moment ago, all different. Each of vitest's workers that run side by side
 * has a range of its own.
 */
export async function freePorts(count: number): Promise<number[]> {
  const first = LOWEST + (Number(process.env["VITEST_POOL_ID"] ?? 0) % LANES) * LANE_PORTS;
  const ports: number[] = [];
  for (let attempt = 0; ports.length < count; attempt++) {
    if (attempt === 1000)
      throw new Error(`no ${count} free ports between ${first} and ${first + LANE_PORTS}`);
    const port = first + Math.floor(Math.random() * LANE_PORTS);
    if (handedOut.has(port)) continue;
    handedOut.add(port);
    if (await isFree(port)) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
