/** Who holds a lock, leads, or waits for that. */
import { listOf, type Members, membersOf, numberOf, textOf } from "./documents.ts";

/** Somebody who holds a lock, or waits for it. */
export interface Contender {
  /** The name of its znode below the lock's. */
  readonly node: string;
  readonly mode: "exclusive" | "shared";
  readonly holds: boolean;
  readonly token: string;
  /** The id of its session, in hex digits. */
  readonly session: string | undefined;
  /** When it came into the queue, in Unix milliseconds: who holds may have waited first. */
  readonly queuedSince: number;
  readonly owner: string;
}

/** Who leads, or would follow. */
export interface Candidate extends Omit<Contender, "mode" | "owner"> {
  /** What it shows of itself. */
  readonly value: string;
}

/** An election. */
export interface Election {
  readonly path: string;
  readonly leader: Candidate | undefined;
  /** The leader and those that would follow, also those behind the first hundred. */
  readonly count: number;
  readonly candidates: readonly Candidate[];
}

/** Reads the document. */
export function readElection(document: Members): Election {
  const { leader } = document;
  return {
    path: textOf(document["election"]),
    leader: leader === null ? undefined : candidateOf(leader),
    count: numberOf(document["count"]),
    candidates: listOf(document["candidates"]).map((value) => candidateOf(value)),
  };
}

function candidateOf(document: unknown): Candidate {
  const { node, holds, token, session, queuedSince, value } = membersOf(document);
  return {
    node: textOf(node),
    holds: holds === true,
    token: textOf(token),
    session: session === null ? undefined : textOf(session),
    queuedSince: numberOf(queuedSince),
    value: textOf(value),
  };
}

/** A lock's queue, the holder first. */
export interface LockQueue {
  readonly path: string;
  /** Holders and waiters, also those behind the first hundred. */
  readonly count: number;
  readonly queue: readonly Contender[];
}

/** Reads the document. */
export function readQueue(document: Members): LockQueue {
  return {
    path: textOf(document["lock"]),
    count: numberOf(document["count"]),
    queue: listOf(document["queue"]).map((value) => {
      const { node, mode, holds, token, session, queuedSince, owner } = membersOf(value);
      return {
        node: textOf(node),
        mode: mode === "shared" ? "shared" : "exclusive",
        holds: holds === true,
        token: textOf(token),
        session: session === null ? undefined : textOf(session),
        queuedSince: numberOf(queuedSince),
        owner: textOf(owner),
      };
    }),
  };
}
