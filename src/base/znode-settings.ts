/**
 * How znodes that end by themselves, and quotas, are treated. Source: ZooKeeper EphemeralType, ContainerManager,
 * ZooKeeperServer.enforceQuota.
 */

/** What an ensemble is set to. */
export interface ZnodeSettings {
  /** Whether TTL znodes may be made (ZooKeeper's extendedTypesEnabled). */
  readonly extendedTypes: boolean;
  /** The leader looks for what may be removed this often, in milliseconds (znode.container.checkIntervalMs). */
  readonly sweepIntervalMs: number;
  /** And removes at most so many znodes a minute (znode.container.maxPerMinute). */
  readonly sweepsPerMinute: number;
  /**
   * A container that never had a child is removed after so many milliseconds, 0 for never
   * (znode.container.maxNeverUsedIntervalMs).
   */
  readonly neverUsedMs: number;
  /** Whether a write beyond a hard quota is refused; without it there is only a warning (zookeeper.enforceQuota). */
  readonly enforceQuota: boolean;
}

/**
 * ZooKeeper's own, but for TTL znodes, which it has off: there servers with an id of 255 and programs before 3.5.3
 * would take them for ephemerals. Here no replica has such an id, and no earlier program knows the data.
 */
export const ZNODE_SETTINGS: ZnodeSettings = {
  extendedTypes: true,
  sweepIntervalMs: 60_000,
  sweepsPerMinute: 10_000,
  neverUsedMs: 0,
  enforceQuota: false,
};
