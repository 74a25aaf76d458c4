/**
 * Misfortunes that need several faults in a certain order, which chance alone seldom deals: each is a bug that a
 * protocol of this kind has had, here or elsewhere. Two runs of five have one, by itself or on top of what else
 * goes wrong.
 */
import type { Sid } from "../../src/base/ids.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { Fault, TimedFault } from "../../src/world/fault.ts";

/** What a script is made for. */
export interface Cast {
  readonly rng: Rng;
  readonly voters: readonly Sid[];
  readonly sids: readonly Sid[];
}

type Script = (cast: Cast) => readonly TimedFault[];

/** Every script by what it is about. */
const SCRIPTS: readonly Script[] = [
  emptiedAndLagging,
  behindItsLog,
  rot,
  aloneForAMoment,
  interruptedReign,
  backInTime,
  leftBehind,
  relinked,
  hearsLate,
];

/** One of them, beginning at some time before the middle of the time for faults, which ends at `untilMs`. */
export function scriptFor(cast: Cast, untilMs: number): readonly TimedFault[] {
  const { rng } = cast;
  const script = SCRIPTS[rng.below(SCRIPTS.length)] ?? emptiedAndLagging;
  const fromMs = rng.below(untilMs / 2);
  return script(cast).map(({ atMs, fault }) => ({ atMs: fromMs + atMs, fault }));
}

/**
 * Most disks are slow, so much is proposed and not committed; then the links of one break whose disk is not. It comes
 * back to the same leader at once, which has in its history what that one is about to forward again.
 */
function relinked({ rng, sids }: Cast): readonly TimedFault[] {
  const faults: TimedFault[] = [];
  for (let round = 0, fromMs = 0; round < 6; round++, fromMs += 1200 + rng.below(800)) {
    const [fast = 1, ...others] = shuffled(rng, sids);
    const ms = 200 + rng.below(500);
    for (const sid of others) faults.push(at(fromMs, { kind: "slowDisk", sid, ms, forMs: 1100 }));
    for (const breakMs of [fromMs + 100 + rng.below(300), fromMs + 500 + rng.below(400)])
      for (const sid of others)
        faults.push(at(breakMs, { kind: "breakLinks", a: fast, b: sid, kept: rng.below(8) }));
  }
  return faults;
}

/**
 * One after the other hears nothing for less than anybody would notice, and is heard: what it knows is old, what it is
 * waiting for has long come about, and it is asked all the same.
 */
function hearsLate({ rng, sids }: Cast): readonly TimedFault[] {
  const faults: TimedFault[] = [];
  for (let round = 0, fromMs = 0; round < 8; round++, fromMs += 1000 + rng.below(1500)) {
    const [late = 1, ...others] = shuffled(rng, sids);
    const forMs = 300 + rng.below(1000);
    for (const from of others) faults.push(at(fromMs, { kind: "block", from, to: late, forMs }));
  }
  return faults;
}

/**
 * Where members change: all initial voters lose what they have, as far as that may be, and with it that they were let
 * go. Empty and together they must not take themselves for a first start, beside the members of now.
 */
export function initialsForgotten({ rng, voters }: Cast, untilMs: number): readonly TimedFault[] {
  const rounds = Array.from({ length: 6 }, () => rng.below(untilMs));
  return rounds.flatMap((fromMs) =>
    voters.map((sid) => at(fromMs + rng.below(50), { kind: "wipe", sid } as const)),
  );
}

function shuffled<T>(rng: Rng, list: readonly T[]): readonly T[] {
  const keyed = list.map((item) => ({ item, key: rng.uint32() }));
  return keyed.toSorted((a, b) => a.key - b.key).map(({ item }) => item);
}

function at(atMs: number, fault: Fault): TimedFault {
  return { atMs, fault };
}

/**
 * Some voters lag behind, one of the others is emptied, and the rest goes away just as those that lag come back: no
 * quorum of what is there knows all that was acknowledged (ARCHITECTURE 3, voice).
 */
function emptiedAndLagging({ rng, voters }: Cast): readonly TimedFault[] {
  const [emptied, ...others] = shuffled(rng, voters);
  if (emptied === undefined || others.length === 0) return [];
  const lagging = others.slice(0, others.length / 2);
  const rest = others.slice(others.length / 2);
  const backMs = 1000 + rng.below(2500);
  const wipeMs = backMs - rng.below(800);
  return [
    at(0, { kind: "partition", sids: lagging, forMs: backMs }),
    at(wipeMs, { kind: "wipe", sid: emptied }),
    ...rest.map((sid) => {
      const crash: Fault = { kind: "crash", sid, kept: rng.below(3), downMs: 2000 + rng.below(4000) };
      return at(wipeMs + rng.below(700), crash);
    }),
  ];
}

