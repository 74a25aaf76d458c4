/** Changes of the members in a run, and in which of them the leader is struck how. */
import type { Rng } from "../../src/base/rng.ts";
import type { Members } from "../../src/base/settings.ts";
import { CHANGE_STAGES, type ChangeStage } from "../faults/fault.ts";
import type { PlannedFault } from "./plan.ts";

/** Others become the voters, and whoever leads that is struck in the middle of it. */
export interface Change {
  /** The voters to be, in ascending order; all other replicas of the run are observers in the end. */
  readonly voters: readonly number[];
  /** Whether those that vote no more leave altogether, and come back afterwards as new observers. */
  readonly isLeaving: boolean;
  readonly stage: ChangeStage;
  readonly blow: Blow;
}

/** It dies; it stands still and wakes up under another leader; all processes are killed while it stands still. */
export type Blow = (typeof BLOWS)[number];

const BLOWS = ["abort", "freeze", "kill all"] as const;
/** How long who stands still does: longer than the limit of silence, so that another leads when it wakes up. */
export const FROZEN_MS = 5000;

/** The replicas of a run with changes. */
export const CHANGE_SIDS = [1, 2, 3, 4, 5] as const;

/** Its members at the beginning. */
export const CHANGE_MEMBERS: Members = { voters: [1], observers: [2, 3, 4, 5] };

/** One to three to five and back, each voter replaced in turn, and jumps; each stage meets each blow. */
const WALK: readonly (readonly [...voters: number[]])[] = [
  [1, 2, 3],
  [1, 2, 3, 4, 5],
  [1, 2, 3],
  [1],
  [1, 2, 3],
  [2, 3, 4],
  [3, 4, 5],
  [1, 4, 5],
  [1, 2, 5],
  [1, 2, 3],
  [1, 2, 3, 4, 5],
  [5],
  [1, 2, 3, 4, 5],
  [3, 4, 5],
  [1, 2, 3, 4, 5],
];

/** One round: every stage and every blow with each other. */
export function changeRound(): readonly PlannedFault[] {
  return WALK.map((voters, nth) =>
    planned({
      voters,
      isLeaving: nth > 4 && nth < 10,
      stage: CHANGE_STAGES[nth % CHANGE_STAGES.length] ?? "committed",
      blow: BLOWS[nth % BLOWS.length] ?? "abort",
    }),
  );
}

/** The least of it: one to three to five and back, a voter that leaves, each blow, and the stages that matter most. */
export function shortChangeRound(): readonly PlannedFault[] {
  const [one, two, three, four, five] = CHANGE_SIDS;
  return [
    { voters: [one, two, three], isLeaving: false, stage: "accepted", blow: "abort" } as const,
    { voters: [two, three, four], isLeaving: true, stage: "committed", blow: "abort" } as const,
    { voters: [...CHANGE_SIDS], isLeaving: false, stage: "settling", blow: "kill all" } as const,
    { voters: [three, four, five], isLeaving: false, stage: "accepted", blow: "freeze" } as const,
    { voters: [five], isLeaving: false, stage: "settled", blow: "abort" } as const,
  ].map(planned);
}

/** Another change, to any voters. */
export function randomChange(rng: Rng): PlannedFault {
  const count = [1, 3, 5][rng.below(3)] ?? 3;
  const left: number[] = [...CHANGE_SIDS];
  const voters = Array.from({ length: count }, () => left.splice(rng.below(left.length), 1)[0] ?? 0);
  return planned({
    voters: voters.toSorted((a, b) => a - b),
    isLeaving: rng.below(2) === 0,
    stage: CHANGE_STAGES[rng.below(CHANGE_STAGES.length)] ?? "committed",
    blow: BLOWS[rng.below(BLOWS.length)] ?? "abort",
  });
}

/** For people: `to voters 1,2,3, abort when accepted`. */
export function changeText({ voters, isLeaving, stage, blow }: Change): string {
  return `to voters ${voters.join(",")}${isLeaving ? ", others leave" : ""}, ${blow} when ${stage}`;
}

function planned(change: Change): PlannedFault {
  return { kind: "change", at: "leader", ms: 0, change };
}
