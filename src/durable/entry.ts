/** How a replica's object is reached, by the gateway and by other replicas. Nothing else leads to one. */
import type { ReplicaStatus } from "../keeper/status.ts";
import type { ReplicaName } from "./store.ts";

/** The paths of the gateway's entry: the gateway builds these requests itself and passes no client's through. */
export const GATEWAY_PATHS = { zk: "/gateway/zk", status: "/gateway/status" } as const;

/** Tells a replica which client a WebSocket comes from. */
export const CLIENT_ADDRESS_HEADER = "edgekeeper-client";

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
