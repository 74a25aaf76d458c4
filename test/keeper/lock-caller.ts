/** Callers of locks, as tests need them. */
import type { Sid } from "../../src/base/ids.ts";
import type { CallKey } from "../../src/base/request.ts";
import { type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { CallAnswer, CallRequest, CallSession } from "../../src/keeper/call.ts";
import { call, TestCall } from "./test-caller.ts";
import type { World } from "./world.ts";

const LOCK = "/locks/a";
const TTL_MS = 4000;

/** What is asked for, where it is not the usual. */
export interface Acquire {
  readonly path?: string;
  readonly mode?: (CallRequest & { readonly kind: "acquire" })["mode"];
  readonly permits?: number;
  readonly lockDelayMs?: number;
  readonly ttlMs?: number;
  readonly waitMs?: number;
  readonly isProbed?: boolean;
  readonly key?: CallKey | undefined;
}

/** A lock that is held. */
export interface Lease {
  readonly session: CallSession;
  readonly token: Zxid;
  readonly expiresInMs: number;
}

/** Asks for the lock; `told` hears the answer too. */
export function acquire(
  world: World,
  sid: Sid,
  options: Acquire = {},
  told: (answer: CallAnswer | "lost") => void = () => undefined,
): TestCall {
  const { path = LOCK, mode = "exclusive", ttlMs = TTL_MS, waitMs = 0, isProbed = false, key } = options;
  const { permits, lockDelayMs } = options;
  const lasting = { path, mode, permits, lockDelayMs, ttlMs } as const;
  const request: CallRequest = { kind: "acquire", ...lasting, waitMs, isProbed, owner: "me", key };
  return new TestCall(world, sid, { session: undefined, minZxid: ZXID_ZERO, request }, told);
}

/** Gives it back. */
export function release(world: World, sid: Sid, session: CallSession, path: string = LOCK): TestCall {
  return call(world, sid, { kind: "release", path }, { session });
}

/** Keeps it. */
export function renew(world: World, sid: Sid, session: CallSession, path: string = LOCK): TestCall {
  return call(world, sid, { kind: "renew", path }, { session });
}

/** The lease of an answer, which must be one. */
export function leaseOf({ response, code }: CallAnswer & { readonly kind: "answered" }): Lease {
  if (response.op !== "lease") throw new Error(`no lease: ${code} ${response.op}`);
  const { session, token, expiresInMs } = response;
  return { session, token, expiresInMs };
}
