/** How a replica's object is reached, by the gateway and by other replicas. Nothing else leads to one. */
import { ADMIN_COMMANDS, BULK_COMMANDS } from "../keeper/operations/admin-commands.ts";
import type { ReplicaStatus } from "../keeper/status.ts";
import { readPlacement } from "../base/settings.ts";
import type { ReplicaEnv } from "./replica-env.ts";
import type { ReplicaName } from "./store.ts";

/** The paths of the gateway's entry: the gateway builds these requests itself and passes no client's through. */
export const GATEWAY_PATHS = {
  zk: "/gateway/zk",
  /** POST with a CallAsked as a record, and the headers that tell who asks; answered by a CallAnswer. */
  call: "/gateway/call",
  /** POST with a batch of calls under its name; answered by their answers, each when it is there. */
  calls: "/gateway/calls",
  /** With the name of a batch and the number of a call: its caller has hung up. */
  callGone: "/gateway/call-gone",
  /** POST with a StreamAsked, and who asks as above; answered by a stream, or by a refusal as a record. */
  stream: "/gateway/stream",
  status: "/gateway/status",
  /** Somebody is about to need the ensemble awake. */
  wake: "/gateway/wake",
  /** With the name of an AdminServer command as `command`, and its arguments. */
  command: "/gateway/command",
  /** The same of snapshot and restore; a restore's body is the file. */
  bulk: "/gateway/bulk",
  /** With the sid of who is to lead: 202 where the replica makes room, otherwise 409 and a MoveRefusal. */
  moveLeader: "/gateway/move-leader",
  /** MetricFamily[] as JSON. */
  metrics: "/gateway/metrics",
} as const;

/** What is connected to where a door's trunk is handed over, in the place of a client's address. */
export const TRUNK_NAME = "trunk:0";

export { decodeCounter, encodeCounter } from "../tree/counter.ts";

export { EDGEKEEPER_VERSION } from "../keeper/status.ts";

export { archivePath } from "../tree/own-operations.ts";

export { encodePermits, permitsPath } from "../tree/semaphore.ts";

export { expositionOf, type MetricFamily } from "../keeper/operations/metric-families.ts";

export type { DifferenceEntry, HistoryGone, Moment, PastSide, PastStat } from "../keeper/past-requests.ts";

export type {
  CallAnswer,
  CallAsked,
  CallRequest,
  CallSession,
  ChildData,
  Known,
  KnownToken,
  QueuedContender,
} from "../keeper/call.ts";

export {
  type Position,
  POSITION_TEXT,
  readPosition,
  type StreamAsked,
  type StreamRefused,
} from "../keeper/event-stream.ts";

export { type Need, refusedNeed } from "../keeper/call-scope.ts";

export type { KnownHook } from "../keeper/hook-calls.ts";

export type { HeldKind, KnownSession } from "../keeper/survey.ts";

export { isHookName } from "../tree/webhooks.ts";

export { SECRET_PREFIX as HOOK_SECRET_PREFIX } from "./hook-delivery.ts";

export { PROBED_HEADER } from "./calls.ts";

export {
  BATCH_HEADER,
  BATCH_PARAMETER,
  CALL_PARAMETER,
  encodeCall,
  readAnswerLine,
  STREAMED_HEADER,
} from "./call-batch.ts";

export { STREAM_TYPE } from "./streams.ts";

export type { MoveRefusal } from "../keeper/operations/move-leader.ts";

/** The parameter of GATEWAY_PATHS.moveLeader that says who is to lead. */
export const MOVE_TO_PARAMETER = "to";

/** The parameter of GATEWAY_PATHS.zk by which a replica takes the client only if it serves at once. */
export const SERVING_PARAMETER = "serving";

/** The parameter of GATEWAY_PATHS.command that names it. */
export const COMMAND_PARAMETER = "command";

/** The parameter of GATEWAY_PATHS.bulk that says which step of a restore is asked for: stage or propose. */
export const STEP_PARAMETER = "step";

/** The parameter of the step stage that says under which permit: a Zxid as JSON. */
export const PERMIT_PARAMETER = "permit";

export type { RestoreProposal, Staged } from "./restore-command.ts";

/** The commands that a replica answers, by their own names. */
export const ADMIN_COMMAND_NAMES: readonly string[] = [
  ...Object.keys(ADMIN_COMMANDS),
  ...Object.keys(BULK_COMMANDS),
].toSorted();

/** What GATEWAY_PATHS.status answers. */
export interface ObjectStatus extends ReplicaStatus {
  /** Why it does not replicate with some of the others: they are of another version; null where it does with all. */
  readonly refusal: string | null;
  /** Transactions since the start, each a sync of the disk. */
  readonly commits: number;
  /** Snapshots of the leader's tree that this one was replaced by, since the start. */
  readonly snapshots: number;
  /** How far the tree on disk has come, as lastDelivered tells it of the one in memory: a restart begins there. */
  readonly lastWritten: string;
  /** Batches of proposals kept in the log. */
  readonly logBatches: number;
  /** Rows written to tables and indexes since the start: what is billed. */
  readonly rowsWritten: number;
  readonly databaseBytes: number;
  /** Whether it sleeps until somebody wants something: see ARCHITECTURE.md, "Dormancy". */
  readonly asleep: boolean;
}

/** What it takes to reach replicas. */
export type ReplicaWay = Pick<ReplicaEnv, "REPLICA" | "PLACEMENT">;

/**
 * The object that hosts a replica. Whoever reaches it first makes it, so each says where it is to live; later on that
 * changes nothing.
 */
export function replicaStub({ REPLICA, PLACEMENT = "" }: ReplicaWay, name: ReplicaName): DurableObjectStub {
  const locationHint = readPlacement({ PLACEMENT }).get(name.sid);
  const id = REPLICA.idFromName(`${name.ensemble}/${name.sid}`);
  return locationHint === undefined ? REPLICA.get(id) : REPLICA.get(id, { locationHint });
}
