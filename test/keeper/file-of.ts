/** A tree as a file of ZooKeeper's. */
import { expect } from "vitest";
import { SnapshotFileWriter } from "../../src/keeper/snapshot-file/writer.ts";
import type { Tree } from "../../src/tree/tree.ts";
import type { SessionRecord } from "../../src/tree/session-table.ts";

/** Of these sessions; of all of the tree unless told otherwise. */
export function fileOf(
  tree: Tree,
  sessions: readonly SessionRecord[] = [...tree.sessions.values()],
): Uint8Array {
  const frozen = tree.freeze();
  const writer = new SnapshotFileWriter();
  const measured = frozen.walk(false);
  for (let part = measured.next(300); part.length > 0; part = measured.next(300)) writer.measure(part);
  const size = writer.sizeWith(sessions);
  const pieces = [writer.begin(sessions)];
  const walk = frozen.walk(true);
  for (let part = walk.next(300); part.length > 0; part = walk.next(300)) pieces.push(writer.znodes(part));
  pieces.push(writer.end(frozen.last));
  frozen.close();
  const file = new Uint8Array(Buffer.concat(pieces));
  expect(file.length).toBe(size);
  return file;
}
