/**
 * The variables that an ensemble is configured with, read into what they mean. The Worker reads them with this, and
 * so does `npm start`, before it starts anything.
 */
import { type AccessSettings, readAccess } from "./access-settings.ts";
import { ADMIN_SETTINGS, type AdminSettings } from "./admin-settings.ts";
import { type DoorSettings, readDoors } from "./door-settings.ts";
import {
  FOUR_LETTER_WORDS,
  FOUR_LETTER_WORDS_DEFAULT,
  type FourLetterWord,
  isFourLetterWord,
} from "./four-letter-words.ts";
import type { Sid } from "./ids.ts";
import { CLIENT_FRAME_BYTES_MAX, OBSERVERS_MAX, SID_MAX } from "./limits.ts";
import { type Placement, readPlacementWith } from "./placement.ts";
import { isLogLevel, LOG_LEVELS, type LogLevel } from "./log-level.ts";
import { THROTTLE_SETTINGS, type ThrottleSettings } from "./throttle-settings.ts";
import { readTraceSettings, type TraceSettings } from "./trace-settings.ts";
import { VARIABLES, type VariableName, type Variables } from "./variables.ts";
import { readVotersBefore, type VotersBefore } from "./voters-before.ts";
import { ZNODE_SETTINGS, type ZnodeSettings } from "./znode-settings.ts";

/** Who belongs to an ensemble. */
export interface Members {
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
}

/** What the variables say, with the defaults filled in. */
export interface Settings extends Members {
  /** Whose data may be taken over although their voters were these; undefined where none may. */
  readonly votersBefore: VotersBefore | undefined;
  readonly ensembles: readonly string[];
  /** `host:port` by voter, then by observer; may be fewer, or none. */
  readonly clientAddresses: readonly string[];
  readonly tcpPorts: readonly number[];
  readonly tickTimeMs: number;
  readonly sessionTimeoutMinMs: number;
  readonly sessionTimeoutMaxMs: number;
  /** undefined where the protocol's own default holds. */
  readonly heartbeatLimitMs: number | undefined;
  /** Without a client for so long an ensemble goes to sleep; 0 for never. */
  readonly dormantAfterMs: number;
  /** One that sleeps though clients are connected wakes so often by itself; 0 where connected clients keep it awake. */
  readonly parkedWakeMs: number;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  /** Event streams of one replica that one caller may have; undefined where the default holds. */
  readonly maxStreamsPerCaller: number | undefined;
  /** Whether changes are sent to webhooks. */
  readonly webhooksEnabled: boolean;
  /** A request without its length. Source: ZooKeeper's jute.maxbuffer. */
  readonly requestBytesMax: number;
  readonly storageLimitMb: number;
  readonly superDigest: string | undefined;
  readonly access: AccessSettings;
  readonly doors: DoorSettings;
  /** Whether a replica that has lost its quorum serves reads. Source: ZooKeeper's readonlymode.enabled. */
  readonly servesReadOnly: boolean;
  /** Whether changes are logged. Source: ZooKeeper's audit.enable. */
  readonly isAudited: boolean;
  readonly throttle: ThrottleSettings;
  readonly logLevel: LogLevel;
  /** Source: ZooKeeper's fsync.warningthresholdms. */
  readonly fsyncWarningMs: number;
  /** What the commands snapshot and restore are set up with. */
  readonly admin: AdminSettings;
  /** Whether clients may change the members. Source: ZooKeeper's reconfigEnabled. */
  readonly reconfigEnabled: boolean;
  /** Those that are answered on the client port. */
  readonly fourLetterWords: readonly FourLetterWord[];
  readonly znodes: ZnodeSettings;
  /** Batches of proposals kept in a replica's log: who was away for longer gets a snapshot. */
  readonly logBatchesMax: number;
  readonly placement: Placement;
  readonly trace: TraceSettings;
}

/** A variable makes no sense: the message names it, tells its value, and what it may be. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** Why not less, or more. */
  readonly reason: string;
}

const TICK_TIME_MS = 2000;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/** Each takes a few kilobytes even where its client does nothing, and an isolate has 128 MB. */
const CONNECTIONS_MAX = 10_000;

/** ZooKeeper's default of maxClientCnxns. */
const CONNECTIONS_PER_ADDRESS_MAX = 60;

const TICK_BOUNDS: Bounds = {
  min: 50,
  max: Math.floor(TIMEOUT_MS_MAX / 20),
  reason: "a replica looks at its sessions every 50 ms, and 20 ticks must fit the protocol's 32 bits",
};

