/** What explanations say of locks that nobody holds any more, or whose znode is gone. */
import { describe, expect, it } from "vitest";

import { type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import { sentencesOfPath } from "../../../src/gateway/api/explain-text.ts";
import type { Cause, Departure, ExplainedPath } from "../../../src/keeper/past-requests.ts";

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

const WENT =
  "/locks/l is not there: it went at 2026-01-01T00:00:09.000Z (zxid 1:9) by itself: an empty container, " +
  "such as a lock that nobody holds, or a TTL znode whose time was over.";

const CLOSED = "as session 0000000000000007 was closed by its owner, over replica 2.";

describe("an explanation of a lock that is gone", () => {
  it("says who held it last, since when, under which token, and how that ended", () => {
    expect(told({ gone: GONE, queue: FREE, left: [HOLDER, WAITER] })).toEqual([
      WENT,
      "Nobody holds the lock /locks/l, and nobody waits for it: it is free.",
      "Held last by /locks/l/_c_1-lock-0000000000 (ann) since 2026-01-01T00:00:05.000Z, " +
        `token 00000000004294967301: it went at 2026-01-01T00:00:08.000Z (zxid 1:8) ${CLOSED}`,
      "Before: waited for by /locks/l/_c_2-lock-0000000001 (bob) since 2026-01-01T00:00:06.000Z: " +
        `it went at 2026-01-01T00:00:07.000Z (zxid 1:7) ${CLOSED}`,
    ]);
  });

  it("says what is not known where the history reaches back to its holder's end only", () => {
    const lookedBack = { to: at(6), isAll: true };
    const left = [{ ...HOLDER, createdBy: undefined }];
    expect(told({ gone: GONE, queue: FREE, left, lookedBack }).slice(2)).toEqual([
      `Held last by ${HOLDER.path} (ann): it went at 2026-01-01T00:00:08.000Z (zxid 1:8) ${CLOSED}`,
      `Since when, and under which token, is not known: ${HISTORY} 1:6 only.`,
    ]);
  });

  it("says that who held it is not known where the history does not reach back to that", () => {
    const lookedBack = { to: at(8), isAll: true };
    expect(told({ gone: { ...GONE, createdBy: undefined }, lookedBack })).toEqual([
      WENT,
      `Who held it last, if anybody, is not known: ${HISTORY} 1:8 only.`,
    ]);
    const unknown = "/locks/l is not there, and nothing is known of one that was";
    expect(told({ lookedBack: { to: at(9), isAll: true } })).toEqual([`${unknown}: ${HISTORY} 1:9 only.`]);
    expect(told({ lookedBack: { to: ZXID_ZERO, isAll: true } })).toEqual([
      `${unknown}: the history, which is kept from the very beginning, tells of none.`,
    ]);
  });
});
