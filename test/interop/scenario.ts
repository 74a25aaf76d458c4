/** A scenario: named steps, each with its verdict and its time, shown as they come and as a table at the end. */

/** How one step went. */
export interface Outcome {
  readonly title: string;
  readonly verdict: "pass" | "FAIL";
  /** What was seen, or what was wrong. */
  readonly detail: string;
  readonly elapsedMs: number;
}

/** A system that did its scenario. */
export interface Report {
  /** The system, its version, and over what way it reached the ensemble. */
  readonly name: string;
  readonly outcomes: readonly Outcome[];
}

/** Thrown by a step that failed: what comes after it would only fail for the same reason. */
class StepFailed extends Error {
  override readonly name = "StepFailed";
}

/** The steps of one scenario. */
export class Scenario {
  readonly name: string;
  readonly #outcomes: Outcome[] = [];
  readonly #progress: (line: string) => void;

  constructor(name: string, progress: (line: string) => void) {
    this.name = name;
    this.#progress = progress;
  }

  /** Does a step; throws where it fails, after it was written down. */
  async step(title: string, action: () => Promise<string>): Promise<void> {
    const startedAt = performance.now();
    let outcome: Outcome;
    try {
      const detail = await action();
      outcome = { title, verdict: "pass", detail, elapsedMs: performance.now() - startedAt };
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      outcome = { title, verdict: "FAIL", detail, elapsedMs: performance.now() - startedAt };
    }
    this.#outcomes.push(outcome);
    this.#progress(`${this.name}: ${line(outcome)}`);
    if (outcome.verdict === "FAIL") throw new StepFailed(`${this.name}: ${title}: ${outcome.detail}`);
  }

  /** Does all steps of `play`; the first that fails ends it, and is the last of the report. */
  async run(play: (scenario: Scenario) => Promise<void>): Promise<Report> {
    try {
      await play(this);
    } catch (error) {
      if (!(error instanceof StepFailed)) {
        const detail = error instanceof Error ? error.message : String(error);
        const outcome: Outcome = { title: "between the steps", verdict: "FAIL", detail, elapsedMs: 0 };
        this.#outcomes.push(outcome);
        this.#progress(`${this.name}: ${line(outcome)}`);
      }
    }
    return { name: this.name, outcomes: this.#outcomes };
  }
}

/** All reports as one table, with the count as its last line. */
export function renderReports(reports: readonly Report[]): string {
  const lines: string[] = [];
  for (const { name, outcomes } of reports) {
    const total = outcomes.reduce((sum, { elapsedMs }) => sum + elapsedMs, 0);
    lines.push(`${name} (${seconds(total)})`, ...outcomes.map((outcome) => `  ${line(outcome)}`), "");
  }
  const { passed, failed } = count(reports);
  return [...lines, `${passed} passed, ${failed} failed`].join("\n");
}

/** Steps of all reports by verdict. */
export function count(reports: readonly Report[]): { readonly passed: number; readonly failed: number } {
  const outcomes = reports.flatMap((report) => report.outcomes);
  const passed = outcomes.filter(({ verdict }) => verdict === "pass").length;
  return { passed, failed: outcomes.length - passed };
}

function line({ title, verdict, detail, elapsedMs }: Outcome): string {
  const told = detail === "" ? "" : `: ${detail}`;
  return `${verdict}  ${seconds(elapsedMs).padStart(7)}  ${title}${told}`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
