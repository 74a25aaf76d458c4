/**
 * What happened to the replicas between two looks at them. A kill may be over before the next look: who leads since
 * when, and how long a replica is up, tell of it all the same, and when it was.
 */
import type { StatusDocument } from "./documents.ts";
import { clockText } from "./format.ts";

/** Something that happened while the page was open. */
export interface Happening {
  /** By the clock of the browser, in Unix milliseconds. */
  readonly atMs: number;
  readonly text: string;
  readonly kind: "good" | "bad" | "plain";
  /** What of a replica it tells; what matters most stands first. */
  readonly about: "lead" | "loss" | "return";
}

/** Two looks at the replicas. */
export interface Looks {
  readonly before: StatusDocument;
  readonly now: StatusDocument;
  /** When the second one was answered, by the clock of the browser. */
  readonly atMs: number;
  /** When the first one was answered. */
  readonly beforeMs: number;
  /** Who was the last to lead, where nobody did in the first look. */
  readonly lastLeader: number | undefined;
}

/** Looks further apart than this say nothing of when it was that something happened between them. */
const APART_MS = 6000;

/** What is another than it was, the latest last. */
export function happeningsBetween(looks: Looks): readonly Happening[] {
  return [...leadership(looks), ...replicas(looks)].toSorted((a, b) => a.atMs - b.atMs);
}

/** What came so long before the latest is an older story, in ms. */
const STORY_MS = 60_000;

const WEIGHTS: Readonly<Record<Happening["about"], number>> = { lead: 0, loss: 1, return: 2 };

/** Where there is room for a few: of the latest story who led and who leads, then who was lost, then who is back. */
export function foremost(all: readonly Happening[], countMax: number): readonly Happening[] {
  const latestMs = Math.max(...all.map(({ atMs }) => atMs));
  const isOld = ({ atMs }: Happening): number => (latestMs - atMs > STORY_MS ? 1 : 0);
  return all
    .toSorted((a, b) => isOld(a) - isOld(b) || WEIGHTS[a.about] - WEIGHTS[b.about] || b.atMs - a.atMs)
    .slice(0, countMax);
}

function leadership(looks: Looks): readonly Happening[] {
  const { before, now, atMs, lastLeader } = looks;
  const last = before.leader ?? lastLeader;
  if (now.leader === null) {
    const text = last === undefined ? "nobody led" : `replica ${last} lost the lead, and nobody led`;
    return before.leader === null ? [] : [{ atMs, text, kind: "bad", about: "lead" }];
  }
  // One that was lost and elected within two looks leads in another epoch.
  const isSame = now.leader === before.leader && epochOfLeader(now) === epochOfLeader(before);
  if (isSame) return [];
  const { sinceMs, lost, until } = reignOf(looks);
  const text =
    last === undefined
      ? `replica ${now.leader} leads`
      : last === now.leader
        ? `replica ${now.leader} lost the lead ${lost}, and leads again`
        : `the leader was replica ${last} ${until}; replica ${now.leader} leads now`;
  return [{ atMs: sinceMs, text, kind: "good", about: "lead" }];
}

/** Since when the leader leads, and when the lead was lost: before it began to be elected, or even to run. */
function reignOf({ before, now, atMs, beforeMs }: Looks): {
  readonly sinceMs: number;
  readonly lost: string;
  readonly until: string;
} {
  const status = now.replicas.find(({ sid }) => sid === now.leader)?.status;
  const was = before.replicas.find(({ sid }) => sid === now.leader)?.status;
  const sinceMs = atMs - (status?.leadingMs ?? 0);
  const electedMs = sinceMs - (status?.zab.lastElectionMs ?? 0);
  const startedMs = atMs - (status?.uptimeMs ?? 0);
  // One that has just started was not there to see when the lead was lost.
  const isKnown = was?.instance === status?.instance || electedMs - beforeMs <= APART_MS;
  if (isKnown) {
    return { sinceMs, lost: `at ${clockText(electedMs)}`, until: `until ${clockText(electedMs)}` };
  }
  const lost = `between ${clockText(beforeMs)} and ${clockText(Math.min(startedMs, electedMs))}`;
  return { sinceMs, lost, until: `and was lost ${lost}` };
}

/** The epoch in which somebody leads; 0 where nobody does. */
function epochOfLeader({ leader, replicas: all }: StatusDocument): number {
  return all.find(({ sid }) => sid === leader)?.status?.currentEpoch ?? 0;
}

function replicas({ before, now, atMs }: Looks): readonly Happening[] {
  return now.replicas.flatMap(({ sid, status }): readonly Happening[] => {
    const was = before.replicas.find((one) => one.sid === sid)?.status;
    if (was === undefined)
      return [{ atMs, text: `replica ${sid} is a member now`, kind: "plain", about: "return" }];
    if (status === null) {
      const text = `replica ${sid} did not answer`;
      return was === null ? [] : [{ atMs, text, kind: "bad", about: "loss" }];
    }
    const startedMs = atMs - status.uptimeMs;
    if (was === null) return [{ atMs, text: `replica ${sid} is back`, kind: "good", about: "return" }];
    if (status.instance === was.instance) return [];
    const text = `replica ${sid} was gone, and has started anew`;
    return [{ atMs: startedMs, text, kind: "plain", about: "loss" }];
  });
}
