/** The ensemble's dynamic configuration, as /zookeeper/config has it. Source: ZooKeeper QuorumPeerConfig. */

/** A replica, by the line of the configuration. */
export interface ServerLine {
  readonly sid: number;
  readonly role: "participant" | "observer";
  /** All of the line behind `server.N=`. */
  readonly spec: string;
}

/** Who is in the ensemble. */
export interface EnsembleConfig {
  readonly servers: readonly ServerLine[];
  /** What a reconfig names as `fromVersion`. */
  readonly version: bigint;
  readonly text: string;
}

/** Reads the configuration; lines that it does not know are left to `text`. */
export function readConfig(data: Uint8Array | null): EnsembleConfig {
  const text = data === null ? "" : new TextDecoder().decode(data);
  const servers: ServerLine[] = [];
  let version = 0n;
  for (const line of text.split("\n")) {
    const server = /^server\.(\d+)=(.*)$/.exec(line);
    const [, sid, spec] = server ?? [];
    if (sid !== undefined && spec !== undefined) {
      servers.push({
        sid: Number(sid),
        role: /:observer(?:;|$)/.test(spec) ? "observer" : "participant",
        spec,
      });
    }
    const stated = /^version=([0-9a-f]+)$/.exec(line)?.[1];
    if (stated !== undefined) version = BigInt(`0x${stated}`);
  }
  return { servers, version, text };
}
