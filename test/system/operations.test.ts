/**
 * What operators see: every four-letter word and every command of the AdminServer, of a leader, of a follower, of an
 * observer and of a server alone, beside real ones of ZooKeeper 3.9.5 with the same clients. Values differ by right;
 * names, forms and types must not.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import { FOUR_LETTER_WORDS } from "../../src/base/four-letter-words.ts";
import { ADMIN_COMMANDS } from "../../src/keeper/operations/admin-commands.ts";
import { WireClient } from "../client/wire-client.ts";
import { ProcessSet } from "../compat/processes.ts";
import { askWord } from "../compat/servers.ts";
import { type AdministeredEnsemble, startZooKeeperEnsemble } from "../compat/zookeeper-ensemble.ts";
import { digestOf, SUPER_LOGIN } from "../differential/values.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { conformed, jsonShape, LEFT_OUT, textShape } from "./operations/shapes.ts";

const START_TIMEOUT_MS = 600_000;

/** One of the ensembles, by role. */
interface Side {
  readonly ports: Readonly<Record<Role, number>>;
  command(role: Role, name: string): Promise<string>;
}

const ROLES = ["leader", "follower", "observer", "standalone"] as const;
type Role = (typeof ROLES)[number];

const processes = new ProcessSet();
const clients: WireClient[] = [];
let temporary: string;
let zookeeper: AdministeredEnsemble;
let edgekeeper: TestEnsemble;
let alone: TestEnsemble;
let real: Side;
let ours: Side;

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), "operations-"));
  const superDigest = digestOf(SUPER_LOGIN);
  const vars = {
    OBSERVERS: "4",
    SUPER_DIGEST: superDigest,
    FOUR_LETTER_WORDS: "*",
    HEARTBEAT_LIMIT_MS: "15000",
  };
  let zookeeperAlone: AdministeredEnsemble;
  [zookeeper, zookeeperAlone, edgekeeper, alone] = await Promise.all([
    startZooKeeperEnsemble(processes, temporary, { superDigest }),
    startZooKeeperEnsemble(processes, temporary, { superDigest, isAlone: true }),
    startEnsemble({ vars, readyDeadlineMs: 60_000 }),
    startEnsemble({ vars: { ...vars, VOTERS: "1", OBSERVERS: "" }, readyDeadlineMs: 60_000 }),
  ]);
  real = await sideOf([zookeeper, zookeeperAlone].flatMap(serversOfZooKeeper));
  ours = await sideOf([edgekeeper, alone].flatMap(serversOfEdgekeeper));
  for (const side of [real, ours]) await liveOn(side);
}, START_TIMEOUT_MS);

afterAll(async () => {
  await Promise.all(clients.map((client) => client.abandon()));
  await edgekeeper?.stop();
  await alone?.stop();
  await processes.stopAll();
  await rm(temporary, { recursive: true, force: true });
});

/** One server, and how it is asked for a command. */
interface Server {
  readonly port: number;
  command(name: string): Promise<string>;
}

function serversOfZooKeeper({ addresses, adminPorts }: AdministeredEnsemble): readonly Server[] {
  return addresses.map(({ port }, index) => ({
    port,
    command: async (name) => {
      const response = await fetch(`http://127.0.0.1:${adminPorts[index]}/commands/${name}`);
      return await response.text();
    },
  }));
}

function serversOfEdgekeeper({ httpUrl, tcpPorts }: TestEnsemble): readonly Server[] {
  return tcpPorts.map((port, index) => ({
    port,
    command: async (name) => {
      const separator = name.includes("?") ? "&" : "?";
      return await (await fetch(`${httpUrl}/main/commands/${name}${separator}sid=${index + 1}`)).text();
    },
  }));
}

/** Finds out who is what. */
async function sideOf(servers: readonly Server[]): Promise<Side> {
  const modes = await Promise.all(servers.map(({ port }) => askWord({ host: "127.0.0.1", port }, ["srvr"])));
  const byRole = (role: Role): Server => {
    return must(servers[modes.findIndex((text) => text.includes(`Mode: ${role}`))], role);
  };
  const ports = Object.fromEntries(ROLES.map((role) => [role, byRole(role).port]));
  return { ports: ports as Record<Role, number>, command: (role, name) => byRole(role).command(name) };
}

