/** What the HTTP API answers, as far as this page reads it: /openapi.json has the whole of it. */

/** What may be done. */
export type Permission = "read" | "write" | "admin";

/** GET /whoami. */
export interface Caller {
  readonly kind: "deployment" | "token" | "signed";
  readonly identities: readonly { readonly scheme: string; readonly id: string }[];
  readonly scopes: readonly { readonly prefix: string; readonly permissions: readonly Permission[] }[] | null;
  readonly expiresAt: string | null;
}

/** GET /status. */
export type { ReplicaFigures, ReplicaReport, StatusDocument } from "../base/status-document.ts";

/** A znode's Stat. */
export interface Stat {
  readonly czxid: string;
  readonly mzxid: string;
  readonly pzxid: string;
  readonly ctime: number;
  readonly mtime: number;
  readonly version: number;
  readonly cversion: number;
  readonly aversion: number;
  readonly ephemeralOwner: string | null;
  readonly dataLength: number;
  readonly numChildren: number;
}

/** GET /nodes with `Accept: application/json`; the data in base64. */
export interface NodeDocument {
  readonly path: string;
  readonly data: string | null;
  readonly stat: Stat;
}

/** GET /nodes?children. */
export interface ChildrenDocument {
  readonly children: readonly string[];
  /** With `counts`; a replica of an earlier version does not tell. */
  readonly counts?: readonly number[];
  readonly next: string | null;
  readonly stat: Stat;
}

/** A line of an access control list. */
export interface AclLine {
  readonly scheme: string;
  readonly id: string;
  readonly permissions: readonly AclPermission[];
}

/** What a line allows. */
export type AclPermission = "read" | "write" | "create" | "delete" | "admin";

/** GET /acl. */
export interface AclDocument {
  readonly path: string;
  readonly acl: readonly AclLine[];
}

/** A session of GET /sessions; `paths` where one is asked for. */
export interface SessionDocument {
  readonly session: string;
  readonly timeoutMs: number;
  readonly ephemerals: number;
  readonly expiresAt: string | null;
  readonly connection: {
    readonly sid: number;
    readonly address: string | null;
    readonly transport: "tcp" | "websocket";
    readonly openedAt: string;
    readonly heardAt: string;
    readonly watches: number;
  } | null;
  readonly paths?: readonly string[];
}

/** GET /sessions. */
export interface SessionsDocument {
  readonly sessions: readonly SessionDocument[];
  readonly next: string | null;
  readonly silent: readonly number[];
}

/** Who holds or waits. */
export interface Contender {
  readonly node: string;
  readonly holds: boolean;
  readonly closed: boolean;
  readonly token: string;
  readonly session: string | null;
  readonly queuedSince: number;
  readonly owner: string;
}

/** GET /locks, /semaphores, /elections. */
export interface QueuesDocument {
  readonly queues: readonly {
    readonly path: string;
    readonly count: number;
    readonly first: Contender | null;
  }[];
  readonly next: string | null;
}

/** GET /locks/NAME, /semaphores/NAME. */
export interface QueueDocument {
  readonly count: number;
  readonly permits?: number | null;
  readonly queue: readonly Contender[];
}

/** GET /watches. */
export interface WatchesDocument {
  readonly watches: readonly {
    readonly path: string;
    readonly count: number;
    readonly watchers: readonly {
      readonly session: string;
      readonly sid: number;
      readonly of: "node" | "children";
    }[];
  }[];
  readonly next: string | null;
  readonly silent: readonly number[];
}

/** One of GET /config/NAME/history. */
export interface Revision {
  readonly revision: string;
  readonly version: number;
  readonly writtenAt: string;
  readonly current: boolean;
}

/** A Stat as it was; null for what the history does not tell any more. */
export type PastStat = { readonly [Field in keyof Stat]: Stat[Field] | null };

/** GET /nodes?asOf= with `Accept: application/json`. */
export interface PastNodeDocument {
  readonly path: string;
  readonly asOf: string;
  readonly asOfTime: string | null;
  readonly data: string | null;
  readonly stat: PastStat;
}

/** GET /nodes?children&asOf=. */
export interface PastChildrenDocument {
  readonly asOf: string;
  readonly asOfTime: string | null;
  readonly children: readonly string[];
  readonly next: string | null;
  readonly stat: PastStat;
}

/** What stood at a path at one of two moments; `known` is false where the history does not tell its data. */
export interface ChangeSide {
  readonly data: string | null;
  readonly known: boolean;
  readonly version: number | null;
}

/** What became of a path between them. */
export interface Change {
  readonly path: string;
  readonly change: "created" | "deleted" | "replaced" | "changed";
  readonly data: boolean;
  readonly acl: boolean;
  readonly before: ChangeSide | null;
  readonly after: ChangeSide | null;
}

/** GET /diff. */
export interface DifferenceDocument {
  readonly path: string;
  readonly from: string;
  readonly fromTime: string | null;
  readonly to: string;
  readonly toTime: string | null;
  readonly changes: readonly Change[];
  readonly next: string | null;
}

/** GET /explain/nodes and /explain/sessions, as far as both are read here. */
export interface ExplanationDocument {
  readonly summary: readonly string[];
  /** Of a znode: what its sentences quote. */
  readonly text?: string | null;
  readonly queue?: {
    readonly path: string;
    readonly contenders: readonly { readonly path: string; readonly behind: string | null }[];
  } | null;
  readonly left?: readonly { readonly path: string }[];
  readonly ephemerals?: readonly string[];
  readonly lost?: readonly string[];
}
