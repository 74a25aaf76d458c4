/**
 * Runs the checks with node-zookeeper-client; `victim HOSTS PATH TIMEOUT_MS` is a client for others to freeze
 * or kill.
 */
import { spawn } from "node:child_process";
import { runChecks, NotAvailable, LineReader, expectEqual, waitFor } from "./harness.ts";
import type { ClientCheck, Place } from "./harness.ts";
import { Connection, Events, MODES, errorName, expectError } from "./node-zookeeper-client.ts";
import type { RawResult } from "./node-zookeeper-client.ts";

/** Runs a check with clients that are closed after it. */
function withClients(check: (place: Place, connect: Connect) => Promise<string | void>): ClientCheck {
  return async (place) => {
    const connections: Connection[] = [];
    const connect: Connect = async (hosts = place.hosts, timeoutMs = 10_000) => {
      const connection = new Connection(hosts, timeoutMs);
      connections.push(connection);
      return await connection.connected();
    };
    try {
      return await check(place, connect);
    } finally {
      for (const connection of connections) connection.raw.close();
    }
  };
}

type Connect = (hosts?: string, timeoutMs?: number) => Promise<Connection>;

/** A writer, a watcher, and the check's znode seen by both. */
async function twoClients(
  place: Place,
  connect: Connect,
): Promise<{ root: string; writer: Connection; watcher: Connection }> {
  const writer = await connect();
  const watcher = await connect();
  const root = await writer.create(place.path, "root");
  await watcher.sees(root);
  return { root, writer, watcher };
}

/** Events come in the order of the writes: once this one is there, all earlier ones are. */
async function expectFence(root: string, writer: Connection, watcher: Connection): Promise<void> {
  const fence = new Events();
  expectEqual("fence before", null, await watcher.exists(`${root}-fence`, fence));
  await writer.create(`${root}-fence`, "");
  expectEqual("fence", `NODE_CREATED ${root}-fence`, await fence.next());
}

function numbered(path: string, number: number): string {
  return `${path}${String(number).padStart(10, "0")}`;
}

function sequential(mode: number, isEphemeral: boolean): ClientCheck {
  return withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    for (const number of [0, 1, 2]) {
      expectEqual("name", numbered(`${root}/s-`, number), await client.create(`${root}/s-`, "", mode));
    }
    const stat = await client.exists(numbered(`${root}/s-`, 0));
    expectEqual("owner", isEphemeral ? client.session : "0".repeat(16), stat?.ephemeralOwner.toString("hex"));
  });
}

function missing(what: string): ClientCheck {
  return async () =>
    await Promise.reject(new NotAvailable(`node-zookeeper-client 1.1.3 has no call ${what}`));
}

