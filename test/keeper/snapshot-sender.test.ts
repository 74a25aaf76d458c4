/** The leader's side of a snapshot whose learner is slow. */
import { expect, it } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { SNAPSHOT_CHANGES_MAX } from "../../src/keeper/limits.ts";
import { SnapshotSender } from "../../src/keeper/snapshots.ts";
import { DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { Tree } from "../../src/tree/tree.ts";

const WANTED = { link: 7, sid: 2, notBefore: { epoch: 2, counter: 0 } };
const ORIGIN = { sid: 1, instance: 1, serial: 1 };

it("a learner slower than the writes is given up before the leader holds too much for it, and may begin again", () => {
  const sessions = new SessionTable();
  const tree = new Tree({ store: new MapNodeStore(), sessions, digest: DIGEST_ZERO, lastApplied: ZXID_ZERO });
  const sender = new SnapshotSender(tree, 100);
  let counter = 0;
  const create = (): void => {
    counter++;
    const txn = { path: `/n${counter}`, data: null, acl: OPEN_ACL, owner: { mode: "persistent" } } as const;
    tree.apply(
      { epoch: 1, counter },
      { session: 1n, xid: 1, timeMs: 1, origin: ORIGIN },
      { kind: "create", ...txn, parentCreates: counter, withStat: false },
    );
  };
  create();
  expect(sender.next(WANTED)).toMatchObject({ kind: "snapshotPart" });

  while (counter < SNAPSHOT_CHANGES_MAX) create();
  expect(sender.next(WANTED)).toMatchObject({ kind: "snapshotPart" });
  for (let more = 0; more < 10; more++) create();

  expect(sender.next(WANTED)).toBe("overrun");
  sender.drop(WANTED.link);
  expect(sender.next(WANTED)).toMatchObject({ kind: "snapshotPart" });
});
