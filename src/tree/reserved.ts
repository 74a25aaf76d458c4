/**
 * Znodes that are there from the start and cannot be deleted. Source: ZooKeeper DataTree, Quotas, ZooDefs.
 */

/** The parent of all that the service itself keeps in the tree. */
export const ZOOKEEPER_PATH = "/zookeeper";

/** Where quotas live. */
export const QUOTA_PATH = "/zookeeper/quota";

/** Where the dynamic configuration is read. Everybody may read it, and only super may write it. */
export const CONFIG_PATH = "/zookeeper/config";

/** Whether the path may not be deleted. */
export function isReserved(path: string): boolean {
  return path === "/" || path === ZOOKEEPER_PATH || path === QUOTA_PATH || path === CONFIG_PATH;
}
