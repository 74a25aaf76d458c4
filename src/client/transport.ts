/** How bytes get to a replica. */

/** What a channel tells its owner. */
export interface ChannelListener {
  /** Bytes may be sent now. At most once. */
  onOpen(): void;
  /** Bytes came, cut anywhere; they must not change afterwards. */
  onBytes(bytes: Uint8Array): void;
  /** Once, at its end, also where it was never open; nothing follows. Not called after close(). */
  onEnd(reason: string): void;
}

/** A way to a replica, first in, first out, as TCP or a WebSocket is. */
export interface Channel {
  /** The bytes belong to the channel from now on. */
  send(bytes: Uint8Array): void;
  /** Ends it at once; the listener hears nothing more. */
  close(): void;
}

/** Opens a channel to an endpoint. Never throws: what goes wrong is told by onEnd, and not before this returned. */
export type Transport = (endpoint: string, listener: ChannelListener) => Channel;
