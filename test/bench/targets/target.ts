/** What is measured: a running ensemble, whoever made it. */
import type { Address } from "../../compat/servers.ts";

/** Something that requests are sent to, and what it costs. */
export interface Served {
  readonly name: string;
  readonly addresses: readonly Address[];
  /** The processes that were started; what they started counts as theirs. */
  processes(): readonly number[];
  /** Syncs of files so far; undefined where nobody counts. */
  syncs?(): Promise<number>;
}

/** An ensemble that speaks ZooKeeper's protocol. */
export interface Target extends Served {
  readonly name: TargetName;
  readonly version: string;
  syncs(): Promise<number>;
  /** Starts it, again on its data where it was killed; resolves when it serves. */
  start(): Promise<void>;
  /** Kills all of it, as a power cut would. */
  kill(): Promise<void>;
  /** The sid that leads. Throws where none does. */
  leader(): Promise<number>;
  /** Ends it, and removes its data. */
  stop(): Promise<void>;
}

/** The ensembles that can be measured by ZooKeeper's protocol. */
export const TARGET_NAMES = ["zookeeper", "edgekeeper", "direct", "bridge"] as const;

/** One of them. */
export type TargetName = (typeof TARGET_NAMES)[number];

/** One of the three doors, in turn. */
export function addressOf({ name, addresses }: Served, index: number): Address {
  const address = addresses[index % addresses.length];
  if (address === undefined) throw new Error(`${name} listens nowhere`);
  return address;
}
