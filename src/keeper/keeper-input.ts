/** What a keeper is made of, and what happens to it. */
import type { Rng } from "../base/rng.ts";
import type { Zxid } from "../base/zxid.ts";
import type { StagedTree } from "../tree/tree-snapshot.ts";
import type { Tree } from "../tree/tree.ts";
import type { LogReader, PeerInput, PeerStart } from "../zab/config.ts";
import type { LinkId } from "../zab/message.ts";
import type { AuthSettings } from "./auth.ts";
import type { Call, CallId } from "./call.ts";
import type { KeeperConfig } from "./config.ts";
import type { NamedSummary } from "./operations/replica-metrics.ts";
import type { Operation, RestoreStep } from "./operations/report.ts";
import type { EventNotes } from "./event-notes.ts";
import type { StreamInput } from "./event-stream.ts";
import type { ConnectionId, ConnectionOpening, ReceivedBytes, SentOut } from "./connection.ts";
import type { ParkedOpening } from "./parking.ts";
import type { Slept } from "./dormancy.ts";
import type { Removal } from "./turn.ts";

/** What the shell hands in at the start. */
export interface KeeperParts {
  readonly config: KeeperConfig;
  readonly start: PeerStart;
  readonly tree: Tree;
  readonly log: LogReader;
  /** Beside the history: what that does not tell of events. */
  readonly notes: EventNotes;
  readonly auth: AuthSettings;
  readonly rng: Rng;
  /** How this replica was let go before, where it has nothing but that. */
  readonly removal?: Removal | undefined;
  /** How this replica fell asleep, where nothing has come into its history since. */
  readonly slept?: Slept | undefined;
  /** Connections that stand since this replica fell asleep. */
  readonly parked?: readonly ParkedOpening[];
  /** When the runtime answered a client's ping last in this replica's stead, in Unix ms of this replica's clock. */
  readonly pongedMs?: (connection: ConnectionId) => number | undefined;
  /** Begins an empty tree beside the one that stands, for a snapshot; an earlier one is dropped. */
  readonly stage: () => StagedTree;
  /** The tree of a restore that waits here whole, if it is this one: see StagedRestore. */
  readonly restorable?: (permit: Zxid) => StagedTree | undefined;
  /** How large this replica's database is now. */
  readonly databaseBytes: () => number;
  /** What the shell measures of itself, under ZooKeeper's names: the core has no clock within a turn. */
  readonly summaries?: () => readonly NamedSummary[];
  /** How many syncs of the disk were slow. */
  readonly slowSyncs?: () => number;
}

/** What happens to a replica: some of it as it happens to its peer. */
export type KeeperInput =
  | Extract<
      PeerInput,
      {
        readonly kind:
          | "tick"
          | "notification"
          | "founders"
          | "linkOpened"
          | "linkClosed"
          | "linkFailed"
          | "resign";
      }
    >
  /** More was left to apply. */
  | { readonly kind: "continue" }
  | { readonly kind: "clientOpened"; readonly opening: ConnectionOpening }
  /** Of several clients in one turn, where they came together. */
  | { readonly kind: "clientBytes"; readonly received: readonly ReceivedBytes[] }
  | {
      readonly kind: "clientClosed";
      readonly connection: ConnectionId;
      /** When the runtime answered its ping last, which nobody can tell any more. */
      readonly pongedMs?: number | undefined;
    }
  /** The client, called, connects again on the same socket: a handshake follows. */
  | { readonly kind: "clientAgain"; readonly connection: ConnectionId }
  /** Clients' transports have taken so many bytes of what they were sent. */
  | { readonly kind: "clientsSent"; readonly sent: readonly SentOut[] }
  /** Somebody is here whom the keeper does not see otherwise: the ensemble does not sleep. */
  | { readonly kind: "stir" }
  /** Callers without a connection ask for something; each is answered by a callAnswer. */
  | { readonly kind: "calls"; readonly calls: readonly Call[] }
  /** The caller has hung up: no answer is awaited. */
  | { readonly kind: "callGone"; readonly call: CallId }
  /** Something happens to a stream of events. */
  | { readonly kind: "stream"; readonly input: StreamInput }
  /** Somebody who runs the replica wants something changed. */
  | { readonly kind: "operation"; readonly operation: Operation }
  | { readonly kind: "restoreStep"; readonly step: RestoreStep }
  | { readonly kind: "linkBytes"; readonly link: LinkId; readonly bytes: Uint8Array };
