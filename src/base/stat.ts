import type { SessionId } from "./ids.ts";
import type { Zxid } from "./zxid.ts";

/** What ZooKeeper tells about a znode. Source: zookeeper.jute, class Stat. */
export interface Stat {
  readonly czxid: Zxid;
  readonly mzxid: Zxid;
  /** Milliseconds of Unix time, by the clock of the leader that proposed the creation. */
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  /** Child creates and deletes so far, as the wire counts them: 2 * creates - numChildren. */
  readonly cversion: number;
  readonly aversion: number;
  /** NO_SESSION unless ephemeral. */
  readonly ephemeralOwner: SessionId;
  readonly dataLength: number;
  readonly numChildren: number;
  readonly pzxid: Zxid;
}
