/** What the dashboard says of replicas that were lost and came back between two looks. */
import { describe, expect, test } from "vitest";

import type { ReplicaFigures, ReplicaReport, StatusDocument } from "../../src/dashboard/documents.ts";
import { clockText } from "../../src/dashboard/format.ts";
import {
  foremost,
  type Happening,
  happeningsBetween,
  inOrder,
  Story,
} from "../../src/dashboard/happenings.ts";

const AT_MS = Date.parse("2026-11-29T12:03:05Z");

interface Told {
  readonly instance?: number;
  readonly currentEpoch?: number;
  readonly uptimeMs?: number;
  readonly leadingMs?: number;
  readonly lastElectionMs?: number;
  readonly asleep?: boolean;
  readonly sleptMs?: number | null;
}

/** As far as it is read here. */
function replica(sid: number, told: Told | null): ReplicaReport {
  const plain = { instance: 1, currentEpoch: 5, uptimeMs: 60_000, asleep: false, sleptMs: null };
  const { lastElectionMs, ...figures } = { ...plain, ...told };
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
  const { lastLeader, ...two } = looks;
  const beforeMs = AT_MS - apartMs;
  const lastLed = lastLeader === undefined ? undefined : { sid: lastLeader, atMs: beforeMs - LOOK_MS };
  return happeningsBetween({ ...two, lastLed, atMs: AT_MS, beforeMs }).map(
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

/** Looks at these moments, in ms before the last one, and what each tells besides the first. */
function storyOf(...looks: readonly (readonly [agoMs: number, seen: StatusDocument])[]): readonly string[] {
  const story = new Story();
  return looks.flatMap(([agoMs, seen]) =>
    story.see(seen, AT_MS - agoMs).map(({ atMs, text, kind }) => `${clockText(atMs)} ${kind}: ${text}`),
  );
}

describe("an ensemble that falls asleep", () => {
  const NIGHT_MS = 540_000;
  const EVENING_MS = NIGHT_MS + 10_000;
  const asleep = { instance: 2, asleep: true, uptimeMs: 0 };
  /** Of one that woke three seconds ago. */
  const awake = { instance: 2, currentEpoch: 6, uptimeMs: 3000, sleptMs: NIGHT_MS };
  const leads = { ...awake, leadingMs: 2000, lastElectionMs: 400 };
  const evening = status(3, {}, {}, { leadingMs: 50_000 });
  const night = status(null, asleep, asleep, asleep);
  const told = `${ago(3000)} plain: the ensemble was asleep from ${ago(NIGHT_MS + 3000)} to ${ago(3000)}`;

  test("is told as that, once, and by nothing else", () => {
    const looks = [
      [EVENING_MS, evening],
      // The leader is the last to sleep, and the first may wake before the others do.
      [NIGHT_MS + 2000, status(3, asleep, asleep, { leadingMs: 58_000 })],
      [NIGHT_MS, night],
      [5000, night],
      [2900, status(null, { ...awake, uptimeMs: 100 }, asleep, asleep)],
      [2500, status(null, ...[1, 2, 3].map(() => ({ ...awake, uptimeMs: 500 })))],
      [0, status(3, awake, awake, leads)],
    ] as const;
    expect(storyOf(...looks.slice(0, -1))).toEqual([]);
    expect(storyOf(...looks)).toEqual([told]);
    const later = { ...awake, uptimeMs: 5000 };
    expect(
      storyOf(...looks, [-2000, status(3, later, later, { ...leads, ...later, leadingMs: 4000 })]),
    ).toEqual([told]);
  });

  test("is told where a hidden page has seen nothing of it", () => {
    expect(storyOf([EVENING_MS, evening], [0, status(3, awake, awake, leads)])).toEqual([told]);
    const waking = status(null, awake, awake, awake);
    expect(storyOf([EVENING_MS, evening], [2000, waking], [0, status(3, awake, awake, leads)])).toEqual([
      told,
    ]);
  });

  test("is told where the page was opened in its sleep", () => {
    expect(storyOf([5000, night], [0, status(3, awake, awake, leads)])).toEqual([told]);
  });

  test("and has another leader after it, or members that left memory, has lost nobody", () => {
    const evicted = { ...asleep, instance: 3 };
    const after = { ...awake, instance: 3 };
    expect(
      storyOf(
        [EVENING_MS, evening],
        [NIGHT_MS, night],
        [5000, status(null, evicted, evicted, asleep)],
        [0, status(1, { ...leads, instance: 3 }, after, awake)],
      ),
    ).toEqual([`${told}; replica 1 leads now`]);
  });

  test("is told beside what was lost before", () => {
    const leadsTwo = { currentEpoch: 6, leadingMs: 1000, lastElectionMs: 500 };
    const later = { ...awake, currentEpoch: 7 };
    expect(
      storyOf(
        [EVENING_MS + 4000, evening],
        [EVENING_MS + 2000, status(null, {}, {}, null)],
        [EVENING_MS, status(2, {}, leadsTwo, { instance: 2, uptimeMs: 500 })],
        [NIGHT_MS, night],
        [0, status(2, later, { ...leads, currentEpoch: 7 }, later)],
      ),
    ).toEqual([
      `${ago(EVENING_MS + 2000)} bad: replica 3 lost the lead, and nobody led`,
      `${ago(EVENING_MS + 2000)} bad: replica 3 did not answer`,
      `${ago(EVENING_MS + 1000)} good: the leader was replica 3 until ${ago(EVENING_MS + 1500)}; replica 2 leads now`,
      `${ago(EVENING_MS)} good: replica 3 is back`,
      told,
    ]);
  });

  test("is told beside what is lost after it", () => {
    const follows = { ...awake, currentEpoch: 7, uptimeMs: 13_000 };
    const leadsTwo = { ...follows, leadingMs: 4000, lastElectionMs: 1000 };
    const killed = { instance: 3, currentEpoch: 7, uptimeMs: 3000 };
    expect(
      storyOf(
        [NIGHT_MS, night],
        [0, status(3, awake, awake, leads)],
        [-10_000, status(2, follows, leadsTwo, killed)],
      ),
    ).toEqual([
      told,
      `${ago(-6000)} good: the leader was replica 3 until ${ago(-5000)}; replica 2 leads now`,
      `${ago(-7000)} plain: replica 3 was gone, and has started anew`,
    ]);
    expect(storyOf([0, status(3, awake, awake, leads)], [-2000, status(null, awake, awake, null)])).toEqual([
      `${ago(-2000)} bad: replica 3 lost the lead, and nobody led`,
      `${ago(-2000)} bad: replica 3 did not answer`,
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

  const textsOfFew = (all: readonly Happening[], countMax: number): readonly string[] =>
    foremost(all, countMax).map(({ text }) => text);

  test("the lead comes first, then losses, returns, what is older, and sleep", () => {
    const all = [
      told("sleep", 0),
      told("return", 0),
      told("loss", 1000),
      told("return", 500),
      told("lead", 2000),
      told("lead", 90_000),
    ];
    expect(textsOfFew(all, 1)).toEqual(["lead 2000"]);
    expect(textsOfFew(all, 3)).toEqual(["return 0", "loss 1000", "lead 2000"]);
    expect(textsOfFew(all, 4)).toEqual(["return 0", "return 500", "loss 1000", "lead 2000"]);
    expect(textsOfFew(all, 5)).not.toContain("sleep 0");
  });

  test("those that are told stand in the order of time, the latest first, as all do", () => {
    const all = [told("lead", 2000), told("return", 0), told("lead", 90_000), told("loss", 1000)];
    const ordered = ["return 0", "loss 1000", "lead 2000", "lead 90000"];
    expect(textsOfFew(all, 9)).toEqual(ordered);
    expect(inOrder(all).map(({ text }) => text)).toEqual(ordered);
  });
});
