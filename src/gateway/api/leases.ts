/** What callers hold for a while, whatever it is of: a lock, a permit of a semaphore, the lead in an election. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { ERROR_CODES } from "../../base/error-code.ts";
import { LOCK_DELAY_MS_MAX } from "../../base/limits.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { CallRequest, QueuedContender } from "../../durable/entry.ts";
import type { App } from "../documents.ts";
import { unknownCaller } from "./answers.ts";
import type { Answered, Asker } from "./ask.ts";
import type { Probed } from "./replica-calls.ts";
import { problemOf } from "./problems.ts";
import { readSession, readZxid, sessionIdText, sessionText, sessionTextOf, zxidText } from "./schemas.ts";
import { keyOf, writeHeaders } from "./writes.ts";

/** The longest that a request waits: proxies on the way give up soon after. */
const WAIT_MS_MAX = 60_000;

const TTL_MS_MAX = 24 * 60 * 60 * 1000;

/** UTF-16 units of the name that the queue shows. */
export const OWNER_CHARACTERS_MAX = 200;

/** Between what the numbers of an acquire may be. */
export const LEASE_BOUNDS: Readonly<
  Record<"ttlMs" | "waitMs" | "lockDelayMs", { readonly least: number; readonly most: number }>
> = {
  ttlMs: { least: 1, most: TTL_MS_MAX },
  waitMs: { least: 0, most: WAIT_MS_MAX },
  lockDelayMs: { least: 0, most: LOCK_DELAY_MS_MAX },
};

/** What every acquire may say. */
export const acquireFields: {
  readonly ttlMs: z.ZodDefault<z.ZodNumber>;
  readonly waitMs: z.ZodDefault<z.ZodNumber>;
  readonly lockDelayMs: z.ZodDefault<z.ZodNumber>;
  readonly owner: z.ZodDefault<z.ZodString>;
} = {
  ttlMs: z
    .number()
    .int()
    .min(LEASE_BOUNDS.ttlMs.least)
    .max(LEASE_BOUNDS.ttlMs.most)
    .default(30_000)
    .describe("The lease ends when it was not renewed for so long: 2 s at least."),
  waitMs: z
    .number()
    .int()
    .min(LEASE_BOUNDS.waitMs.least)
    .max(LEASE_BOUNDS.waitMs.most)
    .default(0)
    .describe("How long to wait in the queue, which is fair; 0 takes no place."),
  lockDelayMs: z
    .number()
    .int()
    .min(LEASE_BOUNDS.lockDelayMs.least)
    .max(LEASE_BOUNDS.lockDelayMs.most)
    .default(0)
    .describe("If the lease expires, and is not given back, it stays closed for so long: nobody gets it."),
  owner: z.string().max(OWNER_CHARACTERS_MAX).default("").describe("Whom the queue shows."),
};

/** Of a read that may wait for a change. */
export const waitQuery: z.ZodDefault<z.ZodCoercedNumber> = z.coerce
  .number()
  .int()
  .min(0)
  .max(WAIT_MS_MAX)
  .default(0)
  .describe("Milliseconds that it waits for a change, at the most. No state is missed that lasts.");

/** The headers of an acquire. */
export const acquireHeaders: Pick<typeof writeHeaders, "idempotency-key"> = {
  "idempotency-key": writeHeaders["idempotency-key"],
};

/** What an acquire's description says of all of them. */
export const ACQUIRE_TEXT: string =
  "Answers when it is held. The place in the queue lives as long as this request is open: who hangs up is skipped. " +
  "With an `Idempotency-Key` it is safe to ask again where the answer was lost: it is the same lease, and the " +
  "latest request alone is told so. A lost answer without a key leaves a lease that ends after its ttlMs.";