const NODES: Readonly<Record<string, ClientCheck>> = {
  connect: withClients(async (place, connect) => {
    const client = await connect(place.hosts, 4000);
    expectEqual("negotiated timeout, ms", 4000, client.raw.getSessionTimeout());
    if (/^0+$/.test(client.session)) throw new Error("expected a session id that is not 0");
  }),
  "create-persistent": withClients(async (place, connect) => {
    const client = await connect();
    expectEqual("path", place.path, await client.create(place.path, "v"));
    const stat = await client.exists(place.path);
    expectEqual("owner", "0".repeat(16), stat?.ephemeralOwner.toString("hex"));
    expectEqual("data length", 1, stat?.dataLength);
  }),
  "create-ephemeral": withClients(async (place, connect) => {
    const client = await connect();
    await client.create(place.path, "v", MODES.ephemeral);
    expectEqual("owner", client.session, (await client.exists(place.path))?.ephemeralOwner.toString("hex"));
  }),
  "create-persistent-sequential": sequential(MODES.persistentSequential, false),
  "create-ephemeral-sequential": sequential(MODES.ephemeralSequential, true),
  "create-container": missing("that creates a container"),
  "create-refused": withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    await client.create(`${root}/e`, "", MODES.ephemeral);
    await expectError("create again", "NODE_EXISTS", client.create(root, ""));
    await expectError("create below nothing", "NO_NODE", client.create(`${root}/no/child`, ""));
    await expectError("below an ephemeral", "NO_CHILDREN_FOR_EPHEMERALS", client.create(`${root}/e/c`, ""));
  }),
  "null-data": withClients(async (place, connect) => {
    const client = await connect();
    await client.create(place.path, null);
    const { data, stat } = await client.get(place.path);
    expectEqual("data is absent", true, data === undefined || data === null);
    expectEqual("data length", 0, stat.dataLength);
  }),
  get: withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    await client.create(`${root}/c`, "");
    const { data, stat } = await client.get(root);
    expectEqual("data", "root", data?.toString());
    const counts = [stat.version, stat.cversion, stat.aversion, stat.dataLength, stat.numChildren];
    expectEqual("version, cversion, aversion, dataLength, numChildren", [0, 1, 0, 4, 1], counts);
    expectEqual("mzxid = czxid", true, stat.mzxid.equals(stat.czxid));
    expectEqual("pzxid > czxid", true, stat.pzxid.readBigInt64BE() > stat.czxid.readBigInt64BE());
    expectEqual("ctime > 2020", true, stat.ctime.readBigInt64BE() > 1577836800000n);
    await expectError("get nothing", "NO_NODE", client.get(`${root}/no`));
  }),
  set: withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    expectEqual("version", 1, (await client.set(root, "one", 0)).version);
    await expectError("set at 0 again", "BAD_VERSION", client.set(root, "two", 0));
    expectEqual("data after the refused set", "one", await client.read(root));
    const stat = await client.set(root, "three");
    expectEqual("version after set at any", 2, stat.version);
    expectEqual("mzxid moves, czxid not", true, stat.mzxid.readBigInt64BE() > stat.czxid.readBigInt64BE());
    await expectError("set nothing", "NO_NODE", client.set(`${root}/no`, ""));
  }),
  delete: withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    await client.create(`${root}/c`, "");
    await expectError("delete with a child", "NOT_EMPTY", client.remove(root));
    await expectError("delete at 7", "BAD_VERSION", client.remove(`${root}/c`, 7));
    await client.remove(`${root}/c`, 0);
    await expectError("delete again", "NO_NODE", client.remove(`${root}/c`));
    await client.remove(root);
    expectEqual("exists afterwards", null, await client.exists(root));
  }),
  exists: withClients(async (place, connect) => {
    const client = await connect();
    expectEqual("absent", null, await client.exists(place.path));
    await client.create(place.path, "root");
    expectEqual("version", 0, (await client.exists(place.path))?.version);
  }),
  children: withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    for (const name of ["b", "a", "c"]) await client.create(`${root}/${name}`, "");
    await client.remove(`${root}/b`);
    const { names, stat } = await client.children(root);
    expectEqual("children", ["a", "c"], names);
    expectEqual("numChildren, cversion", [2, 4], [stat.numChildren, stat.cversion]);
    expectEqual("children of a leaf", [], (await client.children(`${root}/a`)).names);
    await expectError("children of nothing", "NO_NODE", client.children(`${root}/no`));
  }),
  sync: missing("sync"),
};

const WATCHES: Readonly<Record<string, ClientCheck>> = {
  "watch-data": withClients(async (place, connect) => {
    const { root, writer, watcher } = await twoClients(place, connect);
    const events = new Events();
    await watcher.get(root, events);
    await writer.set(root, "one");
    await writer.set(root, "two");
    expectEqual("event", `NODE_DATA_CHANGED ${root}`, await events.next());
    await expectFence(root, writer, watcher);
    expectEqual("events of two sets", [`NODE_DATA_CHANGED ${root}`], events.seen);
    await watcher.get(root, events);
    await writer.remove(root);
    expectEqual("event", `NODE_DELETED ${root}`, await events.next());
  }),
  "watch-exist": withClients(async (place, connect) => {
    const { root, writer, watcher } = await twoClients(place, connect);
    const events = new Events();
    expectEqual("before", null, await watcher.exists(`${root}/later`, events));
    await writer.create(`${root}/later`, "");
    await writer.set(`${root}/later`, "x");
    expectEqual("event", `NODE_CREATED ${root}/later`, await events.next());
    await expectFence(root, writer, watcher);
    expectEqual("events", [`NODE_CREATED ${root}/later`], events.seen);
  }),
  "watch-child": withClients(async (place, connect) => {
    const { root, writer, watcher } = await twoClients(place, connect);
    const events = new Events();
    expectEqual("children before", [], (await watcher.children(root, events)).names);
    await writer.set(root, "not a child");
    await writer.create(`${root}/a`, "");
    await writer.create(`${root}/b`, "");
    expectEqual("event", `NODE_CHILDREN_CHANGED ${root}`, await events.next());
    await expectFence(root, writer, watcher);
    expectEqual("events of two creates", [`NODE_CHILDREN_CHANGED ${root}`], events.seen);
  }),
  "watch-recursive": missing("for persistent watches (addWatch)"),
  "remove-watch": missing("that removes a watch"),
};

