/** The word of whoever watches a world. */

/** Thrown to end a run, as opposed to what the code under test throws, which ends the object that it was in. */
export class Verdict extends Error {}
