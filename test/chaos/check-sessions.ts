/** Sessions live as long as their clients speak: an expiry may come late, never early. */
import { sessionText } from "../../src/base/ids.ts";
import type { History } from "./history.ts";
import { type Violation, violation } from "./violation.ts";

/** Errors that say something of the session, not of the znode. */
const SESSION_ERRORS: readonly number[] = [-112, -118];

/**
 * The load asks for nothing that may be refused: a name that exists already was created twice, a version that
 * is wrong was changed by a write whose client had been shown that it had not happened, and what a delete
 * does not find was lost. Ephemerals of expired sessions alone may be gone.
 */
export function checkRefusals({ operations, sessions }: History): readonly Violation[] {
  const expired = new Set(
    sessions.filter(({ expiry }) => expiry !== undefined).map(({ session }) => session),
  );
  const gone = new Set(
    operations.flatMap(({ action, session }) => {
      return action.kind === "create" && action.ephemeral && expired.has(session) ? [action.path] : [];
    }),
  );
  return operations.flatMap(({ action, outcome, client }) => {
    if (outcome.kind !== "error" || SESSION_ERRORS.includes(outcome.code)) return [];
    const path = "path" in action ? action.path : undefined;
    if (action.kind === "delete" && gone.has(action.path)) return [];
    const told = `${action.kind} of client ${client} was refused with ${outcome.code}`;
    return [violation("nothing is refused without a reason", told, path)];
  });
}

/** Judges every end of a session; and that no session was known to two clients. */
export function checkSessions({ sessions }: History): readonly Violation[] {
  const owners = new Map<bigint, number>();
  return sessions.flatMap(({ client, session, timeoutMs, expiry }) => {
    const found: Violation[] = [];
    const other = owners.get(session);
    if (other !== undefined && other !== client) {
      found.push(
        violation("a session is one client's", `${sessionText(session)}: clients ${other}, ${client}`),
      );
    }
    owners.set(session, client);
    if (expiry === undefined) return found;
    const silentMs = expiry.atMs - expiry.lastContactMs;
    if (silentMs < timeoutMs) {
      const told = `${sessionText(session)} of client ${client} after ${silentMs.toFixed(0)} ms of silence`;
      found.push(violation("no session expires early", `${told}, timeout ${timeoutMs} ms`));
    }
    return found;
  });
}
