import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import {
  CLIENTS_BYTES_MAX,
  CONNECTION_OUTPUT_BYTES_MAX,
  OUTPUT_STALL_MS,
  OUTPUT_STALL_SHORT_MS,
  OUTPUT_WINDOW_BYTES,
} from "../../src/keeper/limits.ts";
import { bytes, connected, create, TestClient } from "./test-client.ts";
import { textOf } from "./text.ts";
import { World } from "./world.ts";
import type { WorldOptions } from "./world-options.ts";

const DATA_BYTES = 200_000;
const READ = { op: "getData", path: "/a", watch: false } as const;
const SMALL_READ = { op: "exists", path: "/a", watch: false } as const;

interface Standing {
  readonly world: World;
  readonly other: Sid;
}

/** An ensemble with a znode /a of DATA_BYTES; `other` does not lead. */
function standing(options: Partial<WorldOptions> = {}): Standing {
  const world = new World({ voters: 3, ...options }).startAll();
  const leader = world.untilServing();
  const other = must(
    world.sids.find((sid) => sid !== leader),
    "a follower",
  );
  const client = connected(world, other, { timeoutMs: 40_000 });
  client.get({ ...create("/a"), data: new Uint8Array(DATA_BYTES).fill(7) });
  client.ask({ op: "closeSession" });
  return { world, other };
}

function setA(text: string): { op: "setData"; path: string; data: Uint8Array; version: number } {
  return { op: "setData", path: "/a", data: bytes(text), version: -1 };
}

function heldBytes({ world, other }: Standing): number {
  return world.keeper(other).status().clientBytes;
}

function cutOff({ world, other }: Standing): number {
  return world.keeper(other).status().counters.connectionsCutOff;
}