/** What is told of a lease beside what it is of. */
export const leaseFields: {
  readonly lease: typeof sessionText;
  readonly token: typeof zxidText;
  readonly expiresInMs: z.ZodNumber;
  readonly heldForMs: z.ZodNumber;
  readonly expiresAt: z.ZodString;
} = {
  lease: sessionText.describe("For renew and release; it is a session too. Keep it secret."),
  token: zxidText.describe(
    "The fencing token, always 20 digits: each holder's is larger than all before it.",
  ),
  expiresInMs: z
    .number()
    .int()
    .describe(
      "What is left of it while this is answered: it ends no sooner. An answer takes its time to arrive.",
    ),
  heldForMs: z
    .number()
    .int()
    .describe(
      "It is held for so long at least from when this request was sent, also where that waited. Who counts by a " +
        "clock counts this: no slow answer makes it believe to hold what is over.",
    ),
  expiresAt: z.string().describe("About that, by the clock of the gateway."),
};

/** The body of a renew or release. */
export const leaseBodySchema: z.ZodObject<{ readonly lease: typeof sessionText }, z.core.$strict> =
  z.strictObject({
    lease: sessionText.describe("As acquire gave it."),
  });

/** Of whatever stands in a queue. */
export const contenderFields: {
  readonly node: z.ZodString;
  readonly holds: z.ZodBoolean;
  readonly closed: z.ZodBoolean;
  readonly token: typeof zxidText;
  readonly session: z.ZodNullable<z.ZodString>;
  readonly queuedSince: z.ZodNumber;
  readonly owner: z.ZodString;
} = {
  node: z.string().describe("The name of its znode: deleting that takes the place away."),
  holds: z.boolean(),
  closed: z.boolean().describe("Nobody holds it: a lease has expired, and its lockDelayMs is not over."),
  token: zxidText,
  session: z.string().nullable().describe("The id of its session."),
  queuedSince: z
    .number()
    .describe(
      "When it came into the queue, in Unix milliseconds: who holds may have waited first. GET /explain/nodes tells " +
        "since when it holds.",
    ),
  owner: z.string(),
};

/** The document of one in a queue. */
export function contenderDocument({
  name,
  isHolder,
  isPlaceholder,
  token,
  session,
  ctime,
  data,
}: QueuedContender): z.infer<z.ZodObject<typeof contenderFields>> {
  return {
    node: name,
    holds: isHolder,
    closed: isPlaceholder,
    token: zxidDigits(token),
    session: sessionIdText(session),
    queuedSince: ctime,
    owner: new TextDecoder().decode(data ?? new Uint8Array()),
  };
}

/** What a lease is of: its name in documents, and its path. */
export interface Held {
  readonly what: "lock" | "semaphore" | "election";
  readonly path: string;
}

/** What an acquire asks for beside its key. */
type Wanted = Omit<CallRequest & { readonly kind: "acquire" }, "kind" | "path" | "isProbed" | "key">;

/** Takes, or waits for, what is wanted, and answers with the lease. */
export async function acquireLease(
  context: Context<App>,
  asker: Asker,
  held: Held,
  { waitMs, ...lasting }: Wanted,
): Promise<Response> {
  const told = { held, arrivedMs: Date.now() };
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const asked = { kind: "acquire", path: held.path, ...lasting } as const;
  // Who asks again may have less time left to wait.
  const key = await keyOf(context, caller, asked);
  // Only the platform's edge tells of a caller that has closed its connection; there is none before `npm start`.
  const isProbed = waitMs > 0 && context.env.EDGEKEEPER_DEV === "1";
  const request: CallRequest = { ...asked, waitMs, key, isProbed };
  const question = { request, waitMs, isRepeatable: key !== undefined };
  const answer = await asker.askProbed(context, caller, question);
  if (answer instanceof Response) return answer;
  if (answer.kind === "probed") return probed(context, told, answer);
  return leased(context, told, answer);
}

/** The lease has its whole time again. */
export async function renewLease(
  context: Context<App>,
  asker: Asker,
  held: Held,
  lease: string,
): Promise<Response> {
  const told = { held, arrivedMs: Date.now() };
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const request = { kind: "renew", path: held.path } as const;
  const question = { request, session: readSession(lease), isRepeatable: true };
  const answer = await asker.ask(context, caller, question);
  return answer instanceof Response ? answer : leased(context, told, answer);
}

