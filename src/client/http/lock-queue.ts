/** Who holds a lock, and who waits for it. */
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
  /** Unix milliseconds. */
  readonly since: number;
  readonly owner: string;
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
      const { node, mode, holds, token, session, since, owner } = membersOf(value);
      return {
        node: textOf(node),
        mode: mode === "shared" ? "shared" : "exclusive",
        holds: holds === true,
        token: textOf(token),
        session: session === null ? undefined : textOf(session),
        since: numberOf(since),
        owner: textOf(owner),
      };
    }),
  };
}
