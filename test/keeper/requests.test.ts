import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { OPCODES } from "../../src/jute/opcodes.ts";
import { ZXID_UNKNOWN } from "../../src/jute/records.ts";
import { encodeRequest } from "../../src/jute/requests.ts";
import { request as anyRequest } from "../jute/arbitraries.ts";
import { bytes, connected, create, story, TestClient } from "./test-client.ts";
import { textOf } from "./text.ts";
import { EPOCH_MS, World } from "./world.ts";

function standing(
  voters: number,
  seed = 1,
): { readonly world: World; readonly leader: Sid; readonly other: Sid } {
  const world = new World({ voters, seed }).startAll();
  const leader = world.untilServing();
  return { world, leader, other: world.sids.find((sid) => sid !== leader) ?? leader };
}

function set(path: string, text: string): { op: "setData"; path: string; data: Uint8Array; version: number } {
  return { op: "setData", path, data: bytes(text), version: -1 };
}

const LAST_READ = { op: "getData", path: "/a", watch: false } as const;

describe("the order of requests", () => {
  it.each([1, 3, 5])(
    "replies come in the order of requests, and reads see the writes before them (%i voters)",
    (voters) => {
      const { world, other } = standing(voters);
      const client = connected(world, other);
      client.get(create("/a"));
      const requests = Array.from({ length: 50 }, (_, index) => [
        set("/a", `${index}`),
        LAST_READ,
        { op: "ping" } as const,
        { op: "exists", path: "/none", watch: false } as const,
      ]).flat();
      const xids = client.send(...requests);
      client.untilReply(must(xids.at(-1), "a last xid"));

      const replies = client.replies.slice(1);
      expect(replies.map(({ header }) => header.xid)).toEqual(xids);
      const read = replies.flatMap(({ response }) =>
        response.op === "getData" ? [textOf(response.data)] : [],
      );
      expect(read).toEqual(Array.from({ length: 50 }, (_, index) => `${index}`));
    },
  );

  it("a request may come in any pieces", () => {
    const { world } = standing(1);
    const client = new TestClient(world, 1);
    const whole: number[] = [];
    const collector = { clientSends: (_: Sid, __: number, chunk: Uint8Array) => void whole.push(...chunk) };
    const send = world.clientSends.bind(world);
    Object.assign(world, collector);
    client.hello();
    client.send(create("/a"), LAST_READ, { op: "ping" });
    for (const octet of whole) send(1, must(client.connection, "a connection"), Uint8Array.of(octet));
    world.run(50);

    expect(story(client)).toEqual(["reply 1", "reply 2", "reply -2"]);
  });

  it("a multi is answered with a result for each operation, or an error for each under a header without one", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    const done = client.get({
      op: "multi",
      operations: [
        create("/a"),
        set("/a", "x"),
        { op: "check", path: "/a", version: 1 },
        create("/b"),
        { op: "delete", path: "/b", version: 0 },
      ],
    });
    const failed = client.get({
      op: "multi",
      operations: [create("/c"), { op: "check", path: "/a", version: 7 }, create("/d")],
    });

    expect(done).toMatchObject({
      results: [
        { op: "create", path: "/a" },
        { op: "setData", stat: { version: 1 } },
        { op: "check" },
        { op: "create" },
        { op: "delete" },
      ],
    });
    expect(failed).toEqual({
      op: "multi",
      results: [
        { op: "error", code: 0 },
        { op: "error", code: -103 },
        { op: "error", code: -2 },
      ],
    });
    expect(world.tree(other).get("/c")).toBeUndefined();
  });

  it("sync takes a place in the history, and what was answered elsewhere before it shows behind it", () => {
    const { world, leader, other } = standing(3);
    const [writer, reader] = [connected(world, leader), connected(world, other)];
    writer.get(create("/a"));
    for (let round = 0; round < 30; round++) {
      writer.get(set("/a", `${round}`));
      const before = world.keeper(leader).status().lastZxid;
      const [, xid] = reader.send({ op: "sync", path: "/a" }, LAST_READ);
      const { response } = reader.untilReply(must(xid, "an xid"));

      expect(response.op === "getData" && textOf(response.data)).toBe(`${round}`);
      expect(world.keeper(leader).status().lastZxid).not.toBe(before);
    }
  });

  it("whatever a client asks, no replica breaks, and the ensemble serves on", () => {
    const { world, other } = standing(3);
    let client = connected(world, other);
    fc.assert(
      fc.property(fc.array(anyRequest, { minLength: 1, maxLength: 6 }), (requests) => {
        if (client.isClosed) client = connected(world, other);
        client.send(...requests);
        world.run(20);
      }),
      { numRuns: 400 },
    );
    world.untilEqual();

    const last = connected(world, other);
    expect(last.get(create("/still-there"))).toEqual({ op: "path", path: "/still-there" });
    expect(world.keeper(other).status().counters.framesRejected).toBe(0);
  });
});

