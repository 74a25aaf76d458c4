/** What can be wrong with bytes that claim to be a record. */
export type JuteProblem =
  /** A frame's length is negative or above the limit: the connection cannot be read any further. */
  | "frame-too-large"
  /** The record goes on where the bytes end. */
  | "truncated"
  /** A string, buffer or vector claims a length that no record can have. */
  | "bad-length"
  /** A type or kind that has no meaning at its place. */
  | "bad-type"
  /** A number out of the range that its field allows. */
  | "bad-value"
  /** Bytes are left where the record has ended. */
  | "trailing-bytes"
  /** Written in a format that this version does not know. */
  | "bad-version";

/**
 * The bytes are not what they claim to be: the only thing that a decoder throws, whatever bytes it is given.
 */
export class JuteError extends Error {
  override readonly name = "JuteError";
  readonly problem: JuteProblem;

  constructor(problem: JuteProblem, detail: string) {
    super(`${problem}: ${detail}`);
    this.problem = problem;
  }
}
