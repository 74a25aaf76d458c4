/**
 * What a ZooKeeper server has on its disk, in the states that a power cut or a copy leaves: files that are made here,
 * byte by byte, as the real server's are in test/system/transfer.
 */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import { parentOf } from "../../src/base/path.ts";
import { JuteWriter } from "../../src/jute/archive.ts";
import { Adler32 } from "../../src/jute/checksums.ts";
import { OPCODES } from "../../src/jute/opcodes.ts";
import { writeAcls } from "../../src/jute/records.ts";
import { readZooKeeperData, type ZooKeeperData } from "../../src/program/transfer/zookeeper-data.ts";
import { fileOf } from "../keeper/file-of.ts";
import { BOB, bytes, create, freshTree, Leader, line } from "../tree/harness.ts";

const LISTED = [line(1, "world", "anyone")];

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "zookeeper-data-"));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** A snapshot of these paths, that says of itself that it was begun at 1:1. */
async function snapshotOf(paths: readonly string[], zxid = "100000001"): Promise<Uint8Array> {
  const leader = new Leader(freshTree());
  for (const path of paths) leader.write(create(path, { data: bytes("old") }));
  leader.write(create("/session", { flags: 1 }), { session: BOB });
  const file = fileOf(leader.tree);
  await writeFile(join(directory, `snapshot.${zxid}`), file);
  return file;
}

type Fill = (writer: JuteWriter) => void;

function made(path: string, data: string, more: Fill = (writer) => writer.bool(false)): Fill {
  return (writer) => {
    writer.string(path);
    writer.buffer(bytes(data));
    writeAcls(writer, OPEN_ACL);
    more(writer);
    writer.int(1);
  };
}

function named(path: string): Fill {
  return (writer) => writer.string(path);
}

function set(path: string, data: string): Fill {
  return (writer) => {
    writer.string(path);
    writer.buffer(bytes(data));
    writer.int(1);
  };
}

function multi(...operations: readonly (readonly [number, Fill])[]): Fill {
  return (writer) => {
    writer.int(operations.length);
    for (const [type, fill] of operations) {
      const one = new JuteWriter();
      fill(one);
      writer.int(type);
      writer.buffer(one.take());
    }
  };
}

/** A log of transactions that follow each other. */
function logOf(
  txns: readonly (readonly [type: number, fill: Fill])[],
  { from = 2, epoch = 1 }: { readonly from?: number; readonly epoch?: number } = {},
): Uint8Array {
  const writer = new JuteWriter();
  writer.int(0x5a4b4c47);
  writer.int(2);
  writer.long(0n);
  for (const [index, [type, fill]] of txns.entries()) {
    const txn = new JuteWriter();
    txn.long(7n);
    txn.int(index);
    txn.zxid({ epoch, counter: from + index });
    txn.longNumber(1000);
    txn.int(type);
    fill(txn);
    const record = txn.take();
    const checksum = new Adler32();
    checksum.add(record);
    writer.longNumber(checksum.value);
    writer.buffer(record);
    writer.byte(0x42);
  }
  return writer.take();
}

async function logged(name: string, log: Uint8Array): Promise<void> {
  await writeFile(join(directory, name), log);
}

/** In the order of their paths; in the data parents come first. */
function shown({ znodes }: ZooKeeperData): readonly string[] {
  const paths = znodes.map(({ path }) => path);
  expect(paths.filter((path, at) => path !== "/" && !paths.slice(0, at).includes(parentOf(path)))).toEqual(
    [],
  );
  const lines = znodes.flatMap(({ path, data, mode, ttlMs, acl }) => {
    if (path === "/") return [];
    const list = acl.length === 1 && acl[0]?.perms === 1 ? " listed" : "";
    return [`${path} ${mode}${ttlMs ?? ""} ${data === null ? "null" : Buffer.from(data).toString()}${list}`];
  });
  return lines.toSorted();
}

const NOTHING: Fill = () => undefined;

