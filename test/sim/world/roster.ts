/**
 * Who the members of a simulated world are, read from what its replicas write and deliver; nothing of the product
 * decides it. Majorities only: nobody asks for groups here.
 */
import { must } from "../../../src/base/assert.ts";
import type { Sid } from "../../../src/base/ids.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../../../src/base/zxid.ts";
import { configTxnOf } from "../../../src/jute/txn.ts";
import type { KeeperInput } from "../../../src/keeper/keeper-input.ts";
import type { Turn } from "../../../src/keeper/turn.ts";
import type { MachineView, WorldObserver } from "./observer.ts";

/** Who votes and who observes; the version is that of the proposal that brought it. */
export interface Listed {
  readonly version: Zxid;
  readonly voters: readonly Sid[];
  readonly observers: readonly Sid[];
}

/** More than half of them. */
export function isMajority(those: Iterable<Sid>, voters: readonly Sid[]): boolean {
  const counted = new Set([...those].filter((sid) => voters.includes(sid)));
  return counted.size * 2 > voters.length;
}

/** The members that a configuration's bytes list; undefined where they only tell what the deployment says. */
export function listedIn(data: Uint8Array | null, version: Zxid): Listed | undefined {
  const text = new TextDecoder().decode(data ?? new Uint8Array());
  if (text === "" || /^version=0$/m.test(text)) return undefined;
  const inRole = (role: string): readonly Sid[] => {
    const servers = text.matchAll(/^server\.(\d+)=\S*:(participant|observer)(?:;\S*)?$/gm);
    return [...servers].flatMap(([, sid, own]) => (own === role ? [Number(sid)] : []));
  };
  return { version, voters: inRole("participant"), observers: inRole("observer") };
}

/** See the file's comment. */
export class Roster implements WorldObserver {
  #present: Listed;
  /** Proposed somewhere, and later than the present one. */
  #later: readonly Listed[] = [];

  constructor({ voters, observers }: Pick<Listed, "voters" | "observers">) {
    this.#present = { version: ZXID_ZERO, voters, observers };
  }

  /** The latest that was delivered anywhere. */
  get present(): Listed {
    return this.#present;
  }

  /** The present one and all that may follow it. */
  get possible(): readonly Listed[] {
    return [this.#present, ...this.#later];
  }

  stepped({ tree }: MachineView, _input: KeeperInput, { writes }: Turn): void {
    for (const write of writes) if (write.kind === "append") this.#accepted(write.proposals);
    if (this.#later.length === 0) return;
    const isBehind = this.#later.some(({ version }) => compareZxid(version, tree.lastApplied) <= 0);
    if (!isBehind) return;
    const node = must(tree.get("/zookeeper/config"), "the configuration");
    const found = this.#later.find(({ version }) => compareZxid(version, node.mzxid) === 0);
    if (found === undefined) return;
    this.#present = found;
    this.#later = this.#later.filter(({ version }) => compareZxid(version, found.version) > 0);
  }

  #accepted(proposals: readonly { readonly zxid: Zxid; readonly payload: Uint8Array }[]): void {
    for (const { zxid, payload } of proposals) {
      if (compareZxid(zxid, this.#present.version) <= 0) continue;
      const txn = configTxnOf(payload);
      const listed = txn?.kind === "config" ? listedIn(txn.data, zxid) : undefined;
      if (listed === undefined || this.#later.some(({ version }) => compareZxid(version, zxid) === 0))
        continue;
      this.#later = [...this.#later, listed];
    }
  }
}
