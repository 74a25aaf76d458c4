/** What all parts of a simulated world share: its time, who watches it, and how its replicas are configured. */
import type { Sid } from "../base/ids.ts";
import { type Rng, seededRng } from "../base/rng.ts";
import type { KeeperConfig } from "../keeper/config.ts";
import type { PeerTiming } from "../zab/config.ts";
import { Agenda } from "./agenda.ts";
import type { WorldObserver } from "./observer.ts";
import { Verdict } from "./verdict.ts";
import { InjectedFailure } from "./volume.ts";

/** The wall clock at the beginning of each run. */
export const EPOCH_MS = 1_800_000_000_000;

/** What a world is made of. */
export interface WorldOptions extends Pick<
  KeeperConfig,
  "snapshotPartBytes" | "sessionsMax" | "znodes" | "dormancy"
> {
  readonly voters: number;
  readonly observers?: number;
  /** Replicas that are no members at first, and nobody knows: a reconfig may call them. */
  readonly spares?: number;
  readonly seed?: number;
  readonly timing?: Partial<PeerTiming>;
  readonly sessionTimeoutMinMs?: number;
  readonly sessionTimeoutMaxMs?: number;
  readonly bounds?: Partial<KeeperConfig["bounds"]>;
  readonly storageLimitBytes?: number;
  /** Batches of proposals that each replica keeps. */
  readonly logRowsMax?: number;
  /** Messages between replicas take 1 ms and up to this much more. */
  readonly networkDelayMs?: number;
  /** Messages between two replicas take half of this there, and half back, instead. */
  readonly roundTripMs?: (a: Sid, b: Sid) => number;
  /** Bytes between clients and replicas take 1 ms and up to this much more. */
  readonly clientDelayMs?: number;
  /** Clients over TCP share a trunk: what several send within so many ms comes to their replica together. */
  readonly trunkGatherMs?: number;
}

/** What the dice are thrown for: each has its own, so that one fault more or less changes little else. */
const PURPOSES = ["disk", "network", "notifications", "clients", "keeper", "faults"] as const;

/** See PURPOSES. */
export type Purpose = (typeof PURPOSES)[number];

/** See the file's comment. */
export class Setting {
  readonly agenda: Agenda = new Agenda();
  readonly options: WorldOptions;
  readonly voters: readonly Sid[];
  /** Of all replicas that there may ever be. */
  readonly sids: readonly Sid[];
  readonly observers: WorldObserver[] = [];
  /** What the code under test has thrown. */
  readonly crashes: Error[] = [];
  #ids = 0;

  constructor(options: WorldOptions) {
    const { voters, observers = 0, spares = 0 } = options;
    this.options = options;
    this.sids = Array.from({ length: voters + observers + spares }, (_, index) => index + 1);
    this.voters = this.sids.slice(0, voters);
  }

  /** Dice for a purpose, and there for two numbers of its own. */
  rng(purpose: Purpose, a = 0, b = 0): Rng {
    const { seed = 1 } = this.options;
    return seededRng([seed, 0x51ed270b + PURPOSES.indexOf(purpose), 0x2545f491 + a, 0x9e3779b9 + b]);
  }

  /** Never the same twice: for links and connections. */
  newId(): number {
    return ++this.#ids;
  }

  /**
   * An object ends by an error: one that was put in on purpose, or one of the code under test, which is kept. A check's
   * verdict ends the run instead.
   */
  failure(error: unknown): Error {
    if (error instanceof Verdict || !(error instanceof Error)) throw error;
    if (!(error instanceof InjectedFailure)) this.crashes.push(error);
    return error;
  }

  /** Tells all who watch. */
  tell(about: (observer: WorldObserver) => void): void {
    for (const observer of this.observers) about(observer);
  }

  /** How a replica is configured. */
  config(sid: Sid): KeeperConfig {
    const { options, voters } = this;
    const { voters: voterCount, observers: observerCount = 0 } = options;
    const { timing, bounds, snapshotPartBytes, sessionsMax, znodes, dormancy } = options;
    return {
      ensemble: "main",
      clientAddresses: [],
      tickTimeMs: 2000,
      reconfigEnabled: true,
      sid,
      voters,
      observers: this.sids.slice(voterCount, voterCount + observerCount),
      sessionTimeoutMinMs: options.sessionTimeoutMinMs ?? 4000,
      sessionTimeoutMaxMs: options.sessionTimeoutMaxMs ?? 40_000,
      storageLimitBytes: options.storageLimitBytes ?? 1_000_000_000,
      bounds: { maxConnections: 0, maxConnectionsPerAddress: 0, ...bounds },
      ...(timing === undefined ? {} : { timing }),
      ...(sessionsMax === undefined ? {} : { sessionsMax }),
      ...(znodes === undefined ? {} : { znodes }),
      ...(dormancy === undefined ? {} : { dormancy }),
      ...(snapshotPartBytes === undefined ? {} : { snapshotPartBytes }),
    };
  }
}