/** The type numbers and errors of a transaction's results. */
async function commit(
  transaction: ReturnType<Connection["raw"]["transaction"]>,
): Promise<{ error: unknown; results: RawResult[] }> {
  return await new Promise((resolve) => transaction.commit((error, results) => resolve({ error, results })));
}

const TRANSACTIONS: Readonly<Record<string, ClientCheck>> = {
  "multi-success": withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    await client.create(`${root}/old`, "");
    // The package turns a version 0 into "any": the version checked is therefore another one.
    await client.set(root, "at version 1");
    const transaction = client.raw.transaction().check(root, 1).create(`${root}/new`, Buffer.from("1"));
    transaction.create(`${root}/s-`, Buffer.from(""), MODES.ephemeralSequential);
    transaction.setData(`${root}/new`, Buffer.from("2"), -1).remove(`${root}/old`, -1);
    const { error, results } = await commit(transaction);
    expectEqual("error", true, error === undefined || error === null);
    expectEqual(
      "types",
      [13, 1, 1, 5, 2],
      results.map((result) => result.type),
    );
    expectEqual("created", [`${root}/new`, numbered(`${root}/s-`, 2)], [results[1]?.path, results[2]?.path]);
    expectEqual("version in the result of set", 1, results[3]?.stat?.version);
    expectEqual("data", "2", await client.read(`${root}/new`));
    expectEqual("old", null, await client.exists(`${root}/old`));
  }),
  "multi-failure": withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    const transaction = client.raw.transaction().create(`${root}/new`, Buffer.from("1")).check(root, 7);
    const { error, results } = await commit(transaction.create(`${root}/other`, Buffer.from("2")));
    expectEqual("error", "BAD_VERSION", errorName(error));
    expectEqual(
      "types",
      [-1, -1, -1],
      results.map((result) => result.type),
    );
    expectEqual(
      "errors",
      [0, -103, -2],
      results.map((result) => result.err),
    );
    expectEqual("children", [], (await client.children(root)).names);
  }),
};

const ACCESS: Readonly<Record<string, ClientCheck>> = {
  "acl-world": withClients(async (place, connect) => {
    const client = await connect();
    const path = `${await client.create(place.path, "root")}/ro`;
    await client.createWith(path, "v", { acl: client.acl(1, "world", "anyone") });
    expectEqual("data", "v", await client.read(path));
    await expectError("set", "NO_AUTH", client.set(path, "w"));
    await expectError("create below", "NO_AUTH", client.create(`${path}/c`, ""));
    await expectError("set the ACL", "NO_AUTH", client.setAcl(path, client.acl(31, "world", "anyone")));
    const { acls, stat } = await client.getAcl(path);
    expectEqual("ACL", client.acl(1, "world", "anyone"), acls);
    expectEqual("aversion", 0, stat.aversion);
  }),
  "acl-digest": withClients(async (place, connect) => {
    const owner = await connect();
    owner.raw.addAuthInfo("digest", Buffer.from("user:secret"));
    const path = `${await owner.create(place.path, "root")}/mine`;
    await owner.createWith(path, "v", { acl: owner.acl(31, "auth", "") });
    const { acls } = await owner.getAcl(path);
    expectEqual("scheme of the creator's ACL", [31, "digest"], [acls[0]?.permission, acls[0]?.id.scheme]);
    const other = await connect();
    await other.sees(place.path);
    // Not by exists, which since ZooKeeper 3.9.2 needs the right to read as get does.
    await waitFor("another client sees the znode", async () => {
      const { names } = await other.children(place.path);
      return names.length === 1 ? true : undefined;
    });
    await expectError("get of a stranger", "NO_AUTH", other.get(path));
    other.raw.addAuthInfo("digest", Buffer.from("user:wrong"));
    await expectError("get with a wrong password", "NO_AUTH", other.get(path));
    other.raw.addAuthInfo("digest", Buffer.from("user:secret"));
    expectEqual("data with the right one", "v", await other.read(path));
    const readOnly = other.acl(1, "digest", acls[0]?.id.id ?? "");
    expectEqual("aversion", 1, (await other.setAcl(path, readOnly, 0)).aversion);
    await expectError("set after", "NO_AUTH", owner.set(path, "w"));
  }),
  "acl-ip": withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    await client.createWith(`${root}/own`, "v", { acl: client.acl(31, "ip", "127.0.0.1") });
    await client.createWith(`${root}/other`, "v", { acl: client.acl(31, "ip", "10.9.8.7") });
    expectEqual("data", "v", await client.read(`${root}/own`));
    await expectError("get", "NO_AUTH", client.get(`${root}/other`));
  }),
};

