/** Clients that go without a word, at any point of the conversation, and a session that moves about under load. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { encodeConnectRequest } from "../../src/jute/handshake.ts";
import { encodeRequest } from "../../src/jute/requests.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const TIMEOUT_MS = 6000;
const EPHEMERAL = 1;
const EACH = 2;

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble();
});

afterAll(async () => {
  await ensemble.stop();
});

interface Remains {
  readonly sessions: number;
  readonly connections: number;
  readonly ephemerals: number;
  readonly watches: number;
  readonly heldRequests: number;
}

/** What all replicas hold, each added up; sessions and ephemerals stand on each. */
async function remains(): Promise<Remains> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  const { replicas } = (await response.json()) as { replicas: { status: Remains }[] };
  const sum = (of: keyof Remains): number => replicas.reduce((total, { status }) => total + status[of], 0);
  return {
    sessions: sum("sessions"),
    connections: sum("connections"),
    ephemerals: sum("ephemerals"),
    watches: sum("watches"),
    heldRequests: sum("heldRequests"),
  };
}

const NOTHING: Remains = { sessions: 0, connections: 0, ephemerals: 0, watches: 0, heldRequests: 0 };

function hello(): Uint8Array {
  const writer = new JuteWriter();
  encodeConnectRequest(writer, {
    protocolVersion: 0,
    lastZxidSeen: ZXID_ZERO,
    timeoutMs: TIMEOUT_MS,
    sessionId: 0n,
    password: new Uint8Array(16),
    readOnly: false,
  });
  return writer.take();
}

/** A watch, an ephemeral, many writes, and the beginning of one more. */
function work(path: string): Uint8Array {
  const writer = new JuteWriter();
  const create = { op: "create", path, data: null, acl: OPEN_ACL, flags: EPHEMERAL, ttlMs: 0 } as const;
  encodeRequest(writer, 1, { op: "exists", path: `${path}-later`, watch: true });
  encodeRequest(writer, 2, create);
  const data = new Uint8Array(10_000);
  for (let xid = 3; xid < 60; xid++) encodeRequest(writer, xid, { op: "setData", path, data, version: -1 });
  return writer.take().subarray(0, -5000);
}

type Leaving = "resets" | "ends" | "says nothing more";

function leave(socket: Socket, leaving: Leaving): void {
  if (leaving === "resets") socket.resetAndDestroy();
  else if (leaving === "ends") socket.end();
  // Its end stays open, and nobody reads it.
  else socket.pause();
}

/** How much of the conversation there was: bytes of the handshake, and whether it worked. */
const STAGES = [
  { helloBytes: 0, works: false },
  { helloBytes: 20, works: false },
  { helloBytes: 49, works: false },
  { helloBytes: 49, works: true },
] as const;

async function converse(socket: Socket, stage: (typeof STAGES)[number], path: string): Promise<void> {
  await once(socket, "connect");
  const greeting = hello().subarray(0, stage.helloBytes);
  if (greeting.length > 0) socket.write(greeting);
  if (greeting.length === 49) await once(socket, "data");
  if (stage.works) socket.write(work(path));
}

describe("a client that leaves before its first byte, within its handshake, after it, or within a frame", () => {
  test.each(["resets", "ends", "says nothing more"] as const)(
    "and %s leaves nothing behind",
    async (leaving) => {
      const sockets: Socket[] = [];
      for (const [index, stage] of STAGES.entries()) {
        for (const port of ensemble.tcpPorts) {
          for (let count = 0; count < EACH; count++) {
            const socket = connect({ port, host: "127.0.0.1", noDelay: true });
            // A reset of ours may be answered by one of theirs.
            socket.on("error", () => undefined);
            await converse(socket, stage, `/${leaving[0]}-${index}-${sockets.length}`);
            sockets.push(socket);
          }
        }
      }
      // On every replica a session of half the clients, and each connection on one.
      const expected = { sessions: (3 * sockets.length) / 2, connections: sockets.length };
      await expect.poll(remains, { timeout: TIMEOUT_MS, interval: 20 }).toMatchObject(expected);
      const startedMs = performance.now();
      for (const socket of sockets) leave(socket, leaving);

      await expect.poll(remains, { timeout: 60_000, interval: 100 }).toEqual(NOTHING);
      expect(performance.now() - startedMs).toBeGreaterThanOrEqual(TIMEOUT_MS / 2);
      for (const socket of sockets) socket.destroy();
    },
  );
});

describe("a session that moves 200 times under load", () => {
  test("keeps its ephemeral, and has each write done once at most, in order", async () => {
    const servers = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
    const faults: string[] = [];
    const onFault = (what: string): void => void faults.push(what);
    const mover = new WireClient({ servers, timeoutMs: 20_000, onFault });
    const reader = new WireClient({ servers, first: 1, timeoutMs: 20_000, onFault });
    expect([await mover.connected(10_000), await reader.connected(10_000)]).toEqual([true, true]);
    const create = (
      path: string,
      flags: number,
      data: Uint8Array | null = null,
    ): ReturnType<WireClient["request"]> =>
      mover.request({ op: "create", path, data, acl: OPEN_ACL, flags, ttlMs: 0 });
    await create("/moves", 0);
    await create("/mine", EPHEMERAL);
    const { session } = mover;
    const acknowledged: string[] = [];
    const sent: string[] = [];
    const outcomes: Promise<void>[] = [];
    for (let move = 0; move < 200; move++) {
      expect(await mover.connected(20_000)).toBe(true);
      for (let count = 0; count < 5; count++) {
        const marker = `${move}.${count}`;
        const outcome = create("/moves/n-", 2, new TextEncoder().encode(marker));
        sent.push(marker);
        outcomes.push(outcome.then(({ kind }) => void (kind === "ok" && acknowledged.push(marker))));
      }
      // One answer, so that some of the others are under way.
      if (move % 3 > 0) await mover.request({ op: "exists", path: "/mine", watch: false });
      else await outcomes.at(-5);
      mover.moveTo(move + 1);
    }
    await Promise.all(outcomes);
    expect(await mover.connected(20_000)).toBe(true);
    await reader.request({ op: "sync", path: "/" });
    const listed = await reader.request({ op: "getChildren", path: "/moves", watch: false });
    const names =
      listed.kind === "ok" && listed.response.op === "children" ? [...listed.response.children].sort() : [];
    const made: string[] = [];
    for (const name of names) {
      const read = await reader.request({ op: "getData", path: `/moves/${name}`, watch: false });
      if (read.kind === "ok" && read.response.op === "getData")
        made.push(new TextDecoder().decode(must(read.response.data ?? undefined, name)));
    }
    const mine = await reader.request({ op: "exists", path: "/mine", watch: false });

    expect(new Set(made).size).toBe(made.length);
    expect(made).toEqual(sent.filter((marker) => made.includes(marker)));
    expect(acknowledged.filter((marker) => !made.includes(marker))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(mover.connects).toBeGreaterThanOrEqual(200);
    expect(mine).toMatchObject({ kind: "ok", response: { stat: { ephemeralOwner: session } } });
    expect(faults).toEqual([]);
    await Promise.all([mover.close(), reader.close()]);
  });
});
