/**
 * A server that has lost its quorum, asked by raw frames: of three servers of a real ZooKeeper two are killed, and a
 * replica of Edgekeeper is cut off. Both must say the same.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import {
  type ConnectResponse,
  decodeConnectResponse,
  encodeConnectRequest,
} from "../../src/jute/handshake.ts";
import { type ClientRequest, encodeRequest } from "../../src/jute/requests.ts";
import { READ_ONLY_CHECK } from "../compat/checks.ts";
import { type ClientProgram, installKazoo } from "../compat/clients.ts";
import { ProcessSet } from "../compat/processes.ts";
import { runProgram } from "../compat/program.ts";
import { askWord, until } from "../compat/servers.ts";
import { Toolbox } from "../compat/tools.ts";
import { startZooKeeperTrio } from "../compat/zookeeper-trio.ts";
import { decodeAnswer } from "../differential/answer.ts";
import { type Door, WireSocket } from "../differential/wire-socket.ts";
import { startEnsemble } from "../harness/ensemble.ts";

/** How long Edgekeeper's replica is cut off: more than all questions take. */
const CUT_MS = 20_000;

/** An ensemble whose first server can be left alone. */
interface Target {
  readonly first: Door;
  isolate(): Promise<void>;
  heal(): Promise<void>;
  /** What kazoo, which asks for a server that serves reads alone, says of the first. */
  kazoo(): Promise<string>;
}

test("a server without a quorum answers as a real ZooKeeper does", { timeout: 300_000 }, async () => {
  const temporary = await mkdtemp(join(tmpdir(), "read-only-"));
  const processes = new ProcessSet();
  const ensemble = await startEnsemble({
    config: "test/faults/wrangler.toml",
    vars: { READ_ONLY_MODE: "1" },
  });
  try {
    const trio = await startZooKeeperTrio(processes, temporary);
    const command = await installKazoo(await Toolbox.open(processes));
    const program: ClientProgram = { name: "kazoo", command, checks: [READ_ONLY_CHECK] };
    const kazoo = async (first: Door): Promise<string> => {
      const ensemble = { name: "one", addresses: [first], stop: async () => undefined };
      const checks = [READ_ONLY_CHECK.id];
      const report = await runProgram({ processes, program, ensemble, prefix: "/none", checks });
      return report.outcomes.map(({ verdict, detail }) => `kazoo ${verdict} ${detail}`).join();
    };
    const realFirst = must(trio.addresses[0], "a server");
    const ownFirst = { host: "127.0.0.1", port: must(ensemble.tcpPorts[0], "a door") };
    const zookeeperStory = storyOf({
      first: realFirst,
      kazoo: async () => await kazoo(realFirst),
      isolate: async () => void (await Promise.all([trio.kill(1), trio.kill(2)])),
      heal: async () => {
        trio.start(1);
        trio.start(2);
      },
    });
    const edgekeeperStory = storyOf({
      first: ownFirst,
      kazoo: async () => await kazoo(ownFirst),
      isolate: async () => {
        const body = JSON.stringify({ kind: "cut", ms: CUT_MS });
        await fetch(`${ensemble.httpUrl}/faults/main/1`, { method: "POST", body });
      },
      heal: async () => undefined,
    });

    const [zookeeper, edgekeeper] = await Promise.all([zookeeperStory, edgekeeperStory]);

    expect(zookeeper).toContainEqual("setData error -119");
    expect(zookeeper).toContainEqual("kazoo ok ");
    expect(edgekeeper).toEqual(zookeeper);
  } finally {
    await processes.stopAll();
    await ensemble.stop();
    await rm(temporary, { recursive: true, force: true });
  }
});

const REQUESTS: readonly ClientRequest[] = [
  { op: "getData", path: "/r", watch: true },
  { op: "setData", path: "/r", data: null, version: -1 },
  { op: "create", path: "/n", data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 },
  { op: "create2", path: "/n", data: null, acl: OPEN_ACL, flags: 1, ttlMs: 0 },
  { op: "createContainer", path: "/n", data: null, acl: OPEN_ACL, flags: 4, ttlMs: 0 },
  { op: "createTTL", path: "/n", data: null, acl: OPEN_ACL, flags: 5, ttlMs: 1000 },
  { op: "delete", path: "/none", version: -1 },
  { op: "setACL", path: "/r", acl: [], version: -1 },
  { op: "multi", operations: [] },
  { op: "multiRead", operations: [{ op: "getData", path: "/r", watch: false }] },
  { op: "sync", path: "/r" },
  { op: "reconfig", joiningServers: "", leavingServers: "", newMembers: "", currentConfigId: 1n },
  { op: "getEphemerals", path: "/" },
  { op: "getChildren2", path: "/none", watch: true },
  { op: "addWatch", path: "/r", mode: 1 },
  { op: "checkWatches", path: "/r", type: 5 },
  { op: "auth", type: 0, scheme: "digest", auth: Buffer.from("ann:one") },
  { op: "whoAmI" },
  { op: "ping" },
  { op: "closeSession" },
];