const DATA: Readonly<Record<string, ClientCheck>> = {
  config: withClients(async (_place, connect) => (await (await connect()).read("/zookeeper/config")) ?? ""),
  "large-value": withClients(async (place, connect) => {
    const client = await connect();
    const value = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 7) % 251));
    await client.create(place.path, value);
    const { data, stat } = await client.get(place.path);
    expectEqual("length", 1_000_000, stat.dataLength);
    expectEqual("the bytes read are those written", true, data?.equals(value));
    value.reverse();
    await client.set(place.path, value);
    const other = await connect();
    await waitFor("another client reads the second value", async () =>
      (await other.get(place.path)).data?.equals(value) ? true : undefined,
    );
  }),
  pipeline: withClients(async (place, connect) => {
    const client = await connect();
    const root = await client.create(place.path, "root");
    const answers: string[] = [];
    // Noted in the package's own callbacks: promises on top would have turns of their own.
    const note = (what: string) => (error: unknown, answer: unknown) => {
      answers.push(`${what} ${error === null || error === undefined ? String(answer) : errorName(error)}`);
    };
    const open = client.acl(31, "world", "anyone");
    for (let count = 0; count < 100; count += 1) {
      client.raw.setData(root, Buffer.from(String(count)), count, (error, stat) =>
        note("set")(error, stat?.version),
      );
      client.raw.getData(root, undefined, note("get"));
      client.raw.create(`${root}/s-`, Buffer.from(""), open, MODES.persistentSequential, note("create"));
    }
    await waitFor("300 answers", () => (answers.length === 300 ? true : undefined));
    for (let count = 0; count < 100; count += 1) {
      const expected = [`set ${count + 1}`, `get ${count}`, `create ${numbered(`${root}/s-`, count)}`];
      expectEqual("answers", expected, answers.slice(3 * count, 3 * count + 3));
    }
  }),
};

/** A client in a process of its own, to be frozen or killed. */
interface Victim {
  readonly timeoutMs: number;
  readonly silentSinceMs: number;
  signal(signal: NodeJS.Signals): void;
  line(): Promise<string>;
}

