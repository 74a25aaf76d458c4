/** The clients' ports of an ensemble, and the sockets by which they reach the processes of its replicas. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Sid } from "../base/ids.ts";
import { homeOfReplica } from "../local/homes.ts";
import { TrunkDoor } from "./trunk-door.ts";

/** The path of a socket is at most 107 bytes on Linux and 103 on macOS. Source: unix(7), unix(4). */
const SOCKET_PATH_BYTES_MAX = 103;

/** Long enough for the name of any socket. */
const NAME_BYTES = 16;

/** Whose ports they are, and where the processes run. */
export interface TrunkDoorsPlan {
  /** In the order of `sids`; there may be fewer. */
  readonly ports: readonly number[];
  readonly sids: readonly Sid[];
  /** Over how many processes the replicas are spread. */
  readonly count: number;
  readonly runtimeDirectory: string;
  /** Takes what keeps clients out. */
  readonly warn: (line: string) => void;
}

/** See the file's comment. */
export class TrunkDoors {
  readonly #directory: string;
  /** It is made for the sockets alone. */
  readonly #isOwn: boolean;
  readonly #doors: readonly TrunkDoor[];

  constructor({ ports, sids, count, runtimeDirectory, warn }: TrunkDoorsPlan) {
    const room = SOCKET_PATH_BYTES_MAX - NAME_BYTES;
    this.#isOwn = Buffer.byteLength(runtimeDirectory) > room;
    // As the runtime's directory, nobody else's to look into.
    this.#directory = this.#isOwn ? mkdtempSync(join(tmpdir(), "edgekeeper-")) : runtimeDirectory;
    this.#doors = sids.flatMap((sid, index) => {
      const port = ports[index];
      const socketFile = this.socketOf(homeOfReplica(sid, count));
      return port === undefined ? [] : [new TrunkDoor({ port, sid, socketFile, warn })];
    });
  }

  /** Whether there are any: a Worker without replicas of ours has doors of its own. */
  get isEmpty(): boolean {
    return this.#doors.length === 0;
  }

  /** Where a process takes trunks. */
  socketOf(at: number): string {
    return join(this.#directory, `trunks-${at + 1}.sock`);
  }

  /** Opens the ports. Rejects where one is taken. */
  async open(): Promise<void> {
    for (const door of this.#doors) await door.open();
  }

  /** Hangs up on all clients, and closes the ports. */
  async close(): Promise<void> {
    await Promise.all(this.#doors.map(async (door) => await door.close()));
    if (this.#isOwn) rmSync(this.#directory, { recursive: true, force: true });
  }
}
