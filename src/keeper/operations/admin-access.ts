/**
 * Who may run the AdminServer's commands that show or replace everything: whoever may do all to the root, by a line
 * that says who it is, `digest user:password`, `ip` or `x509`.
 * Source: ZooKeeper Commands.handleAuthentication and handleAuthorization.
 */
import { type Acl, PERMS } from "../../base/acl.ts";
import { isAllowed } from "../../tree/access.ts";
import { type AuthSettings, authenticate, powersOf } from "../auth.ts";
import type { ConnectionOpening } from "../connection.ts";

/** Why a command is not run, with the status and words of ZooKeeper. */
export interface AdminRefusal {
  readonly status: 401 | 403;
  readonly error: string;
}

/** What decides. */
export interface AdminAsked {
  /** What the caller says it is; undefined where it says nothing. */
  readonly authorization: string | undefined;
  /** Who the caller is besides. */
  readonly caller: Pick<ConnectionOpening, "remoteAddress" | "identities">;
  readonly rootAcl: readonly Acl[];
}

/** Why the caller is refused; undefined where it may. */
export function adminRefusal(asked: AdminAsked, settings: AuthSettings): AdminRefusal | undefined {
  const { authorization, caller, rootAcl } = asked;
  if (authorization === undefined) return { status: 401, error: "Auth info is missing for the command" };
  const [scheme = "", login, ...more] = authorization.split(" ");
  const auth = login === undefined ? null : new TextEncoder().encode(login);
  const identities = more.length > 0 ? undefined : authenticate({ scheme, auth }, caller, settings);
  if (identities === undefined) return { status: 401, error: "Not authenticated" };
  const powers = powersOf({ identities }, settings);
  const each = [PERMS.read, PERMS.write, PERMS.create, PERMS.delete, PERMS.admin];
  const mayAll = each.every((perm) => isAllowed(rootAcl, perm, powers));
  return mayAll ? undefined : { status: 403, error: "Not authorized" };
}

/** Lets one through in each interval. Source: ZooKeeper RateLimiter. */
export class RateLimiter {
  readonly #intervalMs: number;
  #lastMs: number | undefined;

  constructor(intervalMs: number) {
    this.#intervalMs = intervalMs;
  }

  /** Whether another may pass at this time. A clock that was set back holds nobody up. */
  allow(nowMs: number): boolean {
    const sinceMs = this.#lastMs === undefined ? Infinity : Math.abs(nowMs - this.#lastMs);
    if (sinceMs < this.#intervalMs) return false;
    this.#lastMs = nowMs;
    return true;
  }
}
