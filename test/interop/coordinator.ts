/**
 * The ensemble that a system is pointed at: what `npm start` runs, built with a door for faults, so that its leader can
 * be killed.
 */
import { join } from "node:path";

import type { Child, ProcessSet } from "../compat/processes.ts";
import { until } from "../compat/servers.ts";
import { freePorts } from "../harness/ports.ts";
import { type TestEnsemble, startEnsemble } from "../harness/ensemble.ts";
import { saslUsers } from "../keeper/sasl-client.ts";

/** Who may log in by SASL DIGEST-MD5, for systems that want their znodes for themselves. */
export const SASL_LOGIN = { user: "kafka", password: "kafka-secret" } as const;

/** How long a replica that was killed is away, in ms. */
const AWAY_MS = 4000;

const FAULT_DEADLINE_MS = 15_000;
const STATUS_DEADLINE_MS = 3000;
const SERVING_DEADLINE_MS = 90_000;

const REPLICAS = 3;

/** The program `edgekeeper`. */
const PROGRAM = join(import.meta.dirname, "../../src/program/main.ts");

/** A running ensemble. */
export interface Coordinator {
  /** The connect string, without a chroot. */
  readonly connect: string;
  /** Another one, for those who only look at what a system has written. */
  readonly aside: string;
  /** The replica that leads, once one does. */
  leader(): Promise<number>;
  /**
   * Kills the replica that leads, with all its connections; it takes nothing for AWAY_MS. Resolves when another one
   * leads, with a line that tells who they are.
   */
  killLeader(): Promise<string>;
  /** Of the ensemble, for the report of a failure. */
  output(): string;
  stop(): Promise<void>;
}

/** How the ensemble is to be. */
export interface CoordinatorSetup {
  readonly processes: ProcessSet;
  /** Variables of the Worker. */
  readonly vars?: Readonly<Record<string, string>>;
  /** Whether systems reach it through `edgekeeper bridge`, as they reach a deployment. */
  readonly isBridged: boolean;
}

/** Starts it on fresh data. */
export async function startCoordinator(setup: CoordinatorSetup): Promise<Coordinator> {
  const { processes, vars, isBridged } = setup;
  const bridgePorts = isBridged ? await freePorts(REPLICAS) : [];
  // Curator connects to what /zookeeper/config says, whatever it was told before.
  const addresses = isBridged ? { CLIENT_ADDRESSES: connectString(bridgePorts) } : {};
  const ensemble = await startEnsemble({
    config: "test/faults/wrangler.toml",
    vars: { SASL_USERS: saslUsers({ [SASL_LOGIN.user]: SASL_LOGIN.password }), ...addresses, ...vars },
    readyDeadlineMs: SERVING_DEADLINE_MS,
  });
  const direct = connectString(ensemble.tcpPorts);
  let bridge: Child | undefined;
  try {
    bridge = isBridged ? await startBridge(processes, ensemble.httpUrl, bridgePorts) : undefined;
  } catch (error) {
    await ensemble.stop();
    throw error;
  }
  return {
    connect: isBridged ? connectString(bridgePorts) : direct,
    aside: direct,
    leader: async () => await leaderOf(ensemble),
    killLeader: async () => await killLeader(ensemble),
    output: () => ensemble.output(),
    async stop() {
      if (bridge !== undefined) await processes.stop(bridge);
      await ensemble.stop();
    },
  };
}

/** Ready when it has told what its ports lead to. */
async function startBridge(processes: ProcessSet, url: string, ports: readonly number[]): Promise<Child> {
  const args = [PROGRAM, "bridge", "--url", url, "--ports", ports.join(",")];
  let isOpen = false;
  const bridge = processes.start({ command: process.execPath, args }, (line) => {
    isOpen ||= line.startsWith("connect string ");
  });
  await until(SERVING_DEADLINE_MS, "the bridge is open", () => {
    if (bridge.hasEnded) throw new Error(`edgekeeper bridge ended:\n${bridge.tail}`);
    return Promise.resolve(isOpen);
  });
  return bridge;
}

function connectString(ports: readonly number[]): string {
  return ports.map((port) => `127.0.0.1:${port}`).join(",");
}

async function killLeader(ensemble: TestEnsemble): Promise<string> {
  // Of three no more than one is away at once, or nobody could serve.
  await until(SERVING_DEADLINE_MS, "every replica serves", async () => {
    const signal = AbortSignal.timeout(STATUS_DEADLINE_MS);
    return await fetch(`${ensemble.httpUrl}/healthz`, { signal }).then(
      ({ ok }) => ok,
      // Not in time: asked again until the deadline.
      () => false,
    );
  });
  const before = await leaderOf(ensemble);
  const startedAt = performance.now();
  const response = await fetch(`${ensemble.httpUrl}/faults/main/${before}`, {
    method: "POST",
    body: JSON.stringify({ kind: "down", ms: AWAY_MS }),
    signal: AbortSignal.timeout(FAULT_DEADLINE_MS),
  });
  if (!response.ok) throw new Error(`the leader was not killed: ${response.status} ${await response.text()}`);
  await response.arrayBuffer();
  const after = await leaderOf(ensemble, before);
  return `replica ${before} killed, ${after} leads after ${Math.round(performance.now() - startedAt)} ms`;
}

/** Waits until somebody leads who is not `besides`. */
async function leaderOf(ensemble: TestEnsemble, besides?: number): Promise<number> {
  let leader: number | null = null;
  await until(SERVING_DEADLINE_MS, "the ensemble has a leader", async () => {
    try {
      const signal = AbortSignal.timeout(STATUS_DEADLINE_MS);
      const response = await fetch(`${ensemble.httpUrl}/main/v1/status`, { signal });
      leader = ((await response.json()) as { readonly leader: number | null }).leader;
    } catch {
      // Not there, or not in time: asked again until the deadline.
      leader = null;
    }
    return leader !== null && leader !== besides;
  });
  if (leader === null) throw new Error("the ensemble has no leader");
  return leader;
}
