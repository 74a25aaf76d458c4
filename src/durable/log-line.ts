/** Lines in the platform's log: when, which replica or what part, what. */

/** One line of text. */
export function logLine(line: string): void {
  // oxlint-disable-next-line no-console -- the console is the platform's log
  console.log(`${new Date().toISOString()} ${line}`);
}

/** One line of JSON, for what reads logs; `time` is now. */
export function logJson(fields: Readonly<Record<string, unknown>>): void {
  // oxlint-disable-next-line no-console -- the console is the platform's log
  console.log(JSON.stringify({ time: new Date().toISOString(), ...fields }));
}

/** The lines of a replica, in the form that the deployment wants. */
export class LogLines {
  readonly #isJson: boolean;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  /** `ENSEMBLE/SID EVENT TEXT`: what happened to a replica. */
  replicaLine(line: string): void {
    const [, replica, event, text] = /^(\S+) (\S+) ([^]*)$/.exec(line) ?? [];
    if (!this.#isJson || replica === undefined) logLine(line);
    else logJson({ replica, event, text });
  }
}
