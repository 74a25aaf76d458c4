/** The two servers that are compared: one ZooKeeper, and Edgekeeper as `npm start` runs it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ProcessSet } from "../compat/processes.ts";
import { SESSION_TIMEOUT_MAX_MS, startSingleZooKeeper } from "../compat/single-zookeeper.ts";
import { type EnsembleSetup, startEnsemble } from "../harness/ensemble.ts";
import { saslUsers } from "../keeper/sasl-client.ts";
import { digestOf, SASL_PASSWORDS, SUPER_LOGIN } from "./values.ts";
import type { Door } from "./wire-socket.ts";

/** A running server. */
export interface Target {
  readonly name: string;
  readonly doors: readonly Door[];
  stop(): Promise<void>;
}

/** Both, serving. */
export interface Targets {
  readonly zookeeper: Target;
  readonly edgekeeper: Target;
  stop(): Promise<void>;
}

/** How both are set. */
export interface TargetSetup {
  /** How often they look for containers and TTL znodes to remove, in ms; never while random streams are played. */
  readonly sweepIntervalMs: number;
}

const NEVER: TargetSetup = { sweepIntervalMs: 2 ** 31 - 1 };

/** Starts both. Throws where one cannot be had. */
export async function startTargets(setup: TargetSetup = NEVER): Promise<Targets> {
  const [zookeeper, edgekeeper] = await Promise.allSettled([startZooKeeper(setup), startEdgekeeper(setup)]);
  if (zookeeper.status === "rejected" || edgekeeper.status === "rejected") {
    if (zookeeper.status === "fulfilled") await zookeeper.value.stop();
    if (edgekeeper.status === "fulfilled") await edgekeeper.value.stop();
    throw zookeeper.status === "rejected" ? zookeeper.reason : (edgekeeper as PromiseRejectedResult).reason;
  }
  const [one, other] = [zookeeper.value, edgekeeper.value];
  const stop = async (): Promise<void> => {
    await Promise.all([one.stop(), other.stop()]);
  };
  return { zookeeper: one, edgekeeper: other, stop };
}

async function startZooKeeper({ sweepIntervalMs }: TargetSetup): Promise<Target> {
  const temporary = await mkdtemp(join(tmpdir(), "differential-"));
  const processes = new ProcessSet();
  const kill = (): void => processes.killAll();
  process.once("exit", kill);
  const stop = async (): Promise<void> => {
    await processes.stopAll();
    process.off("exit", kill);
    await rm(temporary, { recursive: true, force: true });
  };
  try {
    const server = await startSingleZooKeeper(processes, temporary, {
      superDigest: digestOf(SUPER_LOGIN),
      saslPasswords: SASL_PASSWORDS,
      sweepIntervalMs,
    });
    return { name: server.name, doors: server.addresses, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startEdgekeeper({ sweepIntervalMs }: TargetSetup): Promise<Target> {
  // On a machine that others use too, a replica that is late must not look dead.
  const vars = {
    SUPER_DIGEST: digestOf(SUPER_LOGIN),
    HEARTBEAT_LIMIT_MS: "15000",
    SASL_USERS: saslUsers(SASL_PASSWORDS),
    SASL_SUPER_USERS: Object.keys(SASL_PASSWORDS).at(-1) ?? "",
    ENFORCE_QUOTA: "1",
    SESSION_TIMEOUT_MAX_MS: String(SESSION_TIMEOUT_MAX_MS),
    CONTAINER_CHECK_INTERVAL_MS: String(sweepIntervalMs),
  };
  const setup: EnsembleSetup = { vars, readyDeadlineMs: 60_000 };
  const ensemble = await startEnsemble(setup);
  const doors = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
  return { name: "edgekeeper", doors, stop: async () => await ensemble.stop() };
}
