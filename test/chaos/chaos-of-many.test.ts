/** Goes on where chaos.test.ts begins: each round has a file of its own, so that two run beside each other. */
import { expect, test } from "vitest";

import { type Members, sidsOf } from "../../src/base/settings.ts";
import { shortRoundFor } from "./plan.ts";
import { playRound, ROUND_DEADLINE_MS } from "./round.ts";

const SEVEN: Members = { voters: [1, 2, 3, 4, 5], observers: [6, 7] };

test(
  "nor what two of five voters and two observers suffer at once, and without a quorum all writes wait",
  async () => {
    const report = await playRound(SEVEN, shortRoundFor(SEVEN));

    const struck = new Set([...report.struck.values()].flatMap((sids) => [...sids]));
    expect([...struck].toSorted((a, b) => a - b)).toEqual(sidsOf(SEVEN));
    const stalls = report.faults.filter(({ withoutQuorumMs }) => withoutQuorumMs > 0);
    expect(stalls).toHaveLength(1);
    expect(stalls[0]?.askedWithoutQuorum).toBeGreaterThan(0);
  },
  ROUND_DEADLINE_MS,
);
