/** What the HTTP API takes and gives: the requests are validated by these, and the OpenAPI document is made of them. */
import { z } from "@hono/zod-openapi";
import { toHex } from "../../base/bytes.ts";
import { NO_SESSION, type SessionId, sessionKey } from "../../base/ids.ts";
import type { Stat } from "../../base/stat.ts";
import { type Zxid, zxidDigits, zxidFromBigInt } from "../../base/zxid.ts";
import type { CallSession } from "../../durable/entry.ts";

/** Texts of 20 digits are in the order of their numbers. */
const ZXID_TEXT_MAX = "18446744073709551615";

/** A zxid as HTTP shows it. */
export const zxidText: z.ZodType<string> = z
  .string()
  .regex(/^\d{1,20}$/, "digits, as a Zxid header shows them")
  .refine((digits) => digits.padStart(20, "0") <= ZXID_TEXT_MAX, "a zxid has 64 bits")
  .openapi({ example: "00127848271823142912", description: "A position in the order of all writes." });

/** The zxid that a caller sent: any 64 bits. */
export function readZxid(digits: string): Zxid {
  return zxidFromBigInt(BigInt(digits));
}

/** How fresh a read has to be. */
export const consistencyQuery: z.ZodDefault<
  z.ZodEnum<{ readonly local: "local"; readonly linearizable: "linearizable" }>
> = z
  .enum(["local", "linearizable"])
  .default("local")
  .describe("linearizable: nothing older than what was acknowledged before; it costs a round of the log.");

/** The header If-None-Match of a read. */
export const knownHeader: z.ZodOptional<z.ZodString> = z
  .string()
  .optional()
  .describe("The ETag of what is known: 304 where it is that still, and with `wait` only when that is over.");

/** The header If-None-Match of a write. */
export const onlyNewHeader: z.ZodOptional<z.ZodLiteral<"*">> = z
  .literal("*")
  .optional()
  .describe("`*`: only where there is none yet, otherwise 412.");

/** The header Min-Zxid of a read in no session. */
export const minZxidHeader: z.ZodOptional<typeof zxidText> = zxidText
  .optional()
  .describe("Answered once the replica has delivered this.");

/** What the text of a session looks like. */
export const SESSION_TEXT: RegExp = /^[0-9a-f]{16}-[0-9a-f]{32}$/;

/** A session, or a lock's lease: whoever has the text may use it. */
export const sessionText: z.ZodType<string> = z
  .string()
  .regex(SESSION_TEXT, "a session as POST /sessions gave it, or the lease of a lock")
  .openapi({ example: "0200c8b5a1d4e6f7-4f1e9d0c2b3a495867d8c9e0f1a2b3c4" });

/** The text of a session. */
export function sessionTextOf({ session, password }: CallSession): string {
  return `${sessionKey(session)}-${toHex(password)}`;
}

/** The session that a caller showed, in the form of sessionText. */
export function readSession(text: string): CallSession {
  const [id = "", secret = ""] = text.split("-");
  const password = new Uint8Array(secret.length / 2);
  for (let at = 0; at < password.length; at++)
    password[at] = Number.parseInt(secret.slice(2 * at, 2 * at + 2), 16);
  return { session: BigInt(`0x${id}`), password };
}

/** A session as others see it: its id, without the secret. */
export function sessionIdText(id: SessionId): string | null {
  return id === NO_SESSION ? null : sessionKey(id);
}

/** A znode's Stat. */
export interface StatDocument {
  readonly czxid: string;
  readonly mzxid: string;
  readonly pzxid: string;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: string | null;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** See StatDocument. */
export const statSchema: z.ZodType<StatDocument> = z
  .object({
    czxid: zxidText.describe("Of the write that created the znode."),
    mzxid: zxidText.describe("Of the write that set its data last."),
    pzxid: zxidText.describe("Of the write that created or deleted a child last."),
    ctime: z.number().describe("When it was created, in milliseconds of Unix time."),
    mtime: z.number().describe("When its data were set last."),
    version: z.number().int().describe("How often its data were set."),
    cversion: z.number().int().describe("How often its children changed."),
    aversion: z.number().int().describe("How often its access control list was set."),
    ephemeralOwner: z.string().nullable().describe("The id of the session that it goes with, null for none."),
    dataLength: z.number().int(),
    numChildren: z.number().int(),
  })
  .openapi("Stat");

/** The document of a Stat. */
export function statDocument(stat: Stat): StatDocument {
  const { czxid, mzxid, pzxid, ephemeralOwner, ...rest } = stat;
  return {
    czxid: zxidDigits(czxid),
    mzxid: zxidDigits(mzxid),
    pzxid: zxidDigits(pzxid),
    ...rest,
    ephemeralOwner: sessionIdText(ephemeralOwner),
  };
}

/** How a znode that is created ends, and how it is named. */
export interface NewZnode {
  readonly mode: "persistent" | "ephemeral" | "container" | "ttl";
  readonly sequential: boolean;
  readonly ttlMs: number | undefined;
}

/** The mode of a new znode. */
export const modeSchema: z.ZodType<NewZnode["mode"], NewZnode["mode"] | undefined> = z
  .enum(["persistent", "ephemeral", "container", "ttl"])
  .default("persistent")
  .describe(
    "How it ends: never, with its session, when its last child is gone, or ttlMs after it was last set.",
  );

/** A problem document (RFC 9457). */
export const problemSchema: z.ZodType<object> = z
  .object({
    type: z.string().openapi({ example: "urn:edgekeeper:problem:no-node" }),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe("Stable: what programs look at."),
    detail: z.string().describe("For people: what was wrong, and what to do."),
    permission: z.string().optional().describe("Of `no-auth`: what it takes, and of which path."),
    asOf: z.string().optional().describe("Of `no-node`: the moment of the past at which there was none."),
    path: z.string().optional(),
  })
  .openapi("Problem");
