/** Who may do what to a znode. Source: ZooKeeper ZooDefs.Perms and Ids. */

/** One line of a znode's access control list; `perms` is a sum of PERMS. */
export interface Acl {
  readonly perms: number;
  readonly scheme: string;
  readonly id: string;
}

/**
 * What a connection has proven to be, such as {scheme: "ip", id: "127.0.0.1"} or {scheme: "digest", id:
 * "user:hash"}.
 */
export interface Identity {
  readonly scheme: string;
  readonly id: string;
}

/** The permission bits. */
export const PERMS = { read: 1, write: 2, create: 4, delete: 8, admin: 16, all: 31 } as const;

/** Everybody may do everything: what most clients pass. */
export const OPEN_ACL: readonly Acl[] = [{ perms: PERMS.all, scheme: "world", id: "anyone" }];
