/** What the dashboard says of replicas that were lost and came back between two looks. */
import { describe, expect, test } from "vitest";

import type { ReplicaFigures, ReplicaReport, StatusDocument } from "../../src/dashboard/documents.ts";
import { clockText } from "../../src/dashboard/format.ts";
import { foremost, type Happening, happeningsBetween } from "../../src/dashboard/happenings.ts";

const AT_MS = Date.parse("2026-11-29T12:03:05Z");

interface Told {
  readonly instance?: number;
  readonly currentEpoch?: number;
  readonly uptimeMs?: number;
  readonly leadingMs?: number;
  readonly lastElectionMs?: number;
}

/** As far as it is read here. */
function replica(sid: number, told: Told | null): ReplicaReport {
  const { lastElectionMs, ...figures } = { instance: 1, currentEpoch: 5, uptimeMs: 60_000, ...told };
  const status = { ...figures, leadingMs: told?.leadingMs ?? null, zab: { lastElectionMs } };
  const error = told === null ? "gone" : null;
  return {
    sid,
    role: "participant",
    location: null,
    status: told && (status as unknown as ReplicaFigures),
    error,
  };
}

function status(leader: number | null, ...told: readonly (Told | null)[]): StatusDocument {
  return { ensemble: "main", leader, replicas: told.map((one, at) => replica(at + 1, one)) };
}

/** Looks are two seconds apart. */
const LOOK_MS = 2000;

function textsOf(before: StatusDocument, now: StatusDocument, lastLeader?: number): readonly string[] {
  return textsSince(LOOK_MS, { before, now, lastLeader });
}

function textsSince(
  apartMs: number,
  looks: {
    readonly before: StatusDocument;
    readonly now: StatusDocument;
    readonly lastLeader?: number | undefined;
  },
): readonly string[] {
  const { lastLeader } = looks;
  return happeningsBetween({ ...looks, lastLeader, atMs: AT_MS, beforeMs: AT_MS - apartMs }).map(
    ({ atMs, text }) => `${clockText(atMs)} ${text}`,
  );
}

function ago(ms: number): string {
  return clockText(AT_MS - ms);
}

describe("between two looks", () => {
  const before = status(1, { leadingMs: 50_000 }, {}, {});

  test("nothing is said where nothing happened", () => {
    expect(textsOf(before, status(1, { leadingMs: 52_000 }, {}, {}))).toEqual([]);
  });

  test("a kill that is over is told with the times at which it was", () => {
    const killed = { instance: 2, currentEpoch: 6, uptimeMs: 2000 };
    const leads = { currentEpoch: 6, leadingMs: 3000, lastElectionMs: 1000 };
    expect(textsOf(before, status(2, killed, leads, { currentEpoch: 6 }))).toEqual([
      `${ago(3000)} the leader was replica 1 until ${ago(4000)}; replica 2 leads now`,
      `${ago(2000)} replica 1 was gone, and has started anew`,
    ]);
  });

  test("one that lost the lead and has it again is told by its epoch", () => {
    const again = { instance: 2, currentEpoch: 6, uptimeMs: 2000, leadingMs: 1000, lastElectionMs: 500 };
    expect(textsOf(before, status(1, again, { currentEpoch: 6 }, { currentEpoch: 6 }))).toEqual([
      `${ago(2000)} replica 1 was gone, and has started anew`,
      `${ago(1000)} replica 1 lost the lead at ${ago(1500)}, and leads again`,
    ]);
  });

  test("when all were gone, nobody saw when the lead was lost: it is told between which times", () => {
    const anew = { instance: 2, currentEpoch: 6, uptimeMs: 3000 };
    const leads = { ...anew, leadingMs: 1000, lastElectionMs: 1500 };
    expect(textsSince(25_000, { before, now: status(1, leads, anew, anew) })).toContain(
      `${ago(1000)} replica 1 lost the lead between ${ago(25_000)} and ${ago(3000)}, and leads again`,
    );
    expect(textsSince(25_000, { before, now: status(2, anew, leads, anew) })).toContain(
      `${ago(1000)} the leader was replica 1 and was lost between ${ago(25_000)} and ${ago(3000)}; replica 2 leads now`,
    );
  });

  test("one that was there all along tells when, however long nobody looked", () => {
    const killed = { instance: 2, currentEpoch: 6, uptimeMs: 2000 };
    const leads = { currentEpoch: 6, leadingMs: 3000, lastElectionMs: 1000 };
    expect(textsSince(25_000, { before, now: status(2, killed, leads, { currentEpoch: 6 }) })).toContain(
      `${ago(3000)} the leader was replica 1 until ${ago(4000)}; replica 2 leads now`,
    );
  });

  test("who led last is known over a look in which nobody leads", () => {
    const nobody = status(null, null, {}, {});
    expect(textsOf(before, nobody)).toEqual([
      `${ago(0)} replica 1 lost the lead, and nobody led`,
      `${ago(0)} replica 1 did not answer`,
    ]);
    expect(textsOf(nobody, nobody, 1)).toEqual([]);
    expect(textsOf(nobody, status(3, {}, {}, { currentEpoch: 6, leadingMs: 1000 }), 1)).toEqual([
      `${ago(1000)} the leader was replica 1 until ${ago(1000)}; replica 3 leads now`,
      `${ago(0)} replica 1 is back`,
    ]);
  });

  test("a new member is said to be one", () => {
    expect(textsOf(before, status(1, { leadingMs: 52_000 }, {}, {}, {}))).toEqual([
      `${ago(0)} replica 4 is a member now`,
    ]);
  });
});

describe("where there is room for a few", () => {
  const told = (about: Happening["about"], agoMs: number): Happening => ({
    atMs: AT_MS - agoMs,
    text: `${about} ${agoMs}`,
    kind: "plain",
    about,
  });

  test("the lead stands first, then losses, then returns; of an older story nothing stands before", () => {
    const all = [
      told("return", 0),
      told("loss", 1000),
      told("return", 500),
      told("lead", 2000),
      told("lead", 90_000),
    ];
    expect(foremost(all, 3).map(({ text }) => text)).toEqual(["lead 2000", "loss 1000", "return 0"]);
    expect(
      foremost(all, 9)
        .map(({ text }) => text)
        .at(-1),
    ).toBe("lead 90000");
  });
});
