/** Puts faults into a world, and takes them out again. */
import { assertNever } from "../base/assert.ts";
import type { Sid } from "../base/ids.ts";
import { equalZxid, ZXID_ZERO } from "../base/zxid.ts";
import type { Sql } from "../durable/sql.ts";
import type { Fault } from "./fault.ts";
import type { Network } from "./network.ts";
import type { Replica } from "./replica.ts";
import { isQuorum, type Roster } from "./roster.ts";
import type { Setting } from "./setting.ts";

type FaultOf<Kind extends Fault["kind"]> = Fault & { readonly kind: Kind };

/** What is at the mercy of faults. */
export interface FaultParts {
  readonly setting: Setting;
  readonly network: Network;
  readonly roster: Roster;
  replica(sid: Sid): Replica;
}

/** Faults in force. */
export class Faults {
  readonly #parts: FaultParts;
  /** How each one in force ends, the oldest first. */
  readonly #endings = new Set<() => void>();

  constructor(parts: FaultParts) {
    this.#parts = parts;
  }

  /** Whether it could be done: not all may be, see the rules of `wipe` and `corrupt`. */
  apply(fault: Fault): boolean {
    const { setting } = this.#parts;
    if (!this.#isAllowed(fault)) return false;
    setting.tell((observer) => observer.fault?.(fault, "begins"));
    this.#begin(fault);
    return true;
  }

  /** Ends all that are in force. */
  endAll(): void {
    for (const end of this.#endings) end();
    for (const sid of this.#parts.setting.sids) {
      const replica = this.#parts.replica(sid);
      replica.death = undefined;
      replica.badAlarm = undefined;
      replica.disk.volume.failsNext = false;
      replica.disk.isTrimming = false;
    }
  }

  /** It is in force until it ends itself, or all end. */
  #until(fault: Fault, forMs: number, end: () => void): void {
    const { setting } = this.#parts;
    const ending = (): void => {
      if (!this.#endings.delete(ending)) return;
      end();
      setting.tell((observer) => observer.fault?.(fault, "ends"));
    };
    this.#endings.add(ending);
    setting.agenda.later(forMs, ending);
  }

  #begin(fault: Fault): void {
    switch (fault.kind) {
      case "crash":
      case "crashAll":
      case "crashWithin":
      case "evict":
      case "supersede":
      case "freeze":
      case "wipe":
      case "corrupt":
        return this.#ofObject(fault);
      case "failWrite":
      case "slowDisk":
      case "stuckDisk":
      case "trim":
        return this.#ofDisk(fault);
      case "partition":
      case "block":
      case "breakLinks":
      case "muteLinks":
      case "slowNetwork":
      case "badNotifications":
      case "dropClients":
        return this.#ofNetwork(fault);
      case "clockJump":
      case "clockRate":
      case "stallTimer":
      case "badAlarm":
        return this.#ofTime(fault);
      default:
        return assertNever(fault);
    }
  }

  #ofObject(
    fault: FaultOf<
      "crash" | "crashAll" | "crashWithin" | "evict" | "supersede" | "freeze" | "wipe" | "corrupt"
    >,
  ): void {
    const { setting } = this.#parts;
    if (fault.kind === "crashAll") {
      for (const sid of setting.sids) {
        this.#parts.replica(sid).layAll();
        this.#crash(fault, this.#parts.replica(sid), 0);
      }
      return undefined;
    }
    const replica = this.#parts.replica(fault.sid);
    switch (fault.kind) {
      case "crash":
        return this.#crash(fault, replica, fault.kept);
      case "crashWithin":
        replica.death = {
          effectsLeft: fault.effects,
          onDied: () => this.#keepDown(fault, replica, fault.downMs),
        };
        return undefined;
      case "evict":
        return replica.evict();
      case "supersede": {
        const ghost = replica.supersede();
        if (ghost !== undefined) this.#until(fault, fault.forMs, () => replica.lay(ghost));
        return undefined;
      }
      case "freeze": {
        const { machine } = replica;
        machine?.freeze();
        return this.#until(fault, fault.forMs, () => machine?.thaw());
      }
      case "wipe":
        return this.#wipe(replica);
      case "corrupt":
        return this.#corrupt(replica);
      default:
        return assertNever(fault);
    }
  }

