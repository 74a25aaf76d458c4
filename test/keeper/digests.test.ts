/** Who is judged to differ, and from whose words. */
import { describe, expect, it } from "vitest";
import { must } from "../../src/base/assert.ts";
import { NO_SESSION, type Sid } from "../../src/base/ids.ts";
import type { Txn } from "../../src/base/txn.ts";
import type { Zxid } from "../../src/base/zxid.ts";
import { type DigestAt, Digests, type Verdict } from "../../src/keeper/digests.ts";
import { DIGEST_EVERY, DIGEST_REPORT_INTERVAL_MS } from "../../src/keeper/limits.ts";
import { DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { Tree } from "../../src/tree/tree.ts";
import { headerOf } from "../tree/harness.ts";
import { MajorityQuorum } from "../../src/zab/quorum.ts";

const HEADER = headerOf(NO_SESSION, 0);
const AT = { epoch: 3, counter: 7 };
const TREE = treeAt(AT);
const RIGHT = { zxid: AT, digest: TREE.digest };
const WRONG = { zxid: AT, digest: { hi: 1, lo: 2 } };

function treeAt(lastApplied: Zxid): Tree {
  return new Tree({
    store: new MapNodeStore(),
    sessions: new SessionTable(),
    digest: DIGEST_ZERO,
    lastApplied,
  });
}

/** The digests of replica 1, which leads five voters and stands at AT; each word is heard a report's time later. */
function leading() {
  const digests = new Digests(1, () => new MajorityQuorum([1, 2, 3, 4, 5]), TREE);
  digests.openAudit();
  let nowMs = 0;
  const hear = (from: Sid, told: DigestAt) => {
    nowMs += DIGEST_REPORT_INTERVAL_MS;
    return digests.hear(from, told, nowMs);
  };
  return { digests, hear };
}

describe("the comparison of digests", () => {
  it("judges once a quorum of voters has the same", () => {
    const { hear } = leading();

    expect(hear(5, WRONG)?.diverged).toEqual([]);
    expect(hear(6, RIGHT)?.diverged).toEqual([]);
    expect(hear(2, RIGHT)?.diverged).toEqual([]);
    expect(hear(3, RIGHT)?.diverged).toEqual([5]);
  });

  it("finds the leader itself to differ from a quorum", () => {
    const { hear } = leading();

    expect([2, 3, 4].map((sid) => hear(sid, WRONG)?.diverged)).toEqual([[], [], [1]]);
  });

  it("does not judge a replica that came back by what it said before a snapshot replaced its tree", () => {
    const { digests, hear } = leading();
    hear(5, WRONG);
    hear(2, RIGHT);
    expect(hear(3, RIGHT)?.diverged).toEqual([5]);
    digests.lost(5);

    expect(hear(4, RIGHT)).toBeUndefined();
    expect(hear(5, WRONG)?.diverged).toEqual([5]);
  });

  it("judges nobody where no quorum has the same, and tells the difference", () => {
    const { hear } = leading();
    const others = [2, 3, 4, 5].map((sid) => ({ zxid: AT, digest: { hi: sid, lo: sid } }));
    const verdicts = others.map((told, index) => hear(index + 2, told));

    expect(verdicts.map((verdict) => verdict?.diverged)).toEqual([[], [], [], []]);
    expect(verdicts.at(-1)?.difference).toMatch(/^at 3:7: 1 has .*, 5 has /);
  });

  it("judges under a steady load, at whatever moments of their own the replicas report", () => {
    const msPerWrite = 2;
    const voters = [1, 2, 3];
    const start = { epoch: 3, counter: 0 };
    const trees = voters.map(() => treeAt(start));
    trees.forEach((tree, index) => {
      const timeoutMs = index === 2 ? 9000 : 8000;
      const txn: Txn = { kind: "createSession", timeoutMs, password: new Uint8Array(16) };
      tree.apply({ epoch: 3, counter: 1 }, headerOf(1n, 0), txn);
    });
    const [leader, ...followers] = trees.map(
      (tree, index) => new Digests(index + 1, () => new MajorityQuorum(voters), tree),
    );
    const verdicts: Verdict[] = [];
    must(leader, "a leader").openAudit();

    // The two report half an interval apart, and more than one zxid is noted meanwhile.
    const halfMs = DIGEST_REPORT_INTERVAL_MS / 2;
    expect(DIGEST_EVERY * msPerWrite).toBeLessThan(halfMs);
    for (let counter = 2; counter * msPerWrite < 4 * DIGEST_REPORT_INTERVAL_MS; counter++) {
      const nowMs = counter * msPerWrite;
      trees.forEach((tree) => tree.apply({ epoch: 3, counter }, HEADER, { kind: "barrier", path: "/" }));
      [leader, ...followers].forEach((replica) => replica?.applied());
      followers.forEach((follower, index) => {
        if (nowMs % DIGEST_REPORT_INTERVAL_MS !== index * halfMs) return;
        for (const told of follower.report(nowMs)) {
          const verdict = leader?.hear(index + 2, told, nowMs);
          if (verdict !== undefined) verdicts.push(verdict);
        }
      });
    }

    // Found by each report of replica 3, and told once for each, whatever number of zxids it speaks of.
    expect(verdicts.map(({ diverged }) => diverged)).toEqual([[3], [3], [3]]);
  });
});
