/** The product, as `npm start` runs it, built with faults on demand. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Members } from "../../src/base/settings.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { midChangeLine } from "../faults/fault.ts";
import { CHANGE_SIDS, type Change, FROZEN_MS } from "./change.ts";
import { RECONFIGURABLE, Reconfigurer } from "./reconfigurer.ts";
import type { Fault, ReplicaDigest, Target } from "./target.ts";

const CONFIG = "test/faults/wrangler.toml";
const STATUS_DEADLINE_MS = 3000;
const FAULT_DEADLINE_MS = 15_000;

interface ReplicaReport {
  readonly sid: number;
  readonly status: {
    readonly serving: boolean;
    readonly leader: number | null;
    readonly lastDelivered: string;
    readonly digest: string;
  } | null;
}

interface StatusReport {
  readonly leader: number | null;
  readonly replicas: readonly ReplicaReport[];
}

/** Starts the product on fresh data. */
export async function startEdgekeeper(members: Members): Promise<Target> {
  const dataDirectory = await mkdtemp(join(tmpdir(), "edgekeeper-chaos-"));
  try {
    const ensemble = await startEnsemble({ config: CONFIG, dataDirectory, vars: varsOf(members) });
    return new EdgekeeperTarget(ensemble, dataDirectory, members);
  } catch (error) {
    await rm(dataDirectory, { recursive: true, force: true });
    throw error;
  }
}

class EdgekeeperTarget implements Target {
  readonly name = "edgekeeper";
  readonly kinds = [
    "none",
    "abort",
    "down",
    "freeze",
    "cut",
    "cut link",
    "drop",
    "kill all",
    "change",
  ] as const;
  readonly members: Members;
  readonly servers: Target["servers"];
  readonly #dataDirectory: string;
  #ensemble: TestEnsemble;
  readonly #reconfigurer: Reconfigurer;

  constructor(ensemble: TestEnsemble, dataDirectory: string, members: Members) {
    this.members = members;
    this.#ensemble = ensemble;
    this.#dataDirectory = dataDirectory;
    this.servers = ensemble.tcpPorts.map((port) => ({ host: "127.0.0.1", port }));
    this.#reconfigurer = new Reconfigurer(this.servers, members.voters, {
      arm: async (change, token) => await this.#arm(change, token),
      hasStruck: (token) => this.#ensemble.output().includes(midChangeLine(token)),
      killAll: async () => await this.#killAll(),
    });
  }

  get httpUrl(): string {
    return this.#ensemble.httpUrl;
  }

  async leader(): Promise<number | undefined> {
    const status = await this.#status();
    return status?.leader ?? undefined;
  }

  async isServing(): Promise<boolean> {
    const status = await this.#status();
    if (status === undefined || status.leader === null) return false;
    return status.replicas.every((replica) => {
      return replica.status?.serving === true && replica.status.leader === status.leader;
    });
  }

  async digests(): Promise<readonly ReplicaDigest[]> {
    const status = await this.#status();
    if (status === undefined) throw new Error("no status");
    return status.replicas.map(({ sid, status: replica }) => {
      if (replica === null) throw new Error(`no status of replica ${sid}`);
      return { sid, lastDelivered: replica.lastDelivered, digest: replica.digest };
    });
  }

  async inject(fault: Fault): Promise<void> {
    if (fault.kind === "none") return;
    if (fault.kind === "kill all") return await this.#killAll();
    if (fault.change !== undefined) return await this.#reconfigurer.change(fault.change);
    await this.#suffer(fault.sid, bodyOf(fault));
  }

  async describe(): Promise<string> {
    const status = JSON.stringify(await this.#status(), null, 1);
    return `${status}\n${this.#ensemble.output().split("\n").slice(-40).join("\n")}`;
  }

  async stop(): Promise<void> {
    await this.#ensemble.stop();
    await rm(this.#dataDirectory, { recursive: true, force: true });
  }

  async #killAll(): Promise<void> {
    const { httpPort, tcpPorts } = this.#ensemble;
    await this.#ensemble.kill9();
    const dataDirectory = this.#dataDirectory;
    const vars = varsOf(this.members);
    this.#ensemble = await startEnsemble({ config: CONFIG, dataDirectory, httpPort, tcpPorts, vars });
  }

  /** Whoever leads the change is struck: nobody knows yet who that will be. */
  async #arm(change: Change | undefined, token: number): Promise<void> {
    const ms = change === undefined || change.blow === "abort" ? 0 : FROZEN_MS;
    const body = { kind: "midChange", stage: change?.stage, ms, token };
    await Promise.all(CHANGE_SIDS.map(async (sid) => await this.#suffer(sid, body)));
  }

  async #suffer(sid: number, body: Readonly<Record<string, unknown>>): Promise<void> {
    const response = await fetch(`${this.#ensemble.httpUrl}/faults/main/${sid}`, {
      method: "POST",
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(FAULT_DEADLINE_MS),
    });
    if (response.ok) return;
    throw new Error(`${String(body["kind"])} was refused: ${response.status} ${await response.text()}`);
  }

  async #status(): Promise<StatusReport | undefined> {
    try {
      const response = await fetch(`${this.#ensemble.httpUrl}/main/v1/status`, {
        signal: AbortSignal.timeout(STATUS_DEADLINE_MS),
      });
      return response.ok ? ((await response.json()) as StatusReport) : undefined;
    } catch {
      // Not there, or not in time: whoever asks has a deadline of its own.
      return undefined;
    }
  }
}

function varsOf({ voters, observers }: Members): Readonly<Record<string, string>> {
  return { VOTERS: voters.join(","), OBSERVERS: observers.join(","), ...RECONFIGURABLE };
}

function bodyOf({ kind, peer, ms }: Fault): Readonly<Record<string, unknown>> {
  switch (kind) {
    case "abort":
      return { kind };
    case "down":
    case "freeze":
    case "cut":
      return { kind, ms };
    case "cut link":
      return { kind: "cut", peer, ms };
    case "drop":
      return { kind, peer, ms };
    case "none":
    case "kill all":
    case "change":
      throw new Error(`${kind} is no fault of one replica`);
    default: {
      const none: never = kind;
      return none;
    }
  }
}
