import type { FourLetterWord } from "../base/four-letter-words.ts";
import type { LogLevel } from "../base/log-level.ts";
import type { Sid } from "../base/ids.ts";
import type { VotersBefore } from "../base/voters-before.ts";
import type { ZnodeSettings } from "../base/znode-settings.ts";
import type { PeerConfig } from "../zab/config.ts";
import type { ConnectionBounds } from "./connection-bounds.ts";
import type { DormancySettings } from "./dormancy.ts";

/** What a replica is and how it behaves. */
export interface KeeperConfig extends Pick<PeerConfig, "sid" | "timing"> {
  readonly ensemble: string;
  /** The initial members: a sid that is no voter observes. */
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  /** From whom they take over; nobody unless set. */
  readonly votersBefore?: VotersBefore | undefined;
  /** `host:port` per voter, then per observer, as /zookeeper/config tells clients; empty hides them. */
  readonly clientAddresses: readonly string[];
  /** ZooKeeper's unit of time, from which the bounds of session timeouts follow. */
  readonly tickTimeMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  readonly bounds: ConnectionBounds;
  /** Whether clients may change who the members are, by `reconfig`. */
  readonly reconfigEnabled: boolean;
  /** How large a replica's database may grow before creates and sets are refused. */
  readonly storageLimitBytes: number;
  /** How long this replica looks for a leader before it serves reads without one; never unless set. */
  readonly readOnlyAfterMs?: number | undefined;
  /** When the ensemble falls asleep: never unless set. */
  readonly dormancy?: DormancySettings | undefined;
  /** The four-letter words that are answered: FOUR_LETTER_WORDS_DEFAULT unless set. */
  readonly fourLetterWords?: readonly FourLetterWord[];
  /** ZNODE_SETTINGS unless set. */
  readonly znodes?: ZnodeSettings;
  /** Whether changes stand in the audit log: not unless set. */
  readonly isAudited?: boolean;
  /** All lines unless set. */
  readonly logLevel?: LogLevel;
  /** SESSIONS_MAX unless set: tests reach it. */
  readonly sessionsMax?: number;
  /** SNAPSHOT_PART_BYTES unless set: tests make many parts of little. */
  readonly snapshotPartBytes?: number;
}
