/** Streams of events among keepers: over deaths, changes of leader, snapshots, restores, and slow readers. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import type { WriteRequest } from "../../src/base/request.ts";
import { type Zxid, ZXID_ZERO, zxidDigits } from "../../src/base/zxid.ts";
import { decodeTxn } from "../../src/jute/txn.ts";
import type { CallRequest } from "../../src/keeper/call.ts";
import { endOf, positionText, readPosition } from "../../src/keeper/event-stream.ts";
import { LEADERLESS_HOLD_MS } from "../../src/keeper/limits.ts";
import {
  STREAM_HOLD_MS,
  STREAM_SHARE,
  STREAM_STALL_MS,
  STREAM_UNSENT_MAX,
  STREAMS_MAX,
  STREAMS_PER_CALLER_MAX,
  STREAMS_UNSENT_MAX,
} from "../../src/keeper/stream-limits.ts";
import { freshTree } from "../tree/harness.ts";
import { call, create, openSession, transact } from "./test-caller.ts";
import { goOn, TestReader } from "./test-reader.ts";
import { World } from "./world.ts";

const EPHEMERAL = 1;

interface Ensemble {
  readonly world: World;
  readonly leader: Sid;
  readonly follower: Sid;
  readonly other: Sid;
}

function served(seed = 1, voters = 3): Ensemble {
  const world = new World({ voters, seed }).startAll();
  const leader = world.untilServing();
  const [follower = leader, other = leader] = world.sids.filter((sid) => sid !== leader);
  return { world, leader, follower, other };
}

function write(world: World, sid: Sid, request: WriteRequest): Zxid {
  return call(world, sid, { kind: "write", request } as CallRequest).answered().zxid;
}

function set(path: string, text = "x"): WriteRequest {
  return { op: "setData", path, data: new TextEncoder().encode(text), version: -1 };
}

const remove = (path: string): WriteRequest => ({ op: "delete", path, version: -1 });

/** Lets all that was written be told. */
function settled(world: World): void {
  world.untilEqual();
  world.run(300);
}

/** `kind path` of all events behind a zxid, from one replica's history by applying it to a tree. */
function happened(world: World, sid: Sid, behind: Zxid): readonly string[] {
  const tree = freshTree();
  const { log } = world.replica(sid).disk.durable;
  return log.flatMap(({ zxid, payload }) => {
    const { header, txn } = decodeTxn(payload);
    const { events } = tree.apply(zxid, header, txn);
    const isBehind = zxidDigits(zxid) > zxidDigits(behind);
    return isBehind ? events.map(({ kind, path }) => `${kind} ${path}`) : [];
  });
}

