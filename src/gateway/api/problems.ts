/** What a caller did wrong, or met: each error of the ensemble as a problem with a code of its own. */
import type { Context } from "hono";
import { ERROR_CODES, type ErrorName } from "../../base/error-code.ts";
import { zxidDigits } from "../../base/zxid.ts";
import { type App, type Problem, problemDocument } from "../documents.ts";
import type { Answered } from "./ask.ts";

/** One error as HTTP tells it. */
type Told = Pick<Problem, "status" | "code" | "detail">;

const NO_ZNODE = "there is no such znode";

const TOLD: Partial<Record<ErrorName, Told>> = {
  noNode: {
    status: 404,
    code: "no-node",
    detail: `${NO_ZNODE}, or none above it to create it below`,
  },
  nodeExists: { status: 412, code: "node-exists", detail: "there is such a znode already" },
  badVersion: { status: 412, code: "bad-version", detail: "it has changed since: read it again" },
  notEmpty: { status: 409, code: "not-empty", detail: "it has children: delete them first" },
  noChildrenForEphemerals: { status: 409, code: "ephemeral-parent", detail: "an ephemeral has no children" },
  noAuth: {
    status: 403,
    code: "no-auth",
    detail:
      "the access control list, or the scope of the caller's token, does not allow that (to create or to delete, the " +
      "list is that of the znode above)",
  },
  authFailed: {
    status: 401,
    code: "unauthorized",
    detail: "there is no such token in this ensemble, or no more: it was revoked, or its time is over",
  },
  invalidAcl: { status: 400, code: "bad-acl", detail: "the access control list is not valid" },
  badArguments: {
    status: 400,
    code: "bad-path",
    detail: "the path, or what is to be done to it, is not valid",
  },
  marshallingError: { status: 413, code: "too-large", detail: "a transaction takes 1.5 MB at most" },
  unimplemented: { status: 501, code: "not-enabled", detail: "this deployment has EXTENDED_TYPES_ENABLED=0" },
  sessionExpired: {
    status: 410,
    code: "session-expired",
    detail: "there is no such session, or no more: its ephemerals and locks are gone, make another",
  },
  sessionMoved: {
    status: 409,
    code: "session-moved",
    detail: "a client has attached to this session by a connection, which alone may write in it now",
  },
  sessionClosedRequireSaslAuth: {
    status: 403,
    code: "login-required",
    detail: "this deployment serves callers alone that have proven who they are (ENFORCE_AUTH_SCHEMES)",
  },
  quotaExceeded: {
    status: 507,
    code: "quota-exceeded",
    detail: "a quota (ENFORCE_QUOTA), or the bound of the ensemble (STORAGE_LIMIT_MB), is reached",
  },
  keyReused: {
    status: 422,
    code: "key-reused",
    detail: "this Idempotency-Key came with another request before",
  },
  tooManyKeys: {
    status: 503,
    code: "too-many-keys",
    detail: "no more keys are remembered now: try again later",
  },
  notHeld: {
    status: 412,
    code: "not-held",
    detail: "nothing is held under that token, or no more: the lock or permit is free, or another's",
  },
  lockTimeout: {
    status: 409,
    code: "lock-timeout",
    detail: "the lock was not free within waitMs; the place in its queue is given up",
  },
  leaseOver: {
    status: 410,
    code: "lease-over",
    detail: "there is no such lease of this lock, or no more: nothing done under it counts from now on",
  },
  superseded: {
    status: 409,
    code: "superseded",
    detail: "a later request with the same Idempotency-Key has this place: its answer counts",
  },
  lockHeld: {
    status: 409,
    code: "lock-held",
    detail:
      "somebody holds it, or waits for it, or it is closed for its delay: ask again, or wait with waitMs",
  },
  notCounter: {
    status: 409,
    code: "not-counter",
    detail: "what stands at the path is no counter: those have eight bytes, or none",
  },
  counterOverflow: { status: 409, code: "counter-overflow", detail: "the sum does not fit into 64 bits" },
  permitsDiffer: {
    status: 409,
    code: "permits-differ",
    detail: "another number of permits is agreed upon for this semaphore: GET shows it, PUT changes it",
  },
};

const NAMES: ReadonlyMap<number, ErrorName> = new Map(
  Object.entries(ERROR_CODES).map(([name, code]) => [code, name as ErrorName]),
);

/** The problem that an error code is; where the caller may not do that, with what it takes. */
export function toldOf({ code, need }: Pick<Answered, "code" | "need">): Told {
  const name = NAMES.get(code);
  const told = name === undefined ? undefined : TOLD[name];
  if (told === undefined)
    return { status: 500, code: "internal", detail: `the ensemble answered ${name ?? String(code)}` };
  return need === undefined
    ? told
    : { ...told, detail: `${need.permission} on ${need.path}: ${told.detail}` };
}

/** What of an answer a problem tells. */
export type Failure = Pick<Answered, "code" | "zxid" | "need">;

/** The problem that an answer is; `detail` where more is known of it than by its code. */
export function problemOf(
  context: Context<App>,
  failure: Failure,
  members: object = {},
  detail?: string,
): Response {
  const headers = { zxid: zxidDigits(failure.zxid) };
  // Who reads, or deletes, does not create.
  const isCreate = context.req.method === "PUT" || context.req.method === "POST";
  const read = failure.code === ERROR_CODES.noNode && !isCreate ? { detail: NO_ZNODE } : {};
  return problemDocument(context, {
    ...toldOf(failure),
    ...read,
    ...(detail === undefined ? {} : { detail }),
    headers,
    members: { ...failure.need, ...members },
  });
}

/** What went wrong with a write, where something did: of several operations the first that failed. */
export function failureOf({ code, zxid, response, need }: Answered): Failure | undefined {
  if (code !== ERROR_CODES.ok) return { code, zxid, need };
  const results = response.op === "multi" ? response.results : [];
  const failed = results.find((result) => result.op === "error" && result.code !== ERROR_CODES.ok);
  return failed?.op === "error" ? { code: failed.code, zxid, need } : undefined;
}
