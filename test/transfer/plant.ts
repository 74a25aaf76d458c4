/** A tree with all that znodes can be, of any size. */
import type { Acl } from "../../src/base/acl.ts";
import type { Client } from "../../src/client/client.ts";

/** So many creates go in one transaction, and so many of these are under way at a time. */
const BATCH = 100;
const BATCHES_MAX = 8;

/** ZooKeeper takes requests of 1 MB, path, list and all. */
const LARGE_BYTES = 1_048_000;

const DAY_MS = 86_400_000;
const DEEP = 60;

/** Lists of several schemes, of which the last lets the test go on. */
export const LISTS: readonly (readonly Acl[])[] = [
  [
    { scheme: "digest", id: "me:hash", perms: 31 },
    { scheme: "world", id: "anyone", perms: 31 },
  ],
  [
    { scheme: "ip", id: "10.0.0.0/8", perms: 3 },
    { scheme: "world", id: "anyone", perms: 31 },
  ],
];

/** For whom the reader must log in. */
export const PRIVATE: readonly Acl[] = [{ scheme: "digest", id: "ann:hash", perms: 31 }];

/** Plants `count` znodes below `root`, which must not be there, and 30 ephemerals besides. */
export async function plant(client: Client, root: string, count: number): Promise<void> {
  await client.create(root, Uint8Array.of(0, 255, 10, 13), { parents: "persistent" });
  let planted = 1 + (await plantKinds(client, root));
  const half = Math.floor((count - planted) / 2);
  await client.create(`${root}/wide`);
  await client.create(`${root}/groups`);
  planted += 2;
  const groups = Math.ceil((count - planted - half) / 50);
  await inBatches(groups, (index) => [[`${root}/groups/g${index}`, `group ${index}`]], client);
  planted += groups;
  await inBatches(half, (index) => [[`${root}/wide/n${index}`, `data ${index}`]], client);
  planted += half;
  const rest = Math.max(count - planted, 0);
  await inBatches(rest, (index) => [[`${root}/groups/g${index % groups}/m${index}`, bytesOf(index)]], client);
}

/** Gives how many persistent znodes that are. */
async function plantKinds(client: Client, root: string): Promise<number> {
  await client.create(`${root}/null`, null);
  await client.create(`${root}/empty`, "");
  await client.create(
    `${root}/large`,
    new Uint8Array(LARGE_BYTES).map((_, at) => at * 7),
  );
  await client.create(`${root}/Ünïcode`, "Grüße \u2028");
  await client.create(`${root}/Ünïcode/日本語 \u00a0Ω`, "語");
  await client.create(`${root}/container`, "c", { mode: "container" });
  await client.create(`${root}/container/child`, "");
  await client.create(`${root}/ttl`, "t", { mode: "ttl", ttlMs: DAY_MS });
  await client.create(`${root}/ttl/child`, "t", { mode: "ttl", ttlMs: 1 });
  await client.create(`${root}/ttl/child/below`, "keeps it");
  await client.create(`${root}/seq`);
  for (let index = 0; index < 5; index++) await client.create(`${root}/seq/s-`, "", { sequential: true });
  for (const [index, acl] of LISTS.entries()) await client.create(`${root}/acl${index}`, "listed", { acl });
  await client.create(`${root}/deep`);
  for (let depth = 1; depth <= DEEP; depth++) {
    await client.create(`${root}/deep${"/down".repeat(depth)}`, `${depth}`);
  }
  for (let index = 0; index < 30; index++) {
    await client.create(`${root}/ephemeral${index}`, "e", { mode: "ephemeral" });
  }
  return 17 + LISTS.length + DEEP;
}

async function inBatches(
  count: number,
  znodesAt: (index: number) => readonly (readonly [string, Uint8Array | string])[],
  client: Client,
): Promise<void> {
  const starts = Array.from({ length: Math.ceil(count / BATCH) }, (_, at) => at * BATCH);
  const work = async (): Promise<void> => {
    for (let start = starts.pop(); start !== undefined; start = starts.pop()) {
      const transaction = client.transaction();
      for (let index = start; index < Math.min(start + BATCH, count); index++) {
        for (const [path, data] of znodesAt(index)) transaction.create(path, data);
      }
      await transaction.commit();
    }
  };
  await Promise.all(Array.from({ length: BATCHES_MAX }, work));
}

/** Bytes that are no text, of differing lengths. */
function bytesOf(index: number): Uint8Array {
  return new Uint8Array(index % 97).map((_, at) => at * 31 + index);
}
