/** Reads all that one replica shows below a path, after a sync. */
import { WireClient } from "../client/wire-client.ts";
import type { RequestOutcome, ServerAddress } from "../client/wire-connection.ts";
import type { FinalZnode, ReplicaView } from "./history.ts";
import { textOf } from "./load.ts";

const CONNECT_DEADLINE_MS = 20_000;
/** Reads in flight at once. */
const WINDOW = 400;

/** Opens a session at this server alone and reads every znode below `root`. Throws where it cannot. */
export async function readView(server: ServerAddress, name: string, root: string): Promise<ReplicaView> {
  const wire = new WireClient({ servers: [server], timeoutMs: 10_000 });
  try {
    if (!(await wire.connected(CONNECT_DEADLINE_MS))) throw new Error(`${name} takes no session`);
    answered(await wire.request({ op: "sync", path: root }), `sync at ${name}`);
    const znodes = new Map<string, FinalZnode>();
    let level = [root];
    while (level.length > 0) {
      const found = await inWindows(level, async (path) => await readZnode(wire, path));
      const next: string[] = [];
      for (const { path, znode, numChildren } of found) {
        znodes.set(path, znode);
        if (numChildren > 0) next.push(path);
      }
      const listed = await inWindows(next, async (path) => await readChildren(wire, path));
      level = listed.flat();
    }
    return { name, znodes };
  } finally {
    await wire.close();
  }
}

async function readZnode(
  wire: WireClient,
  path: string,
): Promise<{ readonly path: string; readonly znode: FinalZnode; readonly numChildren: number }> {
  const response = answered(await wire.request({ op: "getData", path, watch: false }), `getData ${path}`);
  if (response.op !== "getData") throw new Error(`getData answered with ${response.op}`);
  const { czxid, version, ephemeralOwner, numChildren } = response.stat;
  return { path, numChildren, znode: { data: textOf(response.data), czxid, version, ephemeralOwner } };
}

async function readChildren(wire: WireClient, path: string): Promise<readonly string[]> {
  const response = answered(
    await wire.request({ op: "getChildren", path, watch: false }),
    `getChildren ${path}`,
  );
  if (response.op !== "children") throw new Error(`getChildren answered with ${response.op}`);
  return response.children.map((child) => `${path}/${child}`);
}

function answered(
  outcome: RequestOutcome,
  what: string,
): Extract<RequestOutcome, { kind: "ok" }>["response"] {
  if (outcome.kind !== "ok") throw new Error(`${what}: ${JSON.stringify(outcome)}`);
  return outcome.response;
}

async function inWindows<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += WINDOW) {
    results.push(...(await Promise.all(items.slice(at, at + WINDOW).map(work))));
  }
  return results;
}