describe("numbers and opcodes of a client's choosing (seen on 3.9.5)", () => {
  it("a ping is answered under -2 whatever its own number", () => {
    const { world, leader } = standing(1);
    const client = connected(world, leader);
    client.send({ op: "ping" });
    client.sendFrame(OPCODES.ping, new Uint8Array(0));
    world.run(50);

    expect(story(client)).toEqual(["reply -2", "reply -2"]);
  });

  it("a check by itself is unimplemented, and the connection closes", () => {
    const { world, leader } = standing(1);
    const client = connected(world, leader);
    client.get(create("/a"));
    client.send({ op: "check", path: "/a", version: -1 }, { op: "ping" });
    world.run(50);

    expect(story(client)).toEqual(["reply 1", "reply 2 error -6"]);
    expect(client.isClosed).toBe(true);

    const another = connected(world, leader);
    another.sendFrame(OPCODES.check, Uint8Array.of(0, 0), "check");
    world.run(50);

    expect(story(another)).toEqual(["reply 1 error -6"]);
    expect(another.isClosed).toBe(true);
  });

  it("a login is answered under its own number", () => {
    const { world, leader } = standing(1);
    const client = connected(world, leader);
    const writer = new JuteWriter();
    encodeRequest(writer, 7, { op: "auth", type: 0, scheme: "digest", auth: bytes("ann:one") });
    client.expect(7, "auth");
    client.sendBytes(writer.take());
    world.run(50);

    expect(story(client)).toEqual(["reply 7"]);
  });

  it.each(["auth", "sasl"] as const)(
    "a %s packet that cannot be decoded ends the connection, unanswered",
    (op) => {
      const { world, leader } = standing(1);
      const client = connected(world, leader);
      client.sendFrame(OPCODES[op], Uint8Array.of(0, 0), op);
      world.run(50);

      expect(story(client)).toEqual([]);
      expect(client.isClosed).toBe(true);
    },
  );

  it("null for a path cannot be decoded, and the connection stays open", () => {
    const { world, leader } = standing(1);
    const client = connected(world, leader);
    const none = [255, 255, 255, 255];
    for (const op of ["exists", "getData", "delete", "getAllChildrenNumber"] as const) {
      client.sendFrame(OPCODES[op], Uint8Array.of(...none, 0, 0, 0, 0), op);
    }
    world.run(50);

    expect(story(client)).toEqual([1, 2, 3, 4].map((xid) => `reply ${xid} error -5`));
    expect(client.isClosed).toBe(false);
  });

  it("a login without a word fails, and the connection closes", () => {
    const { world, leader } = standing(1);
    const client = connected(world, leader);
    client.send({ op: "auth", type: 0, scheme: "digest", auth: null });
    world.run(50);

    expect(story(client)).toEqual(["reply -4 error -115"]);
    expect(client.isClosed).toBe(true);
  });
});

describe("watches", () => {
  it("an event precedes the reply to the change on the same connection", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    client.send(create("/a"), { ...LAST_READ, watch: true }, set("/a", "x"), LAST_READ);
    client.untilReply(4);

    expect(story(client)).toEqual(["reply 1", "reply 2", "event 3 /a", "reply 3", "reply 4"]);
  });

  it("an event of another's change precedes every reply that shows it", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { world, leader, other } = standing(3, seed);
      const [writer, reader] = [connected(world, leader), connected(world, other)];
      writer.get(create("/a", { data: bytes("old") }));
      reader.ask({ op: "sync", path: "/a" });
      reader.get({ ...LAST_READ, watch: true });
      writer.send(set("/a", "new"));
      let isTold = false;
      reader.onMessage = (message) => {
        if (message.kind === "event") isTold = true;
        else if (message.response.op === "getData") {
          expect(textOf(message.response.data) === "new").toBe(isTold);
        }
      };
      for (let round = 0; round < 30; round++) {
        reader.send(LAST_READ);
        world.run(1);
      }
      expect(isTold).toBe(true);
    }
  });

  it("what a client missed comes as events before the reply to setWatches", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    client.send(create("/a"), create("/b"));
    const { header } = client.untilReply(2);
    client.send(set("/a", "x"), { op: "delete", path: "/b", version: -1 }, create("/c"));
    client.untilReply(5);
    const again = connected(world, other, client.handover);
    again.send({
      op: "setWatches",
      relativeZxid: header.zxid,
      dataWatches: ["/a", "/b", "/"],
      existWatches: ["/c"],
      childWatches: ["/"],
      persistentWatches: [],
      persistentRecursiveWatches: [],
    });
    world.run(50);

    expect(story(again)).toEqual(["event 3 /a", "event 2 /b", "event 1 /c", "event 4 /", "reply -8"]);
    const zxids = again.messages.flatMap((message) => (message.kind === "event" ? [message.zxid] : []));
    // They tell of no one change (seen on 3.9.5).
    expect(zxids).toEqual([ZXID_UNKNOWN, ZXID_UNKNOWN, ZXID_UNKNOWN, ZXID_UNKNOWN]);
    expect(world.keeper(other).status().watches).toBe(1);
  });

  it("a connection's watches go with it", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    client.get({ op: "getChildren", path: "/", watch: true });
    expect(world.keeper(other).status().watches).toBe(1);
    client.hangUp();

    expect(world.keeper(other).status().watches).toBe(0);
  });

  it("reads behind closeSession are not answered, and leave no watch", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    client.send({ op: "closeSession" }, { op: "getChildren", path: "/", watch: true }, create("/late"));
    world.until("it is closed", () => client.isClosed);
    world.run(100);

    expect(story(client)).toEqual(["reply 1"]);
    expect(world.keeper(other).status()).toMatchObject({ watches: 0, heldRequests: 0 });
    expect(world.tree(other).get("/late")).toBeUndefined();
  });
});

