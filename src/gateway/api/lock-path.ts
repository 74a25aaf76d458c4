/** Where a lock's queue is. */

/** The parent of locks that are named without a path. */
export const LOCKS_PATH = "/locks";

/** `orders/42` is the znode /locks/orders/42; a name that begins with a slash is a path of its own. */
export function lockPath(name: string): string {
  return name.startsWith("/") ? name : `${LOCKS_PATH}/${name}`;
}
