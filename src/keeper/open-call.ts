import type { Identity } from "../base/acl.ts";
import type { Scope } from "../tree/scope.ts";
import type { Call } from "./call.ts";

/** A call that is not answered, as the door keeps it. */
export interface OpenCall {
  readonly call: Call;
  /** By the clock that never goes back. */
  readonly arrivedMs: number;
  /** By the clock of leases, which does not go ahead with a clock that jumps. */
  readonly arrivedSteadyMs: number;
  /** When it is told what is known by then. */
  deadlineMs: number;
  /** As what access control lists see the caller. */
  identities: readonly Identity[];
  /** What it may touch at most. */
  scope: Scope;
  /** Whose it is, where it is counted among those under a token. */
  countedFor: string | undefined;
  /** A barrier was delivered since it came: what the tree shows is not older than the call. */
  isFresh: boolean;
  /** Its write; undefined before there is one. */
  serial: number | undefined;
  /** Something of it is in the log already. */
  isUnderWay: boolean;
}
