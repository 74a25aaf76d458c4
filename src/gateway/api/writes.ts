/** What every write over HTTP may carry: a lock that must be held, a key under which it may be asked for again. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import type { Archive, CallKey, Guard, TransactOperation, TransactRequest } from "../../base/request.ts";
import { withoutSignedScope } from "../../base/scope-identity.ts";
import { encodeRecord } from "../../durable/call-record.ts";
import type { HandedOver } from "../../durable/handed-over.ts";
import type { App } from "../documents.ts";
import { sha256 } from "../hash.ts";
import type { Question } from "./ask.ts";
import { lockPath } from "./lock-path.ts";
import { readZxid, sessionText, zxidText } from "./schemas.ts";

/** Longer keys than anybody needs are refused: they are hashed for each request. */
const KEY_CHARACTERS_MAX = 200;

/** `name@token`, as a lock's acquire gives both. */
const HELD = /^(.{1,1000})@(\d{20})$/;

/** Of a request in a session, or none. */
export const sessionHeaders: {
  readonly session: z.ZodOptional<typeof sessionText>;
  readonly "min-zxid": z.ZodOptional<typeof zxidText>;
} = {
  session: sessionText.optional().describe("In which session it is asked; it is a sign of life for it."),
  "min-zxid": zxidText.optional().describe("Answered once the replica has delivered this."),
};

/** Of a write; headers of the route's own may stand beside them. */
export const writeHeaders: typeof sessionHeaders & {
  readonly "if-held": z.ZodOptional<z.ZodString>;
  readonly "idempotency-key": z.ZodOptional<z.ZodString>;
} = {
  ...sessionHeaders,
  "if-held": z
    .string()
    .regex(HELD, "NAME@TOKEN, as acquire gave both")
    .optional()
    .describe("It is done only if this lock is held under this token, checked in the same transaction."),
  "idempotency-key": z
    .string()
    .min(1)
    .max(KEY_CHARACTERS_MAX)
    .optional()
    .describe("Asked again with the same key it is done once, and answered as the first time, for an hour."),
};

/** A write of these operations, with what its headers add. */
export async function writeOf(
  context: Context<App>,
  caller: HandedOver,
  parts: {
    readonly operations: readonly TransactOperation[];
    readonly guards?: readonly Guard[];
    /** Containers are made down to it. */
    readonly ensured?: string;
    readonly archived?: Archive | undefined;
    /** What the caller's key must come with again, where that is not all of this. */
    readonly asked?: unknown;
  },
): Promise<Question> {
  const held = context.req.header("if-held");
  const guards = [...(parts.guards ?? []), ...(held === undefined ? [] : [heldGuard(held)])];
  const { ensured, operations, archived } = parts;
  const bare = { op: "transact", newSession: undefined, ensured, guards, key: undefined } as const;
  const request: TransactRequest = { ...bare, archived, operations };
  const key = await keyOf(context, caller, parts.asked === undefined ? request : [parts.asked, held]);
  return { request: { kind: "write", request: { ...request, key } }, isRepeatable: key !== undefined };
}

/**
 * The caller's key, if it sent one. Another caller's is another key; `asked` is what the same key must come with again,
 * in the same session.
 */
export async function keyOf(
  context: Context<App>,
  { identities = [] }: HandedOver,
  asked: unknown,
): Promise<CallKey | undefined> {
  const text = context.req.header("idempotency-key");
  if (text === undefined) return undefined;
  const name = await sha256(encodeRecord([text, withoutSignedScope(identities)]));
  const fingerprint = await sha256(encodeRecord([asked, context.req.header("session") ?? ""]));
  return { name, fingerprint };
}

function heldGuard(header: string): Guard {
  const [, name = "", token = ""] = HELD.exec(header) ?? [];
  return { kind: "held", path: lockPath(name), token: readZxid(token) };
}