/** One is away until the logs of the others do not reach back to it, and dies again and again as it is brought back. */
function behindItsLog({ rng, sids }: Cast): readonly TimedFault[] {
  const [away, ...others] = shuffled(rng, sids);
  if (away === undefined) return [];
  const backMs = 500 + rng.below(2500);
  const trims = others.map((sid) => at(backMs - 100, { kind: "trim", sid }));
  const deaths = Array.from({ length: 4 }, (_, index) => {
    const fault: Fault = {
      kind: "crashWithin",
      sid: away,
      effects: rng.below(40),
      downMs: 20 + rng.below(200),
    };
    return at(backMs + index * 300 + rng.below(200), fault);
  });
  return [at(0, { kind: "partition", sids: [away], forMs: backMs }), ...trims, ...deaths];
}

/** One tree after another is found damaged, whoever leads then. */
function rot({ rng, voters }: Cast): readonly TimedFault[] {
  return shuffled(rng, voters).map((sid, index) =>
    at(index * (500 + rng.below(3000)), { kind: "corrupt", sid }),
  );
}

/** Each is cut off for about as long as a leader needs to notice, while its clients may still be at it. */
function aloneForAMoment({ rng, voters }: Cast): readonly TimedFault[] {
  return shuffled(rng, voters).map((sid, index) => {
    const forMs = 800 + rng.below(1500);
    return at(index * (1000 + rng.below(2000)), { kind: "partition", sids: [sid], forMs });
  });
}

/** Reigns that end a moment after they began: epochs promised, histories half brought in line. */
function interruptedReign({ rng, voters }: Cast): readonly TimedFault[] {
  const faults: TimedFault[] = [];
  for (let atMs = 0; faults.length < 10; atMs += 50 + rng.below(500)) {
    const sid = shuffled(rng, voters)[0] ?? 1;
    const downMs = rng.below(400);
    const kept = rng.below(3);
    const isWithin = rng.below(2) === 0;
    faults.push(
      at(
        atMs,
        isWithin
          ? { kind: "crashWithin", sid, effects: rng.below(30), downMs }
          : { kind: "crash", sid, kept, downMs },
      ),
    );
  }
  return faults;
}

/**
 * Some are away for less than a leader among them needs to notice. The others promise each other a later epoch, a slow
 * disk keeps it from beginning, who would have led it dies, and the rest find the old leader, which still leads.
 */
function backInTime({ rng, voters }: Cast): readonly TimedFault[] {
  const awayCount = Math.floor(voters.length / 2);
  if (awayCount === 0) return [];
  const faults: TimedFault[] = [];
  for (let round = 0, fromMs = 0; round < 4; round++, fromMs += 2000 + rng.below(1500)) {
    const order = shuffled(rng, voters);
    // Whom the others elect where all know the same.
    const [slow = 1, ...more] = order.slice(awayCount).toSorted((a, b) => a - b);
    const dying = more.at(-1) ?? slow;
    const forMs = 400 + rng.below(700);
    faults.push(
      at(fromMs, { kind: "partition", sids: order.slice(0, awayCount), forMs }),
      at(fromMs, { kind: "slowDisk", sid: slow, ms: 600, forMs: 1500 }),
      at(fromMs + 250 + rng.below(forMs), {
        kind: "crash",
        sid: dying,
        kept: rng.below(3),
        downMs: 500 + rng.below(1500),
      }),
    );
  }
  return faults;
}

/**
 * One is cut off, and its clients leave it without its notice: it holds what they could not do. They go on elsewhere,
 * until a new leader brings it back, which knows of no client where it is.
 */
function leftBehind({ rng, sids }: Cast): readonly TimedFault[] {
  const faults: TimedFault[] = [];
  for (let round = 0, fromMs = 0; round < 3; round++, fromMs += 3000 + rng.below(2000)) {
    const [behind = 1, ...others] = shuffled(rng, sids);
    const forMs = 500 + rng.below(500);
    const dropAtMs = fromMs + 50 + rng.below(200);
    faults.push(
      at(fromMs, { kind: "partition", sids: [behind], forMs }),
      at(dropAtMs, { kind: "dropClients", sid: behind, isUnnoticed: true }),
    );
    for (const sid of others) {
      const fault: Fault = { kind: "crash", sid, kept: rng.below(3), downMs: 20 + rng.below(100) };
      faults.push(at(fromMs + forMs - rng.below(50), fault));
    }
  }
  return faults;
}
