/** A whole run: everybody is let in, the znode is made, each work is measured, and all that was made is deleted. */
import type { BenchClient, BenchDoor } from "./bench-client.ts";
import { BenchGround } from "./bench-ground.ts";
import { type BenchFigures, measureWork, type WorkName } from "./bench-work.ts";

/** What is to be measured. */
export interface BenchOrder {
  readonly door: BenchDoor;
  readonly works: readonly WorkName[];
  readonly sessions: number;
  readonly outstanding: number;
  readonly durationMs: number;
  readonly bytes: number;
  readonly znodes: number;
  readonly path: string;
}

/** Who is told, and who ends it. */
export interface BenchRun {
  readonly signal: AbortSignal;
  /** What was made could not be deleted. */
  readonly onLeft: (path: string, error: unknown) => void;
}

/** Measures. Throws what measureWork and BenchGround throw; what was made is deleted all the same. */
export async function runBench(order: BenchOrder, run: BenchRun): Promise<readonly BenchFigures[]> {
  const { door, works, sessions, outstanding, durationMs, bytes, znodes, path } = order;
  const clients = await openAll(door, sessions);
  const ground = new BenchGround(path);
  const data = new Uint8Array(bytes);
  try {
    const [first] = clients;
    await ground.claim(first, { znodes, data });
    const figures: BenchFigures[] = [];
    for (const name of works) {
      const crew = { clients, outstanding, durationMs, signal: run.signal };
      figures.push(await measureWork({ name, ground, znodes, data }, crew));
    }
    return figures;
  } finally {
    await Promise.all(clients.map(async (client) => await client.close()));
    if (ground.isClaimed) await leave(door, ground, run);
  }
}

/** At least one. Throws why one of them was not let in; the others are closed then. */
async function openAll(door: BenchDoor, count: number): Promise<readonly [BenchClient, ...BenchClient[]]> {
  // Whether anybody is there is asked once, not a thousand times.
  const first = await door.open();
  const others = await Promise.allSettled(Array.from({ length: count - 1 }, async () => await door.open()));
  const opened = others.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const failed = others.find((one) => one.status === "rejected");
  if (failed === undefined) return [first, ...opened];
  await Promise.all([first, ...opened].map(async (client) => await client.close()));
  throw failed.reason;
}

/** By a session of its own: those that measured may be what failed. */
async function leave(door: BenchDoor, ground: BenchGround, { onLeft }: BenchRun): Promise<void> {
  let client: BenchClient | undefined;
  try {
    client = await door.open();
    await ground.leave(client);
  } catch (error) {
    onLeft(ground.root, error);
  } finally {
    await client?.close();
  }
}