/** What happens to the target, and what it says, in order. */
async function storyOf(target: Target): Promise<readonly string[]> {
  const story: string[] = [];
  const before = await Talk.open(target.first, { readOnly: false });
  await before.ask({ op: "create", path: "/r", data: Buffer.from("old"), acl: OPEN_ACL, flags: 0, ttlMs: 0 });
  // ZooKeeper's local sessions become the ensemble's with their first ephemeral.
  await before.ask({ op: "create", path: "/e", data: null, acl: OPEN_ACL, flags: 1, ttlMs: 0 });
  await target.isolate();
  await until(60_000, "it serves reads", async () => (await askWord(target.first, ["isro"])) === "ro");
  const kazoo = target.kazoo();
  const summary = await askWord(target.first, ["srvr"]);
  story.push(...summary.split("\n").filter((line) => /^(READ|Mode)/.test(line)));

  const reader = await Talk.open(target.first, { readOnly: true });
  story.push(`a reader ${reader.greeting}`);
  const second = await Talk.open(target.first, { readOnly: true, own: must(reader.welcome, "a session") });
  story.push(
    `its session again ${second.greeting} ${second.welcome?.sessionId === reader.welcome?.sessionId}`,
  );
  const other = await Talk.open(target.first, { readOnly: true });
  for (const request of REQUESTS) story.push(`${request.op} ${await other.ask(request)}`);
  const checker = await Talk.open(target.first, { readOnly: true });
  story.push(`check ${await checker.ask({ op: "check", path: "/r", version: 0 })}`);
  await checker.socket.closed();
  for (const [name, hello] of [
    ["a writer", { readOnly: false }],
    ["an old client", { readOnly: undefined }],
    ["the ensemble's session", { readOnly: true, own: must(before.welcome, "a session") }],
    ["a closed session", { readOnly: true, own: must(other.welcome, "a session") }],
    [
      "a wrong password",
      { readOnly: true, own: { ...must(reader.welcome, "a session"), password: new Uint8Array(16) } },
    ],
  ] as const) {
    story.push(`${name} ${(await Talk.open(target.first, hello)).greeting}`);
  }
  story.push(await kazoo);
  const witness = await Talk.open(target.first, { readOnly: true });
  await target.heal();
  await witness.socket.closed();
  await until(60_000, "it serves all", async () => (await askWord(target.first, ["isro"])) === "rw");
  const after = await Talk.open(target.first, { readOnly: true });
  story.push(
    `afterwards ${after.greeting}`,
    await after.ask({ op: "setData", path: "/r", data: null, version: -1 }),
  );
  for (const { socket } of [before, reader, second, other, witness, after]) socket.end();
  return story;
}

/** One connection. */
class Talk {
  readonly socket: WireSocket;
  readonly welcome: ConnectResponse | undefined;
  #xid = 0;

  private constructor(socket: WireSocket, welcome: ConnectResponse | undefined) {
    this.socket = socket;
    this.welcome = welcome;
  }

  static async open(
    door: Door,
    hello: {
      readonly readOnly: boolean | undefined;
      readonly own?: Pick<ConnectResponse, "sessionId" | "password">;
    },
  ): Promise<Talk> {
    const socket = await WireSocket.open(door);
    const writer = new JuteWriter();
    encodeConnectRequest(writer, {
      protocolVersion: 0,
      lastZxidSeen: ZXID_ZERO,
      timeoutMs: 30_000,
      sessionId: hello.own?.sessionId ?? 0n,
      password: hello.own?.password ?? new Uint8Array(16),
      readOnly: hello.readOnly,
    });
    socket.write(writer.take());
    const [frame] = await socket.take(() => true);
    return new Talk(socket, frame === undefined ? undefined : decodeConnectResponse(frame));
  }

  /** What the handshake came to. */
  get greeting(): string {
    if (this.welcome === undefined) return "is hung up on";
    const { timeoutMs, readOnly } = this.welcome;
    return timeoutMs === 0 ? "has expired" : `has ${timeoutMs} ms, read-only ${String(readOnly)}`;
  }

  /** The reply's error, and whether the connection ended with it. */
  async ask(request: ClientRequest): Promise<string> {
    const writer = new JuteWriter();
    encodeRequest(writer, ++this.#xid, request);
    this.socket.write(writer.take());
    const frames = await this.socket.take(() => true);
    const answer = frames[0] === undefined ? undefined : decodeAnswer(frames[0], request.op);
    if (request.op === "closeSession") await this.socket.closed();
    return answer === undefined ? "no reply" : `error ${answer.error}`;
  }
}
