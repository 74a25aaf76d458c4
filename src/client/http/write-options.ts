/** What requests over HTTP may be given. */
import { randomUuid } from "../runtime.ts";
import type { Caller } from "./caller.ts";
import { Lease } from "./lease.ts";

/** The type of documents. */
export const JSON_TYPE = "application/json";

/** What every request may be given. */
export interface HttpRequestOptions {
  readonly signal?: AbortSignal | undefined;
}

/** What every read may be given. */
export interface HttpReadOptions extends HttpRequestOptions {
  /** Nothing older than what was acknowledged to anybody before; it costs a round of the ensemble. */
  readonly linearizable?: boolean | undefined;
}

/** What every write may be given. */
export interface HttpWriteOptions extends HttpRequestOptions {
  /** Done only while this lock is held, checked in the same transaction: a lease, or `NAME@TOKEN`. */
  readonly held?: Lease | string | undefined;
  /** The same key is done once, whoever asks again, for an hour. Default: one of its own. */
  readonly idempotencyKey?: string | undefined;
}

/** The headers of a write: a key of its own where it was given none. */
export function writeHeaders(
  caller: Caller,
  { held, idempotencyKey }: HttpWriteOptions,
): Record<string, string | undefined> {
  return {
    "idempotency-key": idempotencyKey ?? randomUuid(caller.runtime.rng),
    "if-held": held instanceof Lease ? held.held : held,
  };
}
