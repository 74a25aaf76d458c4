/**
 * The command restore, at one replica. ZooKeeper restores the server that is asked, and the operator sees to it that
 * all are. Here it is one act of the ensemble, in three steps that the gateway takes:
 *
 * 1. permit: the leader appends a barrier, whose zxid is the permit: whoever gives one leads, later ones are larger.
 * 2. stage: every replica is sent the file, and stages what it holds beside its tree, durably.
 * 3. propose: once every voter has all of it, the same tree by its digest, the leader proposes that it takes the place
 *    of the present one, as the last thing of its reign. Each replica that delivers that starts anew on the new tree;
 *    one that has not staged it, an observer that was away, is sent a snapshot by the next leader.
 *
 * So a restore has its place in the order of all writes, has come about once its proposal is committed, and is lost
 * with no replica and no leader; before it is proposed nothing has changed. Zxids go on: the proposal's epoch is above
 * all that the file shows.
 *
 * What is not proof: a voter that is sent a snapshot between steps 2 and 3, for which history would have to be trimmed
 * that it needs, is without the tree. If that befell so many that the others are no quorum, the ensemble would wait for
 * an operator, with the restored tree at the others. Source: ZooKeeper Commands.RestoreCommand.
 */
import type { AdminSettings } from "../base/admin-settings.ts";
import type { Sid } from "../base/ids.ts";
import { equalZxid, type Zxid, zxidText } from "../base/zxid.ts";
import { JuteError } from "../jute/jute-error.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { RateLimiter } from "../keeper/operations/admin-access.ts";
import { type RestoredTree, SnapshotRestorer } from "../keeper/snapshot-file/restored-tree.ts";
import { digestText } from "../tree/digest.ts";
import {
  EPOCHS_AHEAD_MAX,
  MINUTE_MS,
  RESTORE_DEADLINE_MS,
  RESTORE_POLL_MS,
  STAGING_DIRTY_BYTES_MAX,
} from "./limits.ts";
import type { Store } from "./store.ts";

/** What it needs of its object. */
export interface RestorePorts {
  now(): number;
  /** Of the present start: another one after a restore. */
  store(): Store;
  keeper(): Pick<Keeper, "restorePermit" | "status">;
  accept(input: KeeperInput): void;
  databaseBytes(): number;
  readonly storageLimitBytes: number;
  /** Resolves once all that was written is durable. */
  sync(): Promise<void>;
  log(event: string, text: string): void;
}

/** What a file came to at one replica. */
export interface Staged {
  /** Sixteen hex digits: what the tree sums up to. */
  readonly digest: string;
  /** The largest zxid in it. */
  readonly last: Zxid;
}

/** A step that was not taken: with the status that the command is answered with, and why. */
export class RestoreError extends Error {
  override readonly name = "RestoreError";
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** What the last step needs. */
export interface RestoreProposal extends Staged {
  readonly permit: Zxid;
  /** Who has staged it. */
  readonly sids: readonly Sid[];
}

/** See the file's comment. */
export class RestoreCommand {
  readonly #settings: AdminSettings;
  readonly #ports: RestorePorts;
  readonly #limiter: RateLimiter;

  constructor(settings: AdminSettings, ports: RestorePorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#limiter = new RateLimiter(settings.intervalMs);
  }

