/** Something that happened and may not: the rule, and what shows that it was broken. */
export interface Violation {
  readonly rule: string;
  readonly what: string;
  /** The znode that it is about, where it is about one. */
  readonly path: string | undefined;
}

/** Makes a violation. */
export function violation(rule: string, what: string, path?: string): Violation {
  return { rule, what, path };
}
