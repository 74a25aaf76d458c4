/**
 * Runs the checks with the real zkCli.sh. Each check starts its own processes, one for each session it needs,
 * and reads what a person at the terminal would.
 */
import { createHash } from "node:crypto";
import { NotAvailable, expectEqual, runChecks, waitFor } from "./harness.ts";
import type { ClientCheck, Place } from "./harness.ts";
import { ZkCli } from "./zk-cli.ts";

/** Gives zkCli processes to a check and quits them after it. */
type Open = (hosts?: string, timeoutMs?: number) => Promise<ZkCli>;

function withCli(check: (place: Place, open: Open) => Promise<string | void>): ClientCheck {
  return async (place) => {
    const opened: ZkCli[] = [];
    const open: Open = async (hosts = place.hosts, timeoutMs = 10_000) => {
      const cli = new ZkCli(hosts, timeoutMs);
      opened.push(cli);
      return await cli.connected();
    };
    try {
      return await check(place, open);
    } finally {
      await Promise.all(opened.map((cli) => cli.quit()));
    }
  };
}

/** A check with one zkCli and the check's znode created. */
function withRoot(check: (cli: ZkCli, root: string) => Promise<string | void>): ClientCheck {
  return withCli(async (place, open) => {
    const cli = await open();
    await create(cli, place.path, { data: "root" });
    return await check(cli, place.path);
  });
}

interface Creation {
  readonly flags?: string;
  readonly data?: string;
  readonly acl?: string;
  /** The path it shall get, if it differs from the one asked for. */
  readonly created?: string;
}

async function create(cli: ZkCli, path: string, creation: Creation = {}): Promise<void> {
  const { flags = "", data = "x", acl = "", created = path } = creation;
  await cli.expect(`create ${flags} ${path} ${data} ${acl}`, `Created ${created}`);
}

/** A writer, a watcher, and the check's znode seen by both. */
async function twoClis(place: Place, open: Open): Promise<{ root: string; writer: ZkCli; watcher: ZkCli }> {
  const [writer, watcher] = await Promise.all([open(), open()]);
  await create(writer, place.path, { data: "root" });
  await watcher.expect(`sync ${place.path}`, "Sync is OK");
  return { root: place.path, writer, watcher };
}

/** Events come in the order of the writes: once this one is there, all earlier ones are. */
async function expectFence(root: string, writer: ZkCli, watcher: ZkCli): Promise<void> {
  await watcher.expect(`stat -w ${root}-fence`, `Node does not exist: ${root}-fence`);
  await create(writer, `${root}-fence`);
  await watcher.event("SyncConnected", "NodeCreated", `${root}-fence`);
}

function numbered(path: string, number: number): string {
  return `${path}${String(number).padStart(10, "0")}`;
}

function missing(reason: string): ClientCheck {
  return async () => await Promise.reject(new NotAvailable(reason));
}

function sequential(flags: string, isEphemeral: boolean): ClientCheck {
  return withRoot(async (cli, root) => {
    for (const number of [0, 1, 2])
      await create(cli, `${root}/s-`, { flags, created: numbered(`${root}/s-`, number) });
    const owner = (await cli.stat(`stat ${numbered(`${root}/s-`, 0)}`)).get("ephemeralOwner");
    expectEqual("owned by a session", isEphemeral, owner !== "0x0");
  });
}

