/**
 * An ensemble on this machine: the Worker of a wrangler.toml, bundled once and run by workerd, in a process for each
 * replica, with its doors on loopback and its data in a directory. Nothing watches files, nothing is sent anywhere.
 *
 * The runtime and the bundler are the ones that the installed wrangler brings, so that this runs what `wrangler dev`
 * would.
 */

import { once } from "node:events";
import { chmodSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join, resolve } from "node:path";

import { homeOfReplica } from "../local/homes.ts";
import { BrokenLinks } from "./broken-links.ts";
import { checkUnclaimed, claim } from "./data-claim.ts";
import { makeDirectory } from "./data-directory.ts";
import { askHealth, askStatus, type HealthDoor, HealthPatience } from "./health.ts";
import { leaderOfStatus, ReplicaNews } from "./leader-lines.ts";
import { sortObjectFiles } from "./object-files.ts";
import { portsOf, processCount, socketOf, storageOf } from "./process-plan.ts";
import { type BesideWorker, renderRuntimeConfig, RUNTIME_CONFIG_NAME } from "./runtime-config.ts";
import { withoutStacks } from "./runtime-output.ts";
import { RuntimeProcess } from "./runtime-process.ts";
import { errorsOf, type Standstill, standstill } from "./standstill.ts";
import { StartError } from "./start-error.ts";
import { TrunkDoors } from "./trunk-doors.ts";
import { type CheckedWorker, checkedWorker, REPLICA_BINDING } from "./variables.ts";
import { readWorkerConfig, type WorkerConfig } from "./worker-config.ts";
import { bundle, checkRunnable, localModule, runtimeFor } from "./wrangler-tools.ts";

/** How an ensemble is started. */
export interface EnsembleOptions {
  /** The Worker's wrangler.toml. */
  readonly configFile: string;
  /** Where replicas store what they know; created where missing. */
  readonly dataDirectory: string;
  readonly httpPort: number;
  /** One TCP door for each voter, then each observer; undefined takes the first ports of the wrangler.toml. */
  readonly tcpPorts: readonly number[] | undefined;
  /** Over how many processes the replicas are spread; undefined leaves it to their number. */
  readonly processes: number | undefined;
  /** Clients' streams go straight into the runtime, and not many on one trunk. */
  readonly isDirect: boolean;
  /** Vars of the Worker, over those of the wrangler.toml. */
  readonly vars: ReadonlyMap<string, string>;
  /** Other Workers to run beside, bound to it. */
  readonly beside: readonly BesideOptions[];
  /** Another workerd executable than the one wrangler brings; undefined takes that one. */
  readonly runtimeFile: string | undefined;
  /** Prints what the runtimes say of links that a loss broke, too. */
  readonly isVerbose: boolean;
  /** How the user runs this, such as `npm start --`, for messages that say what to do. */
  readonly command: string;
  /** Takes what a user should know and what keeps nothing from starting. */
  readonly warn: (line: string) => void;
  /** Takes what happens while it runs, among the lines that replicas print. */
  readonly tell: (line: string) => void;
}

/** Another Worker. */
export interface BesideOptions {
  /** Its wrangler.toml. */
  readonly configFile: string;
  readonly httpPort: number;
}

/** A running ensemble. */
export interface EnsembleProcess {
  readonly httpPort: number;
  /** The doors of the voters. */
  readonly voterPorts: readonly number[];
  readonly observerPorts: readonly number[];
  readonly dataDirectory: string;
  /** The doors of the Workers beside. */
  readonly beside: readonly { readonly name: string; readonly httpPort: number }[];
  /** Names of the ensembles served; none where the Worker has no replicas. */
  readonly ensembles: readonly string[];
  /** Resolves with how the runtime ended, once it did; never rejects. */
  readonly ended: Promise<string>;
  /**
   * Waits until `/healthz` answers 200; from then on the runtime's output goes through. Throws StartError, with the
   * output so far, when it did not within the deadline, refuses to, or the runtime ended.
   */
  waitUntilServing(deadlineMs: number): Promise<void>;
  /** Stops the runtime; what was acknowledged is on disk already. */
  stop(): Promise<void>;
}

