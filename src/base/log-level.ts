/** Which of a replica's lines are worth writing. Source: the levels of log4j and logback, as ZooKeeper uses them. */

/** From the fewest lines to the most. */
export const LOG_LEVELS = ["error", "warn", "info"] as const;

/** The name of a level. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Whether a text names a level. */
export function isLogLevel(text: string): text is LogLevel {
  return LOG_LEVELS.some((level) => level === text);
}

/** The level of each kind of line, by the word that it begins with; the audit log has a switch of its own. */
const LEVELS: Readonly<Record<string, LogLevel>> = {
  DIVERGED: "error",
  "DIGESTS DIFFER": "error",
  "OWN TREE IS WRONG": "error",
  "SNAPSHOT REFUSED": "error",
  restarts: "error",
  audit: "error",
  client: "warn",
  link: "warn",
  quota: "warn",
  session: "warn",
  storage: "warn",
};

/** Whether lines of this kind are written at this level; those that no table names tell how things go. */
export function isLogged(event: string, level: LogLevel): boolean {
  return LOG_LEVELS.indexOf(LEVELS[event] ?? "info") <= LOG_LEVELS.indexOf(level);
}
