import { describe, expect, it } from "vitest";
import { folded } from "./fold.ts";

const USUAL = [
  "   3419 ms  1#3       -> 2 propose 3:69",
  "   3420 ms  1#3       writes 3:69 setData",
  "   3421 ms  2#1       writes 3:69 setData",
  "   3422 ms  2#1       -> 1 ack 3:69",
  "   3423 ms  1#3       delivers up to 3:69",
  '   3424 ms  c3        0x10682e28a67ef57 exists {"path":"/r/3"} -> error -101 at 3:69 (3425 ms)',
];
const AS_ONE = "   3419 ms  ...       as usual until 3424 ms: 2 sent, 2 written, 1 delivered, 1 answered";

const TELLING = [
  "   5166 ms  FAULT     begins: evict sid 1",
  "   5166 ms  1#3       is gone: evicted",
  "   5224 ms  1#4       starts: accepted 3 current 3 delivered 3:100",
  "   5274 ms  1#4       phase leading broadcast",
  "   5274 ms  1#4       writes epochs accepted 4 current 3",
  "   5275 ms  1#4       writes truncate after 3:99",
  "   5276 ms  1#4       -> 2 newLeader epoch 4 last 3:100",
  '   5277 ms  l2        0x106c8bd99a6c9cc delete {"path":"/l"} -> never answered: closed by the replica',
];

describe("a story to be read", () => {
  it("has one line for each stretch in which all goes as usual", () => {
    expect(folded([...USUAL, ...TELLING, ...USUAL], 0)).toEqual([AS_ONE, ...TELLING, AS_ONE]);
  });

  it("keeps each line that may tell why, and short stretches as they are", () => {
    const story = TELLING.flatMap((line) => [...USUAL.slice(0, 4), line]);

    expect(folded(story, 0)).toEqual(story);
  });

  it("keeps its last lines", () => {
    expect(folded([...USUAL, ...USUAL], 6)).toEqual([AS_ONE, ...USUAL]);
    expect(folded(USUAL, 99)).toEqual(USUAL);
  });
});
