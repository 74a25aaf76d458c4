/**
 * Over how many processes the replicas are spread, and what belongs to each. One process has one thread for all of its
 * objects: with one for each replica their disks work at the same time, and so do the processors.
 */
import { join } from "node:path";

import type { Sid } from "../base/ids.ts";
import { homeOfReplica } from "../local/homes.ts";

/** Unless it is said otherwise there is a process for each member, and no more than this: the usual ensemble. */
const PROCESSES_USUAL = 3;

/** How many processes run `members` replicas; `asked` is `--processes`. */
export function processCount(members: number, asked: number | undefined): number {
  return asked ?? Math.max(1, Math.min(members, PROCESSES_USUAL));
}

/** Of the TCP ports, in the order of the members, those that lead to replicas of the process. */
export function portsOf(
  at: number,
  {
    ports,
    sids,
    count,
  }: { readonly ports: readonly number[]; readonly sids: readonly Sid[]; readonly count: number },
): readonly number[] {
  return ports.filter((_, index) => {
    const sid = sids[index];
    return (sid === undefined ? 0 : homeOfReplica(sid, count)) === at;
  });
}

/** Where the objects of a process store what they know. */
export function storageOf(at: number, dataDirectory: string): string {
  return join(dataDirectory, at === 0 ? "storage" : `storage-${at + 1}`);
}

/** The socket on which a process answers the others, relative to the directory in which all of them run. */
export function socketOf(at: number): string {
  return `${at + 1}.sock`;
}