async function startVictim(hosts: string, path: string, timeoutMs: number): Promise<Victim> {
  const args = [import.meta.filename, "victim", hosts, path, String(timeoutMs)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = new LineReader(child.stdout);
  const [granted, silentSince] = (await lines.next()).split(" ");
  return {
    timeoutMs: Number(granted),
    silentSinceMs: Number(silentSince),
    signal: (signal) => child.kill(signal),
    line: async () => await lines.next(),
  };
}

async function victim(hosts: string, path: string, timeoutMs: number): Promise<void> {
  const client = await new Connection(hosts, timeoutMs).connected();
  await client.create(path, "", MODES.ephemeral);
  const silentSinceMs = Date.now();
  await client.get(path);
  process.stdout.write(`${client.raw.getSessionTimeout()} ${silentSinceMs}\n`);
  await waitFor("expired", () => (client.states.includes("EXPIRED") ? true : undefined), {
    timeoutMs: 60_000,
  });
  process.stdout.write("expired\n");
  process.exit(0);
}

const SESSIONS: Readonly<Record<string, ClientCheck>> = {
  close: withClients(async (place, connect) => {
    const { root, watcher } = await twoClients(place, connect);
    const owner = await connect(place.hosts, 30_000);
    await owner.create(`${root}/e`, "", MODES.ephemeral);
    await watcher.sees(`${root}/e`);
    const events = new Events();
    expectEqual("the ephemeral is there", true, (await watcher.exists(`${root}/e`, events)) !== null);
    const before = performance.now();
    owner.raw.close();
    expectEqual("event", `NODE_DELETED ${root}/e`, await events.next());
    const tookMs = performance.now() - before;
    if (tookMs >= 3000) throw new Error(`gone within 3000 ms, saw ${tookMs}`);
  }),
  "hand-over": missing("that takes a session id and password"),
  move: withClients(async (place, connect) => {
    const other = await connect();
    const root = await other.create(place.path, "root");
    const mover = await connect(place.proxy);
    await mover.sees(root);
    await mover.create(`${root}/e`, "", MODES.ephemeral);
    const { session } = mover;
    mover.states.length = 0;
    await place.move();
    await mover.connected();
    expectEqual("states", ["DISCONNECTED", "SYNC_CONNECTED"], mover.states);
    expectEqual("session id", session, mover.session);
    expectEqual("owner", session, (await mover.exists(`${root}/e`))?.ephemeralOwner.toString("hex"));
    await mover.set(root, "after the move");
    await waitFor("another client sees the write", async () =>
      (await other.read(root)) === "after the move" ? true : undefined,
    );
    expectEqual(
      "owner, other client",
      session,
      (await other.exists(`${root}/e`))?.ephemeralOwner.toString("hex"),
    );
  }),
  "move-watch": withClients(async (place, connect) => {
    const other = await connect();
    const root = await other.create(place.path, "root");
    const mover = await connect(place.proxy);
    await mover.sees(root);
    const [data, exist, child] = [new Events(), new Events(), new Events()];
    await mover.get(root, data);
    await mover.exists(`${root}/later`, exist);
    await mover.children(root, child);
    mover.states.length = 0;
    await place.move();
    await mover.connected();
    await other.set(root, "x");
    expectEqual("event", `NODE_DATA_CHANGED ${root}`, await data.next());
    await other.create(`${root}/later`, "");
    expectEqual("event", `NODE_CREATED ${root}/later`, await exist.next());
    expectEqual("event", `NODE_CHILDREN_CHANGED ${root}`, await child.next());
  }),
  expiry: withClients(async (place, connect) => {
    const watcher = await connect();
    const root = await watcher.create(place.path, "root");
    const frozen = await startVictim(place.hosts, `${root}/e`, 4000);
    try {
      frozen.signal("SIGSTOP");
      await watcher.sees(`${root}/e`);
      const events = new Events();
      expectEqual("the ephemeral is there", true, (await watcher.exists(`${root}/e`, events)) !== null);
      expectEqual("event", `NODE_DELETED ${root}/e`, await events.next());
      const silentMs = Date.now() - frozen.silentSinceMs;
      expectEqual("negotiated timeout, ms", 4000, frozen.timeoutMs);
      if (silentMs < 4000) throw new Error(`not before 4000 ms of silence, saw ${silentMs}`);
      if (silentMs > 15_000) throw new Error(`within 15000 ms of silence, saw ${silentMs}`);
      frozen.signal("SIGCONT");
      expectEqual("what the client says on its return", "expired", await frozen.line());
    } finally {
      frozen.signal("SIGKILL");
    }
  }),
};

const [mode, hosts = "", path = "", timeoutMs = ""] = process.argv.slice(2);
if (mode === "victim") {
  await victim(hosts, path, Number(timeoutMs));
} else {
  await runChecks({ ...NODES, ...WATCHES, ...TRANSACTIONS, ...ACCESS, ...DATA, ...SESSIONS });
  // A client that was told to close may still wait for the server to close its end.
  process.exit(0);
}