describe("a client that is answered faster than it reads", () => {
  it("gets all that it asked for, in order, though it is far more than may be held", () => {
    const subject = standing();
    const { world, other } = subject;
    const client = connected(world, other, { timeoutMs: 40_000 });
    let held = 0;
    client.onMessage = () => void (held = Math.max(held, heldBytes(subject)));

    const xids = client.send(...Array.from({ length: 1000 }, () => READ));
    client.untilReply(must(xids.at(-1), "an xid"), 60_000);

    expect(client.replies.map(({ header }) => header.xid)).toEqual(xids);
    expect(held).toBeLessThan(OUTPUT_WINDOW_BYTES + 2 * DATA_BYTES);
  });

  it("is answered no further than the window while it does not read, and goes on where it stopped", () => {
    const subject = standing();
    const { world, other } = subject;
    const client = connected(world, other, { timeoutMs: 40_000 });
    client.stopReading();
    const xids = client.send(...Array.from({ length: 100 }, () => READ));
    world.run(2000);
    expect(heldBytes(subject)).toBeLessThan(OUTPUT_WINDOW_BYTES + 2 * DATA_BYTES);

    client.read();
    client.untilReply(must(xids.at(-1), "an xid"));

    expect(client.replies.map(({ header }) => header.xid)).toEqual(xids);
    expect(cutOff(subject)).toBe(0);
  });

  it("its reads see the writes before them and none behind them, wherever it stops to read", () => {
    for (let pause = 1; pause <= 12; pause++) {
      const { world, other } = standing();
      const client = connected(world, other, { timeoutMs: 40_000 });
      client.stopReading();
      const large = { ...setA(""), data: new Uint8Array(DATA_BYTES) };
      const reads = Array.from({ length: 7 }, () => READ);
      client.send(large, ...reads, setA("1"), READ, large, ...reads, setA("2"), READ);
      for (let round = 0; round < 5; round++) {
        world.run(pause * 20);
        client.read(pause % 3);
      }
      client.read();
      client.send(SMALL_READ);
      world.run(2000);

      expect(client.replies.length).toBe(21);
      const lengths = client.replies.flatMap(({ response }) =>
        response.op === "getData" ? [response.data?.length] : [],
      );
      const seven = Array.from({ length: 7 }, () => DATA_BYTES);
      expect(lengths).toEqual([...seven, 1, ...seven, 1]);
    }
  });

  it("writes behind its reads are neither lost nor done twice over a change of leader", () => {
    const { world, other } = standing();
    const client = connected(world, other, { timeoutMs: 40_000 });
    client.stopReading();
    const reads = Array.from({ length: 20 }, () => READ);
    client.send(create("/n", { flags: 0 }), ...reads, create("/n/s-", { flags: 2 }), ...reads);
    client.send(create("/n/s-", { flags: 2 }), SMALL_READ);
    world.run(200);
    world.crash(must(world.leader(), "a leader"));
    world.run(1000);
    client.read();
    world.until("all is answered", () => client.replies.length === 44 || client.isClosed);

    expect(world.tree(other).childNames("/n")).toEqual(["s-0000000000", "s-0000000001"]);
    const paths = client.replies.flatMap(({ response }) => (response.op === "path" ? [response.path] : []));
    expect(paths).toEqual(["/n", "/n/s-0000000000", "/n/s-0000000001"]);
  });

  it("a watch event comes before the reply that shows the change, though replies wait", () => {
    const subject = standing();
    const { world, other } = subject;
    const client = connected(world, other, { timeoutMs: 40_000 });
    client.get({ ...READ, watch: true });
    client.stopReading();
    client.send(...Array.from({ length: 30 }, () => READ));
    world.run(100);
    connected(world, other).get(setA("new"));
    client.read();
    world.until("all is answered", () => client.replies.length === 31);

    const at = client.messages.findIndex(({ kind }) => kind === "event");
    const seen = client.messages.map((message) =>
      message.kind === "reply" && message.response.op === "getData" ? textOf(message.response.data) : "",
    );
    expect(at).toBeGreaterThan(0);
    expect(seen.indexOf("new")).toBeGreaterThan(at);
  });

  it("keeps its session while it reads slowly, though its pings stand unread", () => {
    const subject = standing();
    const { world, other } = subject;
    const client = connected(world, other, { timeoutMs: 4000 });
    client.stopReading();
    client.send(...Array.from({ length: 200 }, () => READ));
    for (let second = 0; second < 12; second++) {
      world.run(1000);
      client.read(1);
    }

    expect(client.isClosed).toBe(false);
    expect(world.tree(other).sessions.get(client.session)).toBeDefined();
  });
});

describe("a client that does not read", () => {
  it("is cut off after OUTPUT_STALL_MS, though it pings, with a line in the log", () => {
    const subject = standing();
    const { world, other } = subject;
    const client = connected(world, other, { timeoutMs: 40_000 }).pingEvery(1000);
    client.stopReading();
    client.send(...Array.from({ length: 100 }, () => READ));
    world.run(OUTPUT_STALL_MS - 1000);
    expect(client.isClosed).toBe(false);
    world.run(1200);

    expect(client.isClosed).toBe(true);
    expect([cutOff(subject), heldBytes(subject)]).toEqual([1, 0]);
    expect(world.replica(other).log.join("\n")).toMatch(/is cut off, \d+ bytes held: it does not read/);
  });

  it("is cut off at CONNECTION_OUTPUT_BYTES_MAX of watch events, which nothing can hold back", () => {
    const subject = standing();
    const { world, other } = subject;
    const long = `/${"x".repeat(100_000)}`;
    const writer = connected(world, other, { timeoutMs: 40_000 });
    writer.get(create(long));
    const client = connected(world, other, { timeoutMs: 40_000 });
    client.get({ op: "addWatch", path: "/", mode: 1 });
    client.stopReading();
    const change = { op: "setData", path: long, data: null, version: -1 } as const;
    const events = Math.ceil(CONNECTION_OUTPUT_BYTES_MAX / long.length);
    for (let sent = 0; sent < events - 5; sent++) writer.send(change);
    world.run(2000);
    expect(client.isClosed).toBe(false);
    for (let sent = 0; sent < 10; sent++) writer.send(change);
    world.run(2000);

    expect(client.isClosed).toBe(true);
    expect(writer.isClosed).toBe(false);
  });
});

