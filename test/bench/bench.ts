/** A run: what is asked for, and what came of it so far. */
import type { Shape } from "./measure.ts";
import type { Row } from "./report.ts";
import { headerLine, rowLines, type SectionName, SECTIONS } from "./sections.ts";
import type { TargetName } from "./targets/target.ts";
import type { WorkName } from "./work.ts";

/** How much of everything is measured. */
export interface Plan {
  readonly sections: ReadonlySet<SectionName>;
  readonly targets: readonly TargetName[];
  readonly works: readonly WorkName[];
  readonly shapes: readonly Shape[];
  readonly bytes: number;
  readonly znodes: number;
  readonly rounds: number;
  readonly seconds: number;
  readonly scale: Scale;
}

/** How large what is not throughput is. */
export interface Scale {
  readonly watchers: readonly number[];
  readonly stormSessions: number;
  /** Sessions that are not touched, and watches of each. */
  readonly untouched: readonly (readonly [sessions: number, watches: number])[];
  readonly locksAtOnce: readonly number[];
  /** Znodes in the trees that are loaded, each on top of the one before. */
  readonly trees: readonly number[];
  readonly children: number;
  /** How long a replica is away; sets are made for half of it. */
  readonly awaySeconds: number;
  /** Sets at 1x1 whose cost is counted. */
  readonly billedSets: number;
  /** Sessions of the SDK that are open while nobody asks, and for how long that is watched. */
  readonly idleSessions: number;
  readonly idleSeconds: number;
}

/** Takes rows as they are found, and shows them. */
export class Bench {
  readonly plan: Plan;
  readonly sections: Partial<Record<SectionName, Row[]>> = {};

  /** What went wrong, for people. */
  readonly failures: string[] = [];

  constructor(plan: Plan) {
    this.plan = plan;
  }

  wants(...names: readonly SectionName[]): boolean {
    return names.some((name) => this.plan.sections.has(name));
  }

  /** Goes on without a part of the run that fails. */
  async attempt(part: () => Promise<void>): Promise<void> {
    try {
      await part();
    } catch (error) {
      console.error(error);
      this.failures.push(error instanceof Error ? error.message : String(error));
    }
  }

  say(line: string): void {
    console.log(line);
  }

  add(name: SectionName, row: Row): void {
    const section = SECTIONS[name];
    const rows = (this.sections[name] ??= []);
    if (rows.length === 0) this.say(`\n${section.title}\n${headerLine(section)}`);
    rows.push(row);
    for (const line of rowLines(section, row)) this.say(line);
  }
}

/** What can be started and stopped. */
interface Stoppable {
  stop(): Promise<void>;
  /** What it said last, for who wants to know why it fails. */
  output?(): string;
}

/** Starts something that is stopped at the end. */
export type Start = <One extends Stoppable>(start: () => Promise<One>) => Promise<One>;

/**
 * What is started with the function that is handed in is stopped at the end, whatever happens in between. Where that is
 * an error, what they said last is printed.
 */
export async function withStarted<Result>(use: (start: Start) => Promise<Result>): Promise<Result> {
  const started: Stoppable[] = [];
  try {
    return await use(async (start) => {
      const one = await start();
      started.push(one);
      return one;
    });
  } catch (error) {
    for (const one of started) console.error(one.output?.() ?? "");
    throw error;
  } finally {
    for (const one of started) await one.stop();
  }
}
