/**
 * One replica as the fuzzer drives it: the keeper that ships over a disk in memory on which every write is durable at
 * once. Time stands still unless it is told to pass, and its random bytes are numbers that count: the same steps do the
 * same.
 */
import { createHash } from "node:crypto";
import { DEFAULT_ACCESS } from "../../src/base/access-settings.ts";
import { assert, must } from "../../src/base/assert.ts";
import type { Sid } from "../../src/base/ids.ts";
import { seededRng } from "../../src/base/rng.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import type { AuthSettings } from "../../src/keeper/auth.ts";
import type { ConnectionId, ConnectionOpening } from "../../src/keeper/connection.ts";
import type { KeeperConfig } from "../../src/keeper/config.ts";
import type { KeeperInput } from "../../src/keeper/keeper-input.ts";
import { Keeper } from "../../src/keeper/keeper.ts";
import type { Action } from "../../src/keeper/turn.ts";
import { DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { StagedTree } from "../../src/tree/tree-snapshot.ts";
import { Tree } from "../../src/tree/tree.ts";
import type { LogReader, ReadRange } from "../../src/zab/config.ts";
import type { PeerWrite } from "../../src/zab/effects.ts";
import { proposalBytes } from "../../src/zab/history.ts";
import type { Proposal } from "../../src/zab/message.ts";
import type { Register } from "../zab/register.ts";
import { MemoryNotes } from "../keeper/memory-notes.ts";
import { TEST_CONFIG } from "../keeper/test-config.ts";
import { USERS } from "../keeper/sasl-client.ts";
import { Finding } from "./episode.ts";

/** The wall clock at the beginning of each episode. */
const EPOCH_MS = 1_800_000_000_000;

/** Turns that may follow one input: more of them is work without bound. */
const CONTINUES_MAX = 2000;

/** The super user is "super:test". */
const AUTH: AuthSettings = {
  superDigest: "super:D/InIHSb7yEEbrWz8b9l71RjZJU=",
  sha1Base64: (bytes) => createHash("sha1").update(bytes).digest("base64"),
  md5Hex: (bytes) => createHash("md5").update(bytes).digest("hex"),
  access: { ...DEFAULT_ACCESS, saslUsers: USERS },
};

/** The random bytes of a connection: what a seed makes may know the ids of the sessions it will get. */
export function entropyOf(id: ConnectionId): Uint8Array {
  return Uint8Array.from({ length: 48 }, (_, at) => (id * 31 + at * 7 + (id >>> 8)) % 256);
}

/** A disk whose writes are durable at once. */
class MemoryLog implements LogReader {
  base: Zxid = ZXID_ZERO;
  proposals: Proposal[] = [];
  acceptedEpoch = 0;
  currentEpoch = 0;
  isDiverged = false;

  get last(): Zxid {
    return this.proposals.at(-1)?.zxid ?? this.base;
  }

  read({ after, upTo, bytesMax }: ReadRange): readonly Proposal[] {
    const range: Proposal[] = [];
    let bytes = 0;
    for (let at = this.#indexAfter(after); at < this.proposals.length; at++) {
      const proposal = must(this.proposals[at], "a proposal");
      bytes += proposalBytes(proposal);
      if (compareZxid(proposal.zxid, upTo) > 0 || (bytes > bytesMax && range.length > 0)) break;
      range.push(proposal);
    }
    return range;
  }

  floor(zxid: Zxid): Zxid {
    return this.proposals[this.#indexAfter(zxid) - 1]?.zxid ?? this.base;
  }

  epochEnds(): readonly Zxid[] {
    const ends = new Map(this.proposals.map(({ zxid }) => [zxid.epoch, zxid]));
    return [...ends.values()];
  }

  write(write: PeerWrite, delivered: Zxid): void {
    switch (write.kind) {
      case "append":
        this.proposals.push(...write.proposals);
        return;
      case "truncate":
        assert(compareZxid(write.after, delivered) >= 0, "a disk never forgets what was delivered");
        this.proposals.length = this.#indexAfter(write.after);
        return;
      case "install":
        assert(compareZxid(write.last, delivered) >= 0, "a snapshot never goes back");
        this.proposals = [];
        this.base = write.last;
        this.isDiverged = false;
        return;
      case "restore":
        assert(compareZxid(write.at, this.last) <= 0, "a restore is part of history");
        return;
      case "diverged":
        this.isDiverged = true;
        return;
      case "epochs":
        assert(write.acceptedEpoch >= this.acceptedEpoch, "a disk's promise never falls");
        assert(write.currentEpoch >= this.currentEpoch, "a disk's epoch never falls");
        this.acceptedEpoch = write.acceptedEpoch;
        this.currentEpoch = write.currentEpoch;
    }
  }

  #indexAfter(zxid: Zxid): number {
    let [low, high] = [0, this.proposals.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareZxid(must(this.proposals[middle], "a proposal").zxid, zxid) <= 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** What a replica is made with. */
export interface ReplicaOptions {
  readonly sid: Sid;
  readonly voters: readonly Sid[];
  /** Of the whole ensemble. */
  readonly register: Register;
  readonly onAction: (action: Action) => void;
}

/** See the file's comment. */
export class FuzzReplica {
  readonly sid: Sid;
  readonly log: MemoryLog = new MemoryLog();
  readonly notes: MemoryNotes = new MemoryNotes();
  keeper: Keeper;
  tree: Tree;
  nowMs: number = EPOCH_MS;
  /** Turns that the last input led to. */
  turns = 0;
  readonly #options: ReplicaOptions;
  readonly #answers: KeeperInput[] = [];
  #instance = 0;
  #staged:
    | { readonly store: MapNodeStore; readonly sessions: SessionTable; readonly tree: StagedTree }
    | undefined;

  constructor(options: ReplicaOptions) {
    this.sid = options.sid;
    this.#options = options;
    const parts = { store: new MapNodeStore(), sessions: new SessionTable() };
    this.tree = new Tree({ ...parts, digest: DIGEST_ZERO, lastApplied: ZXID_ZERO });
    this.keeper = this.#start();
  }

  /** Steps the keeper and performs its turns, until it has no more to do. Whatever it throws comes out here. */
  step(input: KeeperInput): void {
    let next: KeeperInput | undefined = input;
    for (this.turns = 0; next !== undefined; this.turns++) {
      if (this.turns > CONTINUES_MAX) throw new Finding(`one ${input.kind} leads to turns without end`);
      const turn = this.keeper.step(next, this.nowMs);
      for (const send of turn.free) this.#options.onAction(send);
      for (const write of turn.writes) this.log.write(write, this.tree.lastApplied);
      for (const action of turn.after) {
        if (action.kind === "register") this.#answers.push(this.#options.register.consult(action));
        else this.#options.onAction(action);
      }
      next = turn.more ? { kind: "continue" } : undefined;
      if (!turn.restart) continue;
      this.#startAnew(turn.writes);
      next = undefined;
    }
    for (const answer of this.#answers.splice(0)) this.step(answer);
  }

  /** What its memory holds is lost; it starts again from its disk. */
  restart(): void {
    this.keeper = this.#start();
  }

  /** Lets time pass, in ticks of 50 ms. */
  pass(durationMs: number): void {
    for (let left = durationMs; left > 0; left -= 50) {
      this.nowMs += 50;
      this.step({ kind: "tick" });
    }
  }

  #startAnew(writes: readonly PeerWrite[]): void {
    const install = writes.find((write) => write.kind === "install" || write.kind === "restore");
    if (install !== undefined) {
      const { store, sessions, tree } = must(this.#staged, "a snapshot is staged");
      const { digest, totals } = tree.summary;
      this.tree = new Tree({
        store,
        sessions,
        digest,
        totals,
        lastApplied: install.kind === "install" ? install.last : install.at,
      });
    }
    this.keeper = this.#start();
  }

  #start(): Keeper {
    this.#instance++;
    const { sid, voters } = this.#options;
    const { acceptedEpoch, currentEpoch, isDiverged } = this.log;
    const lastDelivered = this.tree.lastApplied;
    return new Keeper({
      config: configOf(sid, voters),
      start: {
        instance: this.#instance,
        acceptedEpoch,
        currentEpoch,
        lastDelivered,
        isDiverged,
        epochFloor: 0,
      },
      tree: this.tree,
      log: this.log,
      notes: this.notes,
      auth: AUTH,
      databaseBytes: () => 0,
      rng: seededRng([sid, this.#instance, 5, 6]),
      stage: () => {
        const parts = { store: new MapNodeStore(), sessions: new SessionTable() };
        this.#staged = { ...parts, tree: new StagedTree(parts) };
        return this.#staged.tree;
      },
    });
  }
}

function configOf(sid: Sid, voters: readonly Sid[]): KeeperConfig {
  return {
    ...TEST_CONFIG,
    sid,
    voters,
    observers: [],
    sessionTimeoutMinMs: 4000,
    sessionTimeoutMaxMs: 4000,
    // Any replica may say that it is full, and then writes are refused.
    storageLimitBytes: Number.POSITIVE_INFINITY,
    bounds: { maxConnections: 24, maxConnectionsPerAddress: 12 },
    isAudited: true,
  };
}

/** How a client's connection begins. */
export function openingOf(id: ConnectionId, host: string): ConnectionOpening {
  const transport = id % 2 === 0 ? "tcp" : "websocket";
  return { id, remoteAddress: `${host}:${1000 + (id % 60_000)}`, transport, entropy: entropyOf(id) };
}
