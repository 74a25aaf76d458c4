/** How clients reach replicas in a simulated world: bytes in order, after a while, until one end is gone. */
import type { Identity } from "../base/acl.ts";
import type { Sid } from "../base/ids.ts";
import type { ClientWord, ReplicaWord } from "../client/transport.ts";
import type { CallAnswer, CallAsked } from "../keeper/call.ts";
import type { StreamAsked, StreamWord } from "../keeper/event-stream.ts";

/** What a client's end of a connection is told. */
export interface ClientEnd {
  onBytes(bytes: Uint8Array): void;
  /** A word beside the bytes; who does not take any is never parked. */
  onWord?(word: ReplicaWord): void;
  /** The replica is gone, has hung up, or refused the connection. Said once; never after `close` or `vanish`. */
  onClosed(): void;
}

/** A client's end of a connection. */
export interface ClientSocket {
  send(bytes: Uint8Array): void;
  /** A word beside the bytes. */
  say?(word: ClientWord): void;
  /** Another end of the same client takes it over. */
  handOver?(end: ClientEnd): void;
  /** Hangs up: the replica learns of it a while later. */
  close(): void;
  /** Is gone without a word: the replica is never told. */
  vanish(): void;
}

/** What a caller is told. */
export interface CallEnd {
  /** Said once, and never after it has hung up. "lost": the replica is gone, and nobody knows what became of it. */
  told(answer: CallAnswer | "lost"): void;
}

/** A call that is not answered. */
export interface CallSocket {
  hangUp(): void;
}

/** The world, as clients see it. */
export interface ClientPort {
  /** ms of the one true clock. */
  readonly nowMs: number;
  /** `nowMs` and a fraction that grows with each event: no two are the same. */
  readonly moment: number;
  readonly sids: readonly Sid[];
  /** Whom clients know to be there; all unless told otherwise. */
  readonly members?: readonly Sid[];
  /** Runs it after so many ms of the one true clock. */
  later(delayMs: number, act: () => void): void;
  /** Connects; a replica that is down or cut off from clients closes the connection after a while. */
  connect(sid: Sid, end: ClientEnd): ClientSocket;
}

/** The world, as callers without a connection see it. */
export interface CallPort {
  /** `identities` are what the platform has proven the caller to be; none unless told. */
  call(sid: Sid, asked: CallAsked, end: CallEnd, identities?: readonly Identity[]): CallSocket;
}

/** What a reader of events is told. */
export interface StreamReaderEnd {
  /** In order, as it was said; never after it has hung up. */
  told(word: StreamWord): void;
  /** The replica is gone. Said once; never behind the last word. */
  lost(): void;
}

/** A stream that has not ended. */
export interface StreamSocket {
  /** The reader has taken so much of it, in UTF-16 units. */
  taken(length: number): void;
  hangUp(): void;
}

/** The world, as readers of events see it. */
export interface StreamPort {
  read(sid: Sid, asked: StreamAsked, end: StreamReaderEnd): StreamSocket;
}
