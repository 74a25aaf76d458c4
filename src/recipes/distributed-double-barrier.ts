/**
 * DistributedDoubleBarrier: so many members begin together, and end together.
 *
 * What can go wrong, and what happens then:
 * - A member dies before all have come: it is not counted any more; the others wait for another one.
 * - A member dies between the two doors: nobody waits for it when leaving, once its session is over.
 * - A member loses its session: `enter` and `leave` throw the fault `sessionLost`, and what `enter` gave is aborted.
 * - All members die while the first door is open: the `ready` that they leave behind belongs to them. Whoever comes
 *   later knows by its age that it is not theirs, and it is replaced when as many as are needed have come. (With
 *   Curator's own it lets the next one in alone: the barrier opens early.)
 * - Members of the next round come while the last ones still leave: they wait until those have left, and nobody waits
 *   for them meanwhile.
 *
 * `ready` is made in one transaction with a check that as many members as are needed are there: it is never made by
 * what a member still had on its way when its session ended.
 *
 * Only who comes last, and who waits for older members to leave, reads the list of members; the others wait for
 * `ready`.
 *
 * Znodes: PATH (container) / UUID (ephemeral), PATH/ready (persistent).
 * Source: Curator DistributedDoubleBarrier, kazoo recipe/barrier.py, ZooKeeper recipes (double barriers).
 */
import { childOf, nameOf } from "../base/path.ts";
import { HeldZnode, type Hold } from "./hold.ts";
import { Patience, type WaitOptions } from "./patience.ts";
import { currentSession, inBackground, NO_DATA, persevere } from "./perseverance.ts";
import { createProtected } from "./protected-create.ts";
import type { Created, RecipeClient, Stat, WatchListener } from "./recipe-client.ts";
import { isKeeperError, RecipeError } from "./recipe-error.ts";
import { untilGone, untilRead } from "./until-read.ts";
import { uuidText } from "./unique-name.ts";

const READY = "ready";

/** What a member is made with. */
export interface DoubleBarrierSettings {
  /** How many must come before any goes on. */
  readonly memberCount: number;
  /** Nobody else's; a UUID unless told otherwise. */
  readonly memberName?: string | undefined;
  readonly data?: Uint8Array | undefined;
}

/** One member, from one entrance to its leaving; then it may enter again. */
interface Membership {
  readonly znode: HeldZnode;
  readonly hold: Hold;
  /** The czxid of the member, and of the `ready` that let it in. */
  readonly joined: bigint;
  readonly opened: bigint;
}

/** See the file's comment. */
export class DistributedDoubleBarrier {
  readonly #client: RecipeClient;
  readonly #path: string;
  readonly #settings: DoubleBarrierSettings;
  #membership: Membership | undefined;

  constructor(client: RecipeClient, path: string, settings: DoubleBarrierSettings) {
    const { memberCount } = settings;
    if (!Number.isInteger(memberCount) || memberCount < 1)
      throw new RecipeError("misuse", `memberCount ${memberCount}: give a whole number from 1 up`);
    this.#client = client;
    this.#path = path;
    this.#settings = settings;
  }

