/** A raw Durable Object whose operations each show one fact of the runtime. Answers are JSON. */

import { DurableObject } from "cloudflare:workers";

import { gateOperations, onHibernatableMessage, serveTcp } from "./gate.ts";
import { linkOperations } from "./links.ts";
import { onAlarm, storageOperations } from "./storage.ts";

/** What the probe's Worker is bound to. */
export interface Env {
  readonly PROBE: DurableObjectNamespace<Probe>;
}

/** What an operation may use: the object's own context, and its memory. */
export interface Host {
  readonly ctx: DurableObjectState;
  readonly env: Env;
  /** What this instance saw, oldest first. Gone when the instance is. */
  readonly seen: string[];
  /** Links this instance opened. */
  readonly opened: WebSocket[];
  /** Writes one row, so that the turn has something to make durable. */
  write(what: string): void;
}

/** One of the object's operations, chosen by the second part of the path. */
export type Operation = (host: Host, request: Request) => Promise<Response> | Response;

const operations: Readonly<Record<string, Operation>> = {
  ...gateOperations,
  ...linkOperations,
  ...storageOperations,
};

/** The object. Its instance id tells whether it was evicted in between. */
export class Probe extends DurableObject<Env> {
  readonly #instance: string = crypto.randomUUID();
  readonly #host: Host;
  #timerFirings = 0;

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    const { sql } = ctx.storage;
    sql.exec("CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, what TEXT NOT NULL)");
    const write = (what: string): void => void sql.exec("INSERT INTO note (what) VALUES (?)", what);
    this.#host = { ctx, env, seen: [], opened: [], write };
  }

  override async fetch(request: Request): Promise<Response> {
    const operation = new URL(request.url).pathname.split("/")[2] ?? "";
    switch (operation) {
      case "state":
        return Response.json(this.#state());
      case "start-interval":
        setInterval(() => (this.#timerFirings += 1), 50);
        return Response.json(this.#state());
      case "start-timeout":
        setTimeout(() => (this.#timerFirings += 1), 60_000);
        return Response.json(this.#state());
      default: {
        const run = operations[operation];
        if (run === undefined) return new Response(`no operation ${operation}`, { status: 404 });
        return run(this.#host, request);
      }
    }
  }

  /** Its answer over RPC follows a write. */
  gatedCall(): string {
    this.#host.write("call");
    return "answered";
  }

  override async connect(socket: Socket): Promise<void> {
    const { localAddress = "" } = await socket.opened;
    await serveTcp(this.#host, { socket, text: localAddress });
  }

  override webSocketMessage(socket: WebSocket, message: string | ArrayBuffer): void {
    onHibernatableMessage(this.#host, { socket, message });
  }

  override webSocketClose(_socket: WebSocket, code: number): void {
    this.#host.seen.push(`hibernatable close ${code}`);
  }

  override async alarm(info?: AlarmInvocationInfo): Promise<void> {
    await onAlarm(this.#host, { instance: this.#instance, retryCount: info?.retryCount ?? 0 });
  }

  #state(): Readonly<Record<string, unknown>> {
    return {
      instance: this.#instance,
      name: this.ctx.id.name,
      seen: this.#host.seen,
      notes: this.ctx.storage.sql
        .exec("SELECT what FROM note ORDER BY id")
        .toArray()
        .map((row) => row["what"]),
      timerFirings: this.#timerFirings,
    };
  }
}
