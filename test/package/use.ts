/** A program of somebody who has installed the package: a session and HTTP mode, each of which sees the other. */
import { connect, http, NodeExistsError, type WatchEvent } from "edgekeeper";

/** What the program saw. */
export interface Seen {
  readonly text: string;
  readonly events: readonly string[];
  readonly order: boolean;
  readonly code: string;
  readonly state: string;
}

/** Uses an ensemble, and leaves nothing behind. */
export async function use(address: string): Promise<Seen> {
  const path = `/package-${Math.random().toString(36).slice(2)}`;
  const keeper = http(address);
  const client = await connect(address);

  const first = await keeper.lock(`${path}-lock`, { ttlMs: 5000, waitMs: 5000, owner: "package" });
  await client.create(path, "hello");
  const watch = await client.watch(path);
  const text = (await keeper.get(path, { linearizable: true })).text();
  await keeper.put(path, "changed", { held: first });
  await first.release();
  const second = await keeper.lock(`${path}-lock`, { ttlMs: 5000 });
  const order = second.token > first.token;
  await second.release();

  let code = "";
  try {
    await client.create(path);
  } catch (error) {
    if (error instanceof NodeExistsError) code = error.code;
  }
  await client.delete(path);
  const events: string[] = [];
  for await (const event of watch) {
    events.push(event.type satisfies WatchEvent["type"]);
    if (event.type === "deleted") break;
  }
  await client.close();
  return { text, events, order, code, state: client.state };
}