/**
 * Starts the runtime. Throws StartError where a port is taken, the Worker does not build, or the data are
 * unreachable.
 */
export async function startEnsembleProcess(options: EnsembleOptions): Promise<EnsembleProcess> {
  const checked = checkedWorker(readWorkerConfig(options.configFile), options);
  const { worker, warnings, ensembles, observers, sids } = checked;
  for (const warning of warnings) options.warn(warning);
  const runtime = options.runtimeFile ?? (await runtimeFor(worker.compatibilityDate, options.warn));
  checkRunnable(runtime);
  const dataDirectory = resolve(options.dataDirectory);
  const runtimeDirectory = join(dataDirectory, "runtime");
  makeDirectory(runtimeDirectory);
  checkUnclaimed(runtimeDirectory);
  // The sockets of the processes are in here.
  chmodSync(runtimeDirectory, 0o700);
  await checkPortsFree(worker.tcpPorts, options);
  const beside = await bundleBeside(
    { name: worker.name, ports: [options.httpPort, ...worker.tcpPorts] },
    options,
    runtimeDirectory,
  );
  const count = processCount(sids.length, options.processes);
  sortData(checked, { dataDirectory, count });
  await bundleWorker(worker, runtimeDirectory, count);
  const ports = options.isDirect ? [] : worker.tcpPorts;
  const doors = new TrunkDoors({ ports, sids, count, runtimeDirectory, warn: options.warn });
  const places = { count, beside, dataDirectory, runtimeDirectory, doors };
  const configFiles = writeConfigs(checked, places, options.httpPort);
  await doors.open();
  const ids: number[] = [];
  const links = new BrokenLinks(join(runtimeDirectory, "broken-links.log"), options.tell);
  const news = new ReplicaNews(options.tell);
  const runtimes = configFiles.map(
    (configFile, at) =>
      new RuntimeProcess({
        executable: runtime,
        configFile,
        configName: RUNTIME_CONFIG_NAME,
        directory: runtimeDirectory,
        started: (id) => {
          ids[at] = id;
          claim(runtimeDirectory, ids);
        },
        restarting:
          count === 1
            ? undefined
            : (how) => {
                removeSockets(at, { runtimeDirectory, doors });
                news.lost(sidsAt(at, checked, count), how);
                links.lost();
              },
        filter: options.isVerbose ? undefined : () => links.filter(),
        heard: (line) => news.hear(line),
      }),
  );
  const secret = worker.vars.get("EDGEKEEPER_SECRET");
  const voters = worker.tcpPorts.length - observers;
  return new RunningEnsemble(runtimes, {
    doors,
    httpPort: options.httpPort,
    voterPorts: worker.tcpPorts.slice(0, voters),
    observerPorts: worker.tcpPorts.slice(voters),
    dataDirectory,
    beside: beside.map(({ worker: { name }, httpPort }) => ({ name, httpPort })),
    ensembles,
    runtime,
    isRuntimeChosen: options.runtimeFile !== undefined,
    links,
    secret: secret === "" ? undefined : secret,
    tell: options.tell,
  });
}

/** What a process that ended left behind, as it would keep the next one from listening. */
function removeSockets(
  at: number,
  { runtimeDirectory, doors }: { readonly runtimeDirectory: string; readonly doors: TrunkDoors },
): void {
  for (const file of [join(runtimeDirectory, socketOf(at)), doors.socketOf(at)])
    rmSync(file, { force: true });
}

/** Each object's database to where its process looks for it. */
function sortData(
  { worker, ensembles }: CheckedWorker,
  { dataDirectory, count }: { readonly dataDirectory: string; readonly count: number },
): void {
  const storages = Array.from({ length: count }, (_, at) => storageOf(at, dataDirectory));
  for (const storage of storages) makeDirectory(storage);
  const replicas = worker.durableObjects.find(({ name }) => name === REPLICA_BINDING);
  if (replicas === undefined) return;
  const found = readdirSync(dataDirectory).filter((name) => /^storage(-\d+)?$/.test(name));
  const formerStorages = found
    .map((name) => join(dataDirectory, name))
    .filter((path) => !storages.includes(path));
  sortObjectFiles({ storages, formerStorages, replicas: `${worker.name}-${replicas.className}`, ensembles });
}

