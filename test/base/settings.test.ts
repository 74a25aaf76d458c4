import { describe, expect, test } from "vitest";

import { DEFAULT_ACCESS } from "../../src/base/access-settings.ts";
import { DEFAULT_DOORS } from "../../src/base/door-settings.ts";
import { FOUR_LETTER_WORDS, FOUR_LETTER_WORDS_DEFAULT } from "../../src/base/four-letter-words.ts";
import { ADMIN_SETTINGS } from "../../src/base/admin-settings.ts";
import { THROTTLE_SETTINGS } from "../../src/base/throttle-settings.ts";
import { ConfigError, meantVariable, readSettings } from "../../src/base/settings.ts";
import type { Variables } from "../../src/base/variables.ts";
import { ZNODE_SETTINGS } from "../../src/base/znode-settings.ts";

const VOTERS = "1,2,3";
/** md5("ann:zk-sasl-md5:one"). */
const ANN = "171e503cd84822dc6023decfb4c078eb";
const DIGEST = "super:UdxDQl4f9v5oITwcAsO9bmWgHSI=";

/** What is so where nothing is said of it. */
const UNTOLD = {
  admin: ADMIN_SETTINGS,
  throttle: THROTTLE_SETTINGS,
  logLevel: "info",
  fsyncWarningMs: 1000,
  placement: new Map(),
  doors: DEFAULT_DOORS,
  dormantAfterMs: 60_000,
  parkedWakeMs: 600_000,
  trace: { endpoint: undefined, headers: {}, ratio: 0, logsJson: false },
};

const OF_STREAMS = { MAX_CALLER_STREAMS: "9", WEBHOOKS_ENABLED: "1" };

