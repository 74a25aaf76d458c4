/**
 * The databases of objects, each in the directory of the process that it lives in. Where there are other processes than
 * at the last start they are moved, before any process runs.
 */
import { createHash, createHmac } from "node:crypto";
import { existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { SID_MAX } from "../base/limits.ts";
import { homeOfReplica } from "../local/homes.ts";
import { makeDirectory } from "./data-directory.ts";

/** What there is to sort. */
export interface ObjectFiles {
  /** Each process's, in their order. */
  readonly storages: readonly string[];
  /** Directories that processes had which are no more. */
  readonly formerStorages: readonly string[];
  /** The namespace of the replicas: its key in the runtime's configuration is the directory's name. */
  readonly replicas: string;
  readonly ensembles: readonly string[];
}

/** The log goes before its database: whoever finds the database elsewhere has moved its log already. */
const FILE_ENDINGS = [".sqlite-wal", ".sqlite"] as const;

/** Where the runtime keeps the alarms of a directory's objects. */
const ALARMS = "metadata.sqlite";

/** Moves what is not where it belongs. */
export function sortObjectFiles(files: ObjectFiles): void {
  const { storages, formerStorages, replicas } = files;
  const homes = homesOf(files);
  for (const storage of [...storages, ...formerStorages]) {
    const from = join(storage, replicas);
    if (!existsSync(from)) continue;
    const ids = readdirSync(from).flatMap((file) => /^([0-9a-f]{64})\.sqlite$/.exec(file)?.[1] ?? []);
    for (const id of ids) {
      const to = join(storages[homes.get(id) ?? 0] ?? storage, replicas);
      if (to !== from) moveObject(id, from, to);
    }
  }
}

function moveObject(id: string, from: string, to: string): void {
  makeDirectory(to);
  // An alarm of an object that is elsewhere would make another one of its name here. Replicas set theirs at each start.
  for (const directory of [from, to]) {
    for (const ending of ["", "-wal", "-shm"]) rmSync(join(directory, `${ALARMS}${ending}`), { force: true });
  }
  rmSync(join(from, `${id}.sqlite-shm`), { force: true });
  for (const ending of FILE_ENDINGS) {
    const file = join(from, `${id}${ending}`);
    if (existsSync(file)) renameSync(file, join(to, `${id}${ending}`));
  }
}

/** The process of each replica that there may be, by the object's id. */
function homesOf({ storages, replicas, ensembles }: ObjectFiles): ReadonlyMap<string, number> {
  const homes = new Map<string, number>();
  for (const ensemble of ensembles) {
    for (let sid = 1; sid <= SID_MAX; sid++) {
      homes.set(objectId(replicas, `${ensemble}/${sid}`), homeOfReplica(sid, storages.length));
    }
  }
  return homes;
}

/** The id that the runtime gives to an object's name. Source: workerd, ActorIdFactoryImpl. */
function objectId(namespaceKey: string, name: string): string {
  const key = createHash("sha256").update(namespaceKey).digest();
  const mac = (bytes: string | Uint8Array): Buffer => createHmac("sha256", key).update(bytes).digest();
  const base = mac(name).subarray(0, 16);
  return Buffer.concat([base, mac(base).subarray(0, 16)]).toString("hex");
}
