/** How a test wants its world, and what its replicas are configured with. */
import type { Sid } from "../../src/base/ids.ts";
import type { KeeperConfig } from "../../src/keeper/config.ts";
import type { PeerTiming } from "../../src/zab/config.ts";
import { TEST_CONFIG } from "./test-config.ts";

type Optional =
  | "snapshotPartBytes"
  | "sessionsMax"
  | "readOnlyAfterMs"
  | "sessionTimeoutMinMs"
  | "znodes"
  | "logLevel";

export interface WorldOptions extends Partial<Pick<KeeperConfig, Optional>> {
  readonly voters: number;
  readonly isAudited?: boolean;
  readonly observers?: number;
  readonly seed?: number;
  readonly timing?: Partial<PeerTiming>;
  readonly bounds?: Partial<KeeperConfig["bounds"]>;
}

/** One replica's configuration. */
export function configOf(
  { voters, sids }: { readonly voters: readonly Sid[]; readonly sids: readonly Sid[] },
  { timing, sessionTimeoutMinMs, bounds, ...rest }: WorldOptions,
  sid: Sid,
): KeeperConfig {
  return {
    ...rest,
    ...TEST_CONFIG,
    sid,
    voters,
    observers: sids.filter((one) => !voters.includes(one)),
    sessionTimeoutMinMs: sessionTimeoutMinMs ?? 4000,
    sessionTimeoutMaxMs: 40_000,
    storageLimitBytes: 1_000_000,
    bounds: { maxConnections: 0, maxConnectionsPerAddress: 0, ...bounds },
    ...(timing === undefined ? {} : { timing }),
  };
}