describe("flow control", () => {
  it("a socket is not read while a thousand requests wait, and read again below five hundred", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    client.flow.length = 0;
    const xids = client.send(...Array.from({ length: 1200 }, (_, index) => create(`/n${index}`)));
    world.run(1);
    const whileBusy = [...client.flow];
    client.untilReply(must(xids.at(-1), "an xid"));

    expect(whileBusy).toEqual([false]);
    expect(client.flow).toEqual([false, true]);
  });

  it("a socket is not read while more than PENDING_BYTES_MAX waits", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    client.flow.length = 0;
    const data = new Uint8Array(900_000);
    const xids = client.send(...Array.from({ length: 11 }, (_, index) => create(`/n${index}`, { data })));
    client.untilReply(must(xids.at(-1), "an xid"));

    expect(client.flow).toEqual([false, true]);
  });

  it("a client that goes on sending, as a WebSocket can, is cut off at CONNECTION_BYTES_MAX", () => {
    const { world, other } = standing(3);
    const [client, early] = [connected(world, other), new TestClient(world, other)];
    world.cut(other);
    early.hello();
    world.run(50);
    const data = new Uint8Array(900_000);
    for (let count = 0; count < 17; count++) client.send(create("/n", { data }));
    world.run(20);
    expect(client.isClosed).toBe(false);
    for (let count = 0; count < 20; count++) {
      client.send(create("/n", { data }));
      early.sendBytes(new Uint8Array(1_000_000));
    }
    world.run(20);

    expect(client.isClosed).toBe(true);
    expect(early.isClosed).toBe(true);
  });

  it("many small requests count too", () => {
    const { world, other } = standing(3);
    const client = connected(world, other);
    world.cut(other);
    world.run(50);
    for (let count = 0; count < 1200 && !client.isClosed; count++) {
      client.send(...Array.from({ length: 1000 }, () => LAST_READ));
    }
    world.run(20);

    expect(client.isClosed).toBe(true);
  });
});

describe("four-letter words", () => {
  it("are answered and hung up on, in one piece or several", () => {
    const { world } = standing(1);
    const whole = new TestClient(world, 1, true);
    const split = new TestClient(world, 1, true);
    whole.sendBytes(bytes("ruok"));
    split.sendBytes(bytes("ru"));
    world.run(60);
    expect(split.raw).toBe("");
    split.sendBytes(bytes("o"));
    split.sendBytes(bytes("k\r\n"));
    world.run(10);

    expect([whole.raw, split.raw]).toEqual(["imok", "imok"]);
    expect([whole.isClosed, split.isClosed]).toEqual([true, true]);
  });

  it("an unknown word is hung up on without a word", () => {
    const { world } = standing(1);
    const client = new TestClient(world, 1, true);
    client.sendBytes(bytes("quit"));
    world.run(10);

    expect([client.raw, client.isClosed]).toEqual(["", true]);
  });

  it("srvr tells the mode and the zxid", () => {
    const { world, leader, other } = standing(3);
    const answers = [leader, other].map((sid) => {
      const client = new TestClient(world, sid, true);
      client.sendBytes(bytes("srvr"));
      world.run(50);
      return client.raw;
    });

    expect(answers[0]).toMatch(
      /^Zookeeper version: 3\.9\.5.*\nLatency min[^]*\nMode: leader\nNode count: 4\nProposal sizes .*\n$/,
    );
    expect(answers[1]).toMatch(/\nZxid: 0x100000001\nMode: follower\n/);
  });
});

describe("/zookeeper/config", () => {
  it("is written by the first leader, and not again by the next", () => {
    const { world, leader, other } = standing(3);
    const client = connected(world, other, { timeoutMs: 40_000 });
    const before = client.get({ op: "getData", path: "/zookeeper/config", watch: false });
    world.crash(leader);
    client.get(create("/a"));
    const after = client.get({ op: "getData", path: "/zookeeper/config", watch: false });

    expect(before.op === "getData" && textOf(before.data)).toBe(
      [
        "server.1=127.0.0.1:2888:3888:participant",
        "server.2=127.0.0.1:2888:3888:participant",
        "server.3=127.0.0.1:2888:3888:participant",
        "version=0",
      ].join("\n"),
    );
    expect(after).toEqual(before);
    expect(before).toMatchObject({
      stat: { version: -1, mzxid: { epoch: 1, counter: 1 } },
    });
    expect(before.op === "getData" && before.stat.mtime).toBeGreaterThanOrEqual(EPOCH_MS);
    expect(before.op === "getData" && before.stat.czxid).toEqual(ZXID_ZERO);
  });
});