describe("a stream", () => {
  it("begins with the state's zxid, and tells what changes, each part of it", () => {
    const { world, leader, follower } = served();
    const zxid = write(world, leader, create("/a"));
    world.untilEqual();
    const parts = (["data", "children", "node", "recursive"] as const).map(
      (part) => new TestReader(world, follower, { path: "/a", part }),
    );
    write(world, leader, set("/a"));
    write(world, leader, create("/a/k"));
    write(world, leader, create("/a/k/deep"));
    write(world, leader, create("/ab"));
    write(world, leader, remove("/a/k/deep"));
    write(world, leader, remove("/a/k"));
    write(world, leader, remove("/a"));
    settled(world);

    expect(parts.map(({ told }) => told)).toEqual([
      ["dataChanged /a", "deleted /a"],
      ["childrenChanged /a", "childrenChanged /a", "deleted /a"],
      ["dataChanged /a", "childrenChanged /a", "childrenChanged /a", "deleted /a"],
      [
        "dataChanged /a",
        "created /a/k",
        "created /a/k/deep",
        "deleted /a/k/deep",
        "deleted /a/k",
        "deleted /a",
      ],
    ]);
    const [open, first] = must(parts[0], "a reader").events;
    expect(open).toMatchObject({
      id: `${zxidDigits(zxid)}-end`,
      event: "open",
      data: { zxid: zxidDigits(zxid), replica: follower },
    });
    expect(first?.data).toMatchObject({
      type: "dataChanged",
      path: "/a",
      time: expect.any(Number) as number,
    });
    expect(String(first?.data["zxid"]) > zxidDigits(zxid)).toBe(true);
  });

  it("behind a read tells all that came since, at another replica too", () => {
    const { world, leader, follower, other } = served();
    write(world, leader, create("/a"));
    const read = { kind: "read", request: { op: "getData", path: "/a", watch: false }, isLinearizable: true };
    const { zxid } = call(world, follower, read as CallRequest).answered();
    write(world, leader, set("/a", "1"));
    const reader = new TestReader(world, other, { path: "/a", part: "data", since: endOf(zxid) });
    write(world, leader, set("/a", "2"));
    settled(world);

    expect(reader.told).toEqual(["dataChanged /a", "dataChanged /a"]);
    expect(reader.events[0]?.id).toBe(positionText(endOf(zxid)));
  });

  it("goes on in the middle of a transaction, by ids that sort", () => {
    const { world, leader, follower, other } = served();
    const paths = ["/a", "/a/b", "/a/b/c", "/d"];
    const whole = new TestReader(world, follower);
    const operations = paths.map((path) => create(path));
    call(world, leader, transact({ operations })).answered();
    write(world, leader, set("/a"));
    settled(world);

    const told = [...paths.map((path) => `created ${path}`), "dataChanged /a"];
    expect(whole.told).toEqual(told);
    const ids = whole.events.slice(1).map(({ id }) => id);
    expect(ids.slice(0, 4).map((id) => id.slice(-8))).toEqual([
      "00000001",
      "00000002",
      "00000003",
      "00000004",
    ]);
    expect(ids.toSorted()).toEqual(ids);
    for (const [at, id] of ids.entries()) {
      const rest = new TestReader(world, other, { since: readPosition(id) });
      world.run(200);
      expect(rest.told).toEqual(told.slice(at + 1));
    }
  });

  it("tells of the ephemerals that go with a session, from history too, and of nothing one may not read", () => {
    const { world, leader, other } = served();
    const begin = world.tree(leader).lastApplied;
    const hidden = [{ perms: PERMS.create, scheme: "world", id: "anyone" }];
    const closed = { ...create("/hidden"), acl: hidden };
    write(world, leader, closed);
    write(world, leader, { ...create("/hidden/seen"), acl: OPEN_ACL });
    const session = openSession(world, leader, 60_000);
    const mine = { kind: "write", request: create("/e", "", EPHEMERAL) } as const;
    call(world, leader, mine, { session }).answered();
    const live = new TestReader(world, other);
    call(world, leader, { kind: "write", request: { op: "closeSession" } }, { session }).answered();
    settled(world);
    const late = new TestReader(world, other, { since: endOf(begin) });
    const list = new TestReader(world, other, { path: "/hidden", part: "node", since: endOf(begin) });
    world.run(300);

    expect(live.told).toEqual(["deleted /e"]);
    expect(late.told).toEqual(["created /hidden/seen", "created /e", "deleted /e"]);
    expect(list.told).toEqual([]);
  });

  it("says that it lives, with the id of all that it need not tell", () => {
    const { world, leader, follower } = served();
    const reader = new TestReader(world, follower, { path: "/quiet", part: "node", heartbeatMs: 2000 });
    for (let nth = 0; nth < 20; nth++) {
      write(world, leader, create(`/n${nth}`));
      world.run(200);
    }
    world.run(4500);

    expect(reader.comments).toBeGreaterThanOrEqual(3);
    expect(reader.told).toEqual([]);
    expect(reader.lastEventId).toBe(positionText(endOf(world.tree(follower).lastApplied)));
  });
});

describe("a reader whose replica dies", () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed + 1))(
    "goes on at any other and has heard all, once, in order: seed %i",
    (seed) => {
      const { world } = served(seed);
      const begin = endOf(world.tree(world.untilServing()).lastApplied);
      let reader = new TestReader(world, must(world.sids[seed % 3], "a sid"), { since: begin });
      const told: string[] = [];
      const ids: string[] = [];
      const collect = (): void => {
        told.push(...reader.told);
        ids.push(
          ...reader.events.filter(({ event }) => event !== "open" && event !== "end").map(({ id }) => id),
        );
      };
      let lastEventId = positionText(begin);
      for (let round = 0; round < 6; round++) {
        const session = openSession(world, world.untilServing(), 60_000);
        for (let nth = 0; nth < 8; nth++) {
          const sid = must(world.sids[nth % 3], "a sid");
          const path = `/r${round}-${nth}`;
          const request = nth % 3 === 0 ? create(path, "", EPHEMERAL) : create(path);
          call(world, sid, { kind: "write", request }, nth % 3 === 0 ? { session } : {});
          world.run(world.rng.below(30));
        }
        call(
          world,
          must(world.sids[0], "a sid"),
          { kind: "write", request: { op: "closeSession" } },
          { session },
        );
        world.run(world.rng.below(40));
        // The serving one, or whoever leads, in the midst of it.
        const victim = round % 2 === 0 ? reader.sid : world.untilServing();
        world.crash(victim);
        if (reader.sid === victim) {
          expect(reader.over).toBe("lost");
          collect();
          lastEventId = reader.lastEventId === "" ? lastEventId : reader.lastEventId;
          const next = must(
            world.sids.find((sid) => sid !== victim),
            "another",
          );
          reader = new TestReader(world, next, { since: readPosition(lastEventId) });
          // It may have no leader for longer than it takes readers.
          world.until("it begins", () => reader.hasBegun || reader.over !== undefined);
        }
        world.start(victim);
        world.untilServing();
        settled(world);
        if (reader.over !== undefined) {
          collect();
          lastEventId = reader.lastEventId === "" ? lastEventId : reader.lastEventId;
          reader = new TestReader(world, reader.sid, { since: readPosition(lastEventId) });
        }
      }
      settled(world);
      collect();

      expect(told).toEqual(happened(world, world.untilServing(), begin.zxid));
      expect(told.length).toBeGreaterThan(30);
      expect([...new Set(ids)].toSorted()).toEqual(ids);
    },
  );
});