const NODES: Readonly<Record<string, ClientCheck>> = {
  connect: withCli(async (place, open) => {
    const cli = await open(place.hosts, 4000);
    const names = await cli.run("ls /");
    if (!/[[ ]zookeeper[,\]]/.test(names))
      throw new Error(`ls /: expected zookeeper among the names, saw ${names}`);
  }),
  "create-persistent": withRoot(async (cli, root) => {
    const stat = await cli.stat(`stat ${root}`);
    expectEqual("owner", "0x0", stat.get("ephemeralOwner"));
    expectEqual("data length", "4", stat.get("dataLength"));
  }),
  "create-ephemeral": withRoot(async (cli, root) => {
    await create(cli, `${root}/e`, { flags: "-e" });
    const owner = (await cli.stat(`stat ${root}/e`)).get("ephemeralOwner") ?? "";
    if (!/^0x[0-9a-f]{2,16}$/.test(owner)) throw new Error(`expected a session id, saw ${owner}`);
    await cli.expect(`getEphemerals ${root}`, `[${root}/e]`);
  }),
  "create-persistent-sequential": sequential("-s", false),
  "create-ephemeral-sequential": sequential("-e -s", true),
  "create-container": withRoot(async (cli, root) => {
    await create(cli, `${root}/c`, { flags: "-c" });
    await create(cli, `${root}/c/child`);
    const stat = await cli.stat(`stat ${root}/c`);
    expectEqual("owner, children", ["0x0", "1"], [stat.get("ephemeralOwner"), stat.get("numChildren")]);
  }),
  "create-refused": withRoot(async (cli, root) => {
    await create(cli, `${root}/e`, { flags: "-e" });
    await cli.expect(`create ${root} x`, `Node already exists: ${root}`);
    await cli.expect(`create ${root}/no/child x`, `Node does not exist: ${root}/no/child`);
    await cli.expect(`create ${root}/e/c x`, `Ephemerals cannot have children: ${root}/e/c`);
  }),
  "null-data": withRoot(async (cli, root) => {
    await cli.expect(`create ${root}/null`, `Created ${root}/null`);
    await cli.expect(`get ${root}/null`, "null");
    expectEqual("data length", "0", (await cli.stat(`stat ${root}/null`)).get("dataLength"));
  }),
  get: withRoot(async (cli, root) => {
    await create(cli, `${root}/c`);
    await cli.expect(`get ${root}`, "root");
    const stat = await cli.stat(`get -s ${root}`);
    const names = ["dataVersion", "cversion", "aclVersion", "dataLength", "numChildren"];
    expectEqual(
      names.join(),
      ["0", "1", "0", "4", "1"],
      names.map((name) => stat.get(name)),
    );
    expectEqual("mZxid = cZxid", stat.get("cZxid"), stat.get("mZxid"));
    expectEqual("pZxid > cZxid", true, BigInt(stat.get("pZxid") ?? 0) > BigInt(stat.get("cZxid") ?? 0));
    await cli.expect(`getAllChildrenNumber ${root}`, "1");
    await cli.expect(`get ${root}/no`, `Node does not exist: ${root}/no`);
  }),
  set: withRoot(async (cli, root) => {
    await cli.expect(`set -v 0 ${root} one`, "");
    await cli.expect(`set -v 0 ${root} two`, `version No is not valid : ${root}`);
    await cli.expect(`get ${root}`, "one");
    await cli.expect(`set ${root} three`, "");
    expectEqual("version after set at any", "2", (await cli.stat(`stat ${root}`)).get("dataVersion"));
    await cli.expect(`set ${root}/no x`, `Node does not exist: ${root}/no`);
  }),
  delete: withRoot(async (cli, root) => {
    await create(cli, `${root}/c`);
    await cli.expect(`delete ${root}`, `Node not empty: ${root}`);
    await cli.expect(`delete -v 7 ${root}/c`, `version No is not valid : ${root}/c`);
    await cli.expect(`delete -v 0 ${root}/c`, "");
    await cli.expect(`delete ${root}/c`, `Node does not exist: ${root}/c`);
    await create(cli, `${root}/d`);
    await create(cli, `${root}/d/e`);
    await cli.expect(`deleteall ${root}`, "");
    await cli.expect(`stat ${root}`, `Node does not exist: ${root}`);
  }),
  exists: withRoot(async (cli, root) => {
    await cli.expect(`stat ${root}/no`, `Node does not exist: ${root}/no`);
    expectEqual("version", "0", (await cli.stat(`stat ${root}`)).get("dataVersion"));
  }),
  children: withRoot(async (cli, root) => {
    for (const name of ["b", "a", "c"]) await create(cli, `${root}/${name}`);
    await cli.expect(`delete ${root}/b`, "");
    await cli.expect(`ls ${root}`, "[a, c]");
    const stat = await cli.stat(`ls -s ${root}`);
    expectEqual("numChildren, cversion", ["2", "4"], [stat.get("numChildren"), stat.get("cversion")]);
    await cli.expect(`ls ${root}/a`, "[]");
    await cli.expect(`ls -R ${root}`, `${root}\n${root}/a\n${root}/c`);
    await cli.expect(`ls ${root}/no`, `Node does not exist: ${root}/no`);
  }),
  sync: withCli(async (place, open) => {
    const [first, second] = place.hosts.split(",");
    const [writer, reader] = await Promise.all([open(first), open(second)]);
    await create(writer, place.path);
    for (let count = 0; count < 5; count += 1) {
      await writer.expect(`set ${place.path} ${count}`, "");
      await reader.expect(`sync ${place.path}`, "Sync is OK");
      await reader.expect(`get ${place.path}`, String(count));
    }
  }),
};

