/** When a znode may be removed, to the millisecond. */
import { describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { NodeOwner } from "../../src/base/txn.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { dueMarks, isDue, markOf, TTL_MS_MAX } from "../../src/tree/idle.ts";
import type { Znode } from "../../src/tree/node-store.ts";

const NOW_MS = 1_800_000_000_000;

function znode(owner: NodeOwner, more: Partial<Znode> = {}): Znode {
  const zxids = { czxid: ZXID_ZERO, mzxid: ZXID_ZERO, pzxid: ZXID_ZERO };
  const counts = { version: 0, aversion: 0, childCreates: 0, childCount: 0 };
  return { data: null, acl: OPEN_ACL, owner, ...zxids, ctime: NOW_MS, mtime: NOW_MS, ...counts, ...more };
}

const TTL = { mode: "ttl", ttlMs: 1000 } as const;
const CONTAINER = { mode: "container" } as const;
const USED = { childCreates: 1 };
const NEGATIVE = { childCreates: -2_147_483_648 };
const FULL = { childCreates: 2, childCount: 1 };

describe("a znode", () => {
  test.each<readonly [string, Znode, readonly [number, number], boolean]>([
    ["with a TTL, at its last millisecond", znode(TTL), [1000, 0], false],
    ["with a TTL, one later", znode(TTL), [1001, 0], true],
    ["with a TTL and a child", znode(TTL, FULL), [100_000, 0], false],
    ["with a TTL whose child is gone", znode(TTL, USED), [1001, 0], true],
    [
      "with a TTL, set a moment ago",
      znode(TTL, { mtime: NOW_MS + 900, ctime: NOW_MS - 9000 }),
      [1001, 0],
      false,
    ],
    ["with the longest TTL", znode({ mode: "ttl", ttlMs: TTL_MS_MAX }), [TTL_MS_MAX, 0], false],
    ["with the longest TTL, one later", znode({ mode: "ttl", ttlMs: TTL_MS_MAX }), [TTL_MS_MAX + 1, 0], true],
    ["that is a container and had a child", znode(CONTAINER, USED), [0, 0], true],
    ["that is a container whose count of children went around", znode(CONTAINER, NEGATIVE), [0, 0], true],
    ["that is a container and has a child", znode(CONTAINER, FULL), [100_000, 0], false],
    ["that is a container and never had one", znode(CONTAINER), [2 ** 45, 0], false],
    ["that is a container, unused as long as it may be", znode(CONTAINER), [500, 500], false],
    ["that is a container, unused for longer", znode(CONTAINER), [501, 500], true],
    ["that is persistent", znode({ mode: "persistent" }, USED), [100_000, 1], false],
    ["that is ephemeral", znode({ mode: "ephemeral", session: 1n }), [100_000, 1], false],
  ])("%s", (_, node, [afterMs, neverUsedMs], isOver) => {
    expect(isDue(node, NOW_MS + afterMs, neverUsedMs)).toBe(isOver);
    const mark = markOf(node);
    const { from, to } = dueMarks(NOW_MS + afterMs, neverUsedMs);
    expect(mark !== undefined && mark >= from && mark <= to).toBe(isOver);
    expect(mark === undefined || Number.isSafeInteger(mark)).toBe(true);
  });
});