describe("all clients together", () => {
  it("hold no more than is named, and each is answered once there is room again", () => {
    const subject = standing();
    const { world, other } = subject;
    const clients = Array.from({ length: 60 }, () => connected(world, other, { timeoutMs: 40_000 }));
    for (const client of clients) {
      client.stopReading();
      client.send(...Array.from({ length: 12 }, () => READ), { op: "ping" });
    }
    world.run(OUTPUT_STALL_SHORT_MS - 500);
    expect(heldBytes(subject)).toBeLessThan(CLIENTS_BYTES_MAX);
    for (const client of clients) client.read();
    world.until("all are answered", () => clients.every(({ replies }) => replies.length === 13));
    world.run(100);

    expect([cutOff(subject), heldBytes(subject)]).toEqual([0, 0]);
  });

  it("those that read nothing while memory is short are cut off soon, and the others wait no longer", () => {
    const subject = standing();
    const { world, other } = subject;
    const modest = connected(world, other, { timeoutMs: 40_000 });
    const idle = Array.from({ length: 115 }, () => connected(world, other, { timeoutMs: 40_000 }));
    for (const client of idle) {
      client.stopReading();
      client.send(...Array.from({ length: 12 }, () => READ));
    }
    world.run(100);
    const [xid] = modest.send(READ);
    const startMs = world.nowMs;
    modest.untilReply(must(xid, "an xid"));

    expect(world.nowMs - startMs).toBeGreaterThan(1000);
    expect(world.nowMs - startMs).toBeLessThan(OUTPUT_STALL_SHORT_MS + 200);
    expect(cutOff(subject)).toBeGreaterThan(10);
  });

  it("frames that are never completed keep nobody else from being heard", () => {
    const subject = standing();
    const { world, other } = subject;
    const modest = connected(world, other, { timeoutMs: 40_000 });
    const slow = Array.from({ length: 80 }, () => connected(world, other, { timeoutMs: 40_000 }));
    const half = new Uint8Array(600_000);
    new DataView(half.buffer).setInt32(0, 900_000);
    for (const client of slow) client.sendBytes(half);
    world.run(20);

    expect(modest.get(create("/b")).op).toBe("path");
    expect(slow.some(({ isClosed }) => isClosed)).toBe(false);
    for (const client of slow) client.sendBytes(half.subarray(0, 200_000));
    world.run(20);
    expect(modest.get(READ).op).toBe("getData");
    expect(heldBytes(subject)).toBeLessThan(CLIENTS_BYTES_MAX);
    expect(slow.some(({ isClosed }) => isClosed)).toBe(true);
  });

  it("where nothing can be held back, those that hold most are cut off, and nobody else", () => {
    const subject = standing();
    const { world, other } = subject;
    const modest = connected(world, other, { timeoutMs: 40_000 });
    const flooders = Array.from({ length: 8 }, () => connected(world, other, { timeoutMs: 40_000 }));
    world.cut(other);
    world.run(50);
    const data = new Uint8Array(900_000);
    let held = 0;
    for (let count = 0; count < 10; count++) {
      for (const flooder of flooders) {
        flooder.send(create("/n", { data }));
        held = Math.max(held, heldBytes(subject));
      }
    }

    world.run(20);

    expect(held).toBeLessThan(CLIENTS_BYTES_MAX + 1_000_000);
    expect(flooders.filter(({ isClosed }) => isClosed).length).toBeGreaterThan(0);
    expect(modest.isClosed).toBe(false);
    world.heal();
    world.until("nothing is held any more", () => heldBytes(subject) === 0);
  });
});

