/** Work that nobody waits for: its errors are told all the same. */

/** Lets it run; what it throws is reported as any error of the page that nobody caught. */
export function begin(work: Promise<unknown>): void {
  work.catch((error: unknown) => reportError(error));
}
