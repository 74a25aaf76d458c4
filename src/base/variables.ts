/** The variables that an ensemble is configured with: their names, and in a line what each is. */

/** The name of a variable that means something here. */
export type VariableName =
  | "VOTERS"
  | "OBSERVERS"
  | "VOTERS_BEFORE"
  | "VOTERS_LOST"
  | "ENSEMBLES"
  | "PLACEMENT"
  | "CLIENT_ADDRESSES"
  | "TCP_PORTS"
  | "TICK_TIME_MS"
  | "SESSION_TIMEOUT_MIN_MS"
  | "SESSION_TIMEOUT_MAX_MS"
  | "LOG_BATCHES_MAX"
  | "HEARTBEAT_LIMIT_MS"
  | "DORMANT_AFTER_MS"
  | "PARKED_WAKE_MS"
  | "MAX_CNXNS"
  | "MAX_CLIENT_CNXNS"
  | "MAX_CALLER_STREAMS"
  | "WEBHOOKS_ENABLED"
  | "JUTE_MAXBUFFER"
  | "GLOBAL_OUTSTANDING_LIMIT"
  | "REQUEST_THROTTLE_LIMIT"
  | "THROTTLED_OP_WAIT_MS"
  | "LARGE_REQUEST_THRESHOLD"
  | "LARGE_REQUEST_MAX_BYTES"
  | "STORAGE_LIMIT_MB"
  | "FOUR_LETTER_WORDS"
  | "EXTENDED_TYPES_ENABLED"
  | "CONTAINER_CHECK_INTERVAL_MS"
  | "CONTAINER_MAX_PER_MINUTE"
  | "CONTAINER_NEVER_USED_MS"
  | "ENFORCE_QUOTA"
  | "SUPER_DIGEST"
  | "SASL_USERS"
  | "SASL_SUPER_USERS"
  | "SASL_ALLOW_FAILED_CLIENTS"
  | "ENFORCE_AUTH_SCHEMES"
  | "SKIP_ACL"
  | "X509_SUPER_USER"
  | "ACCESS_TEAM"
  | "ACCESS_AUD"
  | "JWT_ISSUER"
  | "JWT_AUDIENCE"
  | "JWT_JWKS_URL"
  | "JWT_KEYS"
  | "JWT_SCOPES_CLAIM"
  | "CORS_ORIGINS"
  | "RATE_LIMIT_PER_ADDRESS"
  | "RATE_LIMIT_PER_TOKEN"
  | "READ_ONLY_MODE"
  | "AUDIT_ENABLE"
  | "LOG_LEVEL"
  | "LOG_FORMAT"
  | "OTLP_ENDPOINT"
  | "OTLP_HEADERS"
  | "TRACE_RATIO"
  | "FSYNC_WARNING_MS"
  | "ADMIN_SNAPSHOT_ENABLED"
  | "ADMIN_RESTORE_ENABLED"
  | "ADMIN_RATE_LIMITER_INTERVAL_MS"
  | "RECONFIG_ENABLED"
  | "EDGEKEEPER_DEV"
  | "EDGEKEEPER_SECRET";

