/**
 * The runtime with its inspector open: a program that stands in for workerd (`npm start -- --runtime FILE`), and the
 * few words of the DevTools protocol that a CPU profile takes.
 * Source: https://chromedevtools.github.io/devtools-protocol/v8/Profiler/
 */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runtimeFor } from "../../src/cli/wrangler-tools.ts";
import { freePorts } from "../harness/ports.ts";

/** An ensemble may run as several processes of the runtime: each takes one of so many ports. */
const PORTS = 8;

/** How often the stack is looked at, in us: 5,000 times a second tells what takes a hundredth of the time. */
const SAMPLING_INTERVAL_US = 200;

/** V8's own form of a profile, as `.cpuprofile` files have it. Times are in us. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly startTime: number;
  readonly endTime: number;
  /** Ids of nodes, in the order of time. */
  readonly samples: readonly number[];
  /** Before each sample. */
  readonly timeDeltas: readonly number[];
}

/** A function at one place in the tree of calls. */
export interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    /** From 0 on. */
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
  /** Samples by line; lines from 1 on. */
  readonly positionTicks?: readonly { readonly line: number; readonly ticks: number }[];
}

/** Runtimes that open their inspectors. */
export interface InspectedRuntime {
  /** What stands in for workerd. */
  readonly runtimeFile: string;
  /** Ports of the inspectors of all that were started with it since the last start. */
  ports(): Promise<readonly number[]>;
}

/** That of wrangler.toml. */
const COMPATIBILITY_DATE = "2026-10-01";

/** Writes the program that stands in for workerd into the directory, which must be empty. */
export async function inspectedRuntime(directory: string): Promise<InspectedRuntime> {
  const runtimeFile = join(directory, "workerd-inspected");
  const claims = join(directory, "claims");
  await mkdir(claims);
  const ports = await freePorts(PORTS);
  const runtime = await runtimeFor(COMPATIBILITY_DATE, () => undefined);
  // Making a directory happens once, whoever else tries: so no two processes take one port.
  const script = `#!/bin/sh
shift
for port in ${ports.join(" ")}; do
  if mkdir ${quote(claims)}/$port 2>/dev/null; then
    exec ${quote(runtime)} serve --inspector-addr=127.0.0.1:$port "$@"
  fi
done
echo "no port is left for an inspector" >&2
exit 1
`;
  await writeFile(runtimeFile, script, { mode: 0o755 });
  return { runtimeFile, ports: async () => (await readdir(claims)).map(Number) };
}

/** A profiler of one process. */
export interface Profiler {
  stop(): Promise<CpuProfile>;
}

/** Begins to profile the Worker of the process whose inspector listens there. */
export async function startProfiler(port: number): Promise<Profiler> {
  const session = await inspect(port);
  await session.ask("Profiler.enable");
  await session.ask("Profiler.setSamplingInterval", { interval: SAMPLING_INTERVAL_US });
  await session.ask("Profiler.start");
  return {
    async stop() {
      const { profile } = (await session.ask("Profiler.stop")) as { readonly profile: CpuProfile };
      session.close();
      return profile;
    },
  };
}

/** What the scripts of all these processes hold, after a collection of what they do not. */
export async function heapMiB(ports: readonly number[]): Promise<number> {
  let bytes = 0;
  for (const port of ports) {
    const session = await inspect(port);
    await session.ask("HeapProfiler.collectGarbage");
    const { usedSize } = (await session.ask("Runtime.getHeapUsage")) as { readonly usedSize: number };
    bytes += usedSize;
    session.close();
  }
  return bytes / 2 ** 20;
}

/** Of several services the Worker that hosts the replicas is the first. */
async function inspect(port: number): Promise<InspectorSession> {
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as readonly {
    readonly webSocketDebuggerUrl: string;
  }[];
  const [first] = targets;
  if (first === undefined) throw new Error(`the runtime at port ${port} has nothing to inspect`);
  return await InspectorSession.open(first.webSocketDebuggerUrl);
}

/** One conversation with an inspector. */
class InspectorSession {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => this.#received(String(data)));
    socket.addEventListener("close", () => this.#ended());
  }

  static async open(url: string): Promise<InspectorSession> {
    const socket = new WebSocket(url);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve(), { once: true });
      socket.addEventListener("error", () => reject(new Error(`${url} does not open`)), { once: true });
    });
    return new InspectorSession(socket);
  }

  /** Throws where the inspector answers with an error, or hangs up. */
  async ask(method: string, params: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    this.#lastId++;
    const id = this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#socket.send(JSON.stringify({ id, method, params }));
    return await answer.promise;
  }

  close(): void {
    this.#socket.close();
  }

  #received(text: string): void {
    const message = JSON.parse(text) as {
      readonly id?: number;
      readonly result?: unknown;
      readonly error?: { readonly message: string };
    };
    const answer = message.id === undefined ? undefined : this.#waiting.get(message.id);
    if (answer === undefined || message.id === undefined) return;
    this.#waiting.delete(message.id);
    if (message.error === undefined) answer.resolve(message.result);
    else answer.reject(new Error(`the inspector says: ${message.error.message}`));
  }

  #ended(): void {
    for (const answer of this.#waiting.values()) answer.reject(new Error("the inspector hung up"));
    this.#waiting.clear();
  }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