describe("a stream is refused", () => {
  it("where its replica lags behind what was seen elsewhere, unless that comes in time", () => {
    const { world, leader, follower, other } = served();
    write(world, leader, create("/a"));
    world.untilEqual();
    world.cut(follower, [leader, other]);
    const since = endOf(write(world, leader, create("/b")));
    const lagging = new TestReader(world, follower, { since });
    world.run(STREAM_HOLD_MS - 1000);
    expect(lagging.hasBegun).toBe(false);
    world.until("it is refused", () => lagging.over !== undefined);
    expect(lagging.over).toBe("refused: no-quorum");
    world.heal();
    world.untilEqual();

    const { epoch, counter } = since.zxid;
    const ahead = new TestReader(world, other, { since: endOf({ epoch, counter: counter + 3 }) });
    world.run(500);
    expect(ahead.words).toEqual([]);
    for (const path of ["/c", "/d", "/e", "/f"]) write(world, leader, create(path));
    settled(world);
    expect(ahead.told.at(-1)).toBe("created /f");
    const never = new TestReader(world, other, { since: endOf({ epoch: epoch + 9, counter: 1 }) });
    world.until("it is refused", () => never.over !== undefined);
    expect(never.over).toBe("refused: lagging");
  });

  it("where history does not reach back so far, or never had that", () => {
    const { world, leader } = served();
    const first = write(world, leader, create("/a"));
    const second = write(world, leader, create("/b"));
    write(world, leader, create("/c"));
    settled(world);
    world.replica(leader).trim(second);

    const elsewhere = { epoch: second.epoch, counter: 0 };
    const positions = [endOf(first), { zxid: second, index: 1 }, endOf(elsewhere), endOf(second)];
    const readers = positions.map((since) => new TestReader(world, leader, { since }));
    world.run(100);
    expect(readers.map(({ over }) => over)).toEqual([
      "refused: gone",
      "refused: gone",
      "refused: gone",
      undefined,
    ]);
    expect(readers[3]?.told).toEqual(["created /c"]);
    expect(readers[0]?.words[0]).toMatchObject({ oldest: second, zxid: world.tree(leader).lastApplied });
  });

  it("where there are too many, of a caller or in all, and those that are closed count no more", () => {
    const { world, leader } = served(1, 1);
    const open = (): TestReader => {
      const reader = new TestReader(world, leader, { path: "/a", part: "data" });
      world.until("it is answered", () => reader.words.length > 0);
      return reader;
    };
    const mine = Array.from({ length: STREAMS_PER_CALLER_MAX }, open);
    expect(mine.every(({ hasBegun }) => hasBegun)).toBe(true);
    expect(open().over).toBe("refused: too-many-streams");
    mine[0]?.hangUp();
    expect(open().hasBegun).toBe(true);
    for (const reader of mine.slice(1)) reader.hangUp();
    expect(world.keeper(leader).status().streams).toBe(1);
  });

  it("where the replica has as many as it takes", () => {
    const { world, leader } = served(1, 1);
    for (let nth = 0; nth < STREAMS_MAX; nth++) {
      const id = 1_000_000 + nth;
      const asked = {
        path: "/a",
        part: "data",
        since: undefined,
        minZxid: ZXID_ZERO,
        heartbeatMs: 1e9,
        holdMs: 0,
      } as const;
      const opening = { ...asked, id, remoteAddress: `10.9.${nth >> 8}.${nth & 255}:1`, identities: [] };
      world.input(leader, { kind: "stream", input: { kind: "opened", opening } });
    }
    const one = new TestReader(world, leader);
    world.until("it is answered", () => one.over !== undefined);
    expect(one.over).toBe("refused: busy");
  });
});