const TIMEOUT_BOUNDS: Bounds = {
  min: 50,
  max: TIMEOUT_MS_MAX,
  reason: "a replica looks at its sessions every 50 ms, and the protocol has 32 bits for a timeout",
};

const HEARTBEAT_BOUNDS: Bounds = {
  min: 500,
  max: 60_000,
  reason: "leaders ping every 100 ms, and below 500 ms any slow moment would be taken for a failure",
};

const REQUEST_BOUNDS: Bounds = {
  min: 1024,
  max: CLIENT_FRAME_BYTES_MAX,
  reason: "less would keep logins out, and a znode that takes more does not fit into one row of storage",
};

const SWEEP_INTERVAL_BOUNDS: Bounds = {
  min: 50,
  max: TIMEOUT_MS_MAX,
  reason: "a leader looks at its clock every 50 ms",
};

const SWEEPS_BOUNDS: Bounds = {
  min: 1,
  max: 600_000,
  reason: "none would keep them all, and ten thousand a second are more than an ensemble writes",
};

const NEVER_USED_BOUNDS: Bounds = {
  min: 0,
  max: 2 ** 40,
  reason: "0 is for never, and no TTL znode can live for longer than 34 years either",
};

/** ZooKeeper's default of fsync.warningthresholdms. */
const FSYNC_WARNING_MS = 1000;

const FSYNC_BOUNDS: Bounds = {
  min: 1,
  max: TIMEOUT_MS_MAX,
  reason: "a sync takes a millisecond, and who must not hear of any sets LOG_LEVEL",
};

/** Long enough that whoever works with an ensemble, step by step, finds it awake. */
const DORMANT_AFTER_MS = 60_000;

/** A client whose replica was forgotten by all others hears nothing for twice as long at most. */
const PARKED_WAKE_MS = 600_000;

const WAIT_BOUNDS: Bounds = {
  min: 0,
  max: TIMEOUT_MS_MAX,
  reason: "0 is for never, and a client's own patience is shorter than 24 days",
};

const LARGE_BOUNDS: Bounds = {
  min: CLIENT_FRAME_BYTES_MAX,
  max: 48 * 1024 * 1024,
  reason: "less would let no request in that may come, and all clients together have no more",
};

const ADMIN_INTERVAL_BOUNDS: Bounds = {
  min: 0,
  max: TIMEOUT_MS_MAX,
  reason: "0 is for no bound, and the longest is some 24 days",
};

const LOG_BOUNDS: Bounds = {
  min: 16,
  max: 16_384,
  reason: "fewer make every hiccup a snapshot, and the log's ring has no more slots",
};