describe("the log behind a snapshot", () => {
  test("is done again, whatever of it the snapshot shows already, and what failed is not", async () => {
    // Some of what came later is in it, as it was written meanwhile: /later, and no /gone any more.
    await snapshotOf(["/kept", "/set", "/later", "/later/below", "/listed"]);
    await logged(
      "log.100000002",
      logOf([
        [OPCODES.createSession, (writer) => writer.int(30_000)],
        [OPCODES.create, made("/gone", "short")],
        [OPCODES.setData, set("/gone", "shorter")],
        [OPCODES.delete, named("/gone")],
        [OPCODES.create2, made("/later", "first")],
        [OPCODES.setData, set("/later", "second")],
        [OPCODES.createContainer, made("/box", "", NOTHING)],
        [OPCODES.createTTL, (writer) => (made("/ttl", "t", NOTHING)(writer), writer.longNumber(5000))],
        [OPCODES.setACL, (writer) => (writer.string("/listed"), writeAcls(writer, LISTED), writer.int(1))],
        [OPCODES.error, (writer) => writer.int(-101)],
        [OPCODES.multi, multi([OPCODES.error, (writer) => writer.int(0)], [OPCODES.create, made("/no", "")])],
        [OPCODES.multi, multi([OPCODES.setData, set("/set", "new")], [OPCODES.create, made("/yes", "y")])],
        [OPCODES.create, made("/e", "", (writer) => writer.bool(true))],
        [OPCODES.closeSession, NOTHING],
        [OPCODES.create, made("/e", "stays now")],
        [OPCODES.create, made("/box/kid", "k")],
        [OPCODES.delete, named("/box/kid")],
        [OPCODES.deleteContainer, named("/box")],
      ]),
    );

    const data = await readZooKeeperData(directory);

    expect(data.txns).toBe(18);
    expect(shown(data)).toEqual([
      "/e persistent stays now",
      "/kept persistent old",
      "/later persistent second",
      "/later/below persistent old",
      "/listed persistent old listed",
      "/set persistent new",
      "/ttl ttl5000 t",
      "/yes persistent y",
    ]);
  });

  test("may end in zeros, in a record in part, and go on in the next file and the next epoch", async () => {
    await snapshotOf(["/a"]);
    // Those before the snapshot are passed over, also where they stand in the same file.
    const first = logOf(
      [
        [OPCODES.create, made("/before", "")],
        [OPCODES.create, made("/one", "1")],
      ],
      { from: 1 },
    );
    await logged("log.100000001", Buffer.concat([first, new Uint8Array(4096)]));
    const second = logOf([[OPCODES.create, made("/two", "2")]], { from: 1, epoch: 2 });
    const cut = logOf([[OPCODES.create, made("/three", "3")]]).subarray(16, -3);
    await logged("log.200000001", Buffer.concat([second, cut]));
    await logged("log.200000002", new Uint8Array(0));

    const data = await readZooKeeperData(directory);

    expect(shown(data)).toEqual(["/a persistent old", "/one persistent 1", "/two persistent 2"]);
  });

  test("with a gap, or damaged, is refused", async () => {
    await snapshotOf(["/a"]);
    await logged("log.100000003", logOf([[OPCODES.create, made("/b", "")]], { from: 3 }));
    await expect(readZooKeeperData(directory)).rejects.toThrow(
      "log.100000003 goes on at 1:3, and what came before it ends at 1:1: a file of the log is missing",
    );
    const damaged = logOf([
      [OPCODES.create, made("/b", "bytes")],
      [OPCODES.create, made("/c", "")],
    ]);
    damaged[60] = (damaged[60] ?? 0) ^ 1;
    await logged("log.100000002", damaged);
    await expect(readZooKeeperData(directory)).rejects.toThrow(
      "log.100000002 is no log of ZooKeeper's, or is damaged",
    );
  });
});

test("the newest whole snapshot is read, and those that are not are told of", async () => {
  const file = await snapshotOf(["/old"], "100000001");
  await writeFile(join(directory, "snapshot.100000002"), file.subarray(0, file.length - 30));
  await logged("log.100000002", logOf([[OPCODES.create, made("/new", "n")]]));

  const data = await readZooKeeperData(directory);

  expect(data.snapshot).toContain("snapshot.100000001");
  expect(data.passedOver).toHaveLength(1);
  expect(shown(data)).toEqual(["/new persistent n", "/old persistent old"]);
  await expect(readZooKeeperData(join(directory, "none"))).rejects.toThrow("cannot read");
  const empty = await mkdtemp(join(directory, "empty-"));
  await expect(readZooKeeperData(empty)).rejects.toThrow("has no snapshot.ZXID");
});