/** What all processes run. */
async function bundleWorker(worker: WorkerConfig, directory: string, count: number): Promise<void> {
  await bundle(worker.main, join(directory, BUNDLES.worker), worker.keepsNames);
  if (count === 1) return;
  for (const name of ["namespace", "switchboard"] as const) {
    await bundle(localModule(name), join(directory, BUNDLES[name]));
  }
}

/** Bundles, relative to the directory in which the processes run. */
const BUNDLES = { worker: "worker.js", namespace: "namespace.js", switchboard: "switchboard.js" } as const;

/** One configuration for each process; their files. */
function writeConfigs(
  { worker, sids }: CheckedWorker,
  {
    count,
    beside,
    dataDirectory,
    runtimeDirectory,
    doors,
  }: {
    readonly count: number;
    readonly beside: readonly BesideWorker[];
    readonly dataDirectory: string;
    readonly runtimeDirectory: string;
    readonly doors: TrunkDoors;
  },
  httpPort: number,
): readonly string[] {
  return Array.from({ length: count }, (_, at) => {
    const among = {
      at,
      count,
      socketOf,
      namespaceFile: BUNDLES.namespace,
      switchboardFile: BUNDLES.switchboard,
    };
    const places = {
      httpPort: at === 0 ? httpPort : undefined,
      tcpPorts: doors.isEmpty ? portsOf(at, { ports: worker.tcpPorts, sids, count }) : [],
      trunkSocket: doors.isEmpty ? undefined : doors.socketOf(at),
      among: count === 1 ? undefined : among,
      storageDirectory: storageOf(at, dataDirectory),
      bundleFile: BUNDLES.worker,
    };
    const file = join(runtimeDirectory, `workerd-${at + 1}.capnp`);
    const home = sids.filter((sid) => homeOfReplica(sid, count) === at);
    const vars = new Map(worker.vars);
    if (count > 1) vars.set("HOME_REPLICAS", home.join(","));
    if (!doors.isEmpty) vars.set("TRUNKS", "1");
    writeFileSync(file, renderRuntimeConfig({ ...worker, vars }, places, at === 0 ? beside : []));
    removeSockets(at, { runtimeDirectory, doors });
    return file;
  });
}

/** The replicas of a process. */
function sidsAt(at: number, { sids }: CheckedWorker, count: number): readonly number[] {
  return sids.filter((sid) => homeOfReplica(sid, count) === at);
}

/** What a runtime was started with. */
interface RunningPlaces {
  readonly doors: TrunkDoors;
  readonly httpPort: number;
  readonly voterPorts: readonly number[];
  readonly observerPorts: readonly number[];
  readonly dataDirectory: string;
  readonly beside: EnsembleProcess["beside"];
  readonly ensembles: readonly string[];
  readonly runtime: string;
  readonly isRuntimeChosen: boolean;
  readonly links: BrokenLinks;
  readonly secret: string | undefined;
  readonly tell: (line: string) => void;
}

class RunningEnsemble implements EnsembleProcess {
  readonly httpPort: number;
  readonly voterPorts: readonly number[];
  readonly observerPorts: readonly number[];
  readonly dataDirectory: string;
  readonly beside: EnsembleProcess["beside"];
  readonly ensembles: readonly string[];
  readonly ended: Promise<string>;
  readonly #runtimes: readonly RuntimeProcess[];
  readonly #places: RunningPlaces;

  constructor(runtimes: readonly RuntimeProcess[], places: RunningPlaces) {
    this.httpPort = places.httpPort;
    this.voterPorts = places.voterPorts;
    this.observerPorts = places.observerPorts;
    this.dataDirectory = places.dataDirectory;
    this.beside = places.beside;
    this.ensembles = places.ensembles;
    this.#places = places;
    this.#runtimes = runtimes;
    this.ended = Promise.race(runtimes.map(async ({ ended }) => await ended));
  }