  /**
   * Waits until all members have come; the signal is aborted when this one's session is lost or may be. Throws the
   * faults `timeout` and `sessionLost`, or the signal's reason; then it is no member.
   */
  async enter(options: WaitOptions = {}): Promise<AbortSignal> {
    if (this.#membership !== undefined)
      throw new RecipeError("misuse", "it has entered already: leave first");
    using patience = new Patience(this.#client.clock, options, `too few members at ${this.#path}`);
    const session = await currentSession(this.#client, patience);
    const prefix = this.#settings.memberName ?? uuidText(this.#client);
    const wanted = { parent: this.#path, prefix, mode: "ephemeral", data: this.#settings.data } as const;
    const joining = createProtected(this.#client, session, wanted);
    try {
      const created = await patience.of(joining);
      const znode = new HeldZnode(this.#client, session, created);
      patience.until(znode.lost, () => znode.lost.reason as unknown);
      const joined = created.stat.czxid;
      const opened = await untilRead(
        this.#client,
        patience,
        async (watch) => await this.#look(created, watch),
      );
      this.#membership = { znode, hold: znode.enter(), joined, opened };
      return znode.lost;
    } catch (error) {
      inBackground(
        joining.then(async (created) => await new HeldZnode(this.#client, session, created).giveUp()),
      );
      throw error;
    }
  }

  /** Waits until all members have left. Throws as `enter` does; it has left, however that ends. */
  async leave(options: WaitOptions = {}): Promise<void> {
    const membership = this.#membership;
    if (membership === undefined) throw new RecipeError("misuse", "it has not entered: enter first");
    this.#membership = undefined;
    const { znode, hold } = membership;
    using patience = new Patience(this.#client.clock, options, `members are still at ${this.#path}`);
    if (znode.lost.aborted) throw znode.lost.reason;
    try {
      await this.#leaveLast(membership, patience);
    } finally {
      inBackground(hold.release());
    }
  }

  /** The czxid of a `ready` that came behind us; makes one where it is due. */
  async #look({ path, stat }: Created, watch: WatchListener): Promise<bigint | undefined> {
    const joined = stat.czxid;
    const readyPath = childOf(this.#path, READY);
    const ready = await this.#client.exists(readyPath, watch);
    if (ready !== undefined && ready.czxid > joined) return ready.czxid;
    // Of an earlier round: who is left of that is waited for, and wakes us when it goes.
    const listing = ready === undefined ? undefined : watch;
    const { names } = await this.#client.children(this.#path, listing);
    const members = names.filter((name) => name !== READY);
    if (ready !== undefined && (await this.#firstBefore(members, ready.czxid)) !== undefined)
      return undefined;
    if (members.length < this.#settings.memberCount) return undefined;
    const others = members.filter((name) => name !== nameOf(path)).map((name) => childOf(this.#path, name));
    if (!(await this.#open([path, ...others], ready !== undefined))) {
      // The list was old: with a newer one there may be enough of them all the same.
      await this.#client.sync(this.#path);
      watch({ kind: "childrenChanged", path: this.#path });
      return undefined;
    }
    const opened = await this.#client.exists(readyPath, watch);
    return opened !== undefined && opened.czxid > joined ? opened.czxid : undefined;
  }

  /**
   * Makes `ready`, in place of a stale one, if as many members as are needed are there in that very moment, this one
   * among them: the list may be old, and this member itself may be gone by then. False where one of them is.
   */
  async #open(members: readonly string[], isStale: boolean): Promise<boolean> {
    const path = childOf(this.#path, READY);
    const there = members.slice(0, this.#settings.memberCount);
    const checks = there.map((member) => ({ op: "check", path: member, version: -1 }) as const);
    const stale = isStale ? ([{ op: "delete", path, version: -1 }] as const) : [];
    const create = { op: "create", path, mode: "persistent", data: NO_DATA } as const;
    try {
      await this.#client.transaction([...checks, ...stale, create]);
    } catch (error) {
      // Another one that came last, too, was quicker; or one of the members has gone.
      if (!isKeeperError(error, "nodeExists", "noNode")) throw error;
      return isKeeperError(error, "nodeExists");
    }
    return true;
  }

  /** The first of them that is older than that. */
  async #firstBefore(names: readonly string[], zxid: bigint): Promise<string | undefined> {
    for (const name of names) {
      const stat = await this.#stat(name);
      if (stat !== undefined && stat.czxid < zxid) return name;
    }
    return undefined;
  }

  /**
   * All but the last of a round delete their znodes and wait for the first one; the first one waits for the last one.
   * Who is alone takes `ready` along, in one transaction: nobody of the next round may have made another by then.
   */
  async #leaveLast({ znode, opened }: Membership, patience: Patience): Promise<void> {
    const own = nameOf(znode.path);
    for (;;) {
      const members = await this.#members(patience);
      const first = await patience.of(
        persevere(this.#client, async () => await this.#firstBefore(members, opened)),
      );
      const others = members.filter((name) => name !== own).toReversed();
      const last = await patience.of(
        persevere(this.#client, async () => await this.#firstBefore(others, opened)),
      );
      if (!members.includes(own)) {
        if (first === undefined) return;
        await untilGone(this.#client, patience, childOf(this.#path, first));
      } else if (last === undefined) {
        return await patience.of(this.#deleteWithReady(znode));
      } else if (first === own) {
        await untilGone(this.#client, patience, childOf(this.#path, last));
        if (znode.lost.aborted) throw znode.lost.reason;
      } else {
        await patience.of(znode.giveUp());
      }
    }
  }

  async #members(patience: Patience): Promise<readonly string[]> {
    try {
      const listing = persevere(this.#client, async () => await this.#client.children(this.#path));
      return (await patience.of(listing)).names.filter((name) => name !== READY).toSorted();
    } catch (error) {
      // No znode, no members.
      if (isKeeperError(error, "noNode")) return [];
      throw error;
    }
  }

  async #deleteWithReady(znode: HeldZnode): Promise<void> {
    const parts = [znode.path, childOf(this.#path, READY)].map(
      (path) => ({ op: "delete", path, version: -1 }) as const,
    );
    try {
      await persevere(this.#client, async () => await this.#client.transaction(parts));
    } catch (error) {
      // Done by an attempt whose answer was lost, or `ready` was deleted by another program's leaving.
      if (!isKeeperError(error, "noNode")) throw error;
    }
    await znode.giveUp();
  }

  async #stat(name: string): Promise<Stat | undefined> {
    return await persevere(this.#client, async () => await this.#client.exists(childOf(this.#path, name)));
  }
}
