/** Znodes as they were, printed. */
import type { Moment, PastStat } from "../client/http/past.ts";
import { zxidText } from "../client/znode.ts";
import { usageError } from "./exit-code.ts";
import { durationMs } from "./option-values.ts";
import { Output } from "./output.ts";
import { Reach, type ReachOptions } from "./reach.ts";
import { dataText, sessionText, zxidShort } from "./znode-text.ts";

/** What an option that takes a moment says. */
export const AS_OF = "as it was: a zxid as 1:234, a time as 2026-11-29T10:00:00Z, or so long ago, as 10m";

/** What is read of the flags of a read. */
interface PastFlags {
  readonly stat?: boolean | undefined;
  readonly raw?: boolean | undefined;
}

/** The moment that a text names. Throws a usage error. */
export function momentOf(text: string, nowMs: number = Date.now()): Moment {
  if (/^\d+$/.test(text)) return BigInt(text);
  if (/^0x[0-9a-fA-F]{1,16}$/.test(text)) return BigInt(text);
  const [, epoch, counter] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
  if (epoch !== undefined && counter !== undefined) return (BigInt(epoch) << 32n) | BigInt(counter);
  if (/^\d+(?:ms|[smhd])$/.test(text)) return new Date(nowMs - durationMs(text));
  const timeMs = Date.parse(text);
  if (Number.isNaN(timeMs))
    throw usageError(`"${text}" is no moment: say a zxid as 1:234, 2026-11-29T10:00:00Z, or 10m`);
  return new Date(timeMs);
}

/** Prints a znode's data as they were; the flags are those of the command, as commander reads them. */
export async function printPast(path: string, asOf: string, flags: PastFlags): Promise<void> {
  const options = flags as PastFlags & ReachOptions;
  const moment = momentOf(asOf);
  const found = await (await Reach.of(options)).http().getAsOf(path, moment);
  if (flags.raw === true) {
    process.stdout.write(found.data ?? new Uint8Array(0));
    return;
  }
  const data = found.data === null ? null : Buffer.from(found.data).toString("base64");
  const stat = statDocument(found.stat);
  const { czxid, mzxid, pzxid } = found.stat;
  const shown = { ...stat, ...shortOnes({ czxid, mzxid, pzxid }) };
  const lines = Object.entries(shown).map(([name, value]) => `${name} = ${value ?? "not known any more"}`);
  const { asOf: zxid, asOfTime } = found;
  const time = asOfTime?.toISOString() ?? null;
  new Output(options).print({ path, asOf: zxid, asOfTime: time, data, stat }, [
    dataText(found.data),
    ...(flags.stat === true
      ? [`asOf = ${zxidShort(BigInt(zxid))}${time === null ? "" : ` (${time})`}`, ...lines]
      : []),
  ]);
}

/** The zxids that are known, as people read them. */
function shortOnes(
  zxids: Readonly<Record<string, bigint | undefined>>,
): Readonly<Record<string, string | null>> {
  const short = Object.entries(zxids).map(([name, zxid]) => [
    name,
    zxid === undefined ? null : zxidShort(zxid),
  ]);
  return Object.fromEntries(short) as Readonly<Record<string, string | null>>;
}

/** Prints the names of a znode's children as they were. */
export async function printPastChildren(path: string, asOf: string, flags: object): Promise<void> {
  // Commander has read them as withReach declares them.
  const options = flags as ReachOptions & { readonly recursive?: boolean };
  if (options.recursive === true) throw usageError("--as-of lists one level: leave out -R, or see diff");
  const children = await (await Reach.of(options)).http().childrenAsOf(path, momentOf(asOf));
  new Output(options).print({ path, children }, children);
}

function statDocument(stat: PastStat): Readonly<Record<string, string | number | null>> {
  const { czxid, mzxid, pzxid, ephemeralOwner, ...numbers } = stat;
  const digits = (zxid: bigint | undefined): string | null => (zxid === undefined ? null : zxidText(zxid));
  const known = Object.entries(numbers).map(([name, value]) => [name, value ?? null] as const);
  return {
    czxid: digits(czxid),
    mzxid: digits(mzxid),
    pzxid: digits(pzxid),
    ...Object.fromEntries(known),
    ephemeralOwner: ephemeralOwner === undefined ? null : sessionText(ephemeralOwner),
  };
}
