/** What processes use, with all that they have started. Source: proc(5), /proc/PID/stat and smaps_rollup. */
import { readdir, readFile } from "node:fs/promises";

/** Linux tells times in hundredths of a second to programs, whatever its own clock is (USER_HZ). */
const TICKS_PER_SECOND = 100;

/** Behind the name, which may hold anything: parent, and time in user and system mode. */
const PARENT = 1;
const USER_TICKS = 11;
const SYSTEM_TICKS = 12;

interface ProcessTimes {
  readonly parent: number;
  readonly ticks: number;
}

/** Memory in MiB. */
export interface Memory {
  /** Resident: pages that processes share count in each. */
  readonly rssMiB: number;
  /** Pages that processes share count once, in parts. */
  readonly pssMiB: number;
}

/** Seconds of processor time of the processes and their living descendants. */
export async function cpuSeconds(roots: readonly number[]): Promise<number> {
  const all = await processes();
  return treeOf(roots, all).reduce((sum, id) => sum + (all.get(id)?.ticks ?? 0), 0) / TICKS_PER_SECOND;
}

/** Memory of the processes and their living descendants; `only` picks by the name of the program. */
export async function memoryOf(roots: readonly number[], only?: string): Promise<Memory> {
  let [rss, pss] = [0, 0];
  for (const id of treeOf(roots, await processes())) {
    if (only !== undefined && (await textOf(id, "comm"))?.trim() !== only) continue;
    const text = (await textOf(id, "smaps_rollup")) ?? "";
    rss += kibibytes(text, "Rss");
    pss += kibibytes(text, "Pss");
  }
  return { rssMiB: rss / 1024, pssMiB: pss / 1024 };
}

function treeOf(roots: readonly number[], all: ReadonlyMap<number, ProcessTimes>): readonly number[] {
  const isBelow = (id: number): boolean => {
    for (let at: number | undefined = id; at !== undefined && at > 1; at = all.get(at)?.parent) {
      if (roots.includes(at)) return true;
    }
    return false;
  };
  return [...all.keys()].filter(isBelow);
}

function kibibytes(text: string, field: string): number {
  return Number(new RegExp(`^${field}: +(\\d+) kB$`, "m").exec(text)?.[1] ?? 0);
}

async function processes(): Promise<ReadonlyMap<number, ProcessTimes>> {
  const ids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const found = await Promise.all(ids.map(async (id) => [id, await timesOf(id)] as const));
  return new Map(found.filter((one): one is readonly [number, ProcessTimes] => one[1] !== undefined));
}

async function timesOf(id: number): Promise<ProcessTimes | undefined> {
  const text = await textOf(id, "stat");
  if (text === undefined) return undefined;
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const ticks = (fields[USER_TICKS] ?? 0) + (fields[SYSTEM_TICKS] ?? 0);
  return { parent: fields[PARENT] ?? 0, ticks };
}

/** undefined where the process has ended meanwhile. */
async function textOf(id: number, file: string): Promise<string | undefined> {
  try {
    return await readFile(`/proc/${id}/${file}`, "utf8");
  } catch {
    return undefined;
  }
}
