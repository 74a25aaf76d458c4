/**
 * Data points for Workers Analytics Engine, where a data set is bound as ANALYTICS: one of each replica about every ten
 * seconds in which it did something, and one when it begins to lead. Where none is bound nothing is done.
 */
import { ANALYTICS_INTERVAL_MS } from "./limits.ts";

/** What is told of a replica. */
export interface AnalyticsFigures {
  readonly mode: string;
  /** Since its start. */
  readonly delivered: number;
  readonly commits: number;
  readonly rowsWritten: number;
  readonly connections: number;
  readonly sessions: number;
  readonly lastElectionMs: number;
}

/** What writes them, as AnalyticsEngineDataset does. */
export interface DataPoints {
  writeDataPoint(point: { indexes: string[]; blobs: string[]; doubles: number[] }): void;
}

/** Of one replica. */
export class Analytics {
  readonly #points: DataPoints | undefined;
  readonly #name: { readonly ensemble: string; readonly sid: number };
  #toldMs: number | undefined;
  #told: AnalyticsFigures | undefined;

  constructor(points: DataPoints | undefined, name: { readonly ensemble: string; readonly sid: number }) {
    this.#points = points;
    this.#name = name;
  }

  /** Time has passed: `figures` are asked for only where they are told. */
  tick(nowMs: number, figures: () => AnalyticsFigures): void {
    if (this.#points === undefined) return;
    const sinceMs = this.#toldMs === undefined ? undefined : nowMs - this.#toldMs;
    // A clock that was set back must not end it for long.
    if (sinceMs !== undefined && sinceMs >= 0 && sinceMs < ANALYTICS_INTERVAL_MS) return;
    this.#toldMs = nowMs;
    const now = figures();
    const before = this.#told;
    this.#told = now;
    if (before === undefined || (now.commits === before.commits && now.mode === before.mode)) return;
    const isElected = now.mode !== before.mode && (now.mode === "leader" || now.mode === "standalone");
    const { ensemble, sid } = this.#name;
    this.#points.writeDataPoint({
      indexes: [ensemble],
      blobs: [isElected ? "failover" : "interval", ensemble, String(sid), now.mode],
      doubles: [
        now.delivered - before.delivered,
        now.commits - before.commits,
        now.rowsWritten - before.rowsWritten,
        now.connections,
        now.sessions,
        isElected ? now.lastElectionMs : 0,
      ],
    });
  }
}
