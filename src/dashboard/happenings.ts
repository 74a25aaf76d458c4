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
}

/** Two looks at the replicas. */
export interface Looks {
  readonly before: StatusDocument;
  readonly now: StatusDocument;
  /** When the second one was answered, by the clock of the browser. */
  readonly atMs: number;
  /** Who was the last to lead, where nobody did in the first look. */
  readonly lastLeader: number | undefined;
}

/** What is another than it was, the latest last. */
export function happeningsBetween(looks: Looks): readonly Happening[] {
  return [...leadership(looks), ...replicas(looks)].toSorted((a, b) => a.atMs - b.atMs);
}

function leadership({ before, now, atMs, lastLeader }: Looks): readonly Happening[] {
  const last = before.leader ?? lastLeader;
  if (now.leader === null) {
    const text = `there is no leader${last === undefined ? "" : `: it was replica ${last}`}`;
    return before.leader === null ? [] : [{ atMs, text, kind: "bad" }];
  }
  // One that was lost and elected within two looks leads in another epoch.
  const isSame = now.leader === before.leader && epochOfLeader(now) === epochOfLeader(before);
  if (isSame) return [];
  const { sinceMs, lostMs } = reignOf(now, atMs);
  const text =
    last === undefined
      ? `replica ${now.leader} leads`
      : last === now.leader
        ? `replica ${now.leader} lost the lead at ${clockText(lostMs)}, and leads again`
        : `the leader was replica ${last} until ${clockText(lostMs)}; replica ${now.leader} leads now`;
  return [{ atMs: sinceMs, text, kind: "good" }];
}

/** Since when the leader leads, and when it began to be elected: what was before was lost by then. */
function reignOf(
  { leader, replicas: all }: StatusDocument,
  atMs: number,
): { readonly sinceMs: number; readonly lostMs: number } {
  const status = all.find(({ sid }) => sid === leader)?.status;
  const sinceMs = atMs - (status?.leadingMs ?? 0);
  return { sinceMs, lostMs: sinceMs - (status?.zab.lastElectionMs ?? 0) };
}

/** The epoch in which somebody leads; 0 where nobody does. */
function epochOfLeader({ leader, replicas: all }: StatusDocument): number {
  return all.find(({ sid }) => sid === leader)?.status?.currentEpoch ?? 0;
}

function replicas({ before, now, atMs }: Looks): readonly Happening[] {
  return now.replicas.flatMap(({ sid, status }): readonly Happening[] => {
    const was = before.replicas.find((one) => one.sid === sid)?.status;
    if (was === undefined) return [{ atMs, text: `replica ${sid} is a member now`, kind: "plain" }];
    if (status === null)
      return was === null ? [] : [{ atMs, text: `replica ${sid} does not answer`, kind: "bad" }];
    const startedMs = atMs - status.uptimeMs;
    if (was === null) return [{ atMs, text: `replica ${sid} is back`, kind: "good" }];
    if (status.instance === was.instance) return [];
    return [{ atMs: startedMs, text: `replica ${sid} was gone, and has started anew`, kind: "plain" }];
  });
}
