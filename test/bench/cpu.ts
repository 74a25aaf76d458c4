/** The processor time that processes have used, with all that they have started. Source: proc(5), /proc/PID/stat. */
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

/** Seconds of processor time of the processes and their living descendants. */
export async function cpuSeconds(roots: readonly number[]): Promise<number> {
  const all = await processes();
  const isBelow = (id: number): boolean => {
    for (let at: number | undefined = id; at !== undefined && at > 1; at = all.get(at)?.parent) {
      if (roots.includes(at)) return true;
    }
    return false;
  };
  const ticks = [...all].reduce((sum, [id, process]) => sum + (isBelow(id) ? process.ticks : 0), 0);
  return ticks / TICKS_PER_SECOND;
}

async function processes(): Promise<ReadonlyMap<number, ProcessTimes>> {
  const ids = (await readdir("/proc")).map(Number).filter(Number.isInteger);
  const found = await Promise.all(ids.map(async (id) => [id, await timesOf(id)] as const));
  return new Map(found.filter((one): one is readonly [number, ProcessTimes] => one[1] !== undefined));
}

/** undefined where it has ended meanwhile. */
async function timesOf(id: number): Promise<ProcessTimes | undefined> {
  let text: string;
  try {
    text = await readFile(`/proc/${id}/stat`, "utf8");
  } catch {
    return undefined;
  }
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const ticks = (fields[USER_TICKS] ?? 0) + (fields[SYSTEM_TICKS] ?? 0);
  return { parent: fields[PARENT] ?? 0, ticks };
}
