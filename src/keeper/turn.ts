/**
 * What one step of the keeper wants done, as data. The shell performs it in this order: `free`, then all of `writes`
 * in one transaction, then `after`. What must not be seen before the writes are durable is in `after`, where the
 * runtime's output gate holds it back. Source: Zab 1.0 as ZooKeeper runs it; etcd raft's Ready has the same shape.
 */
import type { Sid } from "../base/ids.ts";
import type { Span } from "../base/trace.ts";
import type { Zxid } from "../base/zxid.ts";
import type { PeerWrite } from "../zab/effects.ts";
import type { LinkId, Notification } from "../zab/message.ts";
import type { CallAnswer, CallId } from "./call.ts";
import type { StreamId, StreamWord } from "./event-stream.ts";
import type { ConnectionId } from "./connection.ts";
import type { ParkedConnection } from "./parking.ts";
import type { Slept } from "./dormancy.ts";

/** A frame for another replica. */
export interface LinkSend {
  readonly kind: "linkSend";
  readonly link: LinkId;
  readonly bytes: Uint8Array;
}

/** `word`: its replica lives and has a leader. `awake`: the client has to connect again, on the same socket. */
export type ParkedWord = "word" | "awake";

/** Done behind the writes of the turn, in order. */
export type Action =
  | LinkSend
  /** Opens a link to the replica, which will be fed back as linkOpened or linkFailed. */
  | { readonly kind: "openLink"; readonly to: Sid }
  | { readonly kind: "closeLink"; readonly link: LinkId; readonly reason: string }
  /** An election notification whose answer is fed back as a notification. */
  | { readonly kind: "notify"; readonly to: Sid; readonly notification: Notification }
  /** Asks the register, whose answer is fed back as founders; see zab's AfterWrite. */
  | { readonly kind: "register"; readonly founders: readonly Sid[] | undefined }
  | { readonly kind: "clientSend"; readonly connection: ConnectionId; readonly bytes: Uint8Array }
  /** For a client whose connection is parked. */
  | { readonly kind: "clientWord"; readonly connection: ConnectionId; readonly word: ParkedWord }
  /** Closes once what was sent before is out. */
  | { readonly kind: "clientClose"; readonly connection: ConnectionId }
  /** Closes at once: what the client has not read is dropped. */
  | { readonly kind: "clientDrop"; readonly connection: ConnectionId }
  /** Stops or resumes reading from the client's socket. */
  | { readonly kind: "clientFlow"; readonly connection: ConnectionId; readonly reading: boolean }
  /** A call that waited will be answered soon: whether its caller is still there is to be found out. */
  | { readonly kind: "callProbe"; readonly call: CallId; readonly zxid: Zxid }
  /** The end of a call. */
  | { readonly kind: "callAnswer"; readonly call: CallId; readonly answer: CallAnswer }
  /** What is said in a stream of events. */
  | { readonly kind: "stream"; readonly stream: StreamId; readonly word: StreamWord }
  /** Something that is traced took so long: until now, or until what the turn has written is durable. */
  | { readonly kind: "span"; readonly span: Span; readonly untilDurable: boolean }
  /** Something worth a line in the log. */
  | { readonly kind: "log"; readonly line: string };

/** What is left of a replica that was let go. */
export interface Removal {
  /** The membership that it is no member of, which is settled. */
  readonly version: Zxid;
  /** The last configuration that it knew. */
  readonly members: Uint8Array;
}

/** One step's effects. */
export interface Turn {
  readonly free: readonly LinkSend[];
  readonly writes: readonly PeerWrite[];
  readonly after: readonly Action[];
  /** Something is left to do: step again with `continue` soon. */
  readonly more: boolean;
  /** The replica was let go: all that it has goes with the writes, but for this; `restart` is set, too. */
  readonly removal: Removal | undefined;
  /** The replica sleeps from now on: its tree and this are written behind the writes; `restart` is set, too. */
  readonly sleep: Slept | undefined;
  /** Connections that stand while it sleeps; all others end with the start anew. */
  readonly parked: readonly ParkedConnection[];
  /** A snapshot was installed with the writes, or all is gone: memory is of the past, start anew from the disk. */
  readonly restart: boolean;
}
