/** Moments of the past as people type them, and as the API takes them. */
import { timeText, zxidShort } from "./format.ts";

/** What may be typed, for people. */
export const MOMENT_HINT = "10m, 2026-11-29 10:31:07, or a zxid as 1:234";

/** So long ago, as buttons offer it. */
export const AGO: readonly (readonly [text: string, label: string])[] = [
  ["1m", "1 minute ago"],
  ["10m", "10 minutes ago"],
  ["1h", "1 hour ago"],
  ["1d", "1 day ago"],
];

const UNITS_MS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const ZXID_MAX = (1n << 64n) - 1n;

/**
 * The moment that a text names, as the API takes it: twenty digits of a zxid, or a time of RFC 3339. undefined where it
 * names none. A time without a zone is of the browser's; of a clock alone, the last time that it showed that.
 */
export function readMoment(text: string, nowMs: number): string | undefined {
  const typed = text.trim();
  const zxid = readZxid(typed);
  if (zxid !== undefined) return zxid <= ZXID_MAX ? String(zxid).padStart(20, "0") : undefined;
  const timeMs = readTime(typed, nowMs);
  return Number.isNaN(timeMs) ? undefined : new Date(timeMs).toISOString();
}

/** Whether it is a zxid, and no time. */
export function isZxid(moment: string): boolean {
  return /^\d+$/.test(moment);
}

/** A moment as the page shows it. */
export function momentText(moment: string): string {
  return isZxid(moment) ? `zxid ${zxidShort(moment)}` : timeText(moment);
}

function readZxid(text: string): bigint | undefined {
  if (/^\d{1,20}$/.test(text)) return BigInt(text);
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text);
  const [, epoch, counter] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  return epoch === undefined || counter === undefined ? undefined : (BigInt(epoch) << 32n) | BigInt(counter);
}

function readTime(text: string, nowMs: number): number {
  const [, count, unit] = /^(\d{1,9}) ?([smhd])(?:in)?(?: ago)?$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return nowMs - Number(count) * (UNITS_MS[unit] ?? 0);
  if (/^\d{1,2}:\d\d:\d\d$/.test(text)) return readClock(text, nowMs);
  if (!/^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?$/.test(text))
    return Number.NaN;
  // A day alone would be read as of Greenwich.
  return Date.parse(text.length === 10 ? `${text}T00:00:00` : text.replace(" ", "T"));
}

function readClock(text: string, nowMs: number): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(":").map(Number);
  if (hours > 23 || minutes > 59 || seconds > 59) return Number.NaN;
  const day = new Date(nowMs);
  day.setHours(hours, minutes, seconds, 0);
  if (day.getTime() > nowMs) day.setDate(day.getDate() - 1);
  return day.getTime();
}
