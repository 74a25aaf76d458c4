/** Who must have a proposal, and who may elect, where members change: 1, 2 and 3 vote, and 3, 4 and 5 take over. */
import { describe, expect, it } from "vitest";

import type { Sid } from "../../../src/base/ids.ts";
import type { Txn } from "../../../src/base/txn.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { Proposal } from "../../../src/zab/message.ts";
import { Violation } from "../verdict.ts";
import { Script } from "./script.ts";

const LINES = [3, 4, 5].map((sid) => `server.${sid}=10.0.0.${sid}:2888:3888:participant;10.0.0.${sid}:2181`);
const CHANGE: Txn = {
  kind: "config",
  data: new TextEncoder().encode([...LINES, "version=100000001"].join("\n")),
};

/** Replica 3 leads epoch 1, and has proposed the change to itself alone. */
function opening(): { readonly script: Script; readonly change: Proposal } {
  const script = new Script(3, 2);
  for (const sid of script.sids) script.start(sid);
  script.reign(3, 1);
  const change = script.next(3, 1, CHANGE);
  script.append(3, change);
  return { script, change };
}

/** These accept it, and the leader tells that it is committed. */
function commit(script: Script, proposal: Proposal, sids: readonly Sid[]): void {
  for (const sid of sids) script.append(sid, proposal);
  script.turn(3, { upTo: proposal.zxid });
  script.send(3, 1, { kind: "commit", upTo: proposal.zxid });
}

function propose(script: Script, txn?: Txn): Proposal {
  const proposal = script.next(3, 1, txn);
  script.append(3, proposal);
  return proposal;
}

/** The name under which the run is ended; undefined where it is not. */
function verdictOf(act: () => void): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof Violation) return error.check;
    throw error;
  }
}

describe("a change of the members", () => {
  it.each<readonly [string, readonly Sid[], string | undefined]>([
    ["the old voters alone", [1, 2], "RevealedIsDurable"],
    ["the new ones alone", [4, 5], "RevealedIsDurable"],
    ["a quorum of both", [1, 4], undefined],
  ])("that %s have: %j", (_, sids, expected) => {
    const { script, change } = opening();

    const verdict = verdictOf(() => commit(script, change, sids));

    expect(verdict).toBe(expected);
  });

  it.each<readonly [string, readonly Sid[], string | undefined]>([
    ["needs no old voter", [4], undefined],
    ["is not committed by old voters", [1, 2], "RevealedIsDurable"],
  ])("that is committed: what follows it %s: %j", (_, sids, expected) => {
    const { script, change } = opening();
    commit(script, change, [1, 2, 4, 5]);

    const verdict = verdictOf(() => commit(script, propose(script), sids));

    expect(verdict).toBe(expected);
  });

  it("is of no account to what came before it, until it is committed", () => {
    const script = new Script(3, 2);
    for (const sid of script.sids) script.start(sid);
    script.reign(3, 1);
    const early = propose(script);
    for (const sid of [1, 2]) script.append(sid, early);
    script.append(3, script.next(3, 1, CHANGE));

    const verdict = verdictOf(() => commit(script, early, []));

    expect(verdict).toBeUndefined();
  });

  it.each<readonly [string, readonly Sid[], string | undefined]>([
    ["the old voters alone", [1, 2], "QuorumWasInAnEpoch"],
    ["the new ones alone", [4, 5], "QuorumWasInAnEpoch"],
    ["a quorum of both", [1, 4], undefined],
  ])("that is pending: who has it may not lead by %s: %j", (_, sids, expected) => {
    const { script } = opening();
    script.resign(3);
    for (const sid of sids) script.promise(sid, 2, 3);

    const verdict = verdictOf(() => script.enter(3, 2, "synchronization"));

    expect(verdict).toBe(expected);
  });
});

describe("a replica that the new members do not name", () => {
  function letGo(script: Script, version: Zxid): string | undefined {
    return verdictOf(() => script.letGo(1, version));
  }

  it("stays until they are committed", () => {
    const { script, change } = opening();
    expect(letGo(script, change.zxid)).toBe("RemovedIsNoMember");
  });

  it("stays until they are settled", () => {
    const { script, change } = opening();
    commit(script, change, [1, 2, 4, 5]);
    expect(letGo(script, change.zxid)).toBe("RemovedIsNoMember");
  });

  it("goes then", () => {
    const { script, change } = opening();
    commit(script, change, [1, 2, 4, 5]);
    commit(script, propose(script, { kind: "settled" }), [4, 5]);
    expect(letGo(script, change.zxid)).toBeUndefined();
  });
});
