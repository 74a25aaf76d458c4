/** The nine invariants by themselves: deliveries in an order that no history of ours could have. */
import { describe, expect, it } from "vitest";
import type { Zxid } from "../../../src/base/zxid.ts";
import { Violation } from "../verdict.ts";
import { type Entry, Histories } from "./histories.ts";
import { ZabNine } from "./zab-nine.ts";

/** Two primaries: epoch 1 has three proposals, epoch 2 two. */
class Play {
  readonly histories: Histories = new Histories();
  readonly nine: ZabNine = new ZabNine(this.histories);

  constructor() {
    const { root } = this.histories;
    let at = root;
    for (const [epoch, count] of [
      [1, 3],
      [2, 2],
    ] as const) {
      this.nine.leads(`primary ${epoch}`, epoch);
      const before = at;
      for (let counter = 1; counter <= count; counter++) {
        at = this.extend(at, { epoch, counter });
        this.nine.broadcasts(`primary ${epoch}`, at, before)();
      }
      this.nine.leadsNoMore(`primary ${epoch}`, epoch);
    }
  }

  extend(parent: Entry, zxid: Zxid): Entry {
    return this.histories.extend(parent, { zxid, payload: new Uint8Array([zxid.epoch, zxid.counter]) });
  }

  /** One more process delivers these. */
  deliver(name: string, ...zxids: readonly (readonly [epoch: number, counter: number])[]): void {
    const process = this.nine.begins(name, this.histories.root);
    for (const [epoch, counter] of zxids)
      this.nine.delivers(process, this.extend(process.delivered, { epoch, counter }));
  }
}

describe("the nine, as deliveries come", () => {
  const cases: ReadonlyArray<readonly [string, string | undefined, (play: Play) => void]> = [
    [
      "the same order everywhere, of different lengths",
      undefined,
      (play) => {
        play.deliver("one", [1, 1], [1, 2], [1, 3], [2, 1]);
        play.deliver("two", [1, 1], [1, 2]);
      },
    ],
    [
      "a hole in what a primary broadcast",
      "LocalPrimaryOrder",
      (play) => play.deliver("one", [1, 1], [1, 3]),
    ],
    [
      "an epoch before an earlier one",
      "GlobalPrimaryOrder",
      (play) => play.deliver("one", [1, 1], [2, 1], [1, 2]),
    ],
    [
      "one behind another than elsewhere",
      "TotalOrder",
      (play) => {
        play.deliver("one", [1, 1], [1, 2], [1, 3], [2, 1]);
        play.deliver("two", [1, 1], [1, 2], [2, 1]);
      },
    ],
    [
      "a start that holds something else as delivered",
      "PrefixConsistency",
      (play) => {
        play.deliver("one", [1, 1], [1, 2]);
        const other = play.extend(play.histories.root, { epoch: 2, counter: 1 });
        play.nine.begins("two", play.extend(other, { epoch: 2, counter: 2 }));
      },
    ],
    ["something that nobody broadcast", "Integrity", (play) => play.deliver("one", [1, 1], [1, 2], [1, 4])],
    [
      "what a later primary had not delivered",
      "PrimaryIntegrity",
      (play) => {
        play.nine.broadcasts(
          "primary 3",
          play.extend(play.histories.root, { epoch: 3, counter: 1 }),
          play.histories.root,
        )();
        play.deliver("one", [1, 1]);
      },
    ],
  ];

  it.each(cases)("%s: %s", (_, name, act) => {
    const play = new Play();
    let found: string | undefined;

    try {
      act(play);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      found = error.check;
    }

    expect(found).toBe(name);
  });

  it("a right run is right as a whole, too", () => {
    const play = new Play();
    play.deliver("one", [1, 1], [1, 2], [1, 3], [2, 1], [2, 2]);
    play.deliver("two", [1, 1], [1, 2], [1, 3], [2, 1], [2, 2]);

    expect(() => play.nine.judgeAll()).not.toThrow();
  });
});
