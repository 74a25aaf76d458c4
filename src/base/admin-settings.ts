/** What the commands snapshot and restore are set up with. Source: ZooKeeper Commands, admin.* properties. */

/** By ZooKeeper's names: admin.snapshot.enabled, admin.restore.enabled, admin.rateLimiterIntervalInMS. */
export interface AdminSettings {
  readonly snapshotEnabled: boolean;
  readonly restoreEnabled: boolean;
  /** In which one restore may be made, milliseconds. */
  readonly intervalMs: number;
}

/** ZooKeeper's defaults. */
export const ADMIN_SETTINGS: AdminSettings = {
  snapshotEnabled: true,
  restoreEnabled: true,
  intervalMs: 300_000,
};

/**
 * ZooKeeper's limiter of snapshots takes the milliseconds of the setting for microseconds: a snapshot may be had each
 * 0.3 s, and who makes one a minute relies on it.
 */
export function snapshotIntervalMs({ intervalMs }: AdminSettings): number {
  return intervalMs / 1000;
}