/** What is held is free again. */
export async function releaseLease(
  context: Context<App>,
  asker: Asker,
  held: Held,
  lease: string,
): Promise<Response> {
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const request = { kind: "release", path: held.path } as const;
  const question = { request, session: readSession(lease), isRepeatable: false };
  const answer = await asker.ask(context, caller, question);
  if (answer instanceof Response) return answer;
  if (answer.code !== ERROR_CODES.ok) return problemOf(context, overOf(answer));
  return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
}

/** What is held under the token is taken away. */
export async function forceRelease(
  context: Context<App>,
  asker: Asker,
  held: Held,
  token: string,
): Promise<Response> {
  const caller = await asker.callerOf(context);
  if (caller === undefined) return unknownCaller(context);
  const request = { kind: "forceRelease", path: held.path, token: readZxid(token) } as const;
  // Asked again where it was done it finds nothing held under the token.
  const answer = await asker.ask(context, caller, { request, isRepeatable: false });
  if (answer instanceof Response) return answer;
  if (answer.code !== ERROR_CODES.ok) return problemOf(context, answer);
  return new Response(null, { status: 204, headers: { zxid: zxidDigits(answer.zxid) } });
}

/** What every force-release says of itself. */
export const FORCE_TEXT: string =
  "For operators. Who holds it under `token`, as GET shows it, loses it at once, be it a caller or a client of the " +
  "wire: nothing that it does with `If-Held` from now on is done, and its next renew says `lease-over`. The next one " +
  "that waits gets it, under a larger token. It stands in the audit log as forceRelease. A lock that is closed for " +
  "its delay is opened.";

/** The body of a force-release. */
export const forceSchema: z.ZodObject<{ readonly token: typeof zxidText }, z.core.$strict> = z.strictObject({
  token: zxidText,
});

/** For whom a lease is told. */
interface Told {
  readonly held: Held;
  /** When the request came here, in Unix milliseconds. */
  readonly arrivedMs: number;
}

/** Begins to answer. Where the lease is lost in that moment the answer breaks off, as its status is told already. */
function probed(context: Context<App>, told: Told, { zxid, answer }: Probed): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const encoder = new TextEncoder();
  const deliver = async (): Promise<void> => {
    await writer.write(encoder.encode("\n"));
    const answered = await answer;
    const lease = answered.kind === "answered" ? leaseOf(answered, told) : undefined;
    if (lease === undefined) return await writer.abort("the lease was lost before this could be answered");
    await writer.write(encoder.encode(`${JSON.stringify(lease)}\n`));
    await writer.close();
  };
  // It fails where the caller is gone, or the replica: either is seen by the connection.
  context.executionCtx.waitUntil(deliver().catch(async (reason: unknown) => await writer.abort(reason)));
  return new Response(readable, { headers: { "content-type": "application/json", zxid } });
}

function leased(context: Context<App>, told: Told, answer: Answered): Response {
  const { response, zxid } = answer;
  if (response.op === "queued") return problemOf(context, answer, { ahead: response.ahead });
  const lease = leaseOf(answer, told);
  if (lease === undefined) return problemOf(context, overOf(answer));
  // What the context makes costs twice as much: this is answered more often than all else.
  const headers = { zxid: zxidDigits(zxid), "content-type": "application/json" };
  return new Response(`${JSON.stringify(lease)}\n`, { headers });
}

/** The document of a lease; undefined where the answer is none. */
function leaseOf({ response }: Answered, { held, arrivedMs }: Told): object | undefined {
  if (response.op !== "lease") return undefined;
  const { session, token, expiresInMs: heldForMs } = response;
  const elapsedMs = Math.max(0, Date.now() - arrivedMs);
  return {
    [held.what]: held.path,
    lease: sessionTextOf(session),
    token: zxidDigits(token),
    expiresInMs: Math.max(0, heldForMs - elapsedMs),
    heldForMs,
    expiresAt: new Date(arrivedMs + heldForMs).toISOString(),
  };
}

/** A lease is a session: where that is over, or never was, it is told as a lease. */
export function overOf(answer: Answered): Answered {
  return answer.code === ERROR_CODES.sessionExpired ? { ...answer, code: ERROR_CODES.leaseOver } : answer;
}
