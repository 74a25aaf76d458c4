/** Who leads and who is back, read from what replicas print of their phases, for whoever looks at the terminal. */

/** As text, and as JSON (LOG_FORMAT): see keeper's phaseText. */
const LEADS = /([^\s"/]+)\/(\d+)(?: phase |","event":"phase","text":")leading broadcast, epoch (\d+)/;

/** The same of one that has joined a leader, or leads: it serves. */
const SERVES =
  /\/(\d+)(?: phase |","event":"phase","text":")(?:(?:following|observing) \d+|leading) broadcast/;

/** What a line of a replica says of a change of the leader, plainly; undefined where it says nothing of that. */
export function leaderLine(line: string): string | undefined {
  const [, ensemble, sid, epoch] = LEADS.exec(line) ?? [];
  return ensemble === undefined ? undefined : `replica ${sid} leads ${ensemble}, epoch ${epoch}`;
}

/** As far as it is read here. */
interface Status {
  readonly leader: number | null;
  readonly replicas: readonly {
    readonly sid: number;
    readonly status: { readonly currentEpoch: number } | null;
  }[];
}

/**
 * What an answer of the status route says of the leader, in the same words; undefined where nobody leads, and where an
 * application has the doors, whose answer at that path is its own.
 */
export function leaderOfStatus(answer: string, ensemble: string): string | undefined {
  const status = readStatus(answer);
  const leading = status?.replicas.find(({ sid }) => sid === status.leader);
  const epoch = leading?.status?.currentEpoch;
  return epoch === undefined ? undefined : `replica ${leading?.sid} leads ${ensemble}, epoch ${epoch}`;
}

function readStatus(answer: string): Status | undefined {
  try {
    const read: unknown = JSON.parse(answer);
    const isStatus = typeof read === "object" && read !== null && "leader" in read && "replicas" in read;
    return isStatus && Array.isArray(read.replicas) ? (read as Status) : undefined;
  } catch {
    // No JSON: it is the application's.
    return undefined;
  }
}

/** Hears what all replicas print, and tells of what has changed. */
export class ReplicaNews {
  readonly #tell: (text: string) => void;
  readonly #away = new Set<number>();

  constructor(tell: (text: string) => void) {
    this.#tell = tell;
  }

  /** The process of these was lost, and starts again: the next that is told of each is that it is back. */
  lost(sids: readonly number[], how: string): void {
    const which = `replica${sids.length === 1 ? "" : "s"} ${sids.join(", ")}`;
    this.#tell(`the process of ${which} ended (${how}): it starts again`);
    for (const sid of sids) this.#away.add(sid);
  }

  /** A line that a replica printed. */
  hear(line: string): void {
    const sid = Number(SERVES.exec(line)?.[1]);
    if (this.#away.delete(sid)) this.#tell(`replica ${sid} is back`);
    const leads = leaderLine(line);
    if (leads !== undefined) this.#tell(leads);
  }
}
