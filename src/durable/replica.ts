/**
 * The Durable Object that hosts a replica: it feeds the keeper with what happens and does what the keeper wants done,
 * in the order that turns.ts keeps. A failure there aborts the object, which then starts again from its disk.
 */
import { DurableObject } from "cloudflare:workers";
import { assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { seededRng } from "../base/rng.ts";
import { isLogged } from "../base/log-level.ts";
import { ConfigError, readSettings } from "../base/settings.ts";
import type { Span } from "../base/trace.ts";
import type { TraceSettings } from "../base/trace-settings.ts";
import { EPOCH_MAX, zxidText } from "../base/zxid.ts";
import { JuteError } from "../jute/jute-error.ts";
import { pendingRefusal, votersRefusal } from "../keeper/config-node.ts";
import type { KeeperConfig } from "../keeper/config.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import { Keeper } from "../keeper/keeper.ts";
import { isCalledBy } from "../keeper/membership-change.ts";
import { answerCommand, bulkCommandOf } from "../keeper/operations/admin-commands.ts";
import { moveRefusal } from "../keeper/operations/move-leader.ts";
import type { Action, Turn } from "../keeper/turn.ts";
import { metricFamilies } from "../keeper/operations/metric-families.ts";
import { decodeNotification, encodeNotification } from "../keeper/zab-codec.ts";
import type { Notification } from "../zab/message.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import { Analytics, type AnalyticsFigures } from "./analytics.ts";
import { AdminDoor } from "./admin-door.ts";
import { authSettings } from "./auth-settings.ts";
import { answerOfResting, Calls } from "./calls.ts";
import { Clients } from "./clients.ts";
import { CountedDatabase } from "./counted-database.ts";
import { Couriers } from "./couriers.ts";
import {
  COMMAND_PARAMETER,
  GATEWAY_PATHS,
  MOVE_TO_PARAMETER,
  type ObjectStatus,
  STEP_PARAMETER,
} from "./entry.ts";
import { Heart } from "./heart.ts";
import { LOG_BYTES_MAX } from "./limits.ts";
import { Links, PEER_PATHS, REFUSED } from "./links.ts";
import { registerStub } from "./register.ts";
import type { ReplicaEnv } from "./replica-env.ts";
import { keeperConfig, readLogRowsMax, votersBefore } from "./settings.ts";
import { LogLines } from "./log-line.ts";
import { type ReplicaName, Store } from "./store.ts";
import { SpanExporter } from "./span-exporter.ts";
import { Streams } from "./streams.ts";
import { SyncTimes } from "./sync-times.ts";
import { type Brain, Turns } from "./turns.ts";

/** Started ensembles begin above this epoch, so that no zxid is ever issued twice, even after everything was wiped. */
function minutesOfUnixTime(nowMs: number): number {
  return Math.min(Math.floor(nowMs / 60_000), EPOCH_MAX - 1);
}

/** What is answered from the disk of one that sleeps, and does not wake it. */
const LOOKS: ReadonlySet<string> = new Set([
  GATEWAY_PATHS.status,
  GATEWAY_PATHS.metrics,
  GATEWAY_PATHS.command,
  GATEWAY_PATHS.callGone,
  PEER_PATHS.notification,
]);

/** One replica of an ensemble. */
export class Replica extends DurableObject<ReplicaEnv> {
  protected readonly replicaName: ReplicaName;
  readonly #config: KeeperConfig;
  readonly #database: CountedDatabase;
  readonly #links: Links;
  readonly #clients: Clients;
  readonly #calls: Calls;
  readonly #streams: Streams;
  readonly #couriers: Couriers;
  readonly #heart: Heart;
  readonly #turns: Turns;
  readonly #syncTimes: SyncTimes;
  readonly #admin: AdminDoor;
  readonly #spans: SpanExporter;
  readonly #analytics: Analytics;
  readonly #logs: LogLines;
  #store: Store;
  #keeper: Keeper;

  constructor(ctx: DurableObjectState, env: ReplicaEnv) {
    super(ctx, env);
    this.replicaName = nameOf(ctx.id);
    this.#config = this.configured(env);
    this.#database = new CountedDatabase(ctx.storage);
    const accept = (input: KeeperInput): void => this.accept(input);
    this.#links = new Links(this.replicaName, env, accept);
    this.#clients = new Clients(accept, ctx, () => !this.#heart.isBeating);
    const { trace } = readSettings(env);
    this.#logs = new LogLines(trace.logsJson);
    this.#spans = this.#makeExporter(ctx, trace);
    this.#analytics = new Analytics(env.ANALYTICS, this.replicaName);
    const sync = async (): Promise<void> => await ctx.storage.sync();
    this.#calls = new Calls(accept, sync, { sid: this.replicaName.sid, spans: this.#spans });
    this.#streams = new Streams(accept, sync);
    this.#couriers = new Couriers({
      isEnabled: readSettings(env).webhooksEnabled,
      isDevelopment: env.EDGEKEEPER_DEV === "1",
      isLeading: () => this.#keeper.isLeading,
      tree: () => this.#store.tree,
      calls: this.#calls,
      streams: this.#streams,
      log: (text) => this.#say("webhook", text),
      inBackground: (work) => this.#inBackground(work),
    });
    this.#syncTimes = new SyncTimes({
      now: () => Date.now(),
      sync,
      warningMs: readSettings(env).fsyncWarningMs,
      slow: (tookMs) => this.#say("storage", `a sync of the disk took ${tookMs} ms`),
    });
    this.#store = this.#openStore();
    this.#checkVoters(this.#config, env);
    this.#keeper = this.#makeKeeper(this.#store);
    this.#turns = new Turns(
      { keeper: this.#keeper, store: this.#store },
      {
        now: () => Date.now(),
        perform: (action) => this.perform(action),
        wrote: () => {
          const measured = this.#syncTimes.wrote();
          if (measured !== undefined) this.#inBackground(measured);
        },
        continueSoon: () => void setTimeout(() => this.accept({ kind: "continue" }), 0),
        startAnew: (parked) => this.#startAnew(parked),
        abort: (error) => this.#restart(error),
      },
    );
    this.#admin = new AdminDoor(env, authSettings(env), {
      now: () => Date.now(),
      isServing: () => this.#keeper.serving,
      tree: () => this.#store.tree,
      store: () => this.#store,
      keeper: () => this.#keeper,
      accept,
      databaseBytes: () => ctx.storage.sql.databaseSize,
      storageLimitBytes: this.#config.storageLimitBytes,
      sync,
      log: (event, text) => this.#say(event, text),
    });
    this.#heart = new Heart(ctx, () => this.#tick());
    this.#begin(true);
  }

  /** Lives, sleeps on, or waits to be called; `isNew` where the object has just come to life. */
  #begin(isNew: boolean): void {
    const { slept } = this.#store;
    if (!this.#isMember) {
      if (!isNew) this.#heart.rest();
    } else if (slept !== undefined) this.#heart.sleep(slept.wakeAtMs, isNew);
    else if (isNew) this.#heart.start();
  }

  /**
   * Whether this replica lives by itself. One that has nothing, and is no member by the deployment's word, or was let
   * go, waits until a leader calls it: a visit, or an alarm of long ago, must not make a replica of it.
   */
  get #isMember(): boolean {
    const { voters, observers } = this.#config;
    const isNamed = [...voters, ...observers].includes(this.replicaName.sid);
    return !this.#store.isFresh || (isNamed && this.#store.removal === undefined);
  }

  /** Throws, so that this object does not come to life, where its data were made by other voters. */
  #checkVoters({ voters, observers }: KeeperConfig, env: ReplicaEnv): void {
    const { sid } = this.replicaName;
    const inTree = this.#store.tree.get(CONFIG_PATH)?.data ?? new Uint8Array();
    const pending = this.#store.pendingConfigs();
    // A new tree knows no members; where history does, that counts alone.
    const known = pending.length > 0 && inTree.length === 0 ? pending : [inTree, ...pending];
    const start = { sid, data: inTree, voters, observers, votersBefore: votersBefore(env) };
    const refusals = known.map((data) => votersRefusal({ ...start, data }));
    const [first] = refusals.includes(undefined) ? [] : refusals;
    const refusal = first ?? pendingRefusal(start, pending);
    if (refusal !== undefined) throw new ConfigError(refusal);
  }

  #openStore(): Store {
    const nowMs = Date.now();
    return Store.open(this.#database, this.replicaName, {
      epochFloor: minutesOfUnixTime(nowMs),
      firstInstance: Math.floor(nowMs / 1000),
      log: { rowsMax: readLogRowsMax(this.env), bytesMax: LOG_BYTES_MAX },
    });
  }

  #makeKeeper(store: Store): Keeper {
    const random = crypto.getRandomValues(new Uint32Array(4));
    return new Keeper({
      config: this.#config,
      start: store.start,
      tree: store.tree,
      log: store.log,
      notes: store.notes,
      auth: authSettings(this.env),
      rng: seededRng([random[0] ?? 0, random[1] ?? 0, random[2] ?? 0, random[3] ?? 0]),
      removal: store.removal,
      slept: store.slept,
      parked: this.#clients.adopt(store.slept?.zxid),
      pongedMs: (connection) => this.#clients.pongedMs(connection),
      stage: () => store.stage(),
      restorable: (permit) => store.restorable(permit),
      databaseBytes: () => this.ctx.storage.sql.databaseSize,
      summaries: () => this.#syncTimes.summaries(),
      slowSyncs: () => this.#syncTimes.slowCount,
    });
  }

  #startAnew(parked: Turn["parked"]): Brain {
    this.#admin.abort();
    this.#links.closeAll("this replica starts anew");
    this.#calls.closeAll();
    this.#streams.closeAll();
    this.#couriers.stopAll();
    this.#store = this.#openStore();
    this.#clients.park(parked, this.#store.slept?.zxid);
    this.#keeper = this.#makeKeeper(this.#store);
    this.#begin(false);
    return { keeper: this.#keeper, store: this.#store };
  }

  /** Requests from other replicas and from the gateway, told apart by their paths; there are no others. */
  override async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    // Who only looks does not wake the ensemble.
    if (!LOOKS.has(pathname)) this.#heart.wake();
    switch (pathname) {
      case PEER_PATHS.notification:
      case PEER_PATHS.link: {
        const hello = this.#links.heard(request);
        if ("refusal" in hello) return new Response(hello.refusal, { status: REFUSED });
        if (pathname === PEER_PATHS.link) return this.#links.takeIncoming(hello.sid);
        return this.notified(new Uint8Array(await request.arrayBuffer()));
      }
      case GATEWAY_PATHS.zk:
        return this.#clients.takeWebSocket(request, this.#keeper.serving);
      case GATEWAY_PATHS.call:
        // One that rests takes no turns by itself: nobody would ever end what waits here.
        return this.#heart.isBeating ? this.#calls.serve(request) : answerOfResting();
      case GATEWAY_PATHS.calls:
        return await this.#calls.serveBatch(request, !this.#heart.isBeating);
      case GATEWAY_PATHS.callGone:
        this.#calls.goneOf(new URL(request.url).searchParams);
        return new Response(null, { status: 204 });
      case GATEWAY_PATHS.stream:
        return await this.#streams.serve(request);
      case GATEWAY_PATHS.wake:
        this.accept({ kind: "stir" });
        return new Response(null, { status: 204 });
      case GATEWAY_PATHS.status:
        return Response.json(this.status());
      case GATEWAY_PATHS.metrics:
        return Response.json(metricFamilies(this.#keeper.report(), this.status()));
      case GATEWAY_PATHS.moveLeader:
        return this.#moveLeader(Number(new URL(request.url).searchParams.get(MOVE_TO_PARAMETER)));
      case GATEWAY_PATHS.command:
        return this.command(new URL(request.url).searchParams);
      case GATEWAY_PATHS.bulk:
        return await this.bulk(request);
      default:
        return new Response("no such entry", { status: 404 });
    }
  }

  /** A client's TCP stream, or a door's trunk. */
  override async connect(socket: Socket): Promise<void> {
    this.#heart.wake();
    await this.#clients.serveSocket(socket);
  }

  /** A client's socket that may outlive this object's time in memory: it wants something. */
  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    this.#heart.wake();
    this.#clients.heard(socket, message);
  }

  /** Such a client has gone, which wakes nobody. */
  override webSocketClose(socket: WebSocket): void {
    this.#clients.ended(socket);
  }

  override webSocketError(socket: WebSocket): void {
    this.#clients.ended(socket);
  }

  /** At least once, perhaps late: only the heart knows when it is due. */
  override alarm(): void {
    this.#heart.onAlarm();
  }

  /** What the replica tells about itself, and the cost of its turns. */
  protected status(): ObjectStatus {
    return {
      ...this.#keeper.status(),
      refusal: this.#links.refusal ?? null,
      commits: this.#turns.commits,
      snapshots: this.#turns.snapshots,
      lastWritten: zxidText(this.#store.written),
      logBatches: this.#store.log.rowCount,
      rowsWritten: this.#database.rowsWritten,
      databaseBytes: this.ctx.storage.sql.databaseSize,
      asleep: this.#heart.isAsleep,
      ...(this.#heart.isAsleep ? { mode: "asleep" } : {}),
    };
  }

  /** How this replica is to behave. */
  protected configured(env: ReplicaEnv): KeeperConfig {
    return keeperConfig(env, this.replicaName);
  }

  /** The answer to a command of ZooKeeper's AdminServer, and what it changes. */
  protected command(parameters: URLSearchParams): Response {
    const asked = parameters.get(COMMAND_PARAMETER) ?? "";
    const { text, operation } = answerCommand(asked, new Map(parameters), this.#keeper.report());
    if (operation !== undefined) this.accept({ kind: "operation", operation });
    return new Response(text, { headers: { "content-type": "application/json" } });
  }

  /** The answer to the command snapshot or restore. */
  protected async bulk(request: Request): Promise<Response> {
    const asked = new URL(request.url).searchParams.get(COMMAND_PARAMETER) ?? "";
    const command = bulkCommandOf(asked);
    if (command === undefined) return new Response(`no such command: ${asked}`, { status: 404 });
    const step = new URL(request.url).searchParams.get(STEP_PARAMETER);
    return await this.#admin.serve(command, asked, step, request);
  }

  /** Makes room for another leader, unless that one cannot lead. */
  #moveLeader(to: Sid): Response {
    const refusal = moveRefusal(to, this.#keeper.status().zab);
    if (refusal !== undefined) return Response.json(refusal, { status: 409 });
    this.accept({ kind: "resign", successor: to });
    return new Response(null, { status: 202 });
  }

  /** A peer's vote; the answer is ours. */
  protected notified(bytes: Uint8Array): Response | Promise<Response> {
    try {
      const notification = decodeNotification(bytes);
      this.#heart.wake();
      if (this.#isCalled(notification)) this.#heart.start();
      this.accept({ kind: "notification", notification });
    } catch (error) {
      if (!(error instanceof JuteError)) throw error;
      return new Response(error.message, { status: 400 });
    }
    return new Response(encodeNotification(this.#keeper.notification()));
  }

  /** Whether the sender knows this replica for a member of a membership that it has not been let go from. */
  #isCalled({ membership }: Notification): boolean {
    return !this.#heart.isBeating && isCalledBy(membership, this.replicaName.sid, this.#store.removal);
  }

  /** Everything that happens to the replica comes through here. */
  protected accept(input: KeeperInput): void {
    this.#turns.accept(input);
  }

  #tick(): void {
    this.#clients.tick();
    if (this.#admin.isBusy) this.accept({ kind: "stir" });
    this.accept({ kind: "tick" });
    this.#couriers.tick();
    this.#analytics.tick(Date.now(), () => this.#figures());
  }

  /** Does one thing that a turn asked for. */
  protected perform(action: Action): void {
    switch (action.kind) {
      case "linkSend":
        return this.#links.send(action.link, action.bytes);
      case "openLink":
        return this.#inBackground(this.#links.open(action.to));
      case "closeLink":
        return this.#links.close(action.link, action.reason);
      case "notify":
        return this.#inBackground(this.#links.notify(action.to, action.notification));
      case "register":
        return this.#inBackground(this.#consult(action.founders));
      case "clientSend":
        return this.#clients.send(action.connection, action.bytes);
      case "clientWord":
        return this.#clients.say(action.connection, action.word);
      case "clientClose":
        return this.#clients.close(action.connection);
      case "clientDrop":
        return this.#clients.drop(action.connection);
      case "clientFlow":
        return this.#clients.setReading(action.connection, action.reading);
      case "callProbe":
        return this.#calls.probe(action.call, action.zxid);
      case "callAnswer":
        return this.#calls.answer(action.call, action.answer);
      case "stream":
        return this.#streams.say(action.stream, action.word);
      case "span":
        return this.#spans.isEnabled ? this.#drawSpan(action.span, action.untilDurable) : undefined;
      case "log":
        return this.#logs.replicaLine(action.line);
      default:
        return assertNever(action);
    }
  }

  /** Who asks again where no answer comes is the keeper; a register that fails is told of in the log. */
  async #consult(founding: readonly Sid[] | undefined): Promise<void> {
    const { ensemble, sid } = this.replicaName;
    let founders: readonly Sid[] | undefined;
    try {
      founders = await registerStub(this.env.REGISTER, ensemble).consult(founding);
    } catch (error) {
      return this.#logs.replicaLine(`${ensemble}/${sid} register does not answer: ${String(error)}`);
    }
    this.accept({ kind: "founders", founders });
  }

  #drawSpan(span: Span, untilDurable: boolean): void {
    if (!untilDurable) return this.#spans.add(span);
    const durable = this.ctx.storage.sync().then(() => this.#spans.add({ ...span, endMs: Date.now() }));
    this.#inBackground(durable);
  }

  /** Where spans of this replica go. */
  #makeExporter(ctx: DurableObjectState, settings: TraceSettings): SpanExporter {
    const { ensemble, sid } = this.replicaName;
    return new SpanExporter({
      settings,
      resource: {
        "service.name": "edgekeeper",
        "service.instance.id": `${ensemble}/${sid}`,
        "edgekeeper.ensemble": ensemble,
        "edgekeeper.sid": String(sid),
      },
      now: () => Date.now(),
      wait: async (ms) => await new Promise((resolve) => setTimeout(resolve, ms)),
      fetch: (url, init) => fetch(url, init),
      inBackground: (work) => ctx.waitUntil(work),
      log: (text) => this.#say("trace", text),
    });
  }

  #figures(): AnalyticsFigures {
    const { mode, connections, sessions, counters, zab } = this.#keeper.status();
    const { commits: delivered } = counters;
    const { rowsWritten } = this.#database;
    const lastElectionMs = zab.lastElectionMs ?? 0;
    return {
      mode,
      delivered,
      commits: this.#turns.commits,
      rowsWritten,
      connections,
      sessions,
      lastElectionMs,
    };
  }

  #inBackground(work: Promise<void>): void {
    this.ctx.waitUntil(work.catch((error: unknown) => this.#restart(error)));
  }

  #say(event: string, text: string): void {
    const { ensemble, sid } = this.replicaName;
    if (isLogged(event, this.#config.logLevel ?? "info"))
      this.#logs.replicaLine(`${ensemble}/${sid} ${event} ${text}`);
  }

  #restart(error: unknown): void {
    const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#say("restarts", `from disk: ${reason}`);
    this.#heart.stop();
    this.ctx.abort(reason);
  }
}

/** Replicas are addressed by name only: `ensemble/sid`. */
function nameOf(id: DurableObjectId): ReplicaName {
  const [ensemble, sid] = (id.name ?? "").split("/");
  if (ensemble === undefined || ensemble === "" || sid === undefined) {
    throw new Error(`a replica's object is named ensemble/sid, not "${id.name ?? ""}"`);
  }
  return { ensemble, sid: Number(sid) };
}
