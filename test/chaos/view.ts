/** Reads all that one replica shows below a path, after a sync, as one more client whose history is judged. */
import type { ClientRequest } from "../../src/jute/requests.ts";
import type { RequestOutcome, ServerAddress } from "../client/wire-connection.ts";
import type { Stat } from "../../src/base/stat.ts";
import { RecordedClient, type Recorder } from "./recorded-client.ts";

const CONNECT_DEADLINE_MS = 20_000;
/** Reads in flight at once. */
const WINDOW = 400;

/** A znode as a replica shows it at the end. */
export interface FinalZnode {
  readonly data: string;
  readonly stat: Stat;
}

/** All znodes below the root of the run, by path, as one replica shows them at the end. */
export interface ReplicaView {
  readonly name: string;
  readonly znodes: ReadonlyMap<string, FinalZnode>;
}

/** What is to be read. */
export interface ViewSetup {
  readonly server: ServerAddress;
  readonly name: string;
  readonly root: string;
  /** Asked for where the replica does not list them: whoever lost them says so then. */
  readonly expected: Iterable<string>;
  readonly recorder: Recorder;
}

/** Opens a session at this server alone and reads every znode below `root`. Throws where it cannot. */
export async function readView(setup: ViewSetup): Promise<ReplicaView> {
  const { server, name, root, expected, recorder } = setup;
  const client = new RecordedClient(name, recorder, { servers: [server], timeoutMs: 10_000 });
  try {
    if (!(await client.wire.connected(CONNECT_DEADLINE_MS))) throw new Error(`${name} takes no session`);
    await answered(client, { op: "sync", path: root });
    const znodes = new Map<string, FinalZnode>();
    let level = [root];
    while (level.length > 0) {
      const found = await inWindows(level, async (path) => await readZnode(client, path));
      for (const { path, znode } of found) znodes.set(path, znode);
      const parents = found.filter(({ znode }) => znode.stat.numChildren > 0);
      const listed = await inWindows(parents, async ({ path }) => await readChildren(client, path));
      level = listed.flat();
    }
    const missing = [...expected].filter((path) => !znodes.has(path));
    await inWindows(missing, async (path) => await client.request({ op: "exists", path, watch: false }));
    return { name, znodes };
  } finally {
    await client.wire.close();
  }
}

async function readZnode(
  client: RecordedClient,
  path: string,
): Promise<{ readonly path: string; readonly znode: FinalZnode }> {
  const response = await answered(client, { op: "getData", path, watch: false });
  if (response.op !== "getData") throw new Error(`getData answered with ${response.op}`);
  const { data, stat } = response;
  return { path, znode: { data: data === null ? "(null)" : new TextDecoder().decode(data), stat } };
}

async function readChildren(client: RecordedClient, path: string): Promise<readonly string[]> {
  const response = await answered(client, { op: "getChildren", path, watch: false });
  if (response.op !== "children") throw new Error(`getChildren answered with ${response.op}`);
  return response.children.map((child) => `${path}/${child}`);
}

async function answered(
  client: RecordedClient,
  request: ClientRequest,
): Promise<Extract<RequestOutcome, { readonly kind: "ok" }>["response"]> {
  const outcome = await client.request(request);
  if (outcome.kind !== "ok") {
    throw new Error(`${request.op} at ${client.name}: ${JSON.stringify(outcome)}`);
  }
  return outcome.response;
}

async function inWindows<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += WINDOW) {
    results.push(...(await Promise.all(items.slice(at, at + WINDOW).map(work))));
  }
  return results;
}
