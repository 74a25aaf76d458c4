/**
 * Lock-delay: where a lease ends because nothing was heard of its holder, and not because that gave it back, what it
 * was of stays closed for a while, as long as whoever has vanished may still be at work. (Consul's sessions have it.)
 *
 * A holder that asks for it has its delay in the name of its znode, where every replica and the next leader see it. The
 * leader, before it ends such a session, makes another one that nobody keeps alive, with a placeholder of the same
 * sequence number: so there is no moment at which the queue moves on, clients of the wire wait for the placeholder as
 * for any other, and it goes when that session expires, by the clock that ends sessions late and never early.
 */
import { OPEN_ACL } from "../base/acl.ts";
import type { SessionId } from "../base/ids.ts";
import { childOf, nameOf, parentOf } from "../base/path.ts";
import type { TransactRequest } from "../base/request.ts";
import type { Zxid } from "../base/zxid.ts";
import { delayOf, placeholderName } from "../tree/lock-queue.ts";
import { isPermit } from "../tree/semaphore.ts";
import type { Tree } from "../tree/tree.ts";
import { LOCK_DELAYS_MAX } from "./limits.ts";

/** High above the sid of any replica, which is what other sessions begin with. */
const PLACEHOLDER_SESSIONS = 0xffn << 56n;

const EPHEMERAL = 1;

/** The session of a placeholder that is proposed under this zxid: no other that lives has its id. */
export function placeholderSession({ epoch, counter }: Zxid): SessionId {
  return PLACEHOLDER_SESSIONS | (BigInt(epoch & 0xffffff) << 32n) | BigInt(counter);
}

/**
 * What is to be proposed before the session is ended that has expired, each in a session of its own; nothing of it is
 * done where the session holds no more. The password is that of the session: whoever had the lease may know it.
 */
export function placeholdersOf(tree: Tree, session: SessionId): readonly TransactRequest[] {
  const password = tree.sessions.get(session)?.password;
  if (password === undefined) return [];
  const delayed = tree.ephemeralsOf(session).filter((path) => delayOf(nameOf(path)) > 0);
  return delayed.slice(0, LOCK_DELAYS_MAX).flatMap((path) => {
    const name = nameOf(path);
    const delayMs = delayOf(name);
    const token = tree.get(path)?.czxid;
    if (token === undefined) return [];
    const parent = parentOf(path);
    const placeholder = {
      op: "create2",
      path: childOf(parent, placeholderName(name)),
      data: new TextEncoder().encode(`closed for ${delayMs} ms, as a lease has expired`),
      acl: OPEN_ACL,
      flags: EPHEMERAL,
      ttlMs: 0,
    } as const;
    return {
      op: "transact",
      newSession: { timeoutMs: delayMs, password },
      ensured: undefined,
      guards: [{ kind: "held", path: isPermit(name) ? parentOf(parent) : parent, token }],
      operations: [placeholder],
      key: undefined,
    };
  });
}
