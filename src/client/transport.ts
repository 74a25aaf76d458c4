/** How bytes get to a replica. */

/** What a channel tells its owner. */
export interface ChannelListener {
  /** Bytes may be sent now. At most once. */
  onOpen(): void;
  /** Bytes came, cut anywhere; they must not change afterwards. */
  onBytes(bytes: Uint8Array): void;
  /** A word that came beside the bytes, in order with them. */
  onWord?(word: ReplicaWord): void;
  /** Once, at its end, also where it was never open; nothing follows. Not called after close(). */
  onEnd(reason: string): void;
}

/**
 * `pong`: what carries the bytes is there, which says nothing of the replica. `word`: the replica is there, and has a
 * leader. `awake`: it knows the session no more, and takes its handshake on this very channel.
 */
export type ReplicaWord = "pong" | "word" | "awake";

/** `ping`: is answered by `pong`. `again`: the handshake follows; what was sent before it is not read. */
export type ClientWord = "ping" | "again";

/** A way to a replica, first in, first out, as TCP or a WebSocket is. */
export interface Channel {
  /** The bytes belong to the channel from now on. */
  send(bytes: Uint8Array): void;
  /** Says a word beside the bytes, in order with them. Only a channel that has it may be parked by its replica. */
  say?(word: ClientWord): void;
  /** Ends it at once; the listener hears nothing more. */
  close(): void;
}

/** Opens a channel to an endpoint. Never throws: what goes wrong is told by onEnd, and not before this returned. */
export type Transport = (endpoint: string, listener: ChannelListener) => Channel;