describe("readSettings", () => {
  test("voters alone give an ensemble with ZooKeeper's defaults", () => {
    expect(readSettings({ VOTERS })).toEqual({
      voters: [1, 2, 3],
      observers: [],
      votersBefore: undefined,
      ensembles: ["main"],
      clientAddresses: [],
      tcpPorts: [],
      tickTimeMs: 2000,
      sessionTimeoutMinMs: 4000,
      sessionTimeoutMaxMs: 40_000,
      heartbeatLimitMs: undefined,
      maxConnections: 10_000,
      maxConnectionsPerAddress: 60,
      webhooksEnabled: false,
      requestBytesMax: 1_048_575,
      storageLimitMb: 9000,
      znodes: ZNODE_SETTINGS,
      logBatchesMax: 16_384,
      fourLetterWords: FOUR_LETTER_WORDS_DEFAULT,
      superDigest: undefined,
      access: DEFAULT_ACCESS,
      servesReadOnly: false,
      isAudited: false,
      ...UNTOLD,
      reconfigEnabled: false,
    });
  });

  test("each variable is read, and an empty one counts as not set", () => {
    const variables = {
      ...OF_STREAMS,
      VOTERS: " 5, 254 ,7",
      OBSERVERS: "9, 1",
      VOTERS_BEFORE: "3,2,1",
      VOTERS_LOST: "1,3,2",
      ENSEMBLES: "main, other",
      CLIENT_ADDRESSES: "a:1,[::1]:2181",
      TCP_PORTS: "2181,2182,2183",
      TICK_TIME_MS: "100",
      SESSION_TIMEOUT_MIN_MS: "300",
      SESSION_TIMEOUT_MAX_MS: "300",
      HEARTBEAT_LIMIT_MS: "500",
      MAX_CNXNS: "0",
      MAX_CLIENT_CNXNS: "7",
      JUTE_MAXBUFFER: "4096",
      STORAGE_LIMIT_MB: "100",
      EXTENDED_TYPES_ENABLED: "0",
      CONTAINER_CHECK_INTERVAL_MS: "1000",
      CONTAINER_MAX_PER_MINUTE: "60",
      CONTAINER_NEVER_USED_MS: "300000",
      ENFORCE_QUOTA: "1",
      LOG_BATCHES_MAX: "100",
      FOUR_LETTER_WORDS: "mntr, ruok,mntr",
      SUPER_DIGEST: DIGEST,
      READ_ONLY_MODE: "1",
      AUDIT_ENABLE: "1",
      RECONFIG_ENABLED: "1",
      EDGEKEEPER_DEV: "1",
      EDGEKEEPER_SECRET: "any text",
    };

    expect(readSettings(variables)).toEqual({
      voters: [5, 254, 7],
      observers: [9, 1],
      votersBefore: { voters: [3, 2, 1], version: undefined },
      ensembles: ["main", "other"],
      clientAddresses: ["a:1", "[::1]:2181"],
      tcpPorts: [2181, 2182, 2183],
      tickTimeMs: 100,
      sessionTimeoutMinMs: 300,
      sessionTimeoutMaxMs: 300,
      heartbeatLimitMs: 500,
      maxConnections: 0,
      maxConnectionsPerAddress: 7,
      maxStreamsPerCaller: 9,
      webhooksEnabled: true,
      requestBytesMax: 4096,
      storageLimitMb: 100,
      znodes: {
        extendedTypes: false,
        sweepIntervalMs: 1000,
        sweepsPerMinute: 60,
        neverUsedMs: 300_000,
        enforceQuota: true,
      },
      logBatchesMax: 100,
      fourLetterWords: ["mntr", "ruok", "srvr"],
      reconfigEnabled: true,
      superDigest: DIGEST,
      access: DEFAULT_ACCESS,
      servesReadOnly: true,
      isAudited: true,
      ...UNTOLD,
    });
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, ""]));
    expect(readSettings({ ...empty, VOTERS })).toEqual(readSettings({ VOTERS }));
  });

  test("each variable about what clients and operators may ask is read, and an empty one counts as not set", () => {
    const variables = {
      GLOBAL_OUTSTANDING_LIMIT: "1",
      REQUEST_THROTTLE_LIMIT: "2",
      THROTTLED_OP_WAIT_MS: "3",
      LARGE_REQUEST_THRESHOLD: "4",
      LARGE_REQUEST_MAX_BYTES: "2000000",
      ADMIN_SNAPSHOT_ENABLED: "0",
      ADMIN_RESTORE_ENABLED: "0",
      ADMIN_RATE_LIMITER_INTERVAL_MS: "7",
      LOG_LEVEL: "warn",
      FSYNC_WARNING_MS: "50",
      DORMANT_AFTER_MS: "0",
      PARKED_WAKE_MS: "1000",
    };
    const { throttle, admin, logLevel, ...others } = readSettings({ VOTERS, ...variables });
    expect([logLevel, others.fsyncWarningMs, others.dormantAfterMs]).toEqual(["warn", 50, 0]);
    expect(others.parkedWakeMs).toBe(1000);
    expect(admin).toEqual({ snapshotEnabled: false, restoreEnabled: false, intervalMs: 7 });
    expect(throttle).toEqual({
      outstandingMax: 1,
      forwardedMax: 2,
      waitMs: 3,
      largeBytes: 4,
      largeTotalBytes: 2_000_000,
    });
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, ""]));
    const { throttle: throttleThen, admin: adminThen } = readSettings({ ...empty, VOTERS });
    expect([throttleThen, adminThen]).toEqual([THROTTLE_SETTINGS, ADMIN_SETTINGS]);
    expect(() => readSettings({ VOTERS, LARGE_REQUEST_MAX_BYTES: "1000" })).toThrow(
      "LARGE_REQUEST_MAX_BYTES",
    );
  });

  test("PLACEMENT says by sid where replicas are to live", () => {
    const { placement } = readSettings({ VOTERS, PLACEMENT: "1=weur, 4 = enam," });
    expect([...placement]).toEqual([
      [1, "weur"],
      [4, "enam"],
    ]);
    expect([...readSettings({ VOTERS, PLACEMENT: "" }).placement]).toEqual([]);
  });

  test("each variable about who may come in is read, and an empty one counts as not set", () => {
    const variables = {
      SASL_USERS: `ann:${ANN}, bob.x/host:${ANN.toUpperCase()}`,
      SASL_SUPER_USERS: "ann",
      SASL_ALLOW_FAILED_CLIENTS: "1",
      ENFORCE_AUTH_SCHEMES: "sasl, digest",
      SKIP_ACL: "1",
      X509_SUPER_USER: "CN=root",
      ACCESS_TEAM: "team",
      ACCESS_AUD: "this",
    };

    expect(readSettings({ VOTERS, ...variables }).access).toEqual({
      saslUsers: new Map([
        ["ann", ANN],
        ["bob.x/host", ANN],
      ]),
      saslSuperUsers: ["ann"],
      staysAfterFailedSasl: true,
      requiredSchemes: ["sasl", "digest"],
      skipsAcl: true,
      x509SuperUser: "CN=root",
      accessTeam: "team",
      accessAudience: "this",
    });
    const empty = Object.fromEntries(Object.keys(variables).map((name) => [name, ""]));
    expect(readSettings({ ...empty, VOTERS }).access).toEqual(DEFAULT_ACCESS);
  });

  test.each<[Variables, string]>([
    [{}, `VOTERS is "": it must list 1, 3 or 5 different sids`],
    [{ VOTERS: "1,2" }, `VOTERS is "1,2"`],
    [{ VOTERS: "0,1,2" }, `VOTERS is "0,1,2"`],
    [{ VOTERS: "1,2,255" }, "from 1 to 254"],
    [{ VOTERS: "1,1,2" }, "different sids"],
    [{ VOTERS: "1,01,2" }, "different sids"],
    [{ VOTERS: "1,2,x,3" }, "VOTERS is"],
    [{ VOTERS: "0x1" }, "VOTERS is"],
    [{ VOTERS, JUTE_MAXBUFFER: "1048576" }, `JUTE_MAXBUFFER is "1048576"`],
    [{ VOTERS, VOTERS_BEFORE: "1,2@" }, "behind @ it must tell the version"],
    [{ VOTERS, VOTERS_BEFORE: "1,2@0" }, "behind @ it must tell the version"],
    [{ VOTERS, VOTERS_BEFORE: "1,4,5,6@100000005" }, "only 1 stays, which is no majority"],
    [{ VOTERS, JUTE_MAXBUFFER: "100" }, "less would keep logins out"],
    [
      { VOTERS, OBSERVERS: "4,x" },
      `OBSERVERS is "4,x": it must list different sids from 1 to 254, 16 at most`,
    ],
    [{ VOTERS, OBSERVERS: "4,4" }, "different sids"],
    [{ VOTERS, OBSERVERS: "255" }, "OBSERVERS is"],
    [
      { VOTERS, OBSERVERS: "4,2" },
      `OBSERVERS is "4,2": 2 is in VOTERS too, and a replica either votes or observes`,
    ],
    [{ VOTERS, OBSERVERS: Array.from({ length: 17 }, (_, index) => 10 + index).join(",") }, "16 at most"],
    [{ VOTERS, VOTERS_BEFORE: "1,2" }, `VOTERS_BEFORE is "1,2": it must list 1, 3 or 5`],
    [
      { VOTERS: "1", VOTERS_BEFORE: "1,2,3" },
      `VOTERS_BEFORE is "1,2,3": of these voters only 1 stays, which is no majority: what only 2,3 acknowledged`,
    ],
    [{ VOTERS: "1,2,4", VOTERS_BEFORE: "1,2,3,5,6" }, "VOTERS_LOST=3,5,6"],
    [{ VOTERS, VOTERS_BEFORE: "4" }, "none stays"],
    [
      { VOTERS: "1", VOTERS_BEFORE: "1,2,3", VOTERS_LOST: "2" },
      `VOTERS_LOST is "2": it must list those of VOTERS_BEFORE that VOTERS does not, and they are 2,3`,
    ],
    [{ VOTERS: "1", VOTERS_BEFORE: "1,2,3", VOTERS_LOST: "1,2,3" }, "VOTERS_LOST is"],
    [{ VOTERS, VOTERS_LOST: "4" }, "there are none"],
    [{ VOTERS, TICK_TIME_MS: "abc" }, `TICK_TIME_MS is "abc": it must be a whole number of milliseconds`],
    [{ VOTERS, TICK_TIME_MS: "49" }, "from 50 to"],
    [{ VOTERS, TICK_TIME_MS: "107374183" }, "TICK_TIME_MS is"],
    [{ VOTERS, TICK_TIME_MS: "1e3" }, "TICK_TIME_MS is"],
    [{ VOTERS, SESSION_TIMEOUT_MAX_MS: "2147483648" }, "SESSION_TIMEOUT_MAX_MS is"],
    [{ VOTERS, HEARTBEAT_LIMIT_MS: "1" }, "from 500 to 60000 (leaders ping every 100 ms"],
    [{ VOTERS, HEARTBEAT_LIMIT_MS: "499" }, "HEARTBEAT_LIMIT_MS is"],
    [
      { VOTERS, SESSION_TIMEOUT_MIN_MS: "300", SESSION_TIMEOUT_MAX_MS: "200" },
      "SESSION_TIMEOUT_MIN_MS is 300 and SESSION_TIMEOUT_MAX_MS is 200",
    ],
    [{ VOTERS, SESSION_TIMEOUT_MIN_MS: "40001" }, "SESSION_TIMEOUT_MAX_MS is 40000"],
    [
      { VOTERS, FOUR_LETTER_WORDS: "ruok,exec" },
      `FOUR_LETTER_WORDS is "ruok,exec": it must list some of conf,cons`,
    ],
    [{ VOTERS, SUPER_DIGEST: "foo" }, "it must be user:base64(sha1(user:password))"],
    [{ VOTERS, SUPER_DIGEST: "super:secret" }, "SUPER_DIGEST is no digest"],
    [{ VOTERS, CLIENT_ADDRESSES: "a:2181,b" }, `"b" must be host:port`],
    [{ VOTERS, CLIENT_ADDRESSES: "a:70000" }, "must be host:port"],
    [{ VOTERS, TCP_PORTS: "2181,2181" }, "different ports"],
    [{ VOTERS, TCP_PORTS: "2181,x" }, "TCP_PORTS is"],
    [{ VOTERS, PLACEMENT: "1=mars" }, `PLACEMENT is "1=mars": it must list sid=hint`],
    [{ VOTERS, PLACEMENT: "weur" }, "hints are wnam, enam"],
    [{ VOTERS, PLACEMENT: "1=weur,1=enam" }, "PLACEMENT is"],
    [{ VOTERS, PLACEMENT: "1=toString" }, "PLACEMENT is"],
    [{ VOTERS, ENSEMBLES: "a/b" }, "ENSEMBLES is"],
    [{ VOTERS, ENSEMBLES: "a,a" }, "different names"],
    [{ VOTERS, ENSEMBLES: "," }, "ENSEMBLES is"],
    [{ VOTERS, EXTENDED_TYPES_ENABLED: "true" }, "EXTENDED_TYPES_ENABLED is"],
    [{ VOTERS, CONTAINER_CHECK_INTERVAL_MS: "49" }, "from 50 to"],
    [{ VOTERS, CONTAINER_MAX_PER_MINUTE: "0" }, "CONTAINER_MAX_PER_MINUTE is"],
    [{ VOTERS, CONTAINER_NEVER_USED_MS: "-1" }, "CONTAINER_NEVER_USED_MS is"],
    [{ VOTERS, EDGEKEEPER_DEV: "true" }, "EDGEKEEPER_DEV is"],
    [{ VOTERS, SASL_USERS: "ann" }, "it must list different user:hash"],
    [{ VOTERS, SASL_USERS: "ann:one" }, "printf %s USER:zk-sasl-md5:PASSWORD | md5sum"],
    [{ VOTERS, SASL_USERS: `ann@example:${ANN}` }, "without spaces and @"],
    [{ VOTERS, SASL_USERS: `ann:${ANN},ann:${ANN}` }, "different user:hash"],
    [{ VOTERS, SASL_USERS: `ann:${ANN}`, SASL_SUPER_USERS: "bob" }, `"bob" is not in SASL_USERS`],
    [
      { VOTERS, ENFORCE_AUTH_SCHEMES: "digest,kerberos" },
      "it must list some of sasl, digest, ip, x509, access",
    ],
    [{ VOTERS, ENFORCE_AUTH_SCHEMES: "sasl" }, "SASL_USERS is empty, so nobody could come in"],
    [{ VOTERS, SKIP_ACL: "yes" }, `SKIP_ACL is "yes": it must be 1 for on or 0 for off`],
    [
      { VOTERS, ACCESS_TEAM: "https://team.cloudflareaccess.com", ACCESS_AUD: "x" },
      "before .cloudflareaccess.com",
    ],
    [{ VOTERS, ACCESS_TEAM: "team" }, "ACCESS_TEAM and ACCESS_AUD must be set together"],
  ])("%j is refused, and the message says which, what and why", (variables, message) => {
    expect(() => readSettings(variables)).toThrow(ConfigError);
    expect(() => readSettings(variables)).toThrow(message);
  });

  test.each<[Variables]>([
    [{ VOTERS: "1,2,3,4,5", VOTERS_BEFORE: VOTERS }],
    [{ VOTERS, VOTERS_BEFORE: "1" }],
    [{ VOTERS, VOTERS_BEFORE: "1,2,4" }],
    [{ VOTERS, VOTERS_BEFORE: "1,2,3,4,5", VOTERS_LOST: "5,4" }],
    [{ VOTERS: "1", VOTERS_BEFORE: VOTERS, VOTERS_LOST: "2,3" }],
  ])("%j may be: a majority votes on, or its loss is said", (variables) => {
    expect(readSettings(variables).votersBefore).toBeDefined();
  });

  test("a star stands for all four-letter words", () => {
    expect(readSettings({ VOTERS, FOUR_LETTER_WORDS: "ruok,*" }).fourLetterWords).toEqual(FOUR_LETTER_WORDS);
  });

  test("sixteen observers are allowed", () => {
    const OBSERVERS = Array.from({ length: 16 }, (_, index) => 10 + index).join(",");

    expect(readSettings({ VOTERS, OBSERVERS }).observers).toHaveLength(16);
  });

  test("the values of SUPER_DIGEST and SASL_USERS, which may be passwords, are not in the message", () => {
    expect(() => readSettings({ VOTERS, SUPER_DIGEST: "super:hunter2" })).not.toThrow("hunter2");
    expect(() => readSettings({ VOTERS, SASL_USERS: "ann:hunter2" })).not.toThrow("hunter2");
  });
});

describe("meantVariable", () => {
  test.each([
    ["VOTER", "VOTERS"],
    ["voters", "VOTERS"],
    ["VOTRES", "VOTERS"],
    ["TICK_TIME", "TICK_TIME_MS"],
    ["tick-time-ms", "TICK_TIME_MS"],
    ["SESSION_TIMEOUT_MAX", "SESSION_TIMEOUT_MAX_MS"],
    ["SESSION_TIMEOUT_MAXMS", "SESSION_TIMEOUT_MAX_MS"],
    ["TCP_PORT", "TCP_PORTS"],
    ["SUPER_DIGETS", "SUPER_DIGEST"],
  ])("%s means %s", (name, meant) => {
    expect(meantVariable(name)).toBe(meant);
  });

  test.each(["FOO", "A", "COLOUR", "VOTERS_OF_THE_ENSEMBLE", ""])("%j means none of ours", (name) => {
    expect(meantVariable(name)).toBeUndefined();
  });
});