  async waitUntilServing(deadlineMs: number): Promise<void> {
    const door: HealthDoor = { port: this.httpPort, secret: this.#places.secret, timeoutMs: deadlineMs };
    const deadline = performance.now() + deadlineMs;
    const patience = new HealthPatience();
    let last = "no answer yet";
    let askStatusAt = performance.now() + STATUS_INTERVAL_MS;
    let whyBefore: string | undefined;
    while (performance.now() < deadline) {
      const end = this.#runtimes.find((one) => one.end !== undefined)?.end;
      if (end !== undefined) throw await this.#endedEarly(end);
      const health = await askHealth(door);
      if (health.code === 200) {
        for (const runtime of this.#runtimes) runtime.release();
        return await this.#tellLeaders(door);
      }
      last = `${health.code ?? ""} ${health.detail}`.trim();
      const pauseMs = patience.nextAskMs(health);
      if (pauseMs === undefined) throw await this.#refused(last);
      if (health.code === 503 && performance.now() >= askStatusAt) {
        const still = await this.#standstill(door);
        if (still !== undefined && (still.isSure || still.why === whyBefore)) throw await this.#stands(still);
        whyBefore = still?.why;
        askStatusAt = performance.now() + STATUS_INTERVAL_MS;
      }
      await Promise.race([this.ended, new Promise((wake) => setTimeout(wake, pauseMs))]);
    }
    throw await this.#late(door, last);
  }

  /** What replicas printed of their first election is held back: who leads is told all the same. */
  async #tellLeaders(door: HealthDoor): Promise<void> {
    for (const name of this.ensembles) {
      const status = await askStatus({ ...door, timeoutMs: LEADER_TIMEOUT_MS }, name);
      const leads = status === undefined ? undefined : leaderOfStatus(status, name);
      if (leads !== undefined) this.#places.tell(leads);
    }
  }

  async #endedEarly(how: string): Promise<StartError> {
    await this.stop();
    const { runtime, isRuntimeChosen } = this.#places;
    const remedy = isRuntimeChosen
      ? "Is it a workerd? Leave --runtime out to run the one that belongs to this version."
      : "Is it made for this machine? Install it anew (in a clone: npm ci), and start again.";
    return new StartError(`${await this.#told()}${runtime} ended before it served (${how}). ${remedy}`);
  }

  /** The Worker fails the same way at each question: it is told once, and where in the code is left out. */
  async #refused(last: string): Promise<StartError> {
    await this.stop();
    const detail = withoutStacks(await this.#held());
    return new StartError(
      `${block(detail)}the Worker runs and does not serve; /healthz says: ${last}. ` +
        `Its variables and its code decide; waiting does not help.`,
    );
  }

  /** Why an ensemble will never serve; undefined where all may. */
  async #standstill(door: HealthDoor): Promise<Standstill | undefined> {
    for (const name of this.ensembles) {
      const status = await askStatus({ ...door, timeoutMs: STATUS_TIMEOUT_MS }, name);
      const still = status === undefined ? undefined : standstill(status, this.dataDirectory);
      if (still === undefined) continue;
      const why = `the ensemble ${name} does not serve, and waiting does not help: ${still.why}`;
      return { ...still, why };
    }
    return undefined;
  }

  /** It says all that there is to say: what the runtime printed would only hide it. */
  async #stands({ why }: Standstill): Promise<StartError> {
    await this.stop();
    return new StartError(why);
  }

  async #late(door: HealthDoor, last: string): Promise<StartError> {
    const still = await this.#standstill(door);
    if (still !== undefined) return await this.#stands(still);
    const statusDoor = { ...door, timeoutMs: STATUS_TIMEOUT_MS };
    const reports = await Promise.all(this.ensembles.map(async (name) => askStatus(statusDoor, name)));
    const errors = [...new Set(reports.flatMap((report) => (report === undefined ? [] : errorsOf(report))))];
    await this.stop();
    const reasons = errors.length === 0 ? "" : `; its replicas say: ${errors.join("; ")}`;
    return new StartError(
      `${await this.#told()}the ensemble did not serve within ${door.timeoutMs} ms; ` +
        `/healthz says: ${last}${reasons}. On a slow machine give it longer with --timeout.`,
    );
  }

  async #told(): Promise<string> {
    return block(await this.#held());
  }

  async #held(): Promise<string> {
    const parts = await Promise.all(this.#runtimes.map(async (runtime) => await runtime.held()));
    return parts.join("");
  }

  async stop(): Promise<void> {
    this.#places.links.stopping();
    await this.#places.doors.close();
    await Promise.all(this.#runtimes.map(async (runtime) => await runtime.stop()));
  }
}

