/**
 * zkCli's setquota, listquota and delquota: the znodes below /zookeeper/quota that say how many znodes, and how many
 * bytes of data, may stand at and below a path. Source: ZooKeeper's SetQuotaCommand, ListQuotaCommand, DelQuotaCommand,
 * StatsTrack.
 */
import { Option } from "commander";

import { parentOf } from "../../base/path.ts";
import type { Client } from "../../client/client.ts";
import { NodeExistsError, NoNodeError, NotEmptyError } from "../../client/errors.ts";
import { ProgramError, usageError } from "../exit-code.ts";
import { wholeNumber } from "../option-values.ts";
import type { VerbHost } from "./verb-host.ts";

const ROOT = "/zookeeper/quota";
const LIMITS = "zookeeper_limits";
const STATS = "zookeeper_stats";

/** What the option of each limit is called, and the field of the znode. */
const FIELDS = {
  count: "count",
  bytes: "bytes",
  hardCount: "countHardLimit",
  hardBytes: "byteHardLimit",
} as const;

type Limit = keyof typeof FIELDS;

/** A limit, or a figure, by its field; -1 is none. */
type Fields = ReadonlyMap<string, number>;

/** Adds them. */
export function addQuotaVerbs(host: VerbHost): void {
  const number = wholeNumber(0, Number.MAX_SAFE_INTEGER);
  const set = host
    .command("setquota")
    .summary("limit the znodes, or bytes, at and below a znode")
    .description(
      "Limit the znodes, or bytes of data, at and below a znode. Beyond a soft limit the leader warns in its log; " +
        "beyond a hard one writes are refused where the deployment has ENFORCE_QUOTA=1, and warned of otherwise.",
    )
    .argument("<path>", "the znode")
    .addOption(new Option("-n, --count <n>", "znodes, itself too: soft").argParser(number))
    .addOption(new Option("-b, --bytes <n>", "bytes: soft").argParser(number))
    .addOption(new Option("-N, --hard-count <n>", "znodes, itself too: hard").argParser(number))
    .addOption(new Option("-B, --hard-bytes <n>", "bytes: hard").argParser(number));
  set.action(async (path: string, flags: Readonly<Partial<Record<Limit, number>>>) => {
    const asked = limitsIn(flags).map((limit) => [FIELDS[limit], flags[limit] ?? -1] as const);
    if (asked.length === 0) throw usageError("say a limit: -n, -b, -N or -B");
    await host.run(flags, async ({ client, output }) => {
      await setQuota(client, path, asked);
      output.print({ path, limits: Object.fromEntries(asked) }, []);
    });
  });
  host
    .command("listquota")
    .description("show the limits of a znode, and what there is")
    .argument("<path>", "the znode")
    .action(async (path: string, flags: object) => {
      await host.run(flags, async ({ client, output }) => {
        const [limits, stats] = [await fieldsAt(client, path, LIMITS), await fieldsAt(client, path, STATS)];
        if (limits === undefined) throw noQuota(path);
        output.print({ path, limits: Object.fromEntries(limits), stats: Object.fromEntries(stats ?? []) }, [
          `Output quota for ${path} ${textOf(limits)}`,
          `Output stat for ${path} ${textOf(stats ?? new Map())}`,
        ]);
      });
    });
  host
    .command("delquota")
    .description("take limits of a znode away; without an option all of them")
    .argument("<path>", "the znode")
    .option("-n, --count", "the soft one of znodes")
    .option("-b, --bytes", "the soft one of bytes")
    .option("-N, --hard-count", "the hard one of znodes")
    .option("-B, --hard-bytes", "the hard one of bytes")
    .action(async (path: string, flags: Readonly<Partial<Record<Limit, boolean>>>) => {
      await host.run(flags, async ({ client, output }) => {
        const asked = limitsIn(flags);
        await delQuota(client, path, asked);
        output.print({ path, deleted: asked.length === 0 ? "all" : asked.map((limit) => FIELDS[limit]) }, []);
      });
    });
}

function limitsIn(flags: Readonly<Partial<Record<Limit, unknown>>>): readonly Limit[] {
  return (Object.keys(FIELDS) as Limit[]).filter((limit) => flags[limit] !== undefined);
}

