/** What explanations say of locks that nobody holds any more, or whose znode is gone. */
import { describe, expect, it } from "vitest";

import { type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import { sentencesOfPath } from "../../../src/gateway/api/explain-text.ts";
import type {
  Cause,
  Departure,
  ExplainedContender,
  ExplainedPath,
} from "../../../src/keeper/past-requests.ts";

const at = (counter: number): Zxid => ({ epoch: 1, counter });

function cause(counter: number, isOwn = false): Cause {
  const session = isOwn ? 0n : 7n;
  return { zxid: at(counter), timeMs: Date.UTC(2026, 0, 1, 0, 0, counter), session, replica: 2, isOwn };
}

const HOLDER: Departure = {
  path: "/locks/l/_c_1-lock-0000000000",
  why: "session-closed",
  by: cause(8),
  held: true,
  heldSinceMs: cause(5).timeMs,
  createdBy: cause(5),
  head: new TextEncoder().encode("ann"),
};

const WAITER: Departure = {
  path: "/locks/l/_c_2-lock-0000000001",
  why: "session-closed",
  by: cause(7),
  held: false,
  createdBy: cause(6),
  head: new TextEncoder().encode("bob"),
};

const GONE: Departure = {
  path: "/locks/l",
  why: "removed-by-itself",
  by: cause(9, true),
  createdBy: cause(5),
  mode: "container",
};

function told(known: Partial<ExplainedPath>): readonly string[] {
  const nothing = {
    stat: undefined,
    owner: undefined,
    createdBy: undefined,
    setBy: undefined,
    queue: undefined,
  };
  const none = { op: "explainedPath", ...nothing, gone: undefined, left: [], lookedBack: undefined } as const;
  return sentencesOfPath("/locks/l", { ...none, ...known });
}

const FREE = { path: "/locks/l", of: "lock", contenders: [], count: 0, permits: undefined } as const;

const HISTORY = "the history that is kept reaches back to zxid";

const GONE_BY_ITSELF = "/locks/l is not there: it went at 2026-01-01T00:00:09.000Z (zxid 1:9) by itself";

const WENT = `${GONE_BY_ITSELF}: it was a container, which goes when nothing is left in it.`;

const WENT_SOMEHOW =
  `${GONE_BY_ITSELF}: an empty container, such as a lock that nobody holds, ` +
  "or a TTL znode whose time was over.";

const CLOSED = "as session 0000000000000007 was closed by its owner, over replica 2.";

const OWNER = { session: 7n, timeoutMs: 5000, tracked: undefined } as const;

const OF_OWNER =
  "of session 0000000000000007 (timeout 5000 ms), of which the replica that was asked knows no more";

function contender(known: Partial<ExplainedContender>): ExplainedContender {
  const path = "/locks/l/_c_3-lock-0000000002";
  const whose = { session: 7n, owner: OWNER, data: new TextEncoder().encode("cy") };
  const seen = { isShared: false, isHolder: true, isPlaceholder: false };
  const came = { token: at(6), mzxid: at(6), ctime: cause(6).timeMs };
  return { name: "_c_3-lock-0000000002", path, behind: undefined, ...whose, ...seen, ...came, ...known };
}

describe("an explanation of a lock that is held", () => {
  const heldText = (known: Partial<ExplainedContender>): string | undefined =>
    told({ queue: { ...FREE, contenders: [contender(known)], count: 1 } })[2];

  it("says since when its holder holds, and when it asked for that", () => {
    const who = "Held by /locks/l/_c_3-lock-0000000002 (cy)";
    const token = `token 00000000004294967302, ${OF_OWNER}.`;
    expect(heldText({ heldSinceMs: cause(8).timeMs })).toBe(
      `${who} since 2026-01-01T00:00:08.000Z, asked at 2026-01-01T00:00:06.000Z, ${token}`,
    );
    expect(heldText({ heldSinceMs: cause(6).timeMs })).toBe(
      `${who} since 2026-01-01T00:00:06.000Z, ${token}`,
    );
    // The history does not tell who was there before.
    expect(heldText({})).toBe(`${who}, in the queue since 2026-01-01T00:00:06.000Z, ${token}`);
    expect(heldText({ isHolder: false, behind: HOLDER.path })).toBe(
      `Waits: /locks/l/_c_3-lock-0000000002 (cy) since 2026-01-01T00:00:06.000Z, behind ${HOLDER.path}, ${OF_OWNER}.`,
    );
  });

  it("says the same of those that held it before", () => {
    const left = [
      { ...HOLDER, heldSinceMs: cause(6).timeMs },
      { ...HOLDER, heldSinceMs: cause(6).timeMs, createdBy: undefined },
      { ...HOLDER, heldSinceMs: undefined },
    ];
    const lookedBack = { to: at(6), isAll: true };
    const ended = `it went at 2026-01-01T00:00:08.000Z (zxid 1:8) ${CLOSED}`;
    const who = `held by ${HOLDER.path} (ann)`;
    const token = ", token 00000000004294967301";
    expect(told({ gone: GONE, queue: FREE, left, lookedBack }).slice(2)).toEqual([
      `Held last by ${HOLDER.path} (ann) since 2026-01-01T00:00:06.000Z, ` +
        `asked at 2026-01-01T00:00:05.000Z${token}: ${ended}`,
      `Before: ${who} since 2026-01-01T00:00:06.000Z: ${ended}`,
      `Before: ${who}, in the queue since 2026-01-01T00:00:05.000Z${token}: ${ended}`,
    ]);
    expect(told({ gone: GONE, queue: FREE, left: left.slice(1, 2), lookedBack }).at(-1)).toBe(
      `When it asked, and under which token, is not known: ${HISTORY} 1:6 only.`,
    );
  });
});

describe("how many hold and how many wait", () => {
  const heldOf = (known: Partial<NonNullable<ExplainedPath["queue"]>>): string | undefined =>
    told({ queue: { ...FREE, ...known } })[1];

  it("is told apart, of locks and of semaphores", () => {
    const holder = contender({});
    const waiter = contender({ isHolder: false });
    const closed = contender({ isHolder: false, isPlaceholder: true });
    expect(heldOf({ contenders: [holder, waiter], count: 2 })).toBe(
      "The lock /locks/l: 1 holds it, 1 waits for it.",
    );
    const both = { contenders: [holder, holder, waiter], count: 5 } as const;
    expect(heldOf(both)).toBe("The lock /locks/l: 2 hold it, 3 wait for it.");
    expect(heldOf({ ...both, of: "semaphore", permits: 2 })).toBe(
      "The semaphore /locks/l: 2 of 2 permits held, 3 wait for it.",
    );
    expect(heldOf({ contenders: [closed, waiter], count: 2 })).toBe(
      "Nobody holds the lock /locks/l, which is closed for a delay; 1 waits for it.",
    );
    expect(heldOf({ of: "semaphore", contenders: [waiter], count: 1 })).toBe(
      "Nobody holds the semaphore /locks/l; 1 waits for it.",
    );
  });
});

describe("how a znode went by itself", () => {
  it("is told by how it was made, where that is known, or else by who stood in it", () => {
    const gone = { ...GONE, mode: undefined };
    expect(told({ gone: { ...GONE, mode: "ttl" } })[0]).toBe(
      `${GONE_BY_ITSELF}: it was a TTL znode, whose time was over.`,
    );
    expect(told({ gone })[0]).toBe(WENT_SOMEHOW);
    expect(told({ gone, left: [HOLDER], queue: FREE })[0]).toBe(
      `${GONE_BY_ITSELF}: nobody stood in it any more.`,
    );
  });
});

describe("an explanation of a lock that is gone", () => {
  it("says who held it last, since when, under which token, and how that ended", () => {
    expect(told({ gone: GONE, queue: FREE, left: [HOLDER, WAITER] })).toEqual([
      WENT,
      "Nobody holds the lock /locks/l, and nobody waits for it: it is free.",
      "Held last by /locks/l/_c_1-lock-0000000000 (ann) since 2026-01-01T00:00:05.000Z, " +
        `token 00000000004294967301: it went at 2026-01-01T00:00:08.000Z (zxid 1:8) ${CLOSED}`,
      "Before: waited for by /locks/l/_c_2-lock-0000000001 (bob) since 2026-01-01T00:00:06.000Z: " +
        "it gave up waiting, or was let go, at 2026-01-01T00:00:07.000Z (zxid 1:7), " +
        "as session 0000000000000007 was closed, over replica 2.",
    ]);
  });

  it("says what is not known where the history reaches back to its holder's end only", () => {
    const lookedBack = { to: at(6), isAll: true };
    const left = [{ ...HOLDER, heldSinceMs: undefined, createdBy: undefined }];
    expect(told({ gone: GONE, queue: FREE, left, lookedBack }).slice(2)).toEqual([
      `Held last by ${HOLDER.path} (ann): it went at 2026-01-01T00:00:08.000Z (zxid 1:8) ${CLOSED}`,
      `Since when, and under which token, is not known: ${HISTORY} 1:6 only.`,
    ]);
  });

  it("says that who held it is not known where the history does not reach back to that", () => {
    const lookedBack = { to: at(8), isAll: true };
    expect(told({ gone: { ...GONE, createdBy: undefined, mode: undefined }, lookedBack })).toEqual([
      WENT_SOMEHOW,
      `Who held it last, if anybody, is not known: ${HISTORY} 1:8 only.`,
    ]);
    const unknown = "/locks/l is not there, and nothing is known of one that was";
    expect(told({ lookedBack: { to: at(9), isAll: true } })).toEqual([`${unknown}: ${HISTORY} 1:9 only.`]);
    expect(told({ lookedBack: { to: ZXID_ZERO, isAll: true } })).toEqual([
      `${unknown}: the history, which is kept from the very beginning, tells of none.`,
    ]);
  });
});
