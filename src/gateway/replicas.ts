/** What the replicas of an ensemble tell about themselves, asked all at once. */
import type { Sid } from "../base/ids.ts";
import { readMembers, sidsOf } from "../base/settings.ts";
import { GATEWAY_PATHS, type ObjectStatus, replicaStub } from "../durable/entry.ts";
import type { GatewayEnv } from "./documents.ts";

/** A replica that has not told its status by then counts as away. */
const STATUS_DEADLINE_MS = 2000;

/** What one replica told. */
export interface ReplicaReport {
  readonly sid: Sid;
  /** The id of its object; `npm start` keeps its data in the file of that name. */
  readonly object: string;
  /** Told by the configuration, whatever the replica says: a follower or leader is a participant. */
  readonly role: "participant" | "observer";
  readonly status: ObjectStatus | null;
  /** Why there is no status. */
  readonly error: string | null;
}

/** What each replica tells, voters first. */
export async function statuses(env: GatewayEnv, ensemble: string): Promise<readonly ReplicaReport[]> {
  const members = readMembers(env);
  return Promise.all(
    sidsOf(members).map(async (sid): Promise<ReplicaReport> => {
      const stub = replicaStub(env.REPLICA, { ensemble, sid });
      const role = members.voters.includes(sid) ? "participant" : "observer";
      const replica = { sid, object: stub.id.toString(), role } as const;
      try {
        const signal = AbortSignal.timeout(STATUS_DEADLINE_MS);
        const response = await stub.fetch(`http://replica${GATEWAY_PATHS.status}`, { signal });
        return { ...replica, status: await response.json<ObjectStatus>(), error: null };
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        return { ...replica, status: null, error: reason };
      }
    }),
  );
}

/** The replica that leads, or stands alone; undefined where none says so. */
export function leaderOf(replicas: readonly ReplicaReport[]): ReplicaReport | undefined {
  return replicas.find(({ status }) => status?.mode === "leader" || status?.mode === "standalone");
}
