/** An ensemble that falls asleep when nobody uses it, and callers that ask it for something now and then. */
import { must } from "../../../src/base/assert.ts";
import { OPEN_ACL } from "../../../src/base/acl.ts";
import type { SessionId, Sid } from "../../../src/base/ids.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import { decodeTxn } from "../../../src/jute/txn.ts";
import type { CallAnswer, CallRequest, CallSession } from "../../../src/keeper/call.ts";
import { invariants } from "../invariants/invariants.ts";
import type { MachineView } from "../../../src/world/observer.ts";
import type { WorldOptions } from "../../../src/world/setting.ts";
import { World } from "../../../src/world/world.ts";

/** Quiet for so long, it sleeps; and only where it could sleep for so long. */
export const AFTER_MS = 2000;
const WORTH_MS = 3000;

export function creationOf(path: string): CallRequest {
  const node = { path, data: new Uint8Array(0), acl: OPEN_ACL };
  return { kind: "write", request: { op: "create", ...node, flags: 0, ttlMs: 0 } };
}

/** What HTTP asks to keep a session alive. */
export const RENEWAL: CallRequest = { kind: "write", request: { op: "sync", path: "" } };

/** Asks whether a znode is there; in a session that is a sign of life. */
export function readOf(path: string): CallRequest {
  return { kind: "read", request: { op: "getData", path, watch: false }, isLinearizable: false };
}

/** See the file's comment. */
export class Night {
  readonly world: World;
  /** Turns, starts and nights of all replicas so far. */
  readonly counts = { steps: 0, starts: 0, nights: 0 };
  /** When a leader proposed to end a session. */
  readonly endedMs: Map<SessionId, number> = new Map();
  readonly #invariants: ReturnType<typeof invariants>;

  constructor(options: Partial<WorldOptions> = {}) {
    this.world = new World({ voters: 3, dormancy: { afterMs: AFTER_MS, worthMs: WORTH_MS }, ...options });
    this.#invariants = invariants(this.world, {});
    this.world.observers.push(this.#invariants.observer, {
      started: () => this.counts.starts++,
      slept: () => this.counts.nights++,
      stepped: (machine, _input, turn) => {
        this.counts.steps++;
        for (const write of turn.writes) {
          if (write.kind === "append") for (const { payload } of write.proposals) this.#see(machine, payload);
        }
      },
    });
    this.world.startAll();
    this.world.until("serves at first", () => this.world.isServing());
  }

  #see({ isSuperseded }: MachineView, payload: Uint8Array): void {
    const { header, txn } = decodeTxn(payload);
    if (txn.kind !== "closeSession" || isSuperseded || this.endedMs.has(header.session)) return;
    this.endedMs.set(header.session, this.world.nowMs);
  }

  get isAsleep(): boolean {
    return this.world.members.every((sid) => {
      const { machine, isDown } = this.world.replica(sid);
      return !isDown && (machine === undefined || machine.isAsleep);
    });
  }

  untilAsleep(limitMs = 20_000): void {
    this.world.until("all sleep", () => this.isAsleep, limitMs);
  }

  /** Asks a replica; "lost" where it died, or says nothing within ten seconds. */
  ask(sid: Sid, request: CallRequest, session?: CallSession): CallAnswer | "lost" {
    const answer = this.tryAsk(sid, request, session);
    this.world.tryUntil(() => answer.told !== undefined, 10_000);
    return answer.told ?? "lost";
  }

  /** Asks, and waits for nothing. */
  tryAsk(sid: Sid, request: CallRequest, session?: CallSession): { told: CallAnswer | "lost" | undefined } {
    const answer: { told: CallAnswer | "lost" | undefined } = { told: undefined };
    this.world.call(sid, { session, minZxid: ZXID_ZERO, request }, { told: (told) => (answer.told = told) });
    return answer;
  }

  /** Whether it was answered, and without an error. */
  isDone(answer: CallAnswer | "lost" | undefined): boolean {
    return answer !== undefined && answer !== "lost" && answer.kind === "answered" && answer.code === 0;
  }

  create(sid: Sid, path: string): boolean {
    return this.isDone(this.ask(sid, creationOf(path)));
  }

  openSession(sid: Sid, timeoutMs: number): CallSession {
    const answer = this.ask(sid, { kind: "openSession", timeoutMs });
    const isMade = answer !== "lost" && answer.kind === "answered" && answer.response.op === "session";
    return must(
      isMade && answer.response.op === "session" ? answer.response.session : undefined,
      "a session",
    );
  }

  /** At the end: what the invariants have to say of all of it. */
  finish(): void {
    this.world.healAll();
    this.world.until("converges", () => this.world.isConverged(), 60_000);
    this.#invariants.finish();
    const [crash] = this.world.crashes;
    if (crash !== undefined) throw crash;
  }
}