/** The same clients on both: at each role one session with an ephemeral, watches, and a read behind a write. */
async function liveOn(side: Side): Promise<void> {
  for (const role of ROLES) {
    const client = new WireClient({
      servers: [{ host: "127.0.0.1", port: side.ports[role] }],
      timeoutMs: 30_000,
    });
    clients.push(client);
    expect(await client.connected(10_000)).toBe(true);
    const create = { op: "create", data: new Uint8Array([1]), acl: OPEN_ACL, ttlMs: 0 } as const;
    await client.request({ ...create, path: `/${role}`, flags: 0 });
    await client.request({ ...create, path: `/${role}/here`, flags: 1 });
    await client.request({ op: "getData", path: `/${role}`, watch: true });
    await client.request({ op: "exists", path: "/nobody", watch: true });
    await client.request({ op: "setData", path: `/${role}`, data: new Uint8Array(100), version: -1 });
    await client.request({ op: "getData", path: `/${role}`, watch: true });
    // Digests are noted at every 128th zxid.
    const set = { op: "setData", path: `/${role}/here`, data: null, version: -1 } as const;
    await Promise.all(Array.from({ length: 130 }, async () => await client.request(set)));
  }
}

describe("four-letter words", () => {
  // Those that count anew come last, so that the others have something to show.
  const words = [...FOUR_LETTER_WORDS].sort((a, b) => Number(a.endsWith("rst")) - Number(b.endsWith("rst")));
  for (const role of ROLES) {
    test.each(words)(`%s says of a ${role} what ZooKeeper says, line by line`, async (word) => {
      const sent = word === "stmk" ? [`${word}\0\0\0\0\0\0\x01\x32`] : [word];
      const [expected, actual] = await Promise.all(
        [real, ours].map((side) => askWord({ host: "127.0.0.1", port: side.ports[role] }, sent)),
      );
      expect(textShape(word, actual ?? "")).toEqual(conformed(textShape(word, expected ?? "")));
    });
  }

  test("a word that is not on the list is told so, and one that is no word is hung up on", async () => {
    const few = await startEnsemble({ vars: { VOTERS: "1", FOUR_LETTER_WORDS: "ruok" } });
    try {
      const address = { host: "127.0.0.1", port: few.tcpPorts[0] ?? 0 };
      const answers = await Promise.all(
        ["ruok", "srvr", "mntr", "zzzz"].map((word) => askWord(address, [word])),
      );
      expect(answers[0]).toBe("imok");
      expect(answers[1]).toMatch(/^Zookeeper version: 3\.9\.5/);
      expect(answers[2]).toBe("mntr is not executed because it is not in the whitelist.\n");
      expect(answers[3]).toBe("");
    } finally {
      await few.stop();
    }
  });
});

