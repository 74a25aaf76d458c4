/** What the replicas of an ensemble tell about themselves, asked all at once. */
import type { Sid } from "../base/ids.ts";
import { type Members, readMembers, readPlacement, sidsOf } from "../base/settings.ts";
import type { ReplicaReport as DocumentedReport } from "../base/status-document.ts";
import { compareZxid, ZXID_ZERO } from "../base/zxid.ts";
import { GATEWAY_PATHS, type ObjectStatus, replicaStub } from "../durable/entry.ts";
import type { GatewayEnv } from "./documents.ts";

/** A replica that has not told its status by then counts as away. */
const STATUS_DEADLINE_MS = 2000;

/** An ensemble that is woken is asked so often, and so many times, whether it has a leader: for two seconds. */
const WAKE_POLL_MS = 50;
const WAKE_POLLS_MAX = 40;

/** What one replica told. Its role is that of the members, whatever it says: a follower or leader is a participant. */
export interface ReplicaReport extends DocumentedReport {
  /** The id of its object; `npm start` keeps its data in the file of that name. */
  readonly object: string;
  readonly status: ObjectStatus | null;
}

/** What each replica tells, voters first: those that the deployment names or, once clients changed them, members. */
export async function statuses(env: GatewayEnv, ensemble: string): Promise<readonly ReplicaReport[]> {
  const initial = readMembers(env);
  const told = await ask(env, ensemble, initial);
  const members = latestMembers(told);
  return members === undefined ? told : ask(env, ensemble, members);
}

/** The same of an ensemble that does not sleep: one that does is woken, and has a leader before it is asked. */
export async function awakeStatuses(env: GatewayEnv, ensemble: string): Promise<readonly ReplicaReport[]> {
  for (let told = await statuses(env, ensemble), poll = 0; ; told = await statuses(env, ensemble), poll++) {
    const sleeper = told.find(({ status }) => status?.asleep === true);
    const isAwake = leaderOf(told) !== undefined || (sleeper === undefined && poll === 0);
    if (isAwake || poll === WAKE_POLLS_MAX) return told;
    if (sleeper !== undefined) await wake(env, { ensemble, sid: sleeper.sid });
    await new Promise((resolve) => setTimeout(resolve, WAKE_POLL_MS));
  }
}

async function wake(env: GatewayEnv, name: { readonly ensemble: string; readonly sid: Sid }): Promise<void> {
  try {
    const signal = AbortSignal.timeout(STATUS_DEADLINE_MS);
    await replicaStub(env, name).fetch(`http://replica${GATEWAY_PATHS.wake}`, { method: "POST", signal });
  } catch {
    // It does not answer: what the others tell decides.
  }
}

/** Who the members are: as the deployment says, unless clients may change them. */
export async function membersOf(env: GatewayEnv, ensemble: string): Promise<Members> {
  const initial = readMembers(env);
  if (env.RECONFIG_ENABLED !== "1") return initial;
  return latestMembers(await ask(env, ensemble, initial)) ?? initial;
}

/** What an isolate remembers of who the members are, where clients may change them: to ask takes all replicas. */
export class MembersMemory {
  readonly #known = new Map<string, { readonly members: Members; readonly atMs: number }>();
  /** Where nobody may change them: as the deployment says, read once. */
  readonly #fixed = new WeakMap<GatewayEnv, Members>();

  /** Who they are, or were some seconds ago; `defer` is given what finds that out anew. */
  async of(env: GatewayEnv, ensemble: string, defer: (work: Promise<unknown>) => void): Promise<Members> {
    if (env.RECONFIG_ENABLED !== "1") return this.#fixedOf(env);
    const known = this.#known.get(ensemble);
    if (known === undefined) return await this.#learn(env, ensemble);
    if (performance.now() - known.atMs >= REMEMBERED_MS) defer(this.#learn(env, ensemble));
    return known.members;
  }

  /** None of them answered: they may not be the members any more. */
  forget(ensemble: string): void {
    this.#known.delete(ensemble);
  }

  #fixedOf(env: GatewayEnv): Members {
    let members = this.#fixed.get(env);
    if (members === undefined) this.#fixed.set(env, (members = readMembers(env)));
    return members;
  }

  async #learn(env: GatewayEnv, ensemble: string): Promise<Members> {
    const members = await membersOf(env, ensemble);
    this.#known.set(ensemble, { members, atMs: performance.now() });
    return members;
  }
}

/** A replica that is let go serves nobody, so that who still asks it is soon told to ask the others. */
const REMEMBERED_MS = 10_000;

/** The latest members that any of them knows; undefined where nobody ever changed them. */
function latestMembers(replicas: readonly ReplicaReport[]): Members | undefined {
  const known = replicas.flatMap(({ status }) => (status === null ? [] : [status.zab.membership.current]));
  const latest = known.toSorted((a, b) => compareZxid(b.version, a.version))[0];
  return latest === undefined || compareZxid(latest.version, ZXID_ZERO) === 0 ? undefined : latest;
}

function ask(env: GatewayEnv, ensemble: string, members: Members): Promise<readonly ReplicaReport[]> {
  return Promise.all(
    sidsOf(members).map(async (sid): Promise<ReplicaReport> => {
      const stub = replicaStub(env, { ensemble, sid });
      const role = members.voters.includes(sid) ? "participant" : "observer";
      const location = readPlacement(env).get(sid) ?? null;
      const replica = { sid, object: stub.id.toString(), role, location } as const;
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

/** The replica that leads, or stands alone, of several that of the latest epoch; undefined where none says so. */
export function leaderOf(replicas: readonly ReplicaReport[]): ReplicaReport | undefined {
  const leading = replicas.filter(({ status }) => status?.mode === "leader" || status?.mode === "standalone");
  const epochOf = ({ status }: ReplicaReport): number => status?.currentEpoch ?? 0;
  return leading.toSorted((a, b) => epochOf(b) - epochOf(a))[0];
}
