/**
 * Builds a tree from a snapshot file of ZooKeeper's, beside the one that stands, and makes it one that may take its
 * place. The same file gives the same tree on every replica.
 * Source: ZooKeeper DataTree.deserialize; ZooKeeperServer.loadData, which ends what belongs to no session.
 */
import { CLIENT_FRAME_BYTES_MAX, ACL_BYTES_MAX } from "../../base/limits.ts";
import { parentOf, pathProblem } from "../../base/path.ts";
import { EPOCH_MAX, maxZxid, type Zxid, ZXID_ZERO } from "../../base/zxid.ts";
import { JuteError } from "../../jute/jute-error.ts";
import type { Znode } from "../../tree/node-store.ts";
import { CONFIG_PATH, ZOOKEEPER_PATH } from "../../tree/reserved.ts";
import { tokenPathOf, TOKENS_PATH } from "../../tree/tokens.ts";
import { reservedNodes, type Tree } from "../../tree/tree.ts";
import type { StagedTree } from "../../tree/tree-snapshot.ts";
import { aclBytes } from "../../tree/txn-size.ts";
import { SESSIONS_MAX } from "../limits.ts";
import { type FileEnd, SnapshotFileReader } from "./reader.ts";
import { zookeeperPassword } from "./session-password.ts";

/** What a file came to. */
export interface RestoredTree {
  /** The largest zxid in it, or that it says it shows: what comes behind it must be larger. */
  readonly last: Zxid;
  /** Ephemerals whose sessions it does not hold: they are left out. */
  readonly orphans: number;
  readonly isDigestRight: FileEnd["isDigestRight"];
}

/** One file on its way into a staged tree. */
export class SnapshotRestorer {
  readonly #staged: StagedTree;
  readonly #reader = new SnapshotFileReader();
  #last: Zxid = ZXID_ZERO;
  #orphans = 0;
  #sessions = 0;
  /** Children of one znode that have come since another's, and are not counted there yet. */
  #siblings: { readonly parent: string; count: number } | undefined;

  /** Into an empty tree. */
  constructor(staged: StagedTree) {
    this.#staged = staged;
  }

  /** Takes the next piece of the file in. Throws JuteError where it is none, or holds what cannot be kept here. */
  push(piece: Uint8Array): void {
    for (const entry of this.#reader.push(piece)) {
      if (entry.kind === "session") this.#addSession(entry.id, entry.timeoutMs);
      else this.#addZnode(entry.path, entry.node);
    }
  }

  /** The file has ended. */
  end(): RestoredTree {
    const { last, isDigestRight } = this.#reader.end();
    if (last !== undefined) this.#note(last);
    for (const [path, node] of reservedNodes()) {
      if (this.#staged.get(path) === undefined) this.#addZnode(path, { ...node, childCount: 0 });
    }
    this.#countSiblings();
    return { last: this.#last, orphans: this.#orphans, isDigestRight };
  }

  #addSession(id: bigint, timeoutMs: number): void {
    if (++this.#sessions > SESSIONS_MAX)
      throw new JuteError("bad-value", `more than ${SESSIONS_MAX} sessions`);
    if (timeoutMs <= 0) throw new JuteError("bad-value", `a session with a timeout of ${timeoutMs} ms`);
    this.#staged.take({ kind: "session", id, session: { id, timeoutMs, password: zookeeperPassword(id) } });
  }

  #addZnode(path: string, node: Znode): void {
    const problem = this.#problemOf(path, node);
    if (problem !== undefined) throw new JuteError("bad-value", `${path}: ${problem}`);
    for (const zxid of [node.czxid, node.mzxid, node.pzxid]) this.#note(zxid);
    const { owner } = node;
    if (owner.mode === "ephemeral" && !this.#staged.hasSession(owner.session)) {
      this.#orphans++;
      return;
    }
    if (path !== "/") this.#countChild(parentOf(path));
    this.#staged.take({ kind: "znode", path, node });
  }

  #problemOf(path: string, node: Znode): string | undefined {
    const problem = pathProblem(path);
    if (problem !== undefined) return problem;
    if (this.#staged.get(path) !== undefined) return "it stands there twice";
    if (path !== "/" && this.#staged.get(parentOf(path)) === undefined) return "its parent is missing";
    const bytes = (node.data?.length ?? 0) + path.length;
    if (bytes > CLIENT_FRAME_BYTES_MAX) {
      return `its path and data take ${bytes} bytes, and at most ${CLIENT_FRAME_BYTES_MAX} can be kept here`;
    }
    if (aclBytes(node.acl) > ACL_BYTES_MAX) return `its list takes more than ${ACL_BYTES_MAX} bytes`;
    const isTime = Number.isSafeInteger(node.ctime) && Number.isSafeInteger(node.mtime);
    return isTime ? undefined : "its times are none";
  }

  #note(zxid: Zxid): void {
    if (zxid.epoch > EPOCH_MAX) throw new JuteError("bad-value", "a zxid below zero");
    this.#last = maxZxid(this.#last, zxid);
  }

  /** Siblings mostly follow each other: their parent is put once for all of them. */
  #countChild(parent: string): void {
    if (this.#siblings?.parent !== parent) {
      this.#countSiblings();
      this.#siblings = { parent, count: 0 };
    }
    this.#siblings.count++;
  }

  #countSiblings(): void {
    if (this.#siblings === undefined) return;
    const { parent: path, count } = this.#siblings;
    const node = this.#staged.get(path);
    if (node === undefined) return;
    this.#staged.take({ kind: "znode", path, node: { ...node, childCount: node.childCount + count } });
    this.#siblings = undefined;
  }
}

/**
 * Gives the staged tree what does not come from the file: who the members are; which tokens there are, so that none
 * comes back that was revoked; the passwords of sessions that live here already, whose clients come back with those.
 */
export function takeOver(staged: StagedTree, present: Tree): void {
  takeTokens(staged, present);
  staged.take({ kind: "znode", path: CONFIG_PATH, node: present.get(CONFIG_PATH) });
  for (const { id, timeoutMs } of staged.sessions()) {
    const known = present.sessions.get(id);
    if (known === undefined) continue;
    staged.take({ kind: "session", id, session: { id, timeoutMs, password: known.password } });
  }
}

function takeTokens(staged: StagedTree, present: Tree): void {
  const [before, after] = [staged.get(TOKENS_PATH), present.get(TOKENS_PATH)];
  if (before !== undefined) {
    for (const name of staged.childNames(TOKENS_PATH)) {
      staged.take({ kind: "znode", path: tokenPathOf(name), node: undefined });
    }
  }
  const above = staged.get(ZOOKEEPER_PATH);
  if (above !== undefined) {
    const childCount = above.childCount + Number(after !== undefined) - Number(before !== undefined);
    staged.take({ kind: "znode", path: ZOOKEEPER_PATH, node: { ...above, childCount } });
  }
  staged.take({ kind: "znode", path: TOKENS_PATH, node: after });
  if (after === undefined) return;
  for (const path of present.childNames(TOKENS_PATH).map(tokenPathOf)) {
    staged.take({ kind: "znode", path, node: present.get(path) });
  }
}
