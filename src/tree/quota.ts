/**
 * Quotas: how many znodes, and how many bytes of data, may stand at and below a path. A quota on /a is the znode
 * /zookeeper/quota/a/zookeeper_limits, and beside it zookeeper_stats holds what there is, kept by the tree itself as
 * part of each transaction. Clients set and delete both as any other znode. Which quota a path is under is looked up
 * in the tree, so that nothing has to be rebuilt after a restart or a snapshot.
 * Source: ZooKeeper Quotas, StatsTrack, DataTree.updateQuotaStat, ZooKeeperServer.checkQuota.
 */
import type { NodeData } from "../base/request.ts";
import { nameOf, parentOf } from "../base/path.ts";
import type { NodeView } from "./node-store.ts";
import { QUOTA_PATH } from "./reserved.ts";

const LIMITS_NAME = "zookeeper_limits";
const STATS_NAME = "zookeeper_stats";

/** What a change adds to a quota; what it takes is negative. */
export interface QuotaChange {
  readonly path: string;
  readonly count: number;
  readonly bytes: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** How many bytes data counts. */
export function quotaBytes(data: NodeData): number {
  return data?.length ?? 0;
}

/**
 * The path that the deepest quota over this path is on, if any: that one alone counts, as in ZooKeeper. Where there are
 * no quotas it costs one look at a znode.
 */
export function quotaOver(view: Pick<NodeView, "get">, path: string): string | undefined {
  if ((view.get(QUOTA_PATH)?.childCount ?? 0) === 0) return undefined;
  let found: string | undefined;
  for (let end = path.indexOf("/", 1); ; end = path.indexOf("/", end + 1)) {
    const prefix = end < 0 ? path : path.slice(0, end);
    const place = view.get(QUOTA_PATH + prefix);
    if (place === undefined || place.childCount === 0) return found;
    if (view.get(`${QUOTA_PATH}${prefix}/${LIMITS_NAME}`) !== undefined) found = prefix;
    if (end < 0) return found;
  }
}

/** The path whose quota's stats the znode is, undefined where it is none. */
export function pathOfStats(path: string): string | undefined {
  if (!path.startsWith(`${QUOTA_PATH}/`) || nameOf(path) !== STATS_NAME) return undefined;
  const place = parentOf(path).slice(QUOTA_PATH.length);
  return place === "" ? "/" : place;
}

/** The stats of a new quota, over what is there already. */
export function firstStats(view: Pick<NodeView, "subtotal">, path: string): Uint8Array {
  const { count, bytes } = view.subtotal(path);
  return encoder.encode(`count=${count},bytes=${bytes}`);
}

/**
 * Notes a change in the stats of the quota that it is under. They are not set as clients set data: no version, no time
 * and no watch tells of it.
 */
export function noteInQuota(view: NodeView, { path, count, bytes }: QuotaChange): void {
  const place = quotaOver(view, path);
  if (place === undefined) return;
  const statsPath = `${QUOTA_PATH}${place}/${STATS_NAME}`;
  const node = view.get(statsPath);
  if (node === undefined) return;
  const stats = fieldsOf(node.data);
  stats.set("count", valueOf(stats, "count") + count);
  stats.set("bytes", valueOf(stats, "bytes") + bytes);
  view.put(statsPath, { ...node, data: encoder.encode(textOf(stats)) });
}

/** A quota that a change would go beyond. */
export interface QuotaBreach {
  /** A soft one only warns. */
  readonly isHard: boolean;
  /** In ZooKeeper's words. */
  readonly message: string;
}

/**
 * The quota that the change would go beyond: the first hard one, or else a soft one. Bytes that do not change and
 * counts that do not are not looked at. A hard limit stands for the soft one beside it.
 */
export function quotaBreach(view: Pick<NodeView, "get">, change: QuotaChange): QuotaBreach | undefined {
  const place = quotaOver(view, change.path);
  if (place === undefined) return undefined;
  const limits = fieldsOf(view.get(`${QUOTA_PATH}${place}/${LIMITS_NAME}`)?.data ?? null);
  const stats = view.get(`${QUOTA_PATH}${place}/${STATS_NAME}`);
  if (stats === undefined) return undefined;
  const used = fieldsOf(stats.data);
  let soft: QuotaBreach | undefined;
  for (const { field, hardField, name, by } of [
    { field: "count", hardField: "countHardLimit", name: "Count", by: change.count },
    { field: "bytes", hardField: "byteHardLimit", name: "Byte", by: change.bytes },
  ]) {
    const hard = valueOf(limits, hardField);
    const isHard = hard > -1;
    const limit = isHard ? hard : valueOf(limits, field);
    const value = valueOf(used, field) + by;
    if (by === 0 || limit <= -1 || value <= limit) continue;
    const kind = isHard ? "hard" : "soft";
    const message = `Quota exceeded: ${place} [current ${field}=${value}, ${kind}${name}Limit=${limit}]`;
    if (isHard) return { isHard, message };
    soft ??= { isHard, message };
  }
  return soft;
}

/** `key=number` pairs between commas and semicolons; what is none is passed over, at which ZooKeeper would stop. */
function fieldsOf(data: NodeData): Map<string, number> {
  const fields = new Map<string, number>();
  for (const pair of decoder.decode(data ?? new Uint8Array(0)).split(/[,;]+/)) {
    const [key = "", value] = pair.split("=");
    if (key === "" || value === undefined || !/^-?\d{0,19}$/.test(value)) continue;
    fields.set(key, value === "" ? -1 : Number(value));
  }
  return fields;
}

/** -1 where nothing is said. */
function valueOf(fields: ReadonlyMap<string, number>, key: string): number {
  return fields.get(key) ?? -1;
}

/** Count and bytes come first, and a second "=" behind them, for clients before 3.5 (StatsTrack.toString). */
function textOf(fields: ReadonlyMap<string, number>): string {
  const others = [...fields.keys()].filter((key) => key !== "count" && key !== "bytes").toSorted();
  const more = others.map((key) => `;${key}=${valueOf(fields, key)}`).join("");
  const first = `count=${valueOf(fields, "count")},bytes=${valueOf(fields, "bytes")}`;
  return more === "" ? first : `${first}=${more}`;
}