async function setQuota(
  client: Client,
  path: string,
  limits: readonly (readonly [string, number])[],
): Promise<void> {
  if ((await client.exists(path)) === undefined) throw new NoNodeError({ path });
  const present = await fieldsAt(client, path, LIMITS);
  const place = placeOf(path);
  const data = textOf(new Map([...(present ?? []), ...limits]));
  if (present !== undefined) {
    await client.set(`${place}/${LIMITS}`, data);
    return;
  }
  await checkAlone(client, path);
  await makePlace(client, place);
  // Both or none: limits without stats limit nothing. The tree itself puts in what there is, and keeps it.
  await client
    .transaction()
    .create(`${place}/${LIMITS}`, data)
    .create(`${place}/${STATS}`, textOf(new Map()))
    .commit();
}

async function makePlace(client: Client, place: string): Promise<void> {
  try {
    await client.create(place, "", { parents: "persistent" });
  } catch (error) {
    // A quota that was, or one beside it, has left it.
    if (!(error instanceof NodeExistsError)) throw error;
  }
}

/** One quota must not be inside another: only one of them would count. */
async function checkAlone(client: Client, path: string): Promise<void> {
  for (let above = path; above !== "/";) {
    above = parentOf(above);
    if (above !== "/" && (await fieldsAt(client, above, LIMITS)) !== undefined) {
      throw new ProgramError(`${path} is below ${above}, which has a quota: one must not be inside another`);
    }
  }
  const inside = await limitsBelow(client, placeOf(path));
  if (inside === undefined) return;
  throw new ProgramError(`${inside} is below ${path} and has a quota: one must not be inside another`);
}

/** The path of some quota at or below a place; undefined where there is none. */
async function limitsBelow(client: Client, place: string): Promise<string | undefined> {
  const names = await childrenOf(client, place);
  if (names.includes(LIMITS)) return place.slice(ROOT.length);
  for (const name of names) {
    const found = await limitsBelow(client, `${place}/${name}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

async function childrenOf(client: Client, path: string): Promise<readonly string[]> {
  try {
    return await client.children(path);
  } catch (error) {
    // Nobody has set a quota there.
    if (error instanceof NoNodeError) return [];
    throw error;
  }
}

async function delQuota(client: Client, path: string, limits: readonly Limit[]): Promise<void> {
  const present = await fieldsAt(client, path, LIMITS);
  if (present === undefined) throw noQuota(path);
  const place = placeOf(path);
  if (limits.length > 0) {
    const none = limits.map((limit) => [FIELDS[limit], -1] as const);
    await client.set(`${place}/${LIMITS}`, textOf(new Map([...present, ...none])));
    return;
  }
  for (const name of await client.children(place)) {
    if (name === STATS || name === LIMITS) await client.delete(`${place}/${name}`);
  }
  await trim(client, place);
}

/** Places without quotas go, from below. */
async function trim(client: Client, place: string): Promise<void> {
  if (place === ROOT) return;
  try {
    await client.delete(place);
  } catch (error) {
    // Another quota is below it.
    if (error instanceof NotEmptyError) return;
    throw error;
  }
  await trim(client, parentOf(place));
}

function placeOf(path: string): string {
  if (path === "/") throw usageError("the root takes no quota");
  return ROOT + path;
}

async function fieldsAt(
  client: Client,
  path: string,
  name: typeof LIMITS | typeof STATS,
): Promise<Fields | undefined> {
  try {
    const { data } = await client.get(`${placeOf(path)}/${name}`);
    const pairs = new TextDecoder().decode(data ?? new Uint8Array(0)).matchAll(/(\w+)=(-?\d+)/g);
    return new Map([...pairs].map(([, field = "", value]) => [field, Number(value)]));
  } catch (error) {
    // There is no quota.
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}

/** Count and bytes come first, and a second "=" behind them, for clients before 3.5. */
function textOf(fields: Fields): string {
  const first = `count=${fields.get("count") ?? -1},bytes=${fields.get("bytes") ?? -1}`;
  const others = [...fields].filter(
    ([field, value]) => field !== "count" && field !== "bytes" && value !== -1,
  );
  if (others.length === 0) return first;
  return `${first}=${others
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([field, value]) => `;${field}=${value}`)
    .join("")}`;
}

function noQuota(path: string): ProgramError {
  return new ProgramError(`${path} has no quota`);
}
