/** What the dashboard says of replicas that were lost and came back between two looks. */
import { describe, expect, test } from "vitest";

import type { ReplicaFigures, ReplicaReport, StatusDocument } from "../../src/dashboard/documents.ts";
import { clockText } from "../../src/dashboard/format.ts";
import { happeningsBetween } from "../../src/dashboard/happenings.ts";

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

function textsOf(before: StatusDocument, now: StatusDocument, lastLeader?: number): readonly string[] {
  return happeningsBetween({ before, now, atMs: AT_MS, lastLeader }).map(
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

  test("who led last is known over a look in which nobody leads", () => {
    const nobody = status(null, null, {}, {});
    expect(textsOf(before, nobody)).toEqual([
      `${ago(0)} there is no leader: it was replica 1`,
      `${ago(0)} replica 1 does not answer`,
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
