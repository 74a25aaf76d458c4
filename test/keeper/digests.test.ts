/** Who is judged to differ, and from whose words. */
import { describe, expect, it } from "vitest";
import { Digests } from "../../src/keeper/digests.ts";
import { DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { Tree } from "../../src/tree/tree.ts";

const AT = { epoch: 3, counter: 7 };
const TREE = new Tree({
  store: new MapNodeStore(),
  sessions: new SessionTable(),
  digest: DIGEST_ZERO,
  lastApplied: AT,
});
const RIGHT = { zxid: AT, digest: TREE.digest };
const WRONG = { zxid: AT, digest: { hi: 1, lo: 2 } };

/** The digests of replica 1, which leads five voters and stands at AT. */
function leading(): Digests {
  const digests = new Digests({ sid: 1, voters: [1, 2, 3, 4, 5] }, TREE);
  digests.openAudit();
  return digests;
}

describe("the comparison of digests", () => {
  it("judges once a quorum of voters has the same", () => {
    const digests = leading();

    expect(digests.hear(5, WRONG)?.diverged).toEqual([]);
    expect(digests.hear(6, RIGHT)?.diverged).toEqual([]);
    expect(digests.hear(2, RIGHT)?.diverged).toEqual([]);
    expect(digests.hear(3, RIGHT)?.diverged).toEqual([5]);
  });

  it("finds the leader itself to differ from a quorum", () => {
    const digests = leading();

    expect([2, 3, 4].map((sid) => digests.hear(sid, WRONG)?.diverged)).toEqual([[], [], [1]]);
  });

  it("does not judge a replica that came back by what it said before a snapshot replaced its tree", () => {
    const digests = leading();
    digests.hear(5, WRONG);
    digests.hear(2, RIGHT);
    expect(digests.hear(3, RIGHT)?.diverged).toEqual([5]);
    digests.lost(5);

    expect(digests.hear(4, RIGHT)).toBeUndefined();
    expect(digests.hear(5, WRONG)?.diverged).toEqual([5]);
  });

  it("judges nobody where no quorum has the same, and tells the difference", () => {
    const digests = leading();
    const others = [2, 3, 4, 5].map((sid) => ({ zxid: AT, digest: { hi: sid, lo: sid } }));
    const verdicts = others.map((told, index) => digests.hear(index + 2, told));

    expect(verdicts.map((verdict) => verdict?.diverged)).toEqual([[], [], [], []]);
    expect(verdicts.at(-1)?.difference).toMatch(/^at 3:7: 1 has .*, 5 has /);
  });
});