const WATCHES: Readonly<Record<string, ClientCheck>> = {
  "watch-data": withCli(async (place, open) => {
    const { root, writer, watcher } = await twoClis(place, open);
    await watcher.expect(`get -w ${root}`, "root");
    await writer.run(`set ${root} one`);
    await writer.run(`set ${root} two`);
    await watcher.event("SyncConnected", "NodeDataChanged", root);
    await expectFence(root, writer, watcher);
    expectEqual("events of two sets", 1, watcher.eventCount("NodeDataChanged", root));
    await watcher.expect(`get -w ${root}`, "two");
    await writer.run(`delete ${root}`);
    await watcher.event("SyncConnected", "NodeDeleted", root);
  }),
  "watch-exist": withCli(async (place, open) => {
    const { root, writer, watcher } = await twoClis(place, open);
    await watcher.expect(`stat -w ${root}/later`, `Node does not exist: ${root}/later`);
    await create(writer, `${root}/later`);
    await writer.run(`set ${root}/later y`);
    await watcher.event("SyncConnected", "NodeCreated", `${root}/later`);
    await expectFence(root, writer, watcher);
    expectEqual("changes seen by the spent watch", 0, watcher.eventCount("NodeDataChanged", `${root}/later`));
  }),
  "watch-child": withCli(async (place, open) => {
    const { root, writer, watcher } = await twoClis(place, open);
    await watcher.expect(`ls -w ${root}`, "[]");
    await writer.run(`set ${root} not-a-child`);
    await create(writer, `${root}/a`);
    await create(writer, `${root}/b`);
    await watcher.event("SyncConnected", "NodeChildrenChanged", root);
    await expectFence(root, writer, watcher);
    expectEqual("events of two creates", 1, watcher.eventCount("NodeChildrenChanged", root));
    expectEqual("changes of data seen by it", 0, watcher.eventCount("NodeDataChanged", root));
  }),
  "watch-recursive": withCli(async (place, open) => {
    const { root, writer, watcher } = await twoClis(place, open);
    await watcher.expect(`addWatch -m PERSISTENT_RECURSIVE ${root}`, "");
    await create(writer, `${root}/a`);
    await create(writer, `${root}/a/b`);
    await writer.run(`set ${root}/a/b y`);
    await writer.run(`delete ${root}/a/b`);
    await watcher.event("SyncConnected", "NodeDeleted", `${root}/a/b`);
    const counts = ["NodeCreated", "NodeDataChanged", "NodeDeleted", "NodeChildrenChanged"].map((type) =>
      watcher.eventCount(type, `${root}/a/b`),
    );
    expectEqual("created, changed, deleted, children changed", [1, 1, 1, 0], counts);
    expectEqual("the child itself", 1, watcher.eventCount("NodeCreated", `${root}/a`));
  }),
  "remove-watch": withCli(async (place, open) => {
    const { root, writer, watcher } = await twoClis(place, open);
    await watcher.expect(`get -w ${root}`, "root");
    await watcher.run(`removewatches ${root} -d`);
    await watcher.event("SyncConnected", "DataWatchRemoved", root);
    await writer.run(`set ${root} y`);
    await expectFence(root, writer, watcher);
    expectEqual("changes seen", 0, watcher.eventCount("NodeDataChanged", root));
  }),
};

