/** How a replica's object is reached, by the gateway and by other replicas. Nothing else leads to one. */
import { ADMIN_COMMANDS } from "../keeper/operations/admin-commands.ts";
import type { ReplicaStatus } from "../keeper/status.ts";
import type { ReplicaName } from "./store.ts";

/** The paths of the gateway's entry: the gateway builds these requests itself and passes no client's through. */
export const GATEWAY_PATHS = {
  zk: "/gateway/zk",
  status: "/gateway/status",
  /** With the name of an AdminServer command as `command`, and its arguments. */
  command: "/gateway/command",
  /** MetricFamily[] as JSON. */
  metrics: "/gateway/metrics",
} as const;

export { expositionOf, type MetricFamily } from "../keeper/operations/metric-families.ts";

/** The parameter of GATEWAY_PATHS.command that names it. */
export const COMMAND_PARAMETER = "command";

/** The commands that a replica answers, by their own names. */
export const ADMIN_COMMAND_NAMES: readonly string[] = Object.keys(ADMIN_COMMANDS);

/** What GATEWAY_PATHS.status answers. */
export interface ObjectStatus extends ReplicaStatus {
  /** Transactions since the start, each a sync of the disk. */
  readonly commits: number;
  /** Snapshots of the leader's tree that this one was replaced by, since the start. */
  readonly snapshots: number;
  /** Batches of proposals kept in the log. */
  readonly logBatches: number;
  readonly databaseBytes: number;
}

/** The object that hosts a replica. */
export function replicaStub(namespace: DurableObjectNamespace, name: ReplicaName): DurableObjectStub {
  return namespace.get(namespace.idFromName(`${name.ensemble}/${name.sid}`));
}