/** Reads all variables. Throws ConfigError for the first that makes no sense. */
export function readSettings(variables: Variables): Settings {
  const tickTimeMs = milliseconds(variables, "TICK_TIME_MS", TICK_BOUNDS) ?? TICK_TIME_MS;
  const settings: Settings = {
    ...readMembers(variables),
    votersBefore: readVotersBefore(variables, { refuse: wrong, sids }),
    ensembles: readEnsembles(variables.ENSEMBLES ?? ""),
    clientAddresses: readAddresses(variables.CLIENT_ADDRESSES ?? ""),
    tcpPorts: readPorts(variables.TCP_PORTS ?? ""),
    tickTimeMs,
    sessionTimeoutMinMs: milliseconds(variables, "SESSION_TIMEOUT_MIN_MS", TIMEOUT_BOUNDS) ?? 2 * tickTimeMs,
    sessionTimeoutMaxMs: milliseconds(variables, "SESSION_TIMEOUT_MAX_MS", TIMEOUT_BOUNDS) ?? 20 * tickTimeMs,
    heartbeatLimitMs: milliseconds(variables, "HEARTBEAT_LIMIT_MS", HEARTBEAT_BOUNDS),
    dormantAfterMs: milliseconds(variables, "DORMANT_AFTER_MS", WAIT_BOUNDS) ?? DORMANT_AFTER_MS,
    parkedWakeMs: milliseconds(variables, "PARKED_WAKE_MS", WAIT_BOUNDS) ?? PARKED_WAKE_MS,
    maxConnections: count(variables, "MAX_CNXNS") ?? CONNECTIONS_MAX,
    maxConnectionsPerAddress: count(variables, "MAX_CLIENT_CNXNS") ?? CONNECTIONS_PER_ADDRESS_MAX,
    maxStreamsPerCaller: count(variables, "MAX_CALLER_STREAMS"),
    webhooksEnabled: onOrOff(variables, "WEBHOOKS_ENABLED") ?? false,
    requestBytesMax: wholeNumberOf(variables, "JUTE_MAXBUFFER", REQUEST_BOUNDS) ?? REQUEST_BOUNDS.max,
    storageLimitMb: readStorageLimit(variables.STORAGE_LIMIT_MB ?? ""),
    reconfigEnabled: onOrOff(variables, "RECONFIG_ENABLED") ?? false,
    fourLetterWords: readFourLetterWords(variables.FOUR_LETTER_WORDS ?? ""),
    znodes: readZnodeSettings(variables),
    superDigest: readSuperDigest(variables.SUPER_DIGEST ?? ""),
    access: readAccess(variables, { refuse: wrong, isOn: (name) => onOrOff(variables, name) ?? false }),
    doors: readDoors(variables, { refuse: wrong, count: (name) => count(variables, name) }),
    servesReadOnly: onOrOff(variables, "READ_ONLY_MODE") ?? false,
    isAudited: onOrOff(variables, "AUDIT_ENABLE") ?? false,
    throttle: readThrottleSettings(variables),
    logLevel: readLogLevel(variables.LOG_LEVEL ?? ""),
    fsyncWarningMs: milliseconds(variables, "FSYNC_WARNING_MS", FSYNC_BOUNDS) ?? FSYNC_WARNING_MS,
    admin: readAdminSettings(variables),
    logBatchesMax: wholeNumberOf(variables, "LOG_BATCHES_MAX", LOG_BOUNDS) ?? LOG_BOUNDS.max,
    placement: readPlacement(variables),
    trace: readTraceSettings(variables, wrong),
  };
  const { sessionTimeoutMinMs: min, sessionTimeoutMaxMs: max } = settings;
  if (min > max) {
    throw new ConfigError(
      `SESSION_TIMEOUT_MIN_MS is ${min} and SESSION_TIMEOUT_MAX_MS is ${max}: the shortest must not be ` +
        `longer than the longest (2 and 20 ticks of ${tickTimeMs} ms where they are not set)`,
    );
  }
  const dev = variables.EDGEKEEPER_DEV ?? "";
  if (dev !== "" && dev !== "1") throw wrong("EDGEKEEPER_DEV", dev, "it must be 1, or not set");
  return settings;
}

function readZnodeSettings(variables: Variables): ZnodeSettings {
  const { extendedTypes, sweepIntervalMs, sweepsPerMinute, neverUsedMs, enforceQuota } = ZNODE_SETTINGS;
  return {
    extendedTypes: onOrOff(variables, "EXTENDED_TYPES_ENABLED") ?? extendedTypes,
    sweepIntervalMs:
      milliseconds(variables, "CONTAINER_CHECK_INTERVAL_MS", SWEEP_INTERVAL_BOUNDS) ?? sweepIntervalMs,
    sweepsPerMinute: wholeNumberOf(variables, "CONTAINER_MAX_PER_MINUTE", SWEEPS_BOUNDS) ?? sweepsPerMinute,
    neverUsedMs: milliseconds(variables, "CONTAINER_NEVER_USED_MS", NEVER_USED_BOUNDS) ?? neverUsedMs,
    enforceQuota: onOrOff(variables, "ENFORCE_QUOTA") ?? enforceQuota,
  };
}

function readLogLevel(text: string): LogLevel {
  if (text === "") return "info";
  if (isLogLevel(text)) return text;
  throw wrong("LOG_LEVEL", text, `it must be one of ${LOG_LEVELS.join(", ")}`);
}

function readThrottleSettings(variables: Variables): ThrottleSettings {
  const { largeTotalBytes } = THROTTLE_SETTINGS;
  return {
    outstandingMax: count(variables, "GLOBAL_OUTSTANDING_LIMIT") ?? THROTTLE_SETTINGS.outstandingMax,
    forwardedMax: count(variables, "REQUEST_THROTTLE_LIMIT") ?? THROTTLE_SETTINGS.forwardedMax,
    waitMs: milliseconds(variables, "THROTTLED_OP_WAIT_MS", WAIT_BOUNDS) ?? THROTTLE_SETTINGS.waitMs,
    largeBytes: count(variables, "LARGE_REQUEST_THRESHOLD") ?? THROTTLE_SETTINGS.largeBytes,
    largeTotalBytes: wholeNumberOf(variables, "LARGE_REQUEST_MAX_BYTES", LARGE_BOUNDS) ?? largeTotalBytes,
  };
}

