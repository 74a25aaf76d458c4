/** Another voter is made the leader, over HTTP and under load; what stands in the way is told. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

let ensemble: TestEnsemble;

const OBSERVER = 4;
const WRITES_BETWEEN = 60;
const LONG_MS = 30_000;

beforeAll(async () => {
  const vars = { VOTERS: "1,2,3", OBSERVERS: String(OBSERVER), HEARTBEAT_LIMIT_MS: "4000" };
  ensemble = await startEnsemble({ vars, readyDeadlineMs: 60_000 });
}, 120_000);

afterAll(async () => await ensemble?.stop());

interface Move {
  readonly status: number;
  readonly code: string | undefined;
}

async function move(to: string, method = "POST"): Promise<Move> {
  const url = `${ensemble.httpUrl}/main/commands/move_leader?to=${to}`;
  const response = await fetch(url, { method });
  const body: unknown = await response.json();
  return { status: response.status, code: (body as { readonly code?: string }).code };
}

interface Shown {
  readonly leader: number | null;
  readonly replicas: readonly {
    readonly status: { readonly lastDelivered: string; readonly digest: string } | null;
  }[];
}

async function shown(): Promise<Shown> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  const document: unknown = await response.json();
  return document as Shown;
}

async function leader(): Promise<number | null> {
  return (await shown()).leader;
}

/** One client of each replica, which creates one znode after the other until it is told to stop. */
class Load {
  readonly clients: readonly WireClient[];
  readonly acknowledged: string[] = [];
  readonly failures: string[] = [];
  readonly #writing: Promise<unknown>;
  #isStopping = false;

  constructor() {
    this.clients = ensemble.tcpPorts.map((port) => {
      return new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: LONG_MS });
    });
    this.#writing = Promise.all(this.clients.map(async (client, nth) => await this.#write(client, nth)));
  }

  async #write(client: WireClient, writer: number): Promise<void> {
    expect(await client.connected(LONG_MS)).toBe(true);
    for (let nth = 0; !this.#isStopping; nth++) {
      const path = `/moved-${writer}-${nth}`;
      const create = { op: "create", path, data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
      const outcome = await client.request(create);
      if (outcome.kind === "ok") this.acknowledged.push(path.slice(1));
      else {
        this.failures.push(`${path}: ${JSON.stringify(outcome)}`);
        return;
      }
    }
  }

  async more(count: number): Promise<void> {
    const goal = this.acknowledged.length + count;
    const isOver = (): boolean => this.acknowledged.length >= goal || this.failures.length > 0;
    await expect.poll(isOver, { timeout: LONG_MS }).toBe(true);
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#writing;
  }
}

async function childrenAt(client: WireClient): Promise<ReadonlySet<string>> {
  const listed = await client.request({ op: "getChildren", path: "/", watch: false });
  if (listed.kind !== "ok" || listed.response.op !== "children") throw new Error(`no list: ${listed.kind}`);
  return new Set(listed.response.children);
}

test("each voter is made the leader in turn under load: nothing is lost, and no connection", async () => {
  const load = new Load();
  await load.more(WRITES_BETWEEN);
  const first = await leader();
  const others = [1, 2, 3].filter((sid) => sid !== first);
  for (const to of [...others, first]) {
    expect(await move(String(to))).toEqual({ status: 202, code: undefined });
    await expect.poll(leader, { timeout: LONG_MS }).toBe(to);
    await load.more(WRITES_BETWEEN);
    // The others may still be catching up with it, or may not be heard of yet.
    await expect.poll(async () => (await move(String(to))).code, { timeout: LONG_MS }).toBe("already-leader");
  }
  await load.stop();

  expect(load.failures).toEqual([]);
  expect(load.clients.map(({ connects }) => connects)).toEqual([1, 1, 1, 1]);
  const states = async (): Promise<number> => {
    const { replicas } = await shown();
    return new Set(replicas.map(({ status }) => `${status?.lastDelivered} ${status?.digest}`)).size;
  };
  await expect.poll(states, { timeout: LONG_MS }).toBe(1);
  for (const client of load.clients) {
    const there = await childrenAt(client);
    expect(load.acknowledged.filter((name) => !there.has(name))).toEqual([]);
    await client.close();
  }
}, 180_000);

test("what stands in the way is told", async () => {
  const now = await leader();
  expect(await move(String(now))).toEqual({ status: 409, code: "already-leader" });
  expect(await move(String(OBSERVER))).toEqual({ status: 409, code: "not-a-voter" });
  expect(await move("9")).toEqual({ status: 409, code: "unknown-sid" });
  expect(await move("0")).toEqual({ status: 400, code: "bad-sid" });
  expect(await move("one")).toEqual({ status: 400, code: "bad-sid" });
  expect(await move("2", "GET")).toEqual({ status: 405, code: "method-not-allowed" });
});
