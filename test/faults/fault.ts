/** The faults that a replica can be made to suffer. */
export type Fault =
  /** The object dies at once, with all connections and links, and starts again at the next event. */
  | { readonly kind: "abort" }
  /** The next write of accepted proposals fails, as a broken disk makes it. */
  | { readonly kind: "failWrite" }
  /** Its disk is gone: a fresh object of the same name takes its place. */
  | { readonly kind: "wipe" }
  /** A znode's data is not what was written, as a broken disk makes it; the replica starts again and shows it. */
  | { readonly kind: "corrupt"; readonly path: string }
  /** It dies in each of the next snapshots that it is sent, at a later message each time, `count` times. */
  | { readonly kind: "dieInSnapshots"; readonly count: number }
  /** It dies, and for this long takes no connection, link or request. */
  | { readonly kind: "down"; readonly ms: number }
  /** Links and connections stay open, nothing is read, sent or timed for this long; then all of it at once. */
  | { readonly kind: "freeze"; readonly ms: number }
  /** Nothing passes to and from the peer, or all peers, for this long; what an open link carried arrives late. */
  | { readonly kind: "cut"; readonly ms: number; readonly peer?: number }
  /**
   * What calls of the gateway change for this long is changed, and nobody hears of it; what they only look at is
   * answered.
   */
  | { readonly kind: "loseAnswers"; readonly ms: number }
  /** Nothing passes from this replica to the peer; the other direction works. */
  | { readonly kind: "drop"; readonly ms: number; readonly peer: number }
  /**
   * When it leads the next change of the members so far, it dies, or stands still for `ms` where that is not nought;
   * the log says so, with `token`. Without a stage what was asked for before is forgotten.
   */
  | {
      readonly kind: "midChange";
      readonly stage: ChangeStage | undefined;
      readonly ms: number;
      readonly token: number;
    };

/** How far a change of the members is, by what its leader is about to do. */
export const CHANGE_STAGES = [
  /** To send the membership: nobody else has it. */
  "unsent",
  /** To count the first acknowledgement of it. */
  "accepted",
  /** To tell others that it is committed. */
  "committed",
  /** To send "settled". */
  "settling",
  /** To tell others that "settled" is committed, and to let go who is no member. */
  "settled",
] as const;

/** One of them. */
export type ChangeStage = (typeof CHANGE_STAGES)[number];

/** The line in the log of a replica that suffers a blow in the middle of a change. */
export function midChangeLine(token: number): string {
  return `fault: midChange ${token} strikes`;
}

/** Reads a fault. Throws where it is none. */
export function readFault(text: string): Fault {
  const value = JSON.parse(text) as Partial<Record<string, unknown>>;
  const { kind, ms, peer, path, count, token } = value;
  if (kind === "abort" || kind === "failWrite" || kind === "wipe") return { kind };
  if (kind === "corrupt" && typeof path === "string") return { kind, path };
  if (kind === "dieInSnapshots" && typeof count === "number") return { kind, count };
  if (kind === "midChange" && typeof ms === "number" && typeof token === "number") {
    return { kind, stage: CHANGE_STAGES.find((stage) => stage === value["stage"]), ms, token };
  }
  if (typeof ms !== "number" || ms <= 0) throw new Error(`a fault lasts some ms: ${text}`);
  if (kind === "down" || kind === "freeze" || kind === "loseAnswers") return { kind, ms };
  if (kind === "cut") return typeof peer === "number" ? { kind, ms, peer } : { kind, ms };
  if (kind === "drop" && typeof peer === "number") return { kind, ms, peer };
  throw new Error(`not a fault: ${text}`);
}
