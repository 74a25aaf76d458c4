/** What a replica is configured with. */
import type { Register } from "./register.ts";

/** Variables, secrets and bindings that a replica reads (wrangler.toml). */
export interface ReplicaEnv {
  readonly REPLICA: DurableObjectNamespace;
  readonly REGISTER: DurableObjectNamespace<Register>;
  /** Sids of the voters, separated by commas: 1, 3 or 5 of them. */
  readonly VOTERS: string;
  /** `1` under `npm start` alone: this machine's own may do everything, and webhooks go anywhere. */
  readonly EDGEKEEPER_DEV?: string;
  /** `1` sends changes to webhooks. */
  readonly WEBHOOKS_ENABLED?: string;
  /** Event streams that one caller may have at a replica. */
  readonly MAX_CALLER_STREAMS?: string;
  /** Sids of the observers, separated by commas; none unless set. */
  readonly OBSERVERS?: string;
  /** Where replicas are asked to be made: `sid=hint`, separated by commas. */
  readonly PLACEMENT?: string;
  /** Under `npm start` with several processes: the sids of the replicas that live with the gateway. */
  readonly HOME_REPLICAS?: string;
  /** The voters of the data where they were others; see votersRefusal. */
  readonly VOTERS_BEFORE?: string;
  /** Those of them that are gone, where fewer than a majority stay. */
  readonly VOTERS_LOST?: string;
  /** `host:port` for each voter, then each observer, in the same order, for /zookeeper/config; may be empty. */
  readonly CLIENT_ADDRESSES?: string;
  /** ZooKeeper's tickTime in milliseconds; session timeouts are 2 to 20 of it unless set apart. */
  readonly TICK_TIME_MS?: string;
  readonly SESSION_TIMEOUT_MIN_MS?: string;
  readonly SESSION_TIMEOUT_MAX_MS?: string;
  /** `user:base64(sha1(user:password))` of the super user; nobody is one unless it is set. */
  readonly SUPER_DIGEST?: string;
  /** `1` lets those who may write /zookeeper/config change the members; nobody may unless it is set. */
  readonly RECONFIG_ENABLED?: string;
  /** Silence after which a replica gives its leader, or its follower, up. */
  readonly HEARTBEAT_LIMIT_MS?: string;
  /** An ensemble that nobody has used for so long goes to sleep; 0 for never. */
  readonly DORMANT_AFTER_MS?: string;
  /** Asleep with idle clients of the SDK it wakes so often; 0 keeps it awake for them. */
  readonly PARKED_WAKE_MS?: string;
  /** Batches of proposals kept in the log: at most, and unless set, LOG_SLOTS. */
  readonly LOG_BATCHES_MAX?: string;
  /** `1` for an audit log. */
  readonly AUDIT_ENABLE?: string;
  /** `0` refuses the command snapshot. */
  readonly ADMIN_SNAPSHOT_ENABLED?: string;
  /** `0` refuses the command restore. */
  readonly ADMIN_RESTORE_ENABLED?: string;
  /** In which one restore may be made; of snapshots a thousandth. */
  readonly ADMIN_RATE_LIMITER_INTERVAL_MS?: string;
  /** `error`, `warn` or `info`. */
  readonly LOG_LEVEL?: string;
  readonly LOG_FORMAT?: string;
  /** Where traces go, and what is said to it; see TraceSettings. */
  readonly OTLP_ENDPOINT?: string;
  readonly OTLP_HEADERS?: string;
  readonly TRACE_RATIO?: string;
  /** A data set of Workers Analytics Engine, where one is bound: see analytics.ts. */
  readonly ANALYTICS?: AnalyticsEngineDataset;
  readonly FSYNC_WARNING_MS?: string;
  /** What clients may ask of a replica at once: see ThrottleSettings. */
  readonly GLOBAL_OUTSTANDING_LIMIT?: string;
  readonly REQUEST_THROTTLE_LIMIT?: string;
  readonly THROTTLED_OP_WAIT_MS?: string;
  readonly LARGE_REQUEST_THRESHOLD?: string;
  readonly LARGE_REQUEST_MAX_BYTES?: string;
  /** The four-letter words that are answered: FOUR_LETTER_WORDS_DEFAULT unless set, `*` for all. */
  readonly FOUR_LETTER_WORDS?: string;
}
