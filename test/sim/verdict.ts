/** What is wrong with a run, by the name of the check that says so. */

import { Verdict } from "../../src/world/verdict.ts";

/** Thrown by whatever watches a run: a named check failed, as opposed to a crash of the code under test. */
export class Violation extends Verdict {
  /** The invariant or history check, by its one name, as docs/testing.md lists it. */
  readonly check: string;

  constructor(check: string, what: string) {
    super(`${check}: ${what}`);
    this.name = "Violation";
    this.check = check;
  }
}
