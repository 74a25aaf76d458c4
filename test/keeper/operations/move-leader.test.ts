/** Who may be made the leader, and what its clients notice of it. */
import { describe, expect, it } from "vitest";
import { must } from "../../../src/base/assert.ts";
import type { Sid } from "../../../src/base/ids.ts";
import { moveRefusal } from "../../../src/keeper/operations/move-leader.ts";
import type { PeerStatus } from "../../../src/zab/config.ts";
import { connected, create, type TestClient } from "../test-client.ts";
import { World } from "../world.ts";

const SEQUENTIAL = 2;
const OBSERVER = 4;

interface Led {
  readonly world: World;
  readonly leader: Sid;
  readonly heir: Sid;
}

/** Three voters and an observer, the leader, and a voter that does not lead: the one of the lower sid, if `isLower`. */
function led(seed = 1, isLower = false): Led {
  const world = new World({ voters: 3, observers: 1, seed }).startAll();
  const leader = world.untilServing();
  const others = world.voters.filter((sid) => sid !== leader);
  return { world, leader, heir: must(isLower ? others[0] : others.at(-1), "another voter") };
}

function codeOf(to: Sid, status: PeerStatus): string | undefined {
  return moveRefusal(to, status)?.code;
}

/** Clients of all replicas write, the leader makes room, and everything is answered. */
function moveUnderLoad({ world, leader, heir }: Led, runMs: number): void {
  const clients = world.sids.map((sid) => connected(world, sid));
  const [first] = clients;
  must(first, "a client").get(create("/q"));
  const write = (client: TestClient): readonly number[] =>
    client.send(...Array.from({ length: 20 }, () => create("/q/n-", { flags: SEQUENTIAL })));
  const before = clients.map(write);
  world.run(runMs);
  expect(codeOf(heir, world.keeper(leader).status().zab)).toBeUndefined();
  world.input(leader, { kind: "resign", successor: heir });
  const behind = clients.map(write);
  world.until("the successor leads", () => world.leader() === heir);

  for (const [index, client] of clients.entries()) {
    for (const xid of [...(before[index] ?? []), ...(behind[index] ?? [])]) {
      expect(client.untilReply(xid).header.error).toBe(0);
    }
    expect(client.isClosed).toBe(false);
  }
  world.untilEqual();
  const listed = must(first, "a client").get({ op: "getChildren", path: "/q", watch: false });
  expect(listed.op === "children" ? listed.children.length : 0).toBe(40 * clients.length);
  expect(world.leader()).toBe(heir);
}

describe("a change of leader on request", () => {
  it("loses no write and no connection under load, and the successor leads", () => {
    for (let seed = 1; seed <= 10; seed++) moveUnderLoad(led(seed, seed % 2 === 0), seed);
  });

  it("is refused where the other leads, observes, or is nobody", () => {
    const { world, leader } = led();
    const { zab } = world.keeper(leader).status();

    expect(codeOf(leader, zab)).toBe("already-leader");
    expect(codeOf(OBSERVER, zab)).toBe("not-a-voter");
    expect(codeOf(9, zab)).toBe("unknown-sid");
  });

  it("is refused by a replica that does not lead", () => {
    const { world, leader, heir } = led();

    expect(codeOf(leader, world.keeper(heir).status().zab)).toBe("not-leading");
  });

  it("is refused where the voter is away, and not once it has caught up", () => {
    const { world, leader, heir } = led();
    world.crash(heir);
    world.until("the leader misses it", () => {
      return world
        .keeper(leader)
        .status()
        .zab.learners.every(({ sid }) => sid !== heir);
    });
    expect(codeOf(heir, world.keeper(leader).status().zab)).toBe("not-caught-up");

    world.start(heir);
    world.untilServing();
    expect(codeOf(heir, world.keeper(leader).status().zab)).toBeUndefined();
  });

  it("is refused while another is under way", () => {
    const { world, leader, heir } = led();
    const third = must(
      world.voters.find((sid) => sid !== leader && sid !== heir),
      "a third",
    );
    connected(world, leader).send(create("/n"));
    world.input(leader, { kind: "resign", successor: heir });
    const { zab } = world.keeper(leader).status();
    expect(zab.isResigning).toBe(true);
    expect(codeOf(third, zab)).toBe("move-in-progress");
  });

  it("is refused while the members change, and to who has no weight", () => {
    const { world, leader, heir } = led();
    const { zab } = world.keeper(leader).status();
    const { membership } = zab;
    expect(codeOf(heir, { ...zab, membership: { ...membership, isSettled: false } })).toBe(
      "reconfig-in-progress",
    );
    const weightless = { ...membership.current, weights: new Map([[heir, 0]]) };
    expect(codeOf(heir, { ...zab, membership: { ...membership, current: weightless } })).toBe("not-a-voter");
  });
});
