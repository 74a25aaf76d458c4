/** How the tests reach the probe: requests, WebSockets and TCP connections that remember what they got. */

import { type Socket, connect } from "node:net";

import { type EnsembleSetup, type TestEnsemble, startEnsemble } from "../harness/ensemble.ts";

/** What the probe says of itself. */
export interface ProbeState {
  readonly instance: string;
  readonly name: string;
  readonly seen: readonly string[];
  readonly notes: readonly string[];
  readonly timerFirings: number;
}

/** An answer of the probe's HTTP door, and how long its end took to come. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly elapsedMs: number;
}

/** How long anything may take that is not itself about time. */
export const DEADLINE_MS = 20_000;

/** A message or an end of a stream, with the milliseconds since the stream was asked. */
export interface Arrival {
  readonly what: string;
  readonly afterMs: number;
}

/** The probe's Worker, running. */
export class ProbeClient {
  readonly ensemble: TestEnsemble;

  constructor(ensemble: TestEnsemble) {
    this.ensemble = ensemble;
  }

  /** Starts the probe's Worker in a runtime of its own. */
  static async start(setup: EnsembleSetup = {}): Promise<ProbeClient> {
    return new ProbeClient(await startEnsemble({ config: "test/platform/worker/wrangler.toml", ...setup }));
  }

  async get(path: string): Promise<Answer> {
    const startedAt = performance.now();
    const response = await fetch(`${this.ensemble.httpUrl}/${path}`, {
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    const text = await response.text();
    return { status: response.status, text, elapsedMs: performance.now() - startedAt };
  }

  /** The parsed answer of an operation that must succeed. The caller says its type: the probe is ours. */
  async ask<Result>(path: string): Promise<Result> {
    const { status, text } = await this.get(path);
    if (status !== 200) throw new Error(`${path} answered ${status}: ${text}`);
    return JSON.parse(text) as Result;
  }

  async state(object: string): Promise<ProbeState> {
    return await this.ask<ProbeState>(`${object}/state`);
  }

  /** Opens a WebSocket to an object. */
  async webSocket(path: string): Promise<WebSocketLog> {
    const log = new WebSocketLog(`${this.ensemble.webSocketUrl}/${path}`);
    await log.opened;
    return log;
  }

  /** Opens a TCP connection and sends its first line: the object's name and what it shall do. */
  tcp(line: string, door = 0): TcpLog {
    return new TcpLog(Number(this.ensemble.tcpPorts[door]), line);
  }
}

/** What arrived on one stream, and a way to wait for more. */
class ArrivalLog {
  readonly arrivals: Arrival[] = [];
  #askedAt: number = performance.now();
  readonly #waiters: (() => void)[] = [];

  /** Times count from now on. */
  restartClock(): void {
    this.#askedAt = performance.now();
  }

  add(what: string): void {
    this.arrivals.push({ what, afterMs: Math.round(performance.now() - this.#askedAt) });
    for (const wake of this.#waiters.splice(0)) wake();
  }

  get words(): readonly string[] {
    return this.arrivals.map((arrival) => arrival.what);
  }

  /** Waits until the condition holds of what arrived. */
  async until(condition: (words: readonly string[]) => boolean): Promise<void> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error(`still waiting after ${DEADLINE_MS} ms; what came: ${JSON.stringify(this.arrivals)}`));
    }, DEADLINE_MS);
    try {
      while (!condition(this.words)) {
        const next = new Promise<void>((wake) => this.#waiters.push(wake));
        await Promise.race([next, late]);
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A WebSocket's text messages in order; its end is `closed CODE REASON`. */
export class WebSocketLog extends ArrivalLog {
  readonly opened: Promise<void>;
  readonly #socket: WebSocket;

  constructor(url: string) {
    super();
    this.#socket = new WebSocket(url);
    this.opened = new Promise((resolve, reject) => {
      this.#socket.addEventListener("open", () => resolve());
      this.#socket.addEventListener("error", () => reject(new Error(`no WebSocket to ${url}`)));
    });
    this.#socket.addEventListener("message", (event) => this.add(String(event.data)));
    this.#socket.addEventListener("close", (event) =>
      this.add(`closed ${event.code} ${event.reason}`.trim()),
    );
  }

  get isOpen(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(message: string): void {
    this.restartClock();
    this.#socket.send(message);
  }

  close(): void {
    this.#socket.close();
  }
}

/** A TCP connection's lines in order; `end` is the other side's FIN, `closed` the end of all. */
export class TcpLog extends ArrivalLog {
  readonly socket: Socket;
  #rest = "";

  constructor(port: number, line: string) {
    super();
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.setEncoding("utf8");
    this.socket.on("data", (chunk) => this.#take(String(chunk)));
    this.socket.on("end", () => this.add("end"));
    this.socket.on("error", (error) => this.add(`error ${error.message}`));
    this.socket.on("close", () => this.add("closed"));
    this.socket.write(`${line}\n`);
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.add(line);
  }
}