const ACCESS: Readonly<Record<string, ClientCheck>> = {
  "acl-world": withRoot(async (cli, root) => {
    await create(cli, `${root}/ro`, { data: "v", acl: "world:anyone:r" });
    await cli.expect(`get ${root}/ro`, "v");
    await cli.expect(`getAcl ${root}/ro`, "'world,'anyone\n: r");
    for (const command of [
      `set ${root}/ro w`,
      `create ${root}/ro/c x`,
      `setAcl ${root}/ro world:anyone:cdrwa`,
    ]) {
      expectRefused(command, await cli.run(command));
    }
  }),
  "acl-digest": withCli(async (place, open) => {
    const { root, writer: owner, watcher: other } = await twoClis(place, open);
    await owner.expect("addauth digest user:secret", "");
    await create(owner, `${root}/mine`, { data: "v", acl: "auth::cdrwa" });
    const digest = createHash("sha1").update("user:secret").digest("base64");
    await owner.expect(`getAcl ${root}/mine`, `'digest,'user:${digest}\n: cdrwa`);
    await other.expect(`sync ${root}`, "Sync is OK");
    expectRefused("get of a stranger", await other.run(`get ${root}/mine`));
    await other.expect("addauth digest user:wrong", "");
    expectRefused("get with a wrong password", await other.run(`get ${root}/mine`));
    await other.expect("addauth digest user:secret", "");
    await other.expect(`get ${root}/mine`, "v");
    await other.expect(`setAcl ${root}/mine digest:user:${digest}:r`, "");
    expectRefused("set after", await owner.run(`set ${root}/mine w`));
  }),
  "acl-ip": withRoot(async (cli, root) => {
    await create(cli, `${root}/own`, { data: "v", acl: "ip:127.0.0.1:cdrwa" });
    await create(cli, `${root}/other`, { data: "v", acl: "ip:10.9.8.7:cdrwa" });
    await cli.expect(`get ${root}/own`, "v");
    expectRefused("get", await cli.run(`get ${root}/other`));
  }),
};

function expectRefused(what: string, output: string): void {
  if (!output.startsWith("Insufficient permission :")) {
    throw new Error(`${what}: expected "Insufficient permission : ...", saw "${output}"`);
  }
}

/** What holds a session in a zkCli of its own, and another that looks on. */
async function ownerAndWatcher(
  place: Place,
  open: Open,
  owner: ZkCli,
): Promise<{ watcher: ZkCli; session: string }> {
  const watcher = await open();
  await create(watcher, place.path, { data: "root" });
  await owner.expect(`sync ${place.path}`, "Sync is OK");
  await create(owner, `${place.path}/e`, { flags: "-e" });
  await watcher.expect(`sync ${place.path}`, "Sync is OK");
  const session = (await watcher.stat(`stat -w ${place.path}/e`)).get("ephemeralOwner") ?? "";
  return { watcher, session };
}

