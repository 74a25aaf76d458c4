/**
 * Misfortunes that need several faults in a certain order, which chance alone seldom deals: each is a bug that a
 * protocol of this kind has had, here or elsewhere. A third of all runs have one on top of what else goes wrong.
 */
import type { Sid } from "../../src/base/ids.ts";
import type { Rng } from "../../src/base/rng.ts";
import type { Fault, TimedFault } from "./world/fault.ts";

/** What a script is made for. */
export interface Cast {
  readonly rng: Rng;
  readonly voters: readonly Sid[];
  readonly sids: readonly Sid[];
}

type Script = (cast: Cast) => readonly TimedFault[];

/** Every script by what it is about. */
const SCRIPTS: readonly Script[] = [emptiedAndLagging, behindItsLog, rot, aloneForAMoment, interruptedReign];

/** One of them, beginning at some time before `untilMs`. */
export function scriptFor(cast: Cast, untilMs: number): readonly TimedFault[] {
  const { rng } = cast;
  const script = SCRIPTS[rng.below(SCRIPTS.length)] ?? emptiedAndLagging;
  const fromMs = rng.below(untilMs);
  return script(cast).map(({ atMs, fault }) => ({ atMs: fromMs + atMs, fault }));
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
