/** One line in the platform's log: when, which replica, what. */
export function logLine(line: string): void {
  // oxlint-disable-next-line no-console -- the console is the platform's log
  console.log(`${new Date().toISOString()} ${line}`);
}
