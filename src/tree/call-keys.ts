/**
 * What was done under which key, so that a caller whose answer was lost may ask again. Each stands as a TTL znode that
 * is created in the transaction it remembers: so it is where that is, on every replica, in every snapshot, and goes by
 * itself. Only the super user may read or change it.
 */
import { type Acl, PERMS } from "../base/acl.ts";
import { KeeperError } from "../base/error-code.ts";
import type { SessionId } from "../base/ids.ts";
import type { CallKey, NodeData } from "../base/request.ts";
import type { Stat } from "../base/stat.ts";
import type { CreateTxn, Outcome } from "../base/txn.ts";
import { KEY_TTL_MS } from "../base/limits.ts";

/** The parent of all of them; it is there once the first call has a key. */
export const KEYS_PATH = "/zookeeper/call-keys";

/** Nobody matches this line, and the super user needs none. */
export const KEYS_ACL: readonly Acl[] = [{ perms: PERMS.all, scheme: "super", id: "" }];

/** Where a key is remembered. */
export function keyPathOf(key: Pick<CallKey, "name">): string {
  return `${KEYS_PATH}/${key.name}`;
}

/** What was done. */
export interface Remembered {
  readonly fingerprint: string;
  /** The session that it was done in, or that was made. */
  readonly session: SessionId;
  /** Of the operations that were asked for, in their order. */
  readonly outcomes: readonly Outcome[];
  /** What a counter stood at then; undefined where nothing was added to one. */
  readonly value?: string | undefined;
}

/** The transaction that remembers it. */
export function rememberTxn(key: CallKey, parentCreates: number, remembered: Remembered): CreateTxn {
  return {
    kind: "create",
    path: keyPathOf(key),
    data: new TextEncoder().encode(JSON.stringify(remembered, withoutBigints)),
    acl: KEYS_ACL,
    owner: { mode: "ttl", ttlMs: KEY_TTL_MS },
    parentCreates,
    withStat: false,
  };
}

/** Reads what stands at a key's path. Throws KeeperError dataInconsistency where the super user has changed it. */
export function readRemembered(data: NodeData): Remembered {
  try {
    return JSON.parse(new TextDecoder().decode(data ?? new Uint8Array()), withBigints) as Remembered;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new KeeperError("dataInconsistency", "a key that remembers nothing");
  }
}

/** Fields that hold session ids: 64 bits, for which JSON has no number. */
const SESSION_FIELDS: ReadonlySet<string> = new Set<keyof Remembered | keyof Stat>([
  "session",
  "ephemeralOwner",
]);

function withoutBigints(_name: string, value: unknown): unknown {
  return typeof value === "bigint" ? value.toString(16) : value;
}

function withBigints(name: string, value: unknown): unknown {
  return SESSION_FIELDS.has(name) && typeof value === "string" ? BigInt(`0x${value}`) : value;
}
