/** What a proposal does to the membership: the protocol asks this of each proposal that it accepts. */
import { KeeperError } from "../base/error-code.ts";
import type { Sid } from "../base/ids.ts";
import type { VotersBefore } from "../base/voters-before.ts";
import { compareZxid, equalZxid, ZXID_ZERO } from "../base/zxid.ts";
import { CONFIG_PATH } from "../tree/reserved.ts";
import { JuteError } from "../jute/jute-error.ts";
import { configTxnOf } from "../jute/txn.ts";
import type { MembershipOf } from "../zab/members.ts";
import type { Membership } from "../zab/membership.ts";
import type { MembershipNote } from "../zab/message.ts";
import { configProblem, type DynamicConfig, membershipOf, readDynamicConfig } from "./dynamic-config.ts";
import type { KeeperParts } from "./keeper-input.ts";
import type { Removal } from "./turn.ts";

/**
 * The members that the payload brings, or that it settles those before it; undefined where it leaves them alone.
 * A configuration of version 0 only tells what the deployment says, so it brings none. Throws JuteError where the
 * payload cannot be read, or brings members that no ensemble can have.
 */
export const membershipChangeOf: MembershipOf = (payload) => {
  const txn = configTxnOf(payload);
  if (txn === undefined || txn.kind === "settled") return txn;
  const config = configIn(txn.data);
  if (equalZxid(config.version, ZXID_ZERO)) return undefined;
  const problem = configProblem(config);
  if (problem !== undefined) throw new JuteError("bad-value", problem);
  return { kind: "members", membership: membershipOf(config) };
};

function configIn(data: Uint8Array): DynamicConfig {
  try {
    return readDynamicConfig(new TextDecoder().decode(data));
  } catch (error) {
    if (!(error instanceof KeeperError)) throw error;
    throw new JuteError("bad-value", `a configuration: ${error.message}`);
  }
}

/** The membership that a configuration's bytes bring; undefined where they only tell what the deployment says. */
export function membershipIn(data: Uint8Array): Membership | undefined {
  const membership = membershipOf(readDynamicConfig(new TextDecoder().decode(data)));
  return equalZxid(membership.version, ZXID_ZERO) ? undefined : membership;
}

/**
 * Whether a notification calls the replica to life that has nothing and was let go, or never was a member: its sender
 * names it in a later membership than the one that let it go; or in that very one where that is committed, and so in
 * force without the replica: then its leader has invited it.
 */
export function isCalledBy(note: MembershipNote, sid: Sid, removal: Removal | undefined): boolean {
  const { version, isCommitted, voters, observers } = note;
  if (!voters.includes(sid) && !observers.includes(sid)) return false;
  const order = removal === undefined ? 1 : compareZxid(version, removal.version);
  return order > 0 || (order === 0 && isCommitted);
}

/**
 * The members that a replica starts with: those of its tree; of one that was let go, the last that it knew; and those
 * of the deployment where they were never changed.
 */
export function membershipAtStart({ config, tree, removal }: KeeperParts): Membership {
  const data = removal?.members ?? tree.get(CONFIG_PATH)?.data ?? new Uint8Array();
  const { voters, observers } = config;
  const known = data.length === 0 ? undefined : membershipIn(data);
  const isOurs = known === undefined || isTakenOver(known, config.votersBefore);
  const membership = isOurs ? { version: known?.version ?? ZXID_ZERO, voters, observers } : known;
  return removal === undefined ? membership : { ...membership, version: removal.version };
}

/** Whether an operator says that the voters of the deployment take over from these, of this very version. */
export function isTakenOver(known: Membership, before: VotersBefore | undefined): boolean {
  if (before?.version === undefined || !equalZxid(before.version, known.version)) return false;
  return (
    before.voters.length === known.voters.length && before.voters.every((sid) => known.voters.includes(sid))
  );
}
