/** A deliberate defect, as text that takes the place of other text: what the simulator must find. */

/** One change of a file; `find` occurs in it exactly once. */
export interface Edit {
  /** From the repository's root. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** A defect. It compiles, and no test of one module alone sees it. */
export interface Mutant {
  /** Unique, in kebab-case. */
  readonly id: string;
  /** One line for people: what the program does wrong. */
  readonly what: string;
  /** Mostly one; more where one rule has two guards, which a single slip would not get past. */
  readonly edits: readonly Edit[];
  /** Set where nothing wrong is ever done, but something due is not: then not to converge is a catch. */
  readonly isOfLiveness?: true;
}

/** The source with the edit made. Throws where `find` is not there exactly once. */
export function applyEdit(source: string, edit: Edit): string {
  const parts = source.split(edit.find);
  const [before, after] = parts;
  if (before === undefined || after === undefined || parts.length !== 2) {
    throw new Error(`${edit.file} holds ${parts.length - 1} times, not once: ${edit.find}`);
  }
  if (edit.find === edit.replace) throw new Error(`an edit of ${edit.file} changes nothing`);
  return before + edit.replace + after;
}