  #ofDisk(fault: FaultOf<"failWrite" | "slowDisk" | "stuckDisk" | "trim">): void {
    const { disk } = this.#parts.replica(fault.sid);
    switch (fault.kind) {
      case "failWrite":
        disk.volume.failsNext = true;
        return undefined;
      case "slowDisk":
        disk.slownessMs.push(fault.ms);
        return this.#until(fault, fault.forMs, () => remove(disk.slownessMs, fault.ms));
      case "stuckDisk":
        disk.stuckBy++;
        return this.#until(fault, fault.forMs, () => disk.loosen());
      case "trim":
        disk.isTrimming = true;
        return undefined;
      default:
        return assertNever(fault);
    }
  }

  #ofNetwork(
    fault: FaultOf<
      "partition" | "block" | "breakLinks" | "muteLinks" | "slowNetwork" | "badNotifications" | "dropClients"
    >,
  ): void {
    const { network, setting } = this.#parts;
    switch (fault.kind) {
      case "partition": {
        const others = setting.sids.filter((sid) => !fault.sids.includes(sid));
        const pairs = fault.sids.flatMap((a) => others.map((b) => [a, b] as const));
        for (const [a, b] of pairs) this.#part(a, b);
        return this.#until(fault, fault.forMs, () => {
          for (const [a, b] of pairs) {
            network.mend(a, b);
            network.mend(b, a);
          }
        });
      }
      case "block":
        network.cut(fault.from, fault.to);
        return this.#until(fault, fault.forMs, () => network.mend(fault.from, fault.to));
      case "breakLinks":
        for (const link of network.links(fault.a, fault.b)) link.break(fault.kept);
        return undefined;
      case "muteLinks":
        for (const link of network.links(fault.a, fault.b)) link.mute();
        return undefined;
      case "slowNetwork":
        network.slownessMs.push(fault.delayMs);
        return this.#until(fault, fault.forMs, () => remove(network.slownessMs, fault.delayMs));
      case "badNotifications":
        network.weather.push(fault);
        return this.#until(fault, fault.forMs, () => remove(network.weather, fault));
      case "dropClients":
        return this.#parts.replica(fault.sid).machine?.clients.breakAll(fault.isUnnoticed);
      default:
        return assertNever(fault);
    }
  }

  #ofTime(fault: FaultOf<"clockJump" | "clockRate" | "stallTimer" | "badAlarm">): void {
    const replica = this.#parts.replica(fault.sid);
    switch (fault.kind) {
      case "clockJump":
        return replica.clock.jump(fault.byMs);
      case "clockRate":
        replica.clock.rate = fault.rate;
        return this.#until(fault, fault.forMs, () => {
          replica.clock.rate = 1;
        });
      case "stallTimer":
        replica.timerStalledBy++;
        return this.#until(fault, fault.forMs, () => {
          replica.timerStalledBy--;
        });
      case "badAlarm":
        replica.badAlarm = fault;
        return undefined;
      default:
        return assertNever(fault);
    }
  }

  #crash(fault: FaultOf<"crash" | "crashAll">, replica: Replica, kept: number): void {
    replica.crash("power fails", kept);
    this.#keepDown(fault, replica, fault.downMs);
  }

  #keepDown(fault: Fault, replica: Replica, downMs: number): void {
    replica.downBy++;
    this.#until(fault, downMs, () => {
      replica.downBy--;
      replica.reach();
    });
  }

  /** The two cannot reach each other, and links between them close with some of what was under way. */
  #part(a: Sid, b: Sid): void {
    const { network } = this.#parts;
    const kept = network.rng("network", a, b).below(4);
    for (const link of network.links(a, b)) link.break(kept);
    network.cut(a, b);
    network.cut(b, a);
  }

  /**
   * Of voters that lose what they know a quorum must be left that was in an epoch and whose trees are whole. A voter
   * that was in no epoch has nothing to lose but a promise, and an observer nothing that counts. Where members change
   * this is so of every membership that may be in force. No tree is damaged there: two voters, one of them damaged
   * before it became one, elect nobody.
   */
  #isAllowed(fault: Fault): boolean {
    if (fault.kind !== "wipe" && fault.kind !== "corrupt") return true;
    const { disk } = this.#parts.replica(fault.sid);
    if (fault.kind === "corrupt" && this.#mayMembersChange) return false;
    if (fault.kind === "corrupt" && equalZxid(disk.volume.visible.lastDelivered, ZXID_ZERO)) return false;
    if (fault.kind === "wipe" && disk.durable.currentEpoch === 0) return true;
    return this.#parts.roster.possible.every((listed) => {
      const { voters } = listed;
      if (!voters.includes(fault.sid)) return true;
      return isQuorum(
        voters.filter((sid) => sid !== fault.sid && isWhole(this.#parts.replica(sid))),
        listed,
      );
    });
  }

  get #mayMembersChange(): boolean {
    return (this.#parts.setting.options.spares ?? 0) > 0;
  }

  #wipe(replica: Replica): void {
    replica.crash("the disk is lost", 0);
    replica.layAll();
    replica.disk.wipe();
    this.#parts.setting.tell((observer) => observer.lostDisk?.(replica.sid, "wipe"));
    replica.reach();
  }

  /**
   * The tree on disk is not what its digest says. The digest is what is changed: a changed znode would be read by
   * clients before anybody could know, and no protocol helps against that.
   */
  #corrupt(replica: Replica): void {
    const { disk } = replica;
    replica.crash("the disk is damaged", disk.volume.pendingCount);
    replica.layAll();
    disk.volume.damage(changeDigests, { ...disk.durable, isDamaged: true });
    this.#parts.setting.tell((observer) => observer.lostDisk?.(replica.sid, "corrupt"));
    replica.reach();
  }
}

/** Whether a replica counts where there is a history: it was in an epoch, and what it has is right. */
export function isWhole({ disk }: Replica): boolean {
  const { durable, visible } = disk.volume;
  const isTrusted = [durable, visible].every(({ isDiverged, isDamaged }) => !isDiverged && !isDamaged);
  return isTrusted && durable.currentEpoch > 0;
}

/** Both places where a start may find the digest. */
function changeDigests(sql: Sql): void {
  sql.exec("UPDATE state SET digest_lo = (digest_lo + 1) & 4294967295");
  sql.exec("UPDATE history SET digest_lo = (digest_lo + 1) & 4294967295");
}

function remove<Item>(items: Item[], item: Item): void {
  const at = items.indexOf(item);
  if (at >= 0) items.splice(at, 1);
}
