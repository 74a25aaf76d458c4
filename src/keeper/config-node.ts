/**
 * What /zookeeper/config shows: ZooKeeper's dynamic configuration, one line per server. Curator's EnsembleTracker
 * replaces a client's connect string by the addresses after the semicolon, so they are ones that a client can reach,
 * or are left out. Source: ZooKeeper QuorumMaj.toString, QuorumServer.toString.
 */
import type { Sid } from "../base/ids.ts";
import type { VotersBefore } from "../base/voters-before.ts";
import { compareZxid } from "../base/zxid.ts";
import type { Membership } from "../zab/membership.ts";
import { versionText } from "./dynamic-config.ts";
import { membershipIn } from "./membership-change.ts";

/** The ports that a server line must name: replicas talk over links, so nothing listens there. */
export const QUORUM_PORT = 2888;
/** The other one. */
export const ELECTION_PORT = 3888;
const QUORUM_PORTS = `${QUORUM_PORT}:${ELECTION_PORT}`;

/** The bytes of the dynamic configuration. */
export function configText(config: {
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  readonly clientAddresses: readonly string[];
}): Uint8Array {
  const lines = [...config.voters, ...config.observers].map((sid, index) => {
    const role = config.voters.includes(sid) ? "participant" : "observer";
    const address = config.clientAddresses[index];
    const host = address === undefined ? "127.0.0.1" : address.slice(0, address.lastIndexOf(":"));
    const client = address === undefined ? "" : `;${address}`;
    return `server.${sid}=${host}:${QUORUM_PORTS}:${role}${client}`;
  });
  return new TextEncoder().encode(`${lines.join("\n")}\nversion=0`);
}

/** Whether both hold the same bytes; null is no bytes at all. */
export function sameBytes(a: Uint8Array, b: Uint8Array | null): boolean {
  if (b === null || a.length !== b.length) return false;
  return a.every((octet, index) => octet === b[index]);
}

/** What a replica has, and what it is told at its start. */
export interface VotersAtStart {
  readonly sid: Sid;
  /** /zookeeper/config as this replica's data hold it. */
  readonly data: Uint8Array | null;
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  /** The voters of the data, where an operator says that others take over. */
  readonly votersBefore: VotersBefore | undefined;
}

/**
 * Why a replica must not start with these voters, undefined where it may. Two sets of 1, 3 or 5 voters that differ
 * always have majorities that share nobody: {1,2} of 1,2,3 may have acknowledged what {3,4,5} of 1,2,3,4,5 never
 * heard of. So only who says that all have the same history may change them, and not with replicas that have none.
 */
export function votersRefusal(start: VotersAtStart): string | undefined {
  const { sid, data, voters, observers, votersBefore } = start;
  const ofData = votersOf(data);
  // Clients have changed the members since: the data say who they are, whatever the deployment says.
  const known = data !== null && data.length > 0 ? membershipIn(data) : undefined;
  if (known !== undefined) return takeoverRefusal(start, known);
  if (ofData.length === 0) {
    if (votersBefore === undefined || !voters.includes(sid)) return undefined;
    return (
      `replica ${sid} has no data and shall vote where VOTERS_BEFORE says there are some: ` +
      `let it observe (OBSERVERS) until it has caught up`
    );
  }
  if (sameSids(ofData, voters)) {
    // Its alarm may still wake a replica that was taken off the lists: it must not take part.
    if ([...voters, ...observers].includes(sid)) return undefined;
    return `replica ${sid} is not in VOTERS (${voters.join(",")}) or OBSERVERS (${observers.join(",")})`;
  }
  const isTakenOver = votersBefore?.version === undefined && sameSids(ofData, votersBefore?.voters ?? []);
  if (isTakenOver) return undefined;
  return (
    `the voters of the data are ${ofData.join(",")}, and VOTERS is ${voters.join(",")}: acknowledged writes could ` +
    `be lost. Set VOTERS back, and change the members by reconfig; or see "Changing the members" in ARCHITECTURE.md`
  );
}

/**
 * The same where clients have made the configuration. Its version says which one is taken over: the first thing that
 * the new voters propose is a configuration of their own, of a later version, so that the same word means nothing when
 * it is forgotten and read again.
 */
function takeoverRefusal(start: VotersAtStart, known: Membership): string | undefined {
  const { sid, voters, observers, votersBefore } = start;
  if (votersBefore === undefined) return undefined;
  const text = `${known.voters.join(",")}@${versionText(known.version)}`;
  const { version } = votersBefore;
  if (version !== undefined) {
    const order = compareZxid(known.version, version);
    if (order > 0) return undefined;
    if (order < 0) {
      return (
        `the data of replica ${sid} are of ${text}, which is earlier than VOTERS_BEFORE says: ` +
        `leave it out until the others have served without VOTERS_BEFORE`
      );
    }
    if (sameSids(known.voters, votersBefore.voters)) {
      if ([...voters, ...observers].includes(sid)) return undefined;
      return `replica ${sid} is not in VOTERS (${voters.join(",")}) or OBSERVERS (${observers.join(",")})`;
    }
  }
  return (
    `clients have changed the members of the data, to ${text}: take VOTERS_BEFORE away, or, to take over from them ` +
    `for good, set VOTERS_BEFORE=${text}`
  );
}

/**
 * Why a voter must not take over though its tree is of the version that VOTERS_BEFORE names: its history holds a later
 * change of the members, by others than those that take over, and nobody can tell whether that was committed.
 */
export function pendingRefusal(start: VotersAtStart, pending: readonly Uint8Array[]): string | undefined {
  const { sid, data, voters, votersBefore } = start;
  const version = votersBefore?.version;
  if (version === undefined || !voters.includes(sid)) return undefined;
  const known = data !== null && data.length > 0 ? membershipIn(data) : undefined;
  if (known !== undefined && compareZxid(known.version, version) > 0) return undefined;
  const memberships = pending.map(membershipIn).filter((one) => one !== undefined);
  const foreign = memberships.find((one) => !sameSids(one.voters, voters));
  if (foreign === undefined) return undefined;
  return (
    `the members of the data were just being changed to ${foreign.voters.join(",")}, and nobody can tell whether ` +
    `that was done: VOTERS_BEFORE cannot take over from these data`
  );
}

/** The sids that a dynamic configuration calls participants; none where it is not one. */
function votersOf(data: Uint8Array | null): readonly Sid[] {
  const text = new TextDecoder().decode(data ?? new Uint8Array());
  return [...text.matchAll(/^server\.(\d+)=.*:participant(?:;|$)/gm)].map(([, sid]) => Number(sid));
}

function sameSids(a: readonly Sid[], b: readonly Sid[]): boolean {
  return a.length === b.length && a.every((sid) => b.includes(sid));
}
