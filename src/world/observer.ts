/** Who watches a simulated world: told of everything, after it happened, and changes nothing. */
import type { SessionId, Sid } from "../base/ids.ts";
import type { Zxid } from "../base/zxid.ts";
import type { CallAnswer } from "../keeper/call.ts";
import type { ConnectionId } from "../keeper/connection.ts";
import type { KeeperInput } from "../keeper/keeper-input.ts";
import type { Keeper } from "../keeper/keeper.ts";
import type { Slept } from "../keeper/dormancy.ts";
import type { Removal, Turn } from "../keeper/turn.ts";
import type { Tree } from "../tree/tree.ts";
import type { PeerStart } from "../zab/config.ts";
import type { PeerWrite } from "../zab/effects.ts";
import type { Proposal } from "../zab/message.ts";
import type { Fault } from "./fault.ts";

/** Why a start ends with which its replica falls asleep: see `died`. */
export const FALLS_ASLEEP = "it falls asleep";

/** One start of one replica, as observers see it. Two of one sid may live at once: a superseded one writes nothing. */
export interface MachineView {
  readonly sid: Sid;
  /** Unique in the run: `2#5` is the fifth start of replica 2. */
  readonly name: string;
  readonly instance: number;
  readonly isSuperseded: boolean;
  readonly keeper: Keeper;
  readonly tree: Tree;
  /** What it found on its disk when it started. */
  readonly start: PeerStart;
  /** How far the tree is that it has written. */
  readonly written: Zxid;
  /** Proposals of its visible log (durable or not) after a zxid, up to another. */
  readLog(after: Zxid, upTo: Zxid): readonly Proposal[];
}

/** What a start would find, in a few numbers. */
export interface DiskNumbers {
  readonly acceptedEpoch: number;
  readonly currentEpoch: number;
  /** The history is complete from here to `last`; what is before is in the tree. */
  readonly base: Zxid;
  readonly last: Zxid;
  readonly lastDelivered: Zxid;
  /** It was damaged on purpose, and no snapshot was installed since. */
  readonly isDamaged: boolean;
}

/** One replica's disk, which outlives machines. */
export interface DiskView {
  readonly sid: Sid;
  /** What a start would find now if power failed with nothing kept. */
  readonly durable: DiskNumbers;
  /** And what one finds that follows without a failure of power. */
  readonly visible: DiskNumbers;
}

/** The world, as observers see it. */
export interface WorldView {
  /** The one true clock, ms; unique moments within a ms are told apart by `moment`. */
  readonly nowMs: number;
  /** `nowMs` and a fraction that grows with each event of that ms: no two events have the same. */
  readonly moment: number;
  readonly voters: readonly Sid[];
  readonly sids: readonly Sid[];
  machines(): Iterable<MachineView>;
  disk(sid: Sid): DiskView;
}

/** Called after each event; throws a Verdict where something is wrong. All methods are optional. */
export interface WorldObserver {
  started?(machine: MachineView): void;
  /** A keeper made a turn; nothing of it is performed yet. */
  stepped?(machine: MachineView, input: KeeperInput, turn: Turn): void;
  /** The turn's transaction was handed to the disk (not durable yet). */
  wrote?(machine: MachineView, writes: readonly PeerWrite[]): void;
  /** The replica was let go: all that it has goes, in a transaction of its own (not durable yet). */
  removed?(machine: MachineView, removal: Removal): void;
  /** The replica falls asleep, in a transaction of its own (not durable yet). */
  slept?(machine: MachineView, how: Slept): void;
  /** One more transaction of the replica is durable. */
  synced?(sid: Sid): void;
  /** Bytes left the output gate towards a client. */
  toldClient?(machine: MachineView, connection: ConnectionId, bytes: Uint8Array): void;
  /** The runtime has answered a client's ping; of a session, where its replica slept over it. */
  ponged?(machine: MachineView, connection: ConnectionId, session: SessionId | undefined): void;
  /** An answer left the output gate towards a caller. */
  toldCaller?(machine: MachineView, answer: CallAnswer): void;
  /** A frame left the output gate towards another replica. */
  sentFrame?(machine: MachineView, to: Sid, bytes: Uint8Array): void;
  /**
   * The machine is gone, and its disk shows what it left there: its tree and log may not be read any more. For a
   * snapshot that was installed a new one starts at once.
   */
  died?(machine: MachineView, why: string): void;
  /** A disk was lost, or damaged on purpose. */
  lostDisk?(sid: Sid, kind: "wipe" | "corrupt"): void;
  /** A fault begins, or ends. */
  fault?(fault: Fault, stage: "begins" | "ends"): void;
}