/** Every variable, and in one line what it is. */
export const VARIABLES: Readonly<Record<VariableName, string>> = {
  VOTERS: "sids of the voters: 1, 3 or 5 of them, such as 1,2,3",
  OBSERVERS: "sids of the observers, which serve and do not vote: such as 4,5 (none)",
  VOTERS_BEFORE: "the voters of the data, where VOTERS takes over: 1,2,3, or 1,2,3@VERSION once reconfigured",
  VOTERS_LOST: "those of VOTERS_BEFORE that are gone, where fewer than a majority of them stay",
  ENSEMBLES: "names of the ensembles served (main)",
  PLACEMENT: "Cloudflare's location hint by sid, at the first start alone: such as 1=weur,2=enam,3=apac",
  CLIENT_ADDRESSES: "host:port for each voter, then each observer, as /zookeeper/config tells",
  TCP_PORTS: "which TCP port leads to which voter, then to which observer",
  TICK_TIME_MS: "ZooKeeper's tickTime (2000)",
  SESSION_TIMEOUT_MIN_MS: "the shortest session timeout (2 ticks)",
  SESSION_TIMEOUT_MAX_MS: "the longest session timeout (20 ticks)",
  LOG_BATCHES_MAX: "batches of writes each replica keeps for those that were away (16384)",
  HEARTBEAT_LIMIT_MS: "silence after which a replica gives another up (1500)",
  DORMANT_AFTER_MS: "an ensemble that nobody has used for so long goes to sleep, 0 for never (60000)",
  PARKED_WAKE_MS: "asleep with idle clients of the SDK it wakes so often, 0 keeps it awake for them (600000)",
  MAX_CNXNS: "connections of one replica, 0 for no bound (10000)",
  STORAGE_LIMIT_MB: "database of a replica at which creates and sets are refused (9000)",
  FOUR_LETTER_WORDS:
    "four-letter words that are answered, * for all; srvr always is (those that only tell figures)",
  EXTENDED_TYPES_ENABLED: "0 refuses TTL znodes with -6, as ZooKeeper does by default (1)",
  CONTAINER_CHECK_INTERVAL_MS: "how often containers and TTL znodes are looked at for removal (60000)",
  CONTAINER_MAX_PER_MINUTE: "containers and TTL znodes removed in a minute at most (10000)",
  ENFORCE_QUOTA: "1 refuses writes beyond a hard quota with -125, as in ZooKeeper (0)",
  CONTAINER_NEVER_USED_MS: "age at which a container goes that never had a child, 0 for never (0)",
  MAX_CLIENT_CNXNS: "connections of one replica from one address, 0 for no bound (60)",
  WEBHOOKS_ENABLED: "1: changes are sent to webhooks, which the API registers (0)",
  MAX_CALLER_STREAMS: "event streams of one replica that one caller may have, 0 for no bound (100)",
  JUTE_MAXBUFFER: "bytes of a request, above which its connection is closed (1048575)",
  GLOBAL_OUTSTANDING_LIMIT:
    "unanswered requests of a replica, above which clients wait (0: bounded by bytes)",
  REQUEST_THROTTLE_LIMIT: "writes of a replica under way at once, the others wait; 0 for 2000 (0)",
  THROTTLED_OP_WAIT_MS: "a write that waits for longer is answered with -127, 0 for never (0)",
  LARGE_REQUEST_THRESHOLD: "bytes above which a request is a large one, 0 for none (0)",
  LARGE_REQUEST_MAX_BYTES:
    "bytes of unanswered large requests, above which one more is hung up on (16777216)",
  SUPER_DIGEST: "user:base64(sha1(user:password)) of the super user (nobody)",
  SASL_USERS: "user:md5hex(user:zk-sasl-md5:password) of those who may log in with SASL (nobody)",
  SASL_SUPER_USERS: "those of SASL_USERS who may do everything (nobody)",
  SASL_ALLOW_FAILED_CLIENTS: "1 lets a client stay whose SASL login failed",
  ENFORCE_AUTH_SCHEMES: "a client must have proven to be of one of these schemes, such as sasl (none)",
  X509_SUPER_USER: "subject (RFC 2253) of the client certificate whose bearer may do everything (nobody)",
  ACCESS_TEAM: "NAME of NAME.cloudflareaccess.com, whose tokens say who a client is (none)",
  ACCESS_AUD: "audience that those tokens must be for",
  JWT_ISSUER: "issuer (iss) whose JSON Web Tokens are let in (none)",
  JWT_AUDIENCE: "audience (aud) that they must be for",
  JWT_JWKS_URL: "https URL where the issuer publishes its keys (JWK Set)",
  JWT_KEYS: "or its public keys themselves, as a JWK Set",
  JWT_SCOPES_CLAIM: "claim that lists what a bearer may do (edgekeeper)",
  CORS_ORIGINS: "origins whose pages may read answers, such as https://app.example; * for all (none)",
  RATE_LIMIT_PER_ADDRESS: "requests of one address a second, in each isolate; 0 for no bound (0)",
  RATE_LIMIT_PER_TOKEN: "calls under one token a second, at each replica; 0 for no bound (0)",
  SKIP_ACL: "1 lets everybody do everything, whatever access control lists say",
  AUDIT_ENABLE: "1 writes a line in the log for each change: who, from where, what, and whether it was done",
  LOG_LEVEL: "which lines are logged: error, warn (and error), info (all) (info)",
  LOG_FORMAT: "how lines are logged: text, or json for machines, with the trace of each request (text)",
  OTLP_ENDPOINT: "URL of an OpenTelemetry collector, which is sent traces as OTLP over HTTP (none)",
  OTLP_HEADERS: "headers that it is sent, such as x-api-key=KEY, with commas between (none)",
  TRACE_RATIO: "of requests without a traceparent so many are traced, from 0 to 1 (0)",
  FSYNC_WARNING_MS: "a sync of the disk that takes longer is counted and logged (1000)",
  ADMIN_SNAPSHOT_ENABLED: "0 refuses the command snapshot (1)",
  ADMIN_RESTORE_ENABLED: "0 refuses the command restore (1)",
  ADMIN_RATE_LIMITER_INTERVAL_MS: "in which one restore may be made; of snapshots a thousandth (300000)",
  READ_ONLY_MODE: "1 lets a replica without a quorum serve reads to clients that ask for no more",
  RECONFIG_ENABLED: "1 lets the super user change the members by reconfig (0)",
  EDGEKEEPER_DEV: "1 opens the doors to this machine without a secret",
  EDGEKEEPER_SECRET: "what clients send as Authorization: Bearer SECRET, of 16 characters at least",
};

/** The texts of the variables; one that is empty counts as not set. */
export type Variables = { readonly [Name in VariableName]?: string | undefined };
