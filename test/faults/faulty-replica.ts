/**
 * A replica that suffers faults on demand. It stands at the two seams of the product: all that happens to a replica
 * comes through `accept`, all that it does goes through `perform`; and requests of peers come through `fetch`.
 */
import { readMembers, sidsOf } from "../../src/base/settings.ts";
import { LINK_DEADLINE_MS } from "../../src/durable/limits.ts";
import { logLine } from "../../src/durable/log-line.ts";
import { Replica } from "../../src/durable/replica.ts";
import type { ReplicaEnv } from "../../src/durable/replica-env.ts";
import type { KeeperConfig } from "../../src/keeper/config.ts";
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import type { Action } from "../../src/keeper/turn.ts";
import { decodeNotification } from "../../src/keeper/zab-codec.ts";
import { corrupt } from "./corrupt.ts";
import { type Fault, midChangeLine, readFault } from "./fault.ts";
import { LostAnswers } from "./lost-answers.ts";
import { MidChange } from "./mid-change.ts";
import { SnapshotDeaths } from "./snapshot-deaths.ts";

/** Where the object takes faults. */
export const FAULT_PATH = "/faults";

const PEER_HEADER = "edgekeeper-peer";

/** What tests set beside the product's own. */
interface FaultyEnv {
  readonly COUNTER_LIMIT?: string;
  readonly SESSIONS_MAX?: string;
}

/** Until when nothing passes to and from a peer. */
interface Cut {
  outUntilMs: number;
  inUntilMs: number;
}

/** The product's replica, and what afflicts it. */
export class FaultyReplica extends Replica {
  readonly #sids: readonly number[];
  readonly #downUntilMs: number;
  readonly #deaths: SnapshotDeaths;
  readonly #lostAnswers = new LostAnswers();
  #frozenUntilMs = 0;
  readonly #cuts = new Map<number, Cut>();
  readonly #sidOfLink = new Map<number, number>();
  #midChange: { readonly at: MidChange; readonly ms: number; readonly token: number } | undefined;
  #isDead = false;
  /** In the order in which they would have been taken or done. */
  #heldInputs: KeeperInput[] = [];
  #heldActions: Action[] = [];

  constructor(ctx: DurableObjectState, env: ReplicaEnv) {
    super(ctx, env);
    this.#sids = sidsOf(readMembers(env));
    ctx.storage.sql.exec("CREATE TABLE IF NOT EXISTS fault (down_until_ms INTEGER NOT NULL)");
    ctx.storage.sql.exec("DROP TRIGGER IF EXISTS fail_write");
    const rows = ctx.storage.sql.exec<{ down_until_ms: number }>("SELECT down_until_ms FROM fault").toArray();
    this.#downUntilMs = rows[0]?.down_until_ms ?? 0;
    this.#deaths = new SnapshotDeaths(ctx);
  }

