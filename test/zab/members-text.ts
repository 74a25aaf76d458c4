/** Memberships as payloads of made-up proposals: `members 1,2,3 observers 4`, and `settled`. */
import type { Sid } from "../../src/base/ids.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import type { Membership } from "../../src/zab/membership.ts";
import type { MembershipChange } from "../../src/zab/members.ts";

/** The payload that says that the members before it are settled. */
export const SETTLED = "settled";

/** The payload that proposes these members. */
export function membersText({ voters, observers }: Pick<Membership, "voters" | "observers">): string {
  return `members ${voters.join(",")} observers ${observers.join(",")}`;
}

/** Reads such a payload, which may be padded with dots; see MembershipOf. */
export function membershipOf(payload: Uint8Array): MembershipChange | undefined {
  const text = new TextDecoder().decode(payload);
  if (text === SETTLED) return { kind: "settled" };
  const [, voters, observers] = /^members ([\d,]+) observers ([\d,]*)$/.exec(text) ?? [];
  if (voters === undefined) return undefined;
  const membership = { version: ZXID_ZERO, voters: sidsOf(voters), observers: sidsOf(observers ?? "") };
  return { kind: "members", membership };
}

/** The members after these deliveries, as `zxid=payload`: what a tree would hold. */
export function membersAt(delivered: readonly string[], initial: Membership): Membership {
  const last = delivered.findLast((text) => text.includes("=members "));
  const [zxid = "", payload = ""] = last?.split("=") ?? [];
  const change = membershipOf(new TextEncoder().encode(payload));
  if (change?.kind !== "members") return initial;
  const [epoch = 0, counter = 0] = zxid.split(":").map(Number);
  return { ...change.membership, version: { epoch, counter } };
}

function sidsOf(text: string): readonly Sid[] {
  return text === "" ? [] : text.split(",").map(Number);
}

/** So many sids, from the first on. */
export function sidsFrom(first: Sid, count: number): readonly Sid[] {
  return Array.from({ length: count }, (_, index) => first + index);
}
