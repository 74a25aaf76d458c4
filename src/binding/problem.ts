/**
 * What a call of the binding fails with. An error loses its class on the way between Workers; its name, code, and
 * guidance stay, and this reads them.
 */

/** The name of every error that Edgekeeper throws. */
const ERROR_NAME = "EdgekeeperError";

/** What went wrong. */
export interface Problem {
  /** Stable: what programs look at. docs/binding.md lists them. */
  readonly code: string;
  /** For people: what was wrong, and what to do. */
  readonly detail: string;
  /** As HTTP would tell it. */
  readonly status: number;
  /** Whether nothing was done, and asking again a little later may help. */
  readonly isRetryable: boolean;
}

/** An error of Edgekeeper's, in the isolate that made it. */
export class EdgekeeperError extends Error implements Problem {
  readonly code: string;
  readonly detail: string;
  readonly status: number;
  readonly isRetryable: boolean;

  constructor({ code, detail, status }: Omit<Problem, "isRetryable">) {
    super(`${code} (${status}): ${detail}`);
    this.name = ERROR_NAME;
    this.code = code;
    this.detail = detail;
    this.status = status;
    this.isRetryable = status === 503;
  }
}

/** As a Worker with a compatibility date before 2026-04-21 gets it: all that is left is the text. */
const TEXT = /(?:^|EdgekeeperError: )([a-z][a-z-]*) \((\d{3})\): (.*)$/s;

/** The problem that an error of a call is; undefined where the error is another's, as of a lost connection. */
export function problemOf(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const [, code, status, detail] = TEXT.exec(error.message) ?? [];
  if (code === undefined || status === undefined || detail === undefined) return undefined;
  return { code, detail, status: Number(status), isRetryable: status === "503" };
}