/** The gateway gives each replica 2 s to tell its status. */
const STATUS_TIMEOUT_MS = 3000;

/** Nobody waits longer to be told who leads: it serves already. */
const LEADER_TIMEOUT_MS = 500;

/** An ensemble on its way serves in a moment: one that does not is asked for the reason this often. */
const STATUS_INTERVAL_MS = 300;

/** The runtime's words before ours, which shall be the last on the screen. */
function block(output: string): string {
  return output.trim() === "" ? "" : `the runtime printed:\n\n${output.trimEnd()}\n\nedgekeeper: `;
}

async function bundleBeside(
  ours: { readonly name: string; readonly ports: readonly number[] },
  { beside, command }: Pick<EnsembleOptions, "beside" | "command">,
  directory: string,
): Promise<readonly BesideWorker[]> {
  const workers = beside.map(({ configFile, httpPort }, index) => {
    const worker = readWorkerConfig(configFile, [ours.name], "--worker");
    if (worker.tcpPorts.length > 0) {
      throw new StartError(
        `${configFile}: a Worker beside the ensemble has no TCP door here; the ensemble's own is --config.`,
      );
    }
    return { worker, httpPort, bundleFile: `beside-${index}.js` };
  });
  checkDifferent(ours, workers);
  for (const { worker, httpPort, bundleFile } of workers) {
    await checkPortFree(httpPort, `${command} --worker FILE@${httpPort + 1000}`);
    await bundle(worker.main, join(directory, bundleFile), worker.keepsNames);
  }
  return workers;
}

/** Each Worker has a name, and each door a port, of its own. */
function checkDifferent(
  ours: { readonly name: string; readonly ports: readonly number[] },
  workers: readonly BesideWorker[],
): void {
  const names = new Set([ours.name]);
  const ports = new Set(ours.ports);
  for (const { worker, httpPort } of workers) {
    if (names.has(worker.name)) {
      throw new StartError(`two Workers are called ${worker.name}: change the name in one wrangler.toml.`);
    }
    if (ports.has(httpPort)) {
      throw new StartError(`two doors want port ${httpPort}: say --worker FILE@N with another one.`);
    }
    names.add(worker.name);
    ports.add(httpPort);
  }
}

/** Whether all doors of the ensemble can be opened. */
async function checkPortsFree(
  tcpPorts: readonly number[],
  { command, httpPort }: Pick<EnsembleOptions, "command" | "httpPort">,
): Promise<void> {
  await checkPortFree(httpPort, `${command} --port 18787`);
  const others = tcpPorts.map((_, index) => 12_181 + index);
  for (const port of tcpPorts) await checkPortFree(port, `${command} --ports ${others.join(",")}`);
}

async function checkPortFree(port: number, remedy: string): Promise<void> {
  const server = createServer();
  try {
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    await once(server, "listening");
  } catch (error) {
    throw new StartError(
      `port ${port} on 127.0.0.1 cannot be opened (${errorCode(error)}). ` +
        `Stop what listens there, or choose another: ${remedy}`,
      { cause: error },
    );
  }
  const closed = once(server, "close");
  server.close();
  await closed;
}

function errorCode(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
  return code === "EADDRINUSE" ? "another program listens there" : code;
}