  /** Where a test wants it so, epochs are full after a few proposals, and there is room for a few sessions. */
  protected override configured(env: ReplicaEnv & FaultyEnv): KeeperConfig {
    const config = super.configured(env);
    const { COUNTER_LIMIT = "0", SESSIONS_MAX = "0" } = env;
    const sessions = SESSIONS_MAX === "0" ? {} : { sessionsMax: Number(SESSIONS_MAX) };
    const counter = COUNTER_LIMIT === "0" ? {} : { counterLimit: Number(COUNTER_LIMIT) };
    return { ...config, ...sessions, timing: { ...config.timing, ...counter } };
  }

  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === FAULT_PATH) return this.#suffer(readFault(await request.text()));
    if (this.#isDown()) return new Response("down", { status: 503 });
    await this.#untilMs(() => this.#frozenUntilMs);
    const hello = request.headers.get(PEER_HEADER);
    if (hello !== null) await this.#untilMs(() => this.#untilPassable(Number(hello.split(" ")[2])));
    return super.fetch(request);
  }

  override async connect(socket: Socket): Promise<void> {
    if (this.#isDown()) return socket.close();
    await this.#untilMs(() => this.#frozenUntilMs);
    return super.connect(socket);
  }

  protected override async notified(bytes: Uint8Array): Promise<Response> {
    const { from } = decodeNotification(bytes);
    const cut = this.#cuts.get(from);
    const nowMs = Date.now();
    if (cut !== undefined && cut.inUntilMs > nowMs) {
      await this.#untilMs(() => cut.inUntilMs);
      return new Response("lost", { status: 504 });
    }
    const answer = await super.notified(bytes);
    if (cut === undefined || cut.outUntilMs <= nowMs) return answer;
    // Heard, but the answer is lost.
    await this.#untilMs(() => cut.outUntilMs);
    return new Response("lost", { status: 504 });
  }

  protected override accept(input: KeeperInput): void {
    if (this.#isDead || this.#isDown() || this.#deaths.isDueBefore(input)) return;
    if (input.kind === "linkBytes" && this.#midChange?.at.isDueBeforeTaking(input.bytes) === true) {
      this.#strike();
      if (this.#isDead) return;
    }
    if (input.kind === "calls") for (const call of input.calls) this.#lostAnswers.take(call, Date.now());
    if (input.kind === "linkOpened") this.#sidOfLink.set(input.link, input.sid);
    if (Date.now() < this.#frozenUntilMs) {
      // Ticks do not pile up: a frozen object's timer does not run.
      if (input.kind !== "tick") this.#heldInputs.push(input);
      return;
    }
    if (this.#heldInputs.length > 0 || this.#heldActions.length > 0) this.#release();
    if (this.#isHeldInput(input)) this.#heldInputs.push(input);
    else super.accept(input);
  }

  protected override perform(action: Action): void {
    if (this.#isDead) return;
    if (action.kind === "linkSend" && this.#midChange?.at.isDueBeforeSending(action.bytes) === true) {
      this.#strike();
      if (this.#isDead) return;
    }
    if (Date.now() < this.#frozenUntilMs) {
      this.#heldActions.push(action);
      return;
    }
    if (action.kind === "callAnswer" && this.#lostAnswers.isLost(action.call)) return;
    const cut = this.#cutOf(action);
    if (cut === undefined || cut.outUntilMs <= Date.now()) {
      super.perform(action);
      return;
    }
    if (action.kind === "openLink") {
      setTimeout(() => this.accept({ kind: "linkFailed", to: action.to }), LINK_DEADLINE_MS);
    } else if (action.kind !== "notify") {
      this.#heldActions.push(action);
    }
  }

  /** Answers once the fault is in force; one that dies of it does not answer. */
  async #suffer(fault: Fault): Promise<Response> {
    const untilMs = "ms" in fault ? Date.now() + fault.ms : 0;
    switch (fault.kind) {
      case "abort":
        this.ctx.abort("fault: abort");
        break;
      case "failWrite":
        // The start after it removes the trigger: one write fails.
        this.ctx.storage.sql.exec(
          "CREATE TRIGGER fail_write BEFORE INSERT ON history BEGIN SELECT RAISE(ABORT, 'fault: failWrite'); END",
        );
        break;
      case "wipe":
        await this.ctx.storage.deleteAll();
        await this.ctx.storage.sync();
        this.ctx.abort("fault: wipe");
        break;
      case "corrupt":
        corrupt(this.ctx.storage.sql, fault.path);
        await this.ctx.storage.sync();
        this.ctx.abort("fault: corrupt");
        break;
      case "dieInSnapshots":
        this.#deaths.plan(fault.count);
        break;
      case "down":
        this.ctx.storage.sql.exec("DELETE FROM fault");
        this.ctx.storage.sql.exec("INSERT INTO fault VALUES (?)", untilMs);
        // The write must be durable before the death that it outlives.
        await this.ctx.storage.sync();
        this.ctx.abort("fault: down");
        break;
      case "freeze":
        this.#frozenUntilMs = untilMs;
        break;
      case "loseAnswers":
        this.#lostAnswers.until(untilMs);
        break;
      case "cut": {
        const all = this.#sids.filter((sid) => sid !== this.replicaName.sid);
        const peers = fault.peer === undefined ? all : [fault.peer];
        for (const peer of peers) this.#cuts.set(peer, { outUntilMs: untilMs, inUntilMs: untilMs });
        break;
      }
      case "drop":
        this.#cuts.set(fault.peer, { outUntilMs: untilMs, inUntilMs: 0 });
        break;
      case "midChange": {
        const { stage, ms, token } = fault;
        this.#midChange = stage === undefined ? undefined : { at: new MidChange(stage), ms, token };
        break;
      }
    }
    return new Response(null, { status: 204 });
  }

  /** What was asked for in the middle of a change: death, or a standstill from this very message on. */
  #strike(): void {
    const { ms = 0, token = 0 } = this.#midChange ?? {};
    this.#midChange = undefined;
    logLine(midChangeLine(token));
    if (ms > 0) {
      this.#frozenUntilMs = Date.now() + ms;
      return;
    }
    this.#isDead = true;
    this.ctx.abort("fault: midChange");
  }

  #isDown(): boolean {
    return Date.now() < this.#downUntilMs;
  }

  #untilPassable(sid: number): number {
    const cut = this.#cuts.get(sid);
    return cut === undefined ? 0 : Math.max(cut.inUntilMs, cut.outUntilMs);
  }

  /** What came over a link that is cut, its closing included, arrives when it is passable again. */
  #isHeldInput(input: KeeperInput): boolean {
    if (input.kind !== "linkBytes" && input.kind !== "linkClosed") return false;
    const cut = this.#cuts.get(this.#sidOfLink.get(input.link) ?? 0);
    return cut !== undefined && cut.inUntilMs > Date.now();
  }

  #cutOf(action: Action): Cut | undefined {
    if (action.kind === "linkSend" || action.kind === "closeLink") {
      return this.#cuts.get(this.#sidOfLink.get(action.link) ?? 0);
    }
    if (action.kind === "notify" || action.kind === "openLink") return this.#cuts.get(action.to);
    return undefined;
  }

  #release(): void {
    const inputs = this.#heldInputs;
    const actions = this.#heldActions;
    this.#heldInputs = [];
    this.#heldActions = [];
    for (const action of actions) this.perform(action);
    for (const input of inputs) {
      if (this.#isHeldInput(input)) this.#heldInputs.push(input);
      else super.accept(input);
    }
  }

  async #untilMs(until: () => number): Promise<void> {
    for (let leftMs = until() - Date.now(); leftMs > 0; leftMs = until() - Date.now()) {
      await new Promise((resolve) => setTimeout(resolve, leftMs));
    }
  }
}
