/** Asks for other voters until the ensemble has them, and has the leader struck in the middle of it. */
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { CONFIG_PATH } from "../../src/tree/reserved.ts";
import { WireClient } from "../client/wire-client.ts";
import type { ServerAddress } from "../client/wire-connection.ts";
import { until } from "../compat/servers.ts";
import { digestOf, SUPER_LOGIN } from "../differential/values.ts";
import { CHANGE_SIDS, type Change } from "./change.ts";

/** Variables with which the ensemble lets it. */
export const RECONFIGURABLE: Readonly<Record<string, string>> = {
  SUPER_DIGEST: digestOf(SUPER_LOGIN),
  RECONFIG_ENABLED: "1",
};

/** What can be done to the replicas while they change. */
export interface Blows {
  /** Has whoever leads the next change suffer `change.blow` at `change.stage`; a replica forgets it where undefined. */
  arm(change: Change | undefined, token: number): Promise<void>;
  hasStruck(token: number): boolean;
  /** Kills all processes and starts them again. */
  killAll(): Promise<void>;
}

/** A change must be struck, and done after that, within this time each. */
const DEADLINE_MS = 60_000;

/** Changes the members as their operator. */
export class Reconfigurer {
  readonly #servers: readonly ServerAddress[];
  readonly #blows: Blows;
  #voters: readonly number[];
  #token = 0;

  /** `voters`: those of the beginning. */
  constructor(servers: readonly ServerAddress[], voters: readonly number[], blows: Blows) {
    this.#servers = servers;
    this.#voters = voters;
    this.#blows = blows;
  }

  /** Resolves once the voters are those that are wanted, all others observe, and the blow has struck. */
  async change(change: Change): Promise<void> {
    const { voters, isLeaving, blow } = change;
    const token = ++this.#token;
    const admin = new WireClient({ servers: this.#servers, timeoutMs: 30_000, connectDeadlineMs: 5000 });
    try {
      await this.#find(admin, this.#voters);
      await this.#blows.arm(change, token);
      const gone = this.#voters.filter((sid) => !voters.includes(sid));
      const asking = this.#ask(admin, {
        voters,
        joining: CHANGE_SIDS.flatMap((sid) => {
          if (voters.includes(sid)) return [this.#line(sid, "participant")];
          return isLeaving || !gone.includes(sid) ? [] : [this.#line(sid, "observer")];
        }),
        leaving: isLeaving ? gone : [],
      });
      const striking = until(DEADLINE_MS, `the leader is struck when ${change.stage}`, async () => {
        return await Promise.resolve(this.#blows.hasStruck(token));
      });
      // Both are awaited below: until then a failure must not count as nobody's.
      for (const one of [asking, striking]) one.catch(() => undefined);
      await Promise.race([striking, asking.then(async () => await striking)]);
      if (blow === "kill all") await this.#blows.killAll();
      else await this.#blows.arm(undefined, token);
      await asking;
      const observers = CHANGE_SIDS.filter((sid) => !voters.includes(sid));
      if (isLeaving && gone.length > 0) {
        const joining = observers.map((sid) => this.#line(sid, "observer"));
        await this.#ask(admin, { voters, joining, leaving: [] });
      }
      await this.#find(admin, voters);
      this.#voters = voters;
    } finally {
      await admin.close();
    }
  }

  /** Throws where the configuration, read behind a sync, does not have these voters: what was acknowledged stays. */
  async #find(admin: WireClient, voters: readonly number[]): Promise<void> {
    let now: readonly number[] = [];
    await until(DEADLINE_MS, "the configuration is read", async () => {
      if (!(await admin.connected(DEADLINE_MS))) throw new Error("the operator gets no connection");
      const sync = admin.request({ op: "sync", path: CONFIG_PATH });
      const read = await admin.request({ op: "getData", path: CONFIG_PATH, watch: false });
      if ((await sync).kind !== "ok" || read.kind !== "ok" || read.response.op !== "getData") return false;
      now = votersIn(read.response.data);
      return true;
    });
    if (now.join() !== voters.join())
      throw new Error(`the voters are ${now.join()}, and not ${voters.join()}`);
  }

  /** Asks until it is done: a change may be in progress, who is new has to catch up, and connections are lost. */
  async #ask(admin: WireClient, { voters, joining, leaving }: Asked): Promise<void> {
    const auth = new TextEncoder().encode(SUPER_LOGIN);
    const request = {
      op: "reconfig",
      joiningServers: joining.length === 0 ? null : joining.join(","),
      leavingServers: leaving.length === 0 ? null : leaving.join(","),
      newMembers: null,
      currentConfigId: -1n,
    } as const;
    let last = "nothing";
    await until(DEADLINE_MS, "the change is done", async () => {
      if (!(await admin.connected(DEADLINE_MS))) throw new Error("the operator gets no connection");
      await admin.request({ op: "auth", type: 0, scheme: "digest", auth });
      const outcome = await admin.request(request);
      if (outcome.kind === "ok") {
        const now = outcome.response.op === "getData" ? votersIn(outcome.response.data) : [];
        if (now.join() === voters.join()) return true;
        throw new Error(`the voters are ${now.join()} now, and not ${voters.join()}`);
      }
      last = outcome.kind === "error" ? `error ${outcome.code}` : outcome.kind;
      if (outcome.kind === "error" && !PASSING.has(outcome.code)) throw new Error(`refused with ${last}`);
      return false;
    }).catch((error: unknown) => {
      throw new Error(`${JSON.stringify(request, bigints)}: last ${last}`, { cause: error });
    });
  }

  #line(sid: number, role: "participant" | "observer"): string {
    const { host, port } = this.#servers[sid - 1] ?? { host: "127.0.0.1", port: 0 };
    return `server.${sid}=${host}:${7000 + sid}:${8000 + sid}:${role};${host}:${port}`;
  }
}

/** One request, and the voters that it leads to, in ascending order. */
interface Asked {
  readonly voters: readonly number[];
  readonly joining: readonly string[];
  readonly leaving: readonly number[];
}

/** Those that a configuration names, in ascending order. */
function votersIn(data: Uint8Array | null): readonly number[] {
  const text = new TextDecoder().decode(data ?? new Uint8Array());
  const sids = Array.from(text.matchAll(/^server\.(\d+)=.*:participant/gm), ([, sid]) => Number(sid));
  return sids.toSorted((a, b) => a - b);
}

/** Without a login the connection was lost between the two. */
const PASSING: ReadonlySet<number> = new Set([
  ERROR_CODES.newConfigNoQuorum,
  ERROR_CODES.reconfigInProgress,
  ERROR_CODES.noAuth,
]);

function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