function readAdminSettings(variables: Variables): AdminSettings {
  const { snapshotEnabled, restoreEnabled, intervalMs } = ADMIN_SETTINGS;
  return {
    snapshotEnabled: onOrOff(variables, "ADMIN_SNAPSHOT_ENABLED") ?? snapshotEnabled,
    restoreEnabled: onOrOff(variables, "ADMIN_RESTORE_ENABLED") ?? restoreEnabled,
    intervalMs:
      milliseconds(variables, "ADMIN_RATE_LIMITER_INTERVAL_MS", ADMIN_INTERVAL_BOUNDS) ?? intervalMs,
  };
}

function onOrOff(variables: Variables, name: VariableName): boolean | undefined {
  const text = variables[name] ?? "";
  if (text === "") return undefined;
  if (text !== "0" && text !== "1") throw wrong(name, text, "it must be 1 for on or 0 for off");
  return text === "1";
}

/** Reads VOTERS and OBSERVERS. Throws ConfigError unless they are 1, 3 or 5 voters, and observers that do not vote. */
export function readMembers(variables: Pick<Variables, "VOTERS" | "OBSERVERS">): Members {
  const voters = readVoters(variables);
  const text = variables.OBSERVERS ?? "";
  const observers = sids(text);
  if (observers === undefined || observers.length > OBSERVERS_MAX) {
    const range = `different sids from 1 to ${SID_MAX}, ${OBSERVERS_MAX} at most`;
    throw wrong("OBSERVERS", text, `it must list ${range}, such as "4,5", or be empty`);
  }
  const both = observers.find((sid) => voters.includes(sid));
  if (both !== undefined) {
    throw wrong("OBSERVERS", text, `${both} is in VOTERS too, and a replica either votes or observes`);
  }
  return { voters, observers };
}

/** Reads PLACEMENT. Throws ConfigError where it is no list of sid=hint. */
export function readPlacement(variables: Pick<Variables, "PLACEMENT">): Placement {
  return readPlacementWith(variables, wrong);
}

/** The sids of all members, in the order in which ports and addresses are listed: voters first. */
export function sidsOf({ voters, observers }: Members): readonly Sid[] {
  return [...voters, ...observers];
}

function readVoters(variables: Variables): readonly Sid[] {
  const text = variables.VOTERS ?? "";
  const voters = sids(text);
  if (voters === undefined || ![1, 3, 5].includes(voters.length)) {
    throw wrong(
      "VOTERS",
      text,
      `it must list 1, 3 or 5 different sids from 1 to ${SID_MAX}, such as "1,2,3"`,
    );
  }
  return voters;
}

/** The sids that a text lists; undefined where one is none, or stands there twice. */
function sids(text: string): readonly Sid[] | undefined {
  const items = list(text);
  const found = items.map((item) => wholeNumber(item, 1, SID_MAX)).filter((sid) => sid !== undefined);
  return new Set(found).size === items.length ? found : undefined;
}

/** The variable that somebody meant who wrote a name that is none; undefined where none is close. */
export function meantVariable(name: string): VariableName | undefined {
  const wanted = name.toUpperCase().replaceAll("-", "_");
  let best: VariableName | undefined;
  let bestDistance = TYPING_ERRORS_MAX + 1;
  for (const known of variableNames()) {
    const distance = isCutShort(wanted, known) ? TYPING_ERRORS_MAX : editDistance(wanted, known);
    if (distance < bestDistance) [best, bestDistance] = [known, distance];
  }
  return best;
}

/** Whether a variable of this name means something here. */
export function isVariable(name: string): name is VariableName {
  return Object.hasOwn(VARIABLES, name);
}

const TYPING_ERRORS_MAX = 2;

/** A name without its unit is the likeliest mistake: TICK_TIME, SESSION_TIMEOUT_MIN. */
const PREFIX_CHARACTERS_MIN = 4;

function isCutShort(wanted: string, known: string): boolean {
  return wanted.length >= PREFIX_CHARACTERS_MIN && known.startsWith(wanted);
}

function variableNames(): readonly VariableName[] {
  return Object.keys(VARIABLES).filter(isVariable);
}