describe("a slow reader", () => {
  it("costs no more than its window, and hears all when it reads on", () => {
    const { world, leader } = served(1, 1);
    const begin = world.tree(leader).lastApplied;
    const reader = new TestReader(world, leader);
    const fast = new TestReader(world, leader);
    reader.isReading = false;
    const long = "n".repeat(500);
    for (let nth = 0; nth < 400; nth++) write(world, leader, create(`/${nth}-${long}`));
    world.run(500);
    expect(reader.unread).toBeGreaterThan(STREAM_UNSENT_MAX - 1000);
    expect(reader.unread).toBeLessThan(STREAM_UNSENT_MAX + 1000);
    expect(fast.told.length).toBe(400);
    reader.read();
    world.until("all is told", () => reader.told.length >= 400);

    expect(reader.told).toEqual(happened(world, leader, begin));
    expect(fast.told).toEqual(reader.told);
  });

  it("does not stand in the way of others, however many take nothing", () => {
    const { world, leader } = served(1, 1);
    const count = Math.ceil(STREAMS_UNSENT_MAX / STREAM_UNSENT_MAX) + 5;
    const slow = Array.from({ length: count }, (_, nth) => {
      const reader = new TestReader(world, leader, {}, `10.2.0.${nth}:1`);
      reader.isReading = false;
      return reader;
    });
    const fast = new TestReader(world, leader);
    const long = "n".repeat(3000);
    for (let nth = 0; nth < 80; nth++) {
      write(world, leader, create(`/${nth}-${long}`));
      world.until("it is told", () => fast.told.length === nth + 1);
    }
    const { streamsUnsent } = world.keeper(leader).status();
    expect(streamsUnsent).toBeGreaterThan(STREAMS_UNSENT_MAX);
    expect(streamsUnsent).toBeLessThan(STREAMS_UNSENT_MAX + count * STREAM_SHARE * 2);
    for (const reader of slow) reader.read();
    world.until("all is told", () => slow.every(({ told }) => told.length === 80));
    expect(slow.at(-1)?.told).toEqual(fast.told);
  });

  it.each([1, 2, 3])("hears all whoever else is behind, and wherever: seed %i", (seed) => {
    const { world, leader } = served(seed, 1);
    const zxids = [world.tree(leader).lastApplied];
    const readers: { readonly reader: TestReader; readonly since: Zxid; readonly path: string }[] = [];
    const long = "n".repeat(6000);
    for (const path of ["/a", "/b", "/c"]) write(world, leader, create(path));
    for (let nth = 0; nth < 300; nth++) {
      const parent = must(["/a", "/b", "/c"][world.rng.below(3)], "a parent");
      zxids.push(write(world, leader, create(`${parent}/${nth}-${parent === "/a" ? "" : long}`)));
      // Several at once, most of which read through much that they need not tell.
      for (let count = nth % 60 === 59 ? 5 : 0; count > 0; count--) {
        const since = must(zxids[world.rng.below(zxids.length)], "a zxid");
        const path = count === 1 ? "/" : "/a";
        readers.push({ reader: new TestReader(world, leader, { path, since: endOf(since) }), since, path });
      }
    }
    world.run(3000);

    for (const { reader, since, path } of readers) {
      const all = happened(world, leader, since);
      expect(reader.told).toEqual(path === "/" ? all : all.filter((line) => line.startsWith("created /a/")));
    }
    expect(readers.length).toBe(25);
  });

  it("that takes nothing is told so, cut off, and goes on later where it was", () => {
    const { world, leader } = served(1, 1);
    const reader = new TestReader(world, leader);
    reader.read();
    world.run(10);
    reader.isReading = false;
    write(world, leader, create("/a"));
    world.run(STREAM_STALL_MS - 1000);
    expect(reader.over).toBeUndefined();
    world.until("it is cut off", () => reader.over !== undefined);
    expect(reader.over).toBe("end: slow");
    expect(world.keeper(leader).status().streams).toBe(0);
    write(world, leader, create("/b"));
    const again = goOn(world, leader, reader);
    world.run(100);
    expect(again.told).toEqual(["created /b"]);
  });

  it("that history overtakes is told that there is a gap", () => {
    const { world, leader } = served(1, 1);
    const reader = new TestReader(world, leader);
    reader.isReading = false;
    const long = "n".repeat(500);
    let last = ZXID_ZERO;
    for (let nth = 0; nth < 400; nth++) last = write(world, leader, create(`/${nth}-${long}`));
    settled(world);
    world.replica(leader).trim(last);
    world.until("it is told", () => reader.over !== undefined);

    expect(reader.over).toBe("end: gone");
    const again = goOn(world, leader, reader);
    world.until("it is answered", () => again.over !== undefined);
    expect(again.over).toBe("refused: gone");
  });
});

describe("a stream ends", () => {
  it("where its replica has no leader for long, and not by a change of leader", () => {
    const { world, leader, follower, other } = served();
    const reader = new TestReader(world, follower);
    world.crash(leader);
    const next = world.untilServing();
    write(world, next, create("/a"));
    settled(world);
    expect(reader.told).toEqual(["created /a"]);

    world.crash(next === follower ? other : next);
    world.run(LEADERLESS_HOLD_MS * 3);
    expect(reader.over).toBe(next === follower && reader.over === "lost" ? "lost" : "end: no-quorum");
  });
});