const SESSIONS: Readonly<Record<string, ClientCheck>> = {
  "multi-success": missing("zkCli has no command for a transaction"),
  "multi-failure": missing("zkCli has no command for a transaction"),
  config: withCli(async (_place, open) => {
    const cli = await open();
    const text = await cli.run("config");
    await cli.expect("get /zookeeper/config", text);
    return text;
  }),
  "large-value": withCli(async (place, open) => {
    const cli = await open();
    const value = "0123456789".repeat(100_000);
    await create(cli, place.path, { data: value });
    expectEqual("the value read is the one written", true, (await cli.run(`get ${place.path}`)) === value);
    expectEqual("data length", "1000000", (await cli.stat(`stat ${place.path}`)).get("dataLength"));
  }),
  pipeline: missing("zkCli waits for each command's answer"),
  close: withCli(async (place, open) => {
    const owner = await new ZkCli(place.hosts, 30_000).connected();
    const { watcher } = await ownerAndWatcher(place, open, owner);
    const before = performance.now();
    await owner.quit();
    await watcher.event("SyncConnected", "NodeDeleted", `${place.path}/e`);
    const tookMs = performance.now() - before;
    if (tookMs >= 3000) throw new Error(`gone within 3000 ms, saw ${tookMs}`);
  }),
  "hand-over": missing("zkCli has no option that takes a session id and password"),
  move: withCli(async (place, open) => {
    const mover = await open(place.proxy);
    const { watcher, session } = await ownerAndWatcher(place, open, mover);
    const from = mover.lines.length;
    await place.move();
    await mover.event("Disconnected", "None", "null", from);
    await mover.event("SyncConnected", "None", "null", from);
    await create(mover, `${place.path}/f`, { flags: "-e" });
    const owner = (await mover.stat(`stat ${place.path}/f`)).get("ephemeralOwner");
    expectEqual("owner of an ephemeral created after the move", session, owner);
    await watcher.expect(`sync ${place.path}`, "Sync is OK");
    const kept = (await watcher.stat(`stat ${place.path}/e`)).get("ephemeralOwner");
    expectEqual("owner of the one created before", session, kept);
    expectEqual("deletions seen by another client", 0, watcher.eventCount("NodeDeleted", `${place.path}/e`));
  }),
  "move-watch": withCli(async (place, open) => {
    const [mover, other] = await Promise.all([open(place.proxy), open()]);
    const root = place.path;
    await create(mover, root, { data: "root" });
    await mover.expect(`get -w ${root}`, "root");
    await mover.expect(`stat -w ${root}/later`, `Node does not exist: ${root}/later`);
    await mover.expect(`ls -w ${root}`, "[]");
    const from = mover.lines.length;
    await place.move();
    await mover.event("Disconnected", "None", "null", from);
    await mover.event("SyncConnected", "None", "null", from);
    await other.run(`sync ${root}`);
    await other.expect(`set ${root} y`, "");
    await create(other, `${root}/later`);
    await mover.event("SyncConnected", "NodeDataChanged", root, from);
    await mover.event("SyncConnected", "NodeCreated", `${root}/later`, from);
    await mover.event("SyncConnected", "NodeChildrenChanged", root, from);
  }),
  expiry: withCli(async (place, open) => {
    const frozen = await open(place.hosts, 4000);
    const { watcher } = await ownerAndWatcher(place, open, frozen);
    const silentSinceMs = performance.now();
    await frozen.expect(`get ${place.path}/e`, "x");
    const from = frozen.lines.length;
    frozen.signal("SIGSTOP");
    try {
      await watcher.event("SyncConnected", "NodeDeleted", `${place.path}/e`);
      const silentMs = performance.now() - silentSinceMs;
      if (silentMs < 4000) throw new Error(`not before 4000 ms of silence, saw ${silentMs}`);
      if (silentMs > 15_000) throw new Error(`within 15000 ms of silence, saw ${silentMs}`);
    } finally {
      frozen.signal("SIGCONT");
    }
    await waitFor("zkCli prints Expired", () =>
      frozen.lines.indexOf("WatchedEvent state:Expired type:None path:null", from) >= 0 ? true : undefined,
    );
  }),
};

await runChecks({ ...NODES, ...WATCHES, ...ACCESS, ...SESSIONS });
