/** Who has a session. */
import type { WatcherEvent } from "../../../src/jute/records.ts";

/** What a session's owner wants to know. Each is called after the session's own state has changed. */
export interface SessionOwner {
  /** Requests are taken: of a new session, or of the same over another connection. */
  connected?(isNew: boolean): void;
  /** The session is over: a replica told so, or it was closed. */
  ended?(): void;
  event?(event: WatcherEvent): void;
  /** The client has stood still and goes on; what came meanwhile is not read yet. */
  thawed?(): void;
  /** The runtime has answered a ping of it, while it dozes. */
  ponged?(): void;
}