describe("connections", () => {
  it("beyond maxConnections are closed without a word, and counted, until there is room", () => {
    const { world, other } = standing({ bounds: { maxConnections: 3 } });
    const clients = [1, 2, 3].map(() => connected(world, other));
    const late = new TestClient(world, other).hello();
    world.run(50);
    expect([late.isClosed, late.welcome]).toEqual([true, undefined]);
    expect(world.keeper(other).status()).toMatchObject({
      connections: 3,
      counters: { connectionsRejected: 1 },
    });
    expect(world.replica(other).log.at(-1)).toMatch(
      /10\.0\.0\.\d:4000 is refused \(1 so far\): there are 3 connections/,
    );

    must(clients[0], "a client").hangUp();
    expect(connected(world, other).welcome).toBeDefined();
  });

  it("beyond maxConnectionsPerAddress are closed, of that address alone", () => {
    const { world, other } = standing({ bounds: { maxConnectionsPerAddress: 2 } });
    const opened = (remoteAddress: string): number => {
      const before = world.keeper(other).status().connections;
      const id = 100_000 + before + world.keeper(other).status().counters.connectionsRejected;
      const opening = { id, remoteAddress, transport: "tcp", entropy: new Uint8Array(48) } as const;
      world.input(other, { kind: "clientOpened", opening });
      return world.keeper(other).status().connections - before;
    };

    const strangers = ["1.2.3.4:5", "1.2.3.4:6", "1.2.3.4:7", "[2001:db8::1]:5", "1.2.3.5:5"].map(opened);
    const local = ["127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "[::1]:1", "[::1]:2", "[::1]:3"].map(opened);

    expect(strangers).toEqual([1, 1, 0, 1, 1]);
    expect(local).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it("conf tells the bound per address as ZooKeeper does", () => {
    const { world, other } = standing({ bounds: { maxConnectionsPerAddress: 7 } });
    const client = new TestClient(world, other, true);
    client.sendBytes(bytes("conf"));
    world.run(50);

    expect(client.raw).toContain("maxClientCnxns=7\n");
  });
});

describe("a request of more than requestBytesMax", () => {
  const REQUEST_BYTES_MAX = 2000;
  /** Sends a create with so much data; says whether that has led to anything. */
  function sent(client: TestClient, dataBytes: number): () => boolean {
    const [xid] = client.send({ ...create(`/n${dataBytes}`), data: new Uint8Array(dataBytes) });
    return () => client.isClosed || client.replies.some(({ header }) => header.xid === xid);
  }

  it("closes its connection without an answer, and one of fewer bytes is answered", () => {
    const { world, other } = bounded(REQUEST_BYTES_MAX);
    const client = connected(world, other);
    const before = world.keeper(other).status().counters.framesRejected;
    world.until("it is answered", sent(client, REQUEST_BYTES_MAX - 100));
    expect(client.isClosed).toBe(false);
    const { length: answered } = client.replies;
    world.until("it is hung up on", sent(client, REQUEST_BYTES_MAX));

    expect(client.isClosed).toBe(true);
    expect(client.replies).toHaveLength(answered);
    expect(world.keeper(other).status().counters.framesRejected).toBe(before + 1);
    const again = connected(world, other);
    expect(again.get({ op: "exists", path: `/n${REQUEST_BYTES_MAX - 100}`, watch: false }).op).toBe("stat");
    expect(again.ask({ op: "exists", path: `/n${REQUEST_BYTES_MAX}`, watch: false }).header.error).toBe(-101);
  });
});

/** An ensemble without a znode, at which requests are bounded. */
function bounded(requestBytesMax: number): Standing {
  const world = new World({ voters: 3, bounds: { requestBytesMax } }).startAll();
  const leader = world.untilServing();
  return {
    world,
    other: must(
      world.sids.find((sid) => sid !== leader),
      "a follower",
    ),
  };
}
