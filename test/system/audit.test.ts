/** The audit log of one server, beside a real ZooKeeper's that was asked the same: line by line. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import type { CreateRequest } from "../../src/base/request.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { WireClient } from "../client/wire-client.ts";
import type { ServerAddress } from "../client/wire-connection.ts";
import { ProcessSet } from "../compat/processes.ts";
import { startSingleZooKeeper } from "../compat/single-zookeeper.ts";
import { digestOf, SASL_PASSWORDS, SUPER_LOGIN } from "../differential/values.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

/** Where a ZooKeeper has to be installed first. */
const START_TIMEOUT_MS = 600_000;
const DEADLINE_MS = 30_000;

const processes = new ProcessSet();
const told: string[] = [];
let temporary: string;
let zookeeper: ServerAddress;
let edgekeeper: TestEnsemble;

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "audit-"));
  const superDigest = digestOf(SUPER_LOGIN);
  const vars = { VOTERS: "1", AUDIT_ENABLE: "1", SUPER_DIGEST: superDigest, ENFORCE_QUOTA: "1" };
  const setup = { superDigest, saslPasswords: SASL_PASSWORDS, sweepIntervalMs: 2 ** 31 - 1 };
  const [real, ours] = await Promise.all([
    startSingleZooKeeper(processes, temporary, { ...setup, onAudit: (line) => told.push(line) }),
    startEnsemble({ vars, readyDeadlineMs: 60_000 }),
  ]);
  zookeeper = must(real.addresses[0], "a server");
  edgekeeper = ours;
}, START_TIMEOUT_MS);

afterAll(async () => {
  await processes.stopAll();
  await edgekeeper?.stop();
  await rm(temporary, { recursive: true, force: true });
});

function create(path: string, flags: number, op: CreateRequest["op"] = "create"): CreateRequest {
  return { op, path, data: null, acl: OPEN_ACL, flags, ttlMs: flags > 4 ? 3_600_000 : 0 };
}

function auth(login: string): ClientRequest {
  return { op: "auth", type: 0, scheme: "digest", auth: Buffer.from(login) };
}

const SET = { op: "setData", path: "/a", data: null, version: -1 } as const;
const LIST = [
  { perms: PERMS.read, scheme: "world", id: "anyone" },
  { perms: PERMS.all, scheme: "auth", id: "" },
];
const CLOSED = [{ perms: PERMS.all, scheme: "digest", id: digestOf("bob:two") }];
/** The last of all: it is waited for. */
const LAST = "/last";

const REQUESTS: readonly ClientRequest[] = [
  create("/a", 0),
  create("/a/e", 1),
  create("/a/s-", 2),
  create("/a/es-", 3, "create2"),
  create("/a/box", 4, "createContainer"),
  create("/a/t", 5, "createTTL"),
  create("/a/ts-", 6, "createTTL"),
  create("/a", 0),
  create("/none/there", 0),
  create("bad", 0),
  SET,
  { ...SET, version: 7 },
  { ...SET, path: "/none" },
  { op: "delete", path: "/a/box", version: -1 },
  { op: "delete", path: "/a", version: -1 },
  { op: "setACL", path: "/a", acl: OPEN_ACL, version: -1 },
  { op: "setACL", path: "/a", acl: OPEN_ACL, version: 9 },
  { op: "setACL", path: "/a", acl: [], version: -1 },
  { op: "multi", operations: [] },
  { op: "multi", operations: [SET, create("/a/m", 0), { op: "delete", path: "/a/m", version: -1 }] },
  { op: "multi", operations: [SET, { op: "check", path: "/a", version: -1 }, create("/a/m2-", 2)] },
  { op: "multi", operations: [SET, { op: "delete", path: "/none", version: -1 }] },
  { op: "sync", path: "/a" },
  { op: "getData", path: "/a", watch: true },
  auth("ann:one"),
  create("/a/hers", 0),
  { op: "setACL", path: "/a/hers", acl: LIST, version: -1 },
  { op: "setACL", path: "/a/t", acl: CLOSED, version: -1 },
  { op: "setData", path: "/a/t", data: null, version: -1 },
  auth(SUPER_LOGIN),
  { op: "setData", path: "/a/t", data: null, version: -1 },
  create("/a/e2", 1),
  { op: "closeSession" },
];

/** Sends all of it in one session, and the last in another. */
async function ask(server: ServerAddress): Promise<void> {
  const client = new WireClient({ servers: [server] });
  expect(await client.connected(DEADLINE_MS)).toBe(true);
  for (const request of REQUESTS) await client.request(request);
  await client.close();
  const other = new WireClient({ servers: [server] });
  expect(await other.connected(DEADLINE_MS)).toBe(true);
  await other.request(create(LAST, 0));
  await other.close();
}

const OF_END = "operation=ephemeralZNodeDeletionOnSessionCloseOrExpire";

/**
 * What may be compared: sessions by their number; a client's names and a session's ephemerals as sets, which ZooKeeper
 * keeps in hash tables; starts and stops of a process left out, and the name of the user that it runs as.
 */
function compared(lines: readonly string[]): readonly string[] {
  const sessions: string[] = [];
  const numbered = lines
    .filter((line) => line.startsWith("session="))
    .map((line) =>
      line
        .replace(/^session=(0x[0-9a-f]+)/, (_, session: string) => {
          if (!sessions.includes(session)) sessions.push(session);
          return `session=${sessions.indexOf(session) + 1}`;
        })
        .replace(/\tuser=([^\t]*)/, (_, users: string) => `\tuser=${users.split(",").toSorted().join(",")}`),
    );
  const ended = numbered.filter((line) => line.includes(OF_END)).toSorted();
  return numbered
    .map((line) => (line.includes(OF_END) ? (ended.shift() ?? line) : line))
    .map((line) => (line.includes(OF_END) ? line.replace(/\tuser=[^\t]*/, "") : line));
}

function ourLines(): readonly string[] {
  const lines = edgekeeper.output().split("\n");
  return lines.flatMap((line) => {
    const at = line.indexOf(" audit ");
    return at < 0 ? [] : [line.slice(at + " audit ".length)];
  });
}

test("says of each change what ZooKeeper's says", async () => {
  await Promise.all([
    ask(zookeeper),
    ask({ host: "127.0.0.1", port: must(edgekeeper.tcpPorts[0], "a door") }),
  ]);

  const isDone = (lines: readonly string[]): boolean =>
    lines.some((line) => line.includes(`znode=${LAST}\t`));
  await expect.poll(() => isDone(told) && isDone(ourLines()), { timeout: DEADLINE_MS }).toBe(true);
  // ZooKeeper looks for the type of a sequential znode in a multi under its name without the number, and finds none.
  const typeInMulti = /(znode=\/a\/m2-\d+)\tznode_type=persistent_sequential/;
  expect(ourLines().filter((line) => typeInMulti.test(line))).toHaveLength(1);
  expect(compared(ourLines()).map((line) => line.replace(typeInMulti, "$1"))).toEqual(compared(told));
});
