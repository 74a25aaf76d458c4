/** One measurement: so many sessions, each with so many requests outstanding, for so long. */
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Address } from "../compat/servers.ts";
import { WireClient } from "../client/wire-client.ts";
import { cpuSeconds } from "./cpu.ts";
import { BenchSession, newTally } from "./session.ts";
import type { Target } from "./targets.ts";
import { CREATED_PREFIX, Requests, ROOT, type Work, znodePath } from "./work.ts";

/** Sessions times outstanding requests of each. */
export interface Shape {
  readonly sessions: number;
  readonly outstanding: number;
}

/** What was seen. */
export interface Figures {
  /** Answered while it counted. */
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the whole ensemble for a request, in us. */
  readonly cpuUs: number;
  /** Of one core, how much the clients took: where it nears 1, they are what is measured. */
  readonly clientCores: number;
  /** Changes acknowledged, also before it counted. */
  readonly changes: number;
}

/** What else is to be looked at while it counts. */
export interface Watcher {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What is measured, and for how long. */
export interface Measurement {
  readonly work: Work;
  readonly shape: Shape;
  readonly seconds: number;
  readonly watcher?: Watcher;
}

/** Before it counts, for a part of the time that it counts. */
const WARM_UP = 0.3;

const NODE_EXISTS = -110;

/** Measures. Throws where a request fails, or a connection is lost. */
export async function measure(
  target: Target,
  { work, shape, seconds, watcher }: Measurement,
): Promise<Figures> {
  const sessions = await Promise.all(
    Array.from(
      { length: shape.sessions },
      async (_, index) => await BenchSession.open(addressOf(target, index)),
    ),
  );
  try {
    const tally = newTally();
    for (const [index, session] of sessions.entries()) {
      session.start(new Requests(work, index + 1), tally, shape.outstanding);
    }
    await passed(WARM_UP * seconds * 1000);
    await watcher?.start();
    const [ensembleBefore, clientsBefore] = [await cpuSeconds(target.processes()), process.cpuUsage()];
    tally.isCounting = true;
    const beganMs = performance.now();
    await passed(seconds * 1000);
    tally.isCounting = false;
    const tookMs = performance.now() - beganMs;
    const clients = process.cpuUsage(clientsBefore);
    const ensembleSeconds = (await cpuSeconds(target.processes())) - ensembleBefore;
    await watcher?.stop();
    await Promise.all(sessions.map(async (session) => await session.stop()));
    if (tally.errors.size > 0) {
      throw new Error(`${target.name} answered with errors: ${JSON.stringify([...tally.errors])}`);
    }
    const { count } = tally.latencies;
    return {
      requests: count,
      requestsPerSecond: (count * 1000) / tookMs,
      p50Ms: tally.latencies.percentile(0.5),
      p99Ms: tally.latencies.percentile(0.99),
      cpuUs: (ensembleSeconds * 1e6) / count,
      clientCores: (clients.user + clients.system) / 1000 / tookMs,
      changes: tally.changes,
    };
  } finally {
    for (const session of sessions) session.close();
  }
}

/** Makes what the work needs to be there. */
export async function prepare(target: Target, { znodes, bytes }: Work): Promise<void> {
  const session = await BenchSession.open(addressOf(target, 0));
  const create = { op: "create", data: new Uint8Array(bytes), acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
  const paths = [ROOT, ...Array.from({ length: znodes }, (_, index) => znodePath(index))];
  for (const path of paths) {
    const error = await session.ask({ ...create, path });
    if (error !== 0 && error !== NODE_EXISTS) throw new Error(`${target.name}: create ${path}: ${error}`);
  }
  session.close();
}

/** All changes that the tree tells of: the versions of the znodes that are set, and those that were created. */
export async function changesSeen(target: Target, { znodes }: Work): Promise<number> {
  const client = new WireClient({ servers: [addressOf(target, 0)], timeoutMs: SESSION_TIMEOUT_MS });
  if (!(await client.connected(SESSION_TIMEOUT_MS))) throw new Error(`${target.name} does not serve`);
  await client.request({ op: "sync", path: ROOT });
  const listed = await client.request({ op: "getChildren", path: ROOT, watch: false });
  if (listed.kind !== "ok" || listed.response.op !== "children") throw new Error(`no children of ${ROOT}`);
  let seen = listed.response.children.filter((name) => name.startsWith(CREATED_PREFIX)).length;
  for (let index = 0; index < znodes; index++) {
    const found = await client.request({ op: "exists", path: znodePath(index), watch: false });
    if (found.kind !== "ok" || found.response.op !== "stat") throw new Error(`no ${znodePath(index)}`);
    seen += found.response.stat.version;
  }
  await client.close();
  return seen;
}

const SESSION_TIMEOUT_MS = 30_000;

function addressOf({ name, addresses }: Target, index: number): Address {
  const address = addresses[index % addresses.length];
  if (address === undefined) throw new Error(`${name} listens nowhere`);
  return address;
}

async function passed(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}
