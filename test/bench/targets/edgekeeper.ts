/** Edgekeeper as `npm start` runs it: three replicas, each with data of its own. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { untilServing } from "../../compat/servers.ts";
import { freePorts } from "../../harness/ports.ts";
import { startEnsemble, type TestEnsemble } from "../../harness/ensemble.ts";
import { SyncCount } from "../syncs.ts";
import type { Target } from "./target.ts";

/** What a replica's status document is read for. */
export interface ReplicaFigures {
  readonly sid: number;
  readonly status: {
    readonly asleep: boolean;
    /** Transactions of its database. */
    readonly commits: number;
    /** Rows of its log. */
    readonly logBatches: number;
    /** Rows of all tables and indexes. */
    readonly rowsWritten: number;
  } | null;
}

/** Edgekeeper has doors that ZooKeeper has not. */
export interface EdgekeeperTarget extends Target {
  /** Without a slash at the end. */
  readonly httpUrl: string;
  /** What is run, in one file. */
  readonly bundleFile: string;
  /** The last that it printed. */
  output(): string;
  replicas(): Promise<readonly ReplicaFigures[]>;
  /** Only where it was started with faults on demand. */
  suffer(sid: number, fault: Readonly<Record<string, unknown>>): Promise<void>;
}

/** How it may be started otherwise than `npm start` does. */
export interface EdgekeeperSetup {
  /** Another workerd executable. */
  readonly runtimeFile?: string;
  /** Another wrangler.toml. */
  readonly config?: string;
  readonly vars?: Readonly<Record<string, string>>;
  /** Over how many processes the replicas are spread. */
  readonly processes?: number;
  /** Clients' streams go straight into the runtime: `--direct`. */
  readonly isDirect?: boolean;
}

const OUTPUT_LINES = 40;

/** A leader that was struck is away for a moment. */
const STATUS_TIMEOUT_MS = 5000;

/** Starts it on new data, and waits until it serves. */
export async function startEdgekeeper(setup: EdgekeeperSetup = {}): Promise<EdgekeeperTarget> {
  const target = await newEdgekeeper(setup);
  await target.start();
  return target;
}

/** One that is not started yet. */
export async function newEdgekeeper(setup: EdgekeeperSetup = {}): Promise<EdgekeeperTarget> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "bench-edgekeeper-"));
  const [httpPort = 0, ...tcpPorts] = await freePorts(4);
  const addresses = tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
  const syncs = await SyncCount.make();
  let ensemble: TestEnsemble | undefined;
  const httpUrl = `http://127.0.0.1:${httpPort}`;
  return {
    name: setup.isDirect === true ? "direct" : "edgekeeper",
    version: await versionOf(),
    addresses,
    httpUrl,
    bundleFile: join(dataDirectory, "runtime", "worker.js"),
    processes: () => (ensemble?.process.pid === undefined ? [] : [ensemble.process.pid]),
    syncs: async () => await syncs.read(),
    leader: async () => {
      const { leader } = await statusOf(httpUrl);
      if (leader === null) throw new Error("no replica of Edgekeeper leads");
      return leader;
    },
    output: () => ensemble?.output().split("\n").slice(-OUTPUT_LINES).join("\n") ?? "",
    replicas: async () => (await statusOf(httpUrl)).replicas,
    suffer: async (sid, fault) => {
      const response = await fetch(`${httpUrl}/faults/main/${sid}`, {
        method: "POST",
        body: JSON.stringify(fault),
      });
      if (!response.ok) throw new Error(`the fault was refused: ${response.status} ${await response.text()}`);
    },
    async start() {
      const vars = { MAX_CLIENT_CNXNS: "0", LOG_LEVEL: "warn", ...setup.vars };
      const { environment } = syncs;
      ensemble = await startEnsemble({ ...setup, dataDirectory, httpPort, tcpPorts, vars, environment });
      await untilServing(addresses, []);
    },
    async kill() {
      await ensemble?.kill9();
    },
    async stop() {
      await ensemble?.stop();
      await rm(dataDirectory, { recursive: true, force: true });
      await syncs.remove();
    },
  };
}

interface StatusDocument {
  readonly leader: number | null;
  readonly replicas: readonly ReplicaFigures[];
}

async function statusOf(httpUrl: string): Promise<StatusDocument> {
  const signal = AbortSignal.timeout(STATUS_TIMEOUT_MS);
  return (await (await fetch(`${httpUrl}/main/v1/status`, { signal })).json()) as StatusDocument;
}

/** The product's own version: no commit is asked for, as a tree may have changes that no commit has. */
async function versionOf(): Promise<string> {
  const file = join(import.meta.dirname, "../../../package.json");
  return (JSON.parse(await readFile(file, "utf8")) as { readonly version: string }).version;
}
