/** Moments of the past as callers name them, znodes as they were then, and what is told where nobody knows any more. */
import { z } from "@hono/zod-openapi";
import type { Context } from "hono";
import { type Zxid, ZXID_ZERO, zxidDigits, zxidText as shortText } from "../../base/zxid.ts";
import { toBase64 } from "../../durable/call-record.ts";
import type { HistoryGone, Moment, PastStat } from "../../durable/entry.ts";
import { type App, problemDocument } from "../documents.ts";
import { readZxid, sessionIdText, zxidText } from "./schemas.ts";

/** A zxid, or a time as RFC 3339 writes it. */
export const momentText: z.ZodString = z
  .string()
  .refine(
    (text) =>
      zxidText.safeParse(text).success ||
      readShort(text) !== undefined ||
      z.iso.datetime({ offset: true }).safeParse(text).success,
    "a zxid in digits or as EPOCH:COUNTER, or a time such as 2026-11-29T10:00:00Z",
  )
  .openapi({
    example: "00127848271823142912",
    description:
      "A zxid, in digits or as EPOCH:COUNTER: the state behind that write. " +
      "Or a time, as 2026-11-29T10:00:00Z: behind the last by then.",
  });

/** The moment that a text names. */
export function readMoment(text: string): Moment {
  if (/^\d+$/.test(text)) return { zxid: readZxid(text) };
  const zxid = readShort(text);
  return zxid === undefined ? { timeMs: Date.parse(text) } : { zxid };
}

/** A moment as people read it: `zxid EPOCH:COUNTER`, or the time. */
export function shownMoment(moment: Moment): string {
  return "zxid" in moment ? `zxid ${shortText(moment.zxid)}` : new Date(moment.timeMs).toISOString();
}

/** A zxid as people read it, `EPOCH:COUNTER`, each of 32 bits. */
function readShort(text: string): Zxid | undefined {
  const [, epoch, counter] = /^(\d{1,10}):(\d{1,10})$/.exec(text)?.map(Number) ?? [];
  if (epoch === undefined || counter === undefined) return undefined;
  return Math.max(epoch, counter) <= 0xffffffff ? { epoch, counter } : undefined;
}

/** What a replica must have delivered to know these. */
export function seenBy(moments: readonly (Moment | undefined)[]): Zxid {
  return moments.reduce<Zxid>((latest, moment) => {
    if (moment === undefined || !("zxid" in moment)) return latest;
    return zxidDigits(moment.zxid) > zxidDigits(latest) ? moment.zxid : latest;
  }, ZXID_ZERO);
}

/** Whether a moment is only known once all that was written by then is. */
export function isByTime(moments: readonly (Moment | undefined)[]): boolean {
  return moments.some((moment) => moment !== undefined && "timeMs" in moment);
}

const GONE_TEXT = "null where the history does not tell it any more.";

/** A Stat of the past. */
export const pastStatSchema: z.ZodType<object> = z
  .object({
    czxid: zxidText.nullable(),
    mzxid: zxidText.nullable(),
    pzxid: zxidText.nullable(),
    ctime: z.number().nullable(),
    mtime: z.number().nullable(),
    version: z.number().int().nullable(),
    cversion: z.number().int().nullable(),
    aversion: z.number().int().nullable(),
    ephemeralOwner: z.string().nullable().describe("null for none, and where czxid is not known."),
    dataLength: z.number().int().nullable(),
    numChildren: z.number().int().nullable(),
  })
  .openapi("PastStat", { description: `A Stat as it was, with ${GONE_TEXT}` });

/** The document of a Stat of the past. */
export function pastStatDocument(stat: PastStat): object {
  const { czxid, mzxid, pzxid, ephemeralOwner, ...rest } = stat;
  return {
    czxid: digitsOf(czxid),
    mzxid: digitsOf(mzxid),
    pzxid: digitsOf(pzxid),
    ...rest,
    ephemeralOwner: ephemeralOwner === null ? null : sessionIdText(ephemeralOwner),
  };
}

/** Twenty digits; null for what is not known. */
export function digitsOf(zxid: Zxid | null | undefined): string | null {
  return zxid === null || zxid === undefined ? null : zxidDigits(zxid);
}

/** Data in base64; null where there are none, or they are not known. */
export function base64Of(data: Uint8Array | null | undefined): string | null {
  return data === null || data === undefined ? null : toBase64(data);
}

/** No replica that was asked keeps so much history. */
export function historyGone(context: Context<App>, { oldest, oldestMs }: HistoryGone): Response {
  const since = oldestMs === undefined ? undefined : new Date(oldestMs).toISOString();
  const time = since === undefined ? "" : `, by time ${since}`;
  const known = `the oldest moment known of it is zxid ${shortText(oldest)}${time}`;
  const detail = `that is older than the history that is kept: ${known}`;
  const members = { oldest: zxidDigits(oldest), ...(since === undefined ? {} : { oldestTime: since }) };
  return problemDocument(context, { status: 410, code: "history-gone", detail, members });
}
