import { describe, expect, it } from "vitest";
import { ZXID_ZERO, type Zxid } from "../../src/base/zxid.ts";
import type { Voice } from "../../src/zab/message.ts";
import { Members } from "../../src/zab/members.ts";
import { VoiceTally } from "../../src/zab/voice-tally.ts";
import { zxid } from "./bench.ts";

const SOME = zxid(1, 1);

function coreOf(
  voters: readonly number[],
  { version = ZXID_ZERO, mayBegin = true } = {},
): { readonly members: Members; readonly founding: { readonly mayBegin: boolean } } {
  const membership = { version, voters, observers: [] };
  return { members: new Members({ membership, membershipOf: () => undefined }), founding: { mayBegin } };
}

/** Whether these voices of voters 1, 2 and so on may decide for a history that ends there, `-` being silent. */
function mayDecide(last: Zxid, ...voices: readonly (Voice | "-")[]): boolean {
  const tally = new VoiceTally(coreOf(voices.map((_, index) => index + 1)));
  for (const [index, voice] of voices.entries()) if (voice !== "-") tally.add(index + 1, voice);
  return tally.isQuorum(last);
}

describe("a quorum of voices", () => {
  it.each([
    ["a majority of full ones", SOME, ["full", "full", "-"], true],
    ["less than that", SOME, ["full", "-", "-"], false],
    ["a full and a fresh one of three", SOME, ["full", "fresh", "-"], false],
    ["a full and a fresh one of three without history", ZXID_ZERO, ["full", "fresh", "-"], false],
    ["a full one and all others fresh, with a history", SOME, ["full", "fresh", "fresh"], false],
    ["a full one and all others fresh, without history", ZXID_ZERO, ["full", "fresh", "fresh"], true],
    ["all fresh, without history", ZXID_ZERO, ["fresh", "fresh", "fresh"], true],
    ["all fresh, with a history", SOME, ["fresh", "fresh", "fresh"], false],
    ["all but one fresh, without history", ZXID_ZERO, ["fresh", "fresh", "-"], false],
    ["all fresh but one diverged", ZXID_ZERO, ["fresh", "fresh", "none"], false],
    ["a full and a diverged one of three", SOME, ["full", "none", "-"], false],
    ["a majority of full ones and a diverged one", SOME, ["full", "full", "none"], true],
    ["a fresh only voter", ZXID_ZERO, ["fresh"], true],
  ] as const)("%s", (_, last, voices, expected) => {
    expect(mayDecide(last, ...voices)).toBe(expected);
  });

  it("is made of voters, each counted once", () => {
    const tally = new VoiceTally(coreOf([1, 2, 3]));
    for (const sid of [1, 1, 4, 5]) tally.add(sid, "full");

    expect(tally.isQuorum(SOME)).toBe(false);
    expect(tally.isUnanimous).toBe(false);
  });

  it("is none of fresh voters where members were proposed once: they came later, or have lost what there was", () => {
    const tally = new VoiceTally(coreOf([1, 2], { version: zxid(1, 5) }));
    for (const sid of [1, 2]) tally.add(sid, "fresh");

    expect(tally.isUnanimous).toBe(true);
    expect(tally.isQuorum(ZXID_ZERO)).toBe(false);
  });
});
