/**
 * Who the members of a simulated world are, read from what its replicas write and deliver; nothing of the product
 * decides it.
 */
import { must } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { compareZxid, minZxid, type Zxid, ZXID_ZERO } from "../base/zxid.ts";
import { configTxnOf } from "../jute/txn.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import type { Turn } from "../keeper/turn.ts";
import type { MachineView, WorldObserver } from "./observer.ts";

/** Who votes and who observes; the version is that of the proposal that brought it. */
export interface Listed {
  readonly version: Zxid;
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
  /** Each voter in one of them; undefined where a majority decides. */
  readonly groups?: readonly (readonly Sid[])[] | undefined;
  readonly weights?: ReadonlyMap<Sid, number>;
}

/** One that was accepted somewhere, and is not known to be committed. */
interface Later extends Listed {
  /** Whether one of its voters had just lost its disk when it was proposed: its leader could not know that yet. */
  readonly isUnlucky: boolean;
}

/** A leader may take that long to find out that a replica is gone, and came back empty. */
const UNNOTICED_MS = 3000;

/** More than half of the voters; or, of more than half of the groups that weigh anything, more than half the weight. */
export function isQuorum(those: Iterable<Sid>, { voters, groups, weights }: Listed): boolean {
  const counted = new Set(those);
  if (groups === undefined) return voters.filter((sid) => counted.has(sid)).length * 2 > voters.length;
  const weigh = (sids: readonly Sid[]): number =>
    sids.map((sid) => weights?.get(sid) ?? 1).reduce((sum, one) => sum + one, 0);
  const heavy = groups.filter((sids) => weigh(sids) > 0);
  const won = heavy.filter((sids) => weigh(sids.filter((sid) => counted.has(sid))) * 2 > weigh(sids));
  return won.length * 2 > heavy.length;
}

/** The members that a configuration's bytes list; undefined where they only tell what the deployment says. */
export function listedIn(data: Uint8Array | null, version: Zxid): Listed | undefined {
  const text = new TextDecoder().decode(data ?? new Uint8Array());
  if (text === "" || /^version=0$/m.test(text)) return undefined;
  const inRole = (role: string): readonly Sid[] => {
    const servers = text.matchAll(/^server\.(\d+)=\S*:(participant|observer)(?:;\S*)?$/gm);
    return [...servers].flatMap(([, sid, own]) => (own === role ? [Number(sid)] : []));
  };
  const groups = [...text.matchAll(/^group\.\d+=([\d:]+)$/gm)].map(([, sids = ""]) =>
    sids.split(":").map(Number),
  );
  const weights = [...text.matchAll(/^weight\.(\d+)=(\d+)$/gm)].map(
    (one) => [Number(one[1]), Number(one[2])] as const,
  );
  return {
    version,
    voters: inRole("participant"),
    observers: inRole("observer"),
    groups: groups.length === 0 ? undefined : groups,
    weights: new Map(weights),
  };
}

/** See the file's comment. */
export class Roster implements WorldObserver {
  #present: Listed;
  /** Those before the present ones, while only who delivered the change may know that it was committed. */
  #before: { readonly listed: Listed; settledAt?: Zxid } | undefined;
  /** Proposed somewhere, and later than the present one. */
  #later: readonly Later[] = [];
  readonly #nowMs: () => number;
  readonly #durableLast: (sid: Sid) => Zxid;
  readonly #wipedAtMs = new Map<Sid, number>();

  /** `durableLast` tells up to where a replica's history is durable. */
  constructor(
    { voters, observers }: Pick<Listed, "voters" | "observers">,
    { nowMs, durableLast }: { readonly nowMs: () => number; readonly durableLast: (sid: Sid) => Zxid },
  ) {
    this.#nowMs = nowMs;
    this.#durableLast = durableLast;
    this.#present = { version: ZXID_ZERO, voters, observers };
  }

  /** The latest that was delivered anywhere. */
  get present(): Listed {
    return this.#present;
  }

  /** The present one, the one before it until it is settled, and all that may follow it. */
  get possible(): readonly Listed[] {
    const before = this.#before === undefined ? [] : [this.#before.listed];
    return [...before, this.#present, ...this.#later];
  }

  lostDisk(sid: Sid, how: "wipe" | "corrupt"): void {
    if (how === "wipe") this.#wipedAtMs.set(sid, this.#nowMs());
  }

  /**
   * Whether only replicas that lost their disks could tell whether the latest members came about: they were proposed in
   * the moment when one of them lost its disk, and count with it, and those left are no quorum of them. Nobody may be
   * elected then, however long it takes.
   */
  isLost(whole: readonly Sid[]): boolean {
    const latest = this.#later.at(-1);
    return latest !== undefined && latest.isUnlucky && !isQuorum(whole, latest);
  }

  stepped({ sid, tree, isSuperseded }: MachineView, _input: KeeperInput, { writes }: Turn): void {
    // What one does that was replaced is never durable: a sole voter could else change the members by itself.
    if (isSuperseded) return;
    for (const write of writes) if (write.kind === "append") this.#accepted(write.proposals);
    const settledAt = this.#before?.settledAt;
    // A sole voter delivers in the turn in which it writes: what it has not on disk it may forget.
    if (
      settledAt !== undefined &&
      compareZxid(settledAt, minZxid(tree.lastApplied, this.#durableLast(sid))) <= 0
    ) {
      this.#before = undefined;
    }
    if (this.#later.length === 0) return;
    const isBehind = this.#later.some(({ version }) => compareZxid(version, tree.lastApplied) <= 0);
    if (!isBehind) return;
    const node = must(tree.get("/zookeeper/config"), "the configuration");
    const found = this.#later.find(({ version }) => compareZxid(version, node.mzxid) === 0);
    if (found === undefined) return;
    this.#before = { listed: this.#present };
    this.#present = found;
    this.#later = this.#later.filter(({ version }) => compareZxid(version, found.version) > 0);
  }

  #accepted(proposals: readonly { readonly zxid: Zxid; readonly payload: Uint8Array }[]): void {
    for (const { zxid, payload } of proposals) {
      if (compareZxid(zxid, this.#present.version) <= 0) continue;
      const txn = configTxnOf(payload);
      if (txn?.kind === "settled" && this.#before !== undefined) this.#before.settledAt = zxid;
      const listed = txn?.kind === "config" ? listedIn(txn.data, zxid) : undefined;
      if (listed === undefined || this.#later.some(({ version }) => compareZxid(version, zxid) === 0))
        continue;
      const sinceMs = this.#nowMs() - UNNOTICED_MS;
      const isUnlucky = listed.voters.some((sid) => (this.#wipedAtMs.get(sid) ?? -1) >= sinceMs);
      this.#later = [...this.#later, { ...listed, isUnlucky }];
    }
  }
}
