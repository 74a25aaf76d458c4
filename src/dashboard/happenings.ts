/**
 * What happened to the replicas between two looks at them. A kill may be over before the next look: who leads since
 * when, and how long a replica is up, tell of it all the same, and when it was.
 */
import type { ReplicaFigures, StatusDocument } from "./documents.ts";
import { clockText } from "./format.ts";

/** Something that happened while the page was open. */
export interface Happening {
  /** By the clock of the browser, in Unix milliseconds. */
  readonly atMs: number;
  readonly text: string;
  readonly kind: "good" | "bad" | "plain";
  /** What of a replica it tells; what matters most stands first. */
  readonly about: "lead" | "loss" | "return" | "sleep";
}

/** Two looks at the replicas. */
export interface Looks {
  readonly before: StatusDocument;
  readonly now: StatusDocument;
  /** When the second one was answered, by the clock of the browser. */
  readonly atMs: number;
  /** When the first one was answered. */
  readonly beforeMs: number;
  /** Who was the last to lead, where nobody did in the first look, and when that was seen last. */
  readonly lastLed: Led | undefined;
}

interface Led {
  readonly sid: number;
  readonly atMs: number;
}

/** One look after another, and what has happened between them. */
export class Story {
  #last: { readonly seen: StatusDocument; readonly atMs: number } | undefined;
  #lastLed: Led | undefined;

  /** Looks at the replicas, as they answered at that time by the clock of the browser: what has happened since. */
  see(now: StatusDocument, atMs: number): readonly Happening[] {
    const last = this.#last;
    const lastLed = this.#lastLed;
    this.#last = { seen: now, atMs };
    if (now.leader !== null) this.#lastLed = { sid: now.leader, atMs };
    if (last === undefined) return [];
    return happeningsBetween({ before: last.seen, now, atMs, beforeMs: last.atMs, lastLed });
  }
}

/** Looks further apart than this say nothing of when it was that something happened between them. */
const APART_MS = 6000;

/** What is another than it was, the latest last. */
export function happeningsBetween(looks: Looks): readonly Happening[] {
  return [...leadership(looks), ...replicas(looks)].toSorted((a, b) => a.atMs - b.atMs);
}

/** What came so long before the latest is an older story, in ms. */
const STORY_MS = 60_000;

const WEIGHTS: Readonly<Record<Happening["about"], number>> = { lead: 0, loss: 1, return: 2, sleep: 3 };

/**
 * Where there is room for a few: of the latest story who led and who leads, then who was lost, then who is back; that
 * it slept where there is room. The latest first.
 */
export function foremost(all: readonly Happening[], countMax: number): readonly Happening[] {
  const latestMs = Math.max(...all.filter(({ about }) => about !== "sleep").map(({ atMs }) => atMs));
  const ageOf = ({ atMs, about }: Happening): number =>
    about === "sleep" ? 2 : latestMs - atMs > STORY_MS ? 1 : 0;
  const byWeight = all.toSorted(
    (a, b) => ageOf(a) - ageOf(b) || WEIGHTS[a.about] - WEIGHTS[b.about] || b.atMs - a.atMs,
  );
  return inOrder(byWeight.slice(0, countMax));
}

/** The latest first: what is learned by a look may be older than what was known before it. */
export function inOrder(all: readonly Happening[]): readonly Happening[] {
  return all.toSorted((a, b) => b.atMs - a.atMs);
}

function leadership(looks: Looks): readonly Happening[] {
  const { before, now, atMs, beforeMs, lastLed } = looks;
  const last = before.leader ?? lastLed?.sid;
  const slept = sleepOf(looks);
  if (slept !== undefined) {
    const { fromMs, toMs } = slept;
    const leads = last === undefined || last === now.leader ? "" : `; replica ${now.leader} leads now`;
    const text = `the ensemble was asleep from ${clockText(fromMs)} to ${clockText(toMs)}${leads}`;
    return [{ atMs: toMs, text, kind: "plain", about: "sleep" }];
  }
  if (now.leader === null) {
    // The leader sleeps as the others do, or one that has woken is elected soon.
    const isSleep = now.replicas.some(
      ({ status }) => status?.asleep === true || (wokeMs(status, atMs) ?? 0) > beforeMs,
    );
    if (isSleep) return [];
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

/** The sleep that the leader has woken from since somebody was last seen to lead; undefined where there was none. */
function sleepOf({
  before,
  now,
  atMs,
  beforeMs,
  lastLed,
}: Looks): { readonly fromMs: number; readonly toMs: number } | undefined {
  const status = statusOf(now, now.leader);
  const toMs = wokeMs(status, atMs);
  if (status === undefined || toMs === undefined) return undefined;
  // The same one was seen to lead, so it has not slept since; its clock is not the browser's to the millisecond.
  if (before.leader !== null && statusOf(before, now.leader)?.instance === status.instance) return undefined;
  const ledMs = before.leader === null ? (lastLed?.atMs ?? 0) : beforeMs;
  return toMs > ledMs ? { fromMs: toMs - (status.sleptMs ?? 0), toMs } : undefined;
}

/** When it woke, of one that has slept before it began to run; undefined of one that sleeps, or has not slept. */
function wokeMs(status: ReplicaFigures | null | undefined, atMs: number): number | undefined {
  if (status?.asleep !== false || typeof status.sleptMs !== "number") return undefined;
  return atMs - status.uptimeMs;
}

function statusOf({ replicas: all }: StatusDocument, sid: number | null): ReplicaFigures | undefined {
  return all.find((one) => one.sid === sid)?.status ?? undefined;
}

/** Since when the leader leads, and when the lead was lost: before it began to be elected, or even to run. */
function reignOf({ before, now, atMs, beforeMs }: Looks): {
  readonly sinceMs: number;
  readonly lost: string;
  readonly until: string;
} {
  const status = statusOf(now, now.leader);
  const was = statusOf(before, now.leader);
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
function epochOfLeader(seen: StatusDocument): number {
  return statusOf(seen, seen.leader)?.currentEpoch ?? 0;
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
    // Who falls asleep starts anew, as does who is asked for something, or looked at, once out of memory.
    const isSleep = status.asleep || typeof status.sleptMs === "number";
    if (status.instance === was.instance || isSleep) return [];
    const text = `replica ${sid} was gone, and has started anew`;
    return [{ atMs: startedMs, text, kind: "plain", about: "loss" }];
  });
}
