/** What calls have the service write where it alone may: tokens and webhooks. */
import type { Acl, Identity } from "../base/acl.ts";
import { ERROR_CODES } from "../base/error-code.ts";
import type { TransactOperation, TransactRequest } from "../base/request.ts";
import { SUPER } from "./auth.ts";
import type { CallResponse } from "./call.ts";
import type { Delivered } from "./call-writes.ts";
import type { DoorContext } from "./door-context.ts";
import type { OpenCall } from "./open-call.ts";
import type { Tree } from "../tree/tree.ts";
import type { Zxid } from "../base/zxid.ts";
import { failureOf } from "./transact-outcome.ts";

/** What such calls need of the door. */
export interface ServiceHost {
  readonly context: DoorContext;
  /** Sends the call's write as these; tells what came of it, unless nobody knows. */
  readonly send: (
    open: OpenCall,
    write: { readonly request: TransactRequest; readonly identities: readonly Identity[] },
    done: (delivered: Delivered) => void,
  ) => void;
  readonly answer: (open: OpenCall, zxid: Zxid, code: number, response?: CallResponse) => void;
}

/** Writes as the service itself, and within the caller's scope at that moment; then answers with this, or the error. */
export function writeAsService(
  { send, answer }: ServiceHost,
  open: OpenCall,
  operations: readonly TransactOperation[],
  response: CallResponse = { op: "empty" },
): void {
  const bare = { newSession: undefined, ensured: undefined, guards: [], key: undefined } as const;
  const request = { op: "transact", ...bare, operations } as const;
  send(open, { request, identities: [SUPER, ...open.identities] }, ({ zxid, outcome }) =>
    answer(open, zxid, failureOf(outcome) ?? ERROR_CODES.ok, response),
  );
}

/**
 * Makes znodes of the service's, and what stands above them where this replica does not know it: one that lags puts
 * again what is there, which does no harm.
 */
export function madeBelow(
  tree: Tree,
  { path, acl }: { readonly path: string; readonly acl: readonly Acl[] },
  made: readonly { readonly path: string; readonly data: Uint8Array }[],
): readonly TransactOperation[] {
  const above = { op: "put", path, data: new Uint8Array(0), acl } as const;
  const creates = made.map((one) => ({ op: "create2", ...one, acl, flags: 0, ttlMs: 0 }) as const);
  return tree.get(path) === undefined ? [above, ...creates] : creates;
}