describe("the AdminServer's commands", () => {
  const resets = ["stat_reset", "connection_stat_reset"];
  const names = Object.keys(ADMIN_COMMANDS).filter((name) => !resets.includes(name));
  for (const role of ROLES) {
    test.each([...names, "set_trace_mask?traceMask=306", "set_trace_mask?traceMask=x", "nosuch", ...resets])(
      `%s tells of a ${role} what ZooKeeper tells`,
      async (name) => {
        const [expected, actual] = await Promise.all([real, ours].map((side) => side.command(role, name)));
        const [command = ""] = name.split("?");
        expect(jsonShape(command, actual ?? "")).toEqual(conformed(jsonShape(command, expected ?? "")));
      },
    );
  }

  test("are listed, and known by ZooKeeper's other names", async () => {
    const listed = await (await fetch(`${edgekeeper.httpUrl}/main/commands`)).text();
    expect(await (await fetch(`${edgekeeper.httpUrl}/main/commands/`)).text()).toBe(listed);
    const zookeepers = await (await fetch(`http://127.0.0.1:${zookeeper.adminPorts[0]}/commands`)).text();
    const namesIn = (html: string): string[] =>
      Array.from(html.matchAll(/commands\/(\w+)"/g), ([, name]) => name ?? "");
    const missing = namesIn(zookeepers).filter((name) => !namesIn(listed).includes(name));
    expect(missing.every((name) => LEFT_OUT.has(name))).toBe(true);

    const others = Object.values(ADMIN_COMMANDS).flat();
    const answers = await Promise.all(others.map((name) => ours.command("leader", name)));
    expect(answers.filter((answer) => answer.includes("Unknown command"))).toEqual([]);
  });

  test("are asked of the leader where no replica is named, and of nobody that is not there", async () => {
    const leader = await fetch(`${edgekeeper.httpUrl}/main/commands/leader`);
    expect(await leader.json()).toMatchObject({ is_leader: true, command: "leader", error: null });
    const stranger = await fetch(`${edgekeeper.httpUrl}/main/commands/leader?sid=9`);
    expect([stranger.status, ((await stranger.json()) as { code: string }).code]).toEqual([400, "bad-sid"]);
  });
});

describe("/metrics", () => {
  /** What ZooKeeper's community dashboards draw, as far as it is not of Java. */
  const DRAWN = [
    "znode_count watch_count ephemerals_count approximate_data_size num_alive_connections outstanding_requests",
    "packets_received packets_sent avg_latency min_latency max_latency quorum_size uptime leader_uptime learners",
    "synced_followers synced_observers global_sessions proposal_count commit_count looking_count connection_rejected",
    "stale_sessions_expired readlatency updatelatency propagation_latency quorum_ack_latency election_time fsynctime",
  ].flatMap((line) => line.split(" "));

  test("has each figure of mntr and each that dashboards draw, for every replica, in Prometheus's format", async () => {
    const text = await (await fetch(`${edgekeeper.httpUrl}/metrics`)).text();
    const lines = text.trimEnd().split("\n");
    const form =
      /^(# TYPE [a-z_0-9]+ (gauge|counter|summary)|[a-z_0-9]+\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\} -?[\d.e+]+)$/;
    expect(lines.filter((line) => !form.test(line))).toEqual([]);
    const types = lines.filter((line) => line.startsWith("#")).map((line) => line.split(" ")[2] ?? "");
    expect(new Set(types).size).toBe(types.length);

    const mntr = await askWord({ host: "127.0.0.1", port: ours.ports.leader }, ["mntr"]);
    const told = Array.from(
      mntr.matchAll(
        /^zk_(?:(?:avg|min|max|cnt|sum)_(?=\w+(?:time|count|queue|latency)\t))?(\w+)\t-?[\d.]+$/gm,
      ),
    );
    const figures = told.map(([, name]) => name ?? "").filter((name) => !/^p\d+_/.test(name));
    const absent = [...figures, ...DRAWN].filter(
      (name) => !types.includes(name) && !types.includes(`avg_${name}`),
    );
    expect(absent.filter((name) => name !== "latency")).toEqual([]);
    for (const sid of [1, 2, 3]) expect(text).toContain(`edgekeeper_up{ensemble="main",sid="${sid}"} 1\n`);
    expect(text).toMatch(/^fsynctime_count\{ensemble="main",sid="\d"\} [1-9]\d*$/m);
    expect(text).toMatch(/^updatelatency\{ensemble="main",sid="\d",quantile="0.99"\} \d+$/m);
  });

  test("shows one replica as a ZooKeeper server shows itself: without labels", async () => {
    const [mntr, text] = await Promise.all([
      askWord({ host: "127.0.0.1", port: edgekeeper.tcpPorts[0] ?? 0 }, ["mntr"]),
      fetch(`${edgekeeper.httpUrl}/main/metrics?sid=1`).then(async (response) => await response.text()),
    ]);
    const [, count] = /^zk_znode_count\t(\d+)$/m.exec(mntr) ?? [];
    expect(text).toContain(`\nznode_count ${count}\n`);
    expect(text).not.toContain("sid=");
    expect((await fetch(`${edgekeeper.httpUrl}/main/metrics?sid=9`)).status).toBe(400);
  });
});
