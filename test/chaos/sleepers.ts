/**
 * Sessions whose clients go without a word. Each leaves an ephemeral, which must stay as long as the session's
 * silence has not reached its timeout, and must be gone in the end, whoever led in between.
 */
import { OPEN_ACL } from "../../src/base/acl.ts";
import { sessionText, type SessionId } from "../../src/base/ids.ts";
import { until } from "../compat/servers.ts";
import { WireClient } from "../client/wire-client.ts";
import type { ServerAddress } from "../client/wire-connection.ts";
import { Violation } from "../sim/verdict.ts";

interface Sleeper {
  readonly path: string;
  readonly session: SessionId;
  readonly timeoutMs: number;
  /** The server heard from it at this time or later. */
  readonly lastContactMs: number;
}

/** Short, so that faults last about as long. */
const TIMEOUT_MS = 5000;
const CONNECT_DEADLINE_MS = 10_000;
/** A new leader grants each session its full timeout again; several do so after each other. */
const GONE_DEADLINE_MS = 30_000;
const NO_NODE = -101;

/** All that were left behind, and who looks after them. */
export class Sleepers {
  readonly violations: Violation[] = [];
  readonly #servers: readonly ServerAddress[];
  readonly #root: string;
  readonly #probe: WireClient;
  #sleeping: Sleeper[] = [];
  #left = 0;
  #seenAlive = 0;

  constructor(servers: readonly ServerAddress[], root: string) {
    this.#servers = servers;
    this.#root = root;
    this.#probe = new WireClient({ servers });
  }

  /** How many were left behind, and how often one was seen alive after that. */
  get counts(): { readonly left: number; readonly seenAlive: number } {
    return { left: this.#left, seenAlive: this.#seenAlive };
  }

  /** One more session that says nothing any more. A fault may keep it from coming to be. */
  async leave(): Promise<void> {
    const number = this.#left++;
    const wire = new WireClient({ servers: this.#servers, first: number, timeoutMs: TIMEOUT_MS });
    const path = `${this.#root}-sleeper-${number}`;
    const create = { op: "create", path, data: null, acl: OPEN_ACL, flags: 1, ttlMs: 0 } as const;
    await wire.connected(CONNECT_DEADLINE_MS);
    const outcome = await wire.request(create);
    const { session, timeoutMs, lastContactMs } = wire;
    await wire.abandon();
    if (outcome.kind === "ok") this.#sleeping.push({ path, session, timeoutMs, lastContactMs });
  }

  /** Looks after each once: whether it is still there, and whether it may be gone. */
  async inspect(): Promise<void> {
    const gone = await Promise.all(this.#sleeping.map((sleeper) => this.#isGone(sleeper)));
    this.#sleeping = this.#sleeping.filter((_, index) => gone[index] !== true);
  }

  /** Waits until all are gone, and leaves. */
  async end(): Promise<void> {
    try {
      await until(GONE_DEADLINE_MS, "sessions that are silent expire", async () => {
        await this.inspect();
        return this.#sleeping.length === 0;
      });
    } catch (error) {
      const paths = this.#sleeping.map(({ path, session }) => `${path} of ${sessionText(session)}`);
      this.violations.push(
        new Violation("EphemeralsAsSessions", `${paths.join(", ")} stay: ${String(error)}`),
      );
    }
    await this.#probe.close();
  }

  async #isGone({ path, session, timeoutMs, lastContactMs }: Sleeper): Promise<boolean> {
    if (!(await this.#probe.connected(CONNECT_DEADLINE_MS))) return false;
    const sync = this.#probe.request({ op: "sync", path });
    const outcome = await this.#probe.request({ op: "exists", path, watch: false });
    const silentMs = performance.now() - lastContactMs;
    const synced = await sync;
    if (synced.kind !== "ok") return false;
    if (outcome.kind === "ok") this.#seenAlive++;
    if (outcome.kind !== "error" || outcome.code !== NO_NODE) return false;
    if (silentMs < timeoutMs) {
      const told = `${path} is gone after ${silentMs.toFixed(0)} ms of silence of ${sessionText(session)}`;
      this.violations.push(new Violation("SessionNotEarly", `${told}, timeout ${timeoutMs} ms`));
    }
    return true;
  }
}