  /** The first step, at the leader. Throws RestoreError. */
  async permit(): Promise<Zxid> {
    if (!this.#settings.restoreEnabled) throw new RestoreError(503, "ADMIN_RESTORE_ENABLED is 0");
    this.#checkLeading();
    if (!this.#limiter.allow(this.#ports.now())) {
      throw new RestoreError(429, `one restore in ${this.#settings.intervalMs} ms`);
    }
    this.#ports.accept({ kind: "restoreStep", step: { kind: "permitRestore" } });
    return await this.#until("the permit is not committed", () => this.#ports.keeper().restorePermit);
  }

  /** The second step, at each replica. Throws RestoreError. */
  async stage(permit: Zxid, file: AsyncIterable<Uint8Array>): Promise<Staged> {
    const store = this.#ports.store();
    const tree = store.stageRestore(permit);
    if (tree === undefined) throw new RestoreError(409, "another restore was begun later");
    const restorer = new SnapshotRestorer(tree);
    try {
      for await (const piece of file) {
        restorer.push(piece);
        if (!store.isStagingLarge(STAGING_DIRTY_BYTES_MAX)) continue;
        if (!this.#isCurrent(store) || !store.writeRestore(tree)) throw new RestoreError(409, SUPERSEDED);
        this.#checkRoom();
      }
      const { last, orphans, isDigestRight } = restorer.end();
      this.#checkEpoch(last);
      if (!this.#isCurrent(store) || !store.sealRestore(tree)) throw new RestoreError(409, SUPERSEDED);
      await this.#ports.sync();
      this.#say({ last, orphans, isDigestRight });
      this.#expectEpochAbove(last);
      return { digest: digestText(tree.summary.digest), last };
    } catch (error) {
      if (this.#isCurrent(store)) store.dropRestore(tree);
      if (error instanceof JuteError) throw new RestoreError(500, `the file: ${error.message}`);
      throw error;
    }
  }

  /** The last step, at the leader: the zxid at which it came about; undefined where another epoch is needed first. */
  async propose({ permit, digest, last, sids }: RestoreProposal): Promise<Zxid | undefined> {
    const { currentEpoch, zab } = this.#checkLeading();
    const waiting = this.#ports.store().waitingRestore;
    if (waiting === undefined || !equalZxid(waiting, permit)) throw new RestoreError(409, SUPERSEDED);
    const synced = new Set([
      zab.sid,
      ...zab.learners.flatMap(({ sid, isSynced }) => (isSynced ? [sid] : [])),
    ]);
    const missing = zab.membership.current.voters.filter((sid) => !sids.includes(sid) || !synced.has(sid));
    if (missing.length > 0) throw new RestoreError(409, `voters that are not there: ${missing.join(", ")}`);
    if (currentEpoch <= last.epoch) {
      this.#expectEpochAbove(last);
      return undefined;
    }
    this.#ports.accept({
      kind: "restoreStep",
      step: { kind: "proposeRestore", staged: { permit, digest } },
    });
    return await this.#until("what is proposed is not committed yet, and may yet come about", () => {
      const done = this.#ports.store().lastRestore;
      return done !== undefined && equalZxid(done.permit, permit) ? done.at : undefined;
    });
  }

  #isCurrent(store: Store): boolean {
    return this.#ports.store() === store;
  }

  #checkLeading(): ReturnType<Keeper["status"]> {
    const status = this.#ports.keeper().status();
    const isLeading = status.serving && status.zab.phase.role === "leading";
    if (!isLeading) throw new RestoreError(409, `replica ${status.sid} does not lead`);
    if (!status.zab.membership.isSettled) throw new RestoreError(409, "a change of the members is under way");
    return status;
  }

  #checkRoom(): void {
    if (this.#ports.databaseBytes() < this.#ports.storageLimitBytes) return;
    throw new RestoreError(500, "the tree of the file does not fit beside the present one: STORAGE_LIMIT_MB");
  }

  /** A fresh ensemble begins at the minutes of Unix time: what is far above could be issued twice. */
  #checkEpoch(last: Zxid): void {
    if (last.epoch <= this.#ports.now() / MINUTE_MS + EPOCHS_AHEAD_MAX) return;
    throw new RestoreError(
      500,
      `the file shows ${zxidText(last)}: epochs of a future that no ensemble has reached`,
    );
  }

  /** What comes behind the restore must be above all that it shows: whoever leads next chooses an epoch above that. */
  #expectEpochAbove({ epoch }: Zxid): void {
    if (this.#ports.keeper().status().currentEpoch > epoch) return;
    this.#ports.accept({ kind: "resign", epochAbove: epoch });
  }

  #say(of: RestoredTree): void {
    const orphans =
      of.orphans === 0 ? "" : `; ${of.orphans} ephemerals are of no session in it, and left out`;
    const digest =
      of.isDigestRight === false ? "; it was taken while the tree changed, as its digest says" : "";
    this.#ports.log("restore", `has staged a file that shows ${zxidText(of.last)}${orphans}${digest}`);
  }

  async #until<T>(complaint: string, found: () => T | undefined): Promise<T> {
    for (let waitedMs = 0; waitedMs < RESTORE_DEADLINE_MS; waitedMs += RESTORE_POLL_MS) {
      const value = found();
      if (value !== undefined) return value;
      await new Promise((resolve) => setTimeout(resolve, RESTORE_POLL_MS));
    }
    throw new RestoreError(500, `${complaint} after ${RESTORE_DEADLINE_MS} ms`);
  }
}

const SUPERSEDED = "something else was staged, or the replica started anew: ask again";
