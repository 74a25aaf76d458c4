import { describe, expect, it } from "vitest";
import { maxZxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { bytes, connected, create, story, TestClient } from "./test-client.ts";
import { World } from "./world.ts";

function standing(voters = 1, seed = 1): World {
  const world = new World({ voters, seed }).startAll();
  world.untilServing();
  return world;
}

describe("the handshake", () => {
  it("a request of 45 bytes is answered with 37, and one of 44 with 36", () => {
    const world = standing();
    const modern = connected(world, 1);
    const old = connected(world, 1, { readOnly: undefined });

    expect(modern.frameLengths).toEqual([37]);
    expect(modern.welcome?.readOnly).toBe(false);
    expect(old.frameLengths).toEqual([36]);
    expect(old.welcome?.readOnly).toBeUndefined();
  });

  it("the timeout is brought within the bounds, and the session's id begins with the replica's sid", () => {
    const world = standing(3);
    const asked = [1, 10_000, 1_000_000].map((timeoutMs) => connected(world, 2, { timeoutMs }));

    expect(asked.map(({ welcome }) => welcome?.timeoutMs)).toEqual([4000, 10_000, 40_000]);
    for (const { session } of asked) expect(session >> 56n).toBe(2n);
  });

  it.each([
    ["a wrong password", { password: new Uint8Array(16).fill(7) }],
    ["a shorter password", { password: new Uint8Array(3) }],
    ["an empty password", { password: new Uint8Array(0) }],
    ["no password", { password: null }],
    ["an unknown session", { session: 0x1234n }],
  ])("%s is answered with a session of nought, then the connection closes", (_, wrong) => {
    const world = standing(3);
    const client = connected(world, 1);
    const other = connected(world, 2, { ...client.handover, ...wrong });
    world.until("it is closed", () => other.isClosed);

    expect(other.welcome).toMatchObject({ sessionId: 0n, timeoutMs: 0 });
    expect(client.ask({ op: "ping" }).header.error).toBe(0);
    expect(client.isClosed).toBe(false);
  });

  it("a prefix of the password is refused, and the right one is not", () => {
    const world = standing(3);
    const client = connected(world, 1);
    const { session, password } = client.handover;
    const prefix = connected(world, 3, { session, password: (password ?? new Uint8Array(0)).slice(0, 15) });
    const right = connected(world, 3, { session, password });

    expect(prefix.welcome?.sessionId).toBe(0n);
    expect(right.session).toBe(session);
  });

  it("a client that has seen more than the replica is turned away after HANDSHAKE_HOLD_MS", () => {
    const world = standing(3);
    const early = new TestClient(world, 1).hello({ lastZxidSeen: { epoch: 1000, counter: 0 } });
    world.run(950);
    expect(early.isClosed).toBe(false);
    world.run(150);

    expect(early.isClosed).toBe(true);
    expect(early.welcome).toBeUndefined();
    expect(world.keeper(1).status().counters.connectionsRejected).toBe(1);
  });

  it("a client that has seen a little more is served once the replica has it too", () => {
    const world = standing(3);
    const leader = world.untilServing();
    const behind = leader === 1 ? 2 : 1;
    const writer = connected(world, leader);
    world.cut(behind);
    writer.get(create("/a"));
    const seen = writer.replies.reduce((latest, { header }) => maxZxid(latest, header.zxid), ZXID_ZERO);
    const waiting = new TestClient(world, behind).hello({ lastZxidSeen: seen });
    world.run(100);
    expect(waiting.welcome).toBeUndefined();
    world.heal();
    waiting.untilWelcome();

    expect(waiting.get({ op: "exists", path: "/a", watch: false }).op).toBe("stat");
  });

  it("a connection that says nothing is closed after HANDSHAKE_LIMIT_MS", () => {
    const world = standing();
    const silent = new TestClient(world, 1);
    world.run(9900);
    expect(silent.isClosed).toBe(false);
    world.run(200);
    expect(silent.isClosed).toBe(true);
  });

  it("a refusal to a replica's earlier start is not taken by the next for an answer to its own client", () => {
    const world = new World({ voters: 3, observers: 1 }).startAll();
    const leader = world.untilServing();
    const observer = 4;
    const { session, password } = connected(world, leader).handover;
    // The refusal waits for a commit, which must wait for these.
    const followers = [1, 2, 3].filter((sid) => sid !== leader);
    for (const sid of followers) world.muteLinks(sid, leader);
    new TestClient(world, observer).hello({ session: 0x1234n });
    world.run(20);
    // Its next start has a link before the leader learns that the first is gone.
    world.replica(observer).links.clear();
    world.crash(observer);
    world.start(observer);
    const client = new TestClient(world, observer).hello({ session, password });
    world.run(300);
    expect(world.keeper(observer).status().leader).toBe(leader);
    expect(client.welcome).toBeUndefined();
    for (const sid of followers) world.breakLinks(sid, leader);
    client.untilWelcome();

    expect(client.welcome?.sessionId).toBe(session);
  });

  it("a session whose id is taken already is not created, and the client is hung up on", () => {
    const world = standing(3);
    const entropy = new Uint8Array(48).fill(9);
    const ends = [100_001, 100_002].map((id) => {
      const end = { closed: false, bytes: 0 };
      world.replica(2).clients.set(id, {
        onBytes: (chunk) => void (end.bytes += chunk.length),
        takeRead: () => 0,
        onFlow: () => undefined,
        onClosed: () => void (end.closed = true),
      });
      const opening = { id, remoteAddress: "10.0.0.1:1", transport: "tcp", entropy } as const;
      world.input(2, { kind: "clientOpened", opening });
      return { id, end };
    });
    const hello = new Uint8Array(49);
    new DataView(hello.buffer).setInt32(0, 45);
    new DataView(hello.buffer).setInt32(28, 16);
    for (const { id } of ends)
      world.input(2, { kind: "clientBytes", received: [{ connection: id, bytes: hello }] });
    world.run(500);

    expect(ends.map(({ end }) => end)).toEqual([
      { closed: false, bytes: 41 },
      { closed: true, bytes: 0 },
    ]);
  });
});

describe("frames that are no requests", () => {
  it("an unknown opcode is answered with -6 and zxid -1, after what came before it; then the connection closes", () => {
    const world = standing(3);
    const client = connected(world, 1);
    client.send(create("/a"));
    const xid = client.sendFrame(77, new Uint8Array(0));
    client.send({ op: "ping" });
    world.until("it is closed", () => client.isClosed);

    expect(story(client)).toEqual(["reply 1", "reply 2 error -6"]);
    expect(client.replyTo(xid)?.header.zxid).toEqual({ epoch: 0xffffffff, counter: 0xffffffff });
    expect(world.keeper(1).status().counters.requestsUnknown).toBe(1);
  });

  it("a login without a token ends the connection, and what was sent behind it leaves no watch", () => {
    const world = standing(3);
    const client = connected(world, 1);
    client.send(create("/a"), { op: "sasl", token: null }, { op: "exists", path: "/a", watch: true });
    world.until("it is closed", () => client.isClosed);

    expect(story(client)).toEqual([]);
    expect(world.keeper(1).status().watches).toBe(0);
  });

  it("a body that cannot be decoded is answered with -5, and the connection stays", () => {
    const world = standing();
    const client = connected(world, 1);
    const xid = client.sendFrame(1, new Uint8Array([0, 0, 0, 9, 1]));
    world.run(10);

    expect(client.replyTo(xid)?.header.error).toBe(-5);
    expect(client.get(create("/a"))).toEqual({ op: "path", path: "/a" });
    expect(world.keeper(1).status().counters.requestsUndecodable).toBe(1);
  });

  it("a frame that is too large closes its connection alone, and is counted", () => {
    const world = standing();
    const [client, other] = [connected(world, 1), connected(world, 1)];
    client.sendBytes(new Uint8Array([0, 0x10, 0, 0]));

    expect(client.isClosed).toBe(true);
    expect(other.ask({ op: "ping" }).header.error).toBe(0);
    expect(world.keeper(1).status().counters.framesRejected).toBe(1);
  });

  it.each([[[0, 0, 0, 4, 1, 2, 3, 4]], [[0xff, 0xff, 0xff, 0xff]], [[0, 0, 0, 0]]])(
    "%j behind the handshake closes the connection",
    (chunk) => {
      const world = standing();
      const client = connected(world, 1);
      client.sendBytes(Uint8Array.from(chunk));

      expect(client.isClosed).toBe(true);
      expect(world.keeper(1).status().counters.framesRejected).toBe(1);
    },
  );
});

describe("auth", () => {
  const auth = { op: "auth", type: 0, scheme: "digest", auth: bytes("bob:secret") } as const;

  it("a digest login counts for the requests behind it", () => {
    const world = standing(3);
    const client = connected(world, 1);
    const acl = [{ perms: 31, scheme: "auth", id: "" }];
    client.send(auth, create("/mine", { acl }));
    world.run(100);
    const stranger = connected(world, 2);

    expect(client.replies.map(({ header }) => [header.xid, header.error])).toEqual([
      [-4, 0],
      [1, 0],
    ]);
    expect(client.get({ op: "whoAmI" })).toEqual({
      op: "identities",
      identities: [
        { scheme: "ip", id: "10.0.0.1" },
        { scheme: "digest", id: "bob" },
      ],
    });
    expect(stranger.ask({ op: "getData", path: "/mine", watch: false }).header.error).toBe(-102);
    expect(client.ask({ op: "getData", path: "/mine", watch: false }).header.error).toBe(0);
  });

  it("is answered under the xid it was sent with: not every client calls it -4", () => {
    const world = standing();
    const client = connected(world, 1);
    const [ping] = client.send({ op: "ping" });
    const body = new JuteWriter();
    body.int(0);
    body.string("digest");
    body.buffer(bytes("bob:secret"));
    const numbered = client.sendFrame(100, body.take());
    const refused = client.sendFrame(100, new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));

    expect(client.replies.map(({ header }) => [header.xid, header.error])).toEqual([
      [ping, 0],
      [numbered, 0],
      [refused, -115],
    ]);
  });

  it("a scheme that does not exist is answered with -115, and the connection closes", () => {
    const world = standing();
    const client = connected(world, 1);
    client.send({ ...auth, scheme: "kerberos" }, { op: "ping" });

    expect(client.isClosed).toBe(true);
    expect(client.replies.map(({ header }) => [header.xid, header.error])).toEqual([[-4, -115]]);
  });

  it("logins without end are cut off: each forwarded request carries them all", () => {
    const world = standing(3);
    const client = connected(world, 1);
    for (let user = 0; user < 2000 && !client.isClosed; user++) {
      client.send({ ...auth, auth: bytes(`${user}`.padEnd(300, "x")) });
    }
    world.run(50);

    expect(client.isClosed).toBe(true);
    expect(client.replies.at(-1)?.header.error).toBe(-115);
    expect(client.replies.length).toBeGreaterThan(50);
  });
});