/** Characters to insert, remove or replace to make one text the other (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const replaced = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}

/** A name is half of a replica's name, `ensemble/sid`, and a part of the gateway's paths. */
function readEnsembles(text: string): readonly string[] {
  if (text === "") return ["main"];
  const names = list(text);
  const isName = (name: string): boolean => /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name);
  if (names.length === 0 || !names.every(isName) || new Set(names).size !== names.length) {
    throw wrong("ENSEMBLES", text, `it must list different names of letters, digits, ".", "_" and "-"`);
  }
  return names;
}

function readAddresses(text: string): readonly string[] {
  const addresses = list(text);
  for (const address of addresses) {
    const [, port] = /^[^\s,]+:(\d+)$/.exec(address) ?? [];
    if (port === undefined || wholeNumber(port, 1, 65_535) === undefined) {
      throw wrong("CLIENT_ADDRESSES", text, `"${address}" must be host:port, such as "127.0.0.1:2181"`);
    }
  }
  return addresses;
}

function readPorts(text: string): readonly number[] {
  const items = list(text);
  const ports = items.map((item) => wholeNumber(item, 1, 65_535)).filter((port) => port !== undefined);
  if (new Set(ports).size !== items.length) {
    throw wrong("TCP_PORTS", text, `it must list different ports from 1 to 65535, such as "2181,2182,2183"`);
  }
  return ports;
}

/** As ZooKeeper reads its list: a star is all of them, and srvr is always among them. */
function readFourLetterWords(text: string): readonly FourLetterWord[] {
  if (text === "") return FOUR_LETTER_WORDS_DEFAULT;
  const words = list(text);
  if (words.includes("*")) return FOUR_LETTER_WORDS;
  const known = words.filter(isFourLetterWord);
  if (known.length < words.length || known.length === 0) {
    const all = FOUR_LETTER_WORDS.join(",");
    throw wrong("FOUR_LETTER_WORDS", text, `it must list some of ${all}, or be * for all of them`);
  }
  return [...new Set<FourLetterWord>([...known, "srvr"])];
}

/** The value stays out of the message: it may be a password that somebody took for the digest. */
function readSuperDigest(text: string): string | undefined {
  if (text === "") return undefined;
  // 20 bytes of SHA-1 are 27 characters of base64 and one of padding.
  if (!/^[^:\s]+:[A-Za-z0-9+/]{27}=$/.test(text)) {
    throw new ConfigError(
      `SUPER_DIGEST is no digest: it must be user:base64(sha1(user:password)), ` +
        `which ends in 28 characters of base64 (ZooKeeper's DigestAuthenticationProvider prints it)`,
    );
  }
  return text;
}

function milliseconds(variables: Variables, name: VariableName, bounds: Bounds): number | undefined {
  return wholeNumberOf(variables, name, bounds, " of milliseconds");
}

function wholeNumberOf(
  variables: Variables,
  name: VariableName,
  bounds: Bounds,
  unit = "",
): number | undefined {
  const text = variables[name] ?? "";
  if (text === "") return undefined;
  const value = wholeNumber(text, bounds.min, bounds.max);
  if (value !== undefined) return value;
  const range = `it must be a whole number${unit} from ${bounds.min} to ${bounds.max}`;
  throw wrong(name, text, `${range} (${bounds.reason})`);
}

function readStorageLimit(text: string): number {
  if (text === "") return STORAGE_LIMIT_MB;
  const value = wholeNumber(text, 1, STORAGE_LIMIT_MB_MAX);
  if (value !== undefined) return value;
  throw wrong(
    "STORAGE_LIMIT_MB",
    text,
    `it must be from 1 to ${STORAGE_LIMIT_MB_MAX}: the platform gives 10 GB`,
  );
}

/** The platform gives an object 10 GB; the rest is for what is under way, and for what frees space. */
const STORAGE_LIMIT_MB = 9000;
const STORAGE_LIMIT_MB_MAX = 9800;

/** A number of things, 0 for no bound. */
function count(variables: Variables, name: VariableName): number | undefined {
  const text = variables[name] ?? "";
  if (text === "") return undefined;
  const value = wholeNumber(text, 0, COUNT_MAX);
  if (value !== undefined) return value;
  throw wrong(name, text, `it must be a whole number up to ${COUNT_MAX}, and 0 for no bound`);
}

const COUNT_MAX = 1_000_000;

function wrong(name: VariableName, value: string, remedy: string): ConfigError {
  return new ConfigError(`${name} is "${value}": ${remedy}`);
}

function wholeNumber(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,15}$/.test(text)) return undefined;
  const value = Number(text);
  return value >= min && value <= max ? value : undefined;
}

function list(text: string): readonly string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}
