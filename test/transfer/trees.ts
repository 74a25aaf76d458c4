/** Trees as texts, to be compared znode by znode: read by requests of their own, not by what is tested. */
import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import { NoNodeError } from "../../src/client/errors.ts";
import { SnapshotFileReader } from "../../src/keeper/snapshot-file/reader.ts";
import { tcpTransport } from "../../src/program/tcp-transport.ts";
import type { TestEnsemble } from "../harness/ensemble.ts";

/** Znodes that are read at a time. */
const READS_MAX = 512;

/**
 * What a client sees of each znode below a path: its data, its list, and whether it is an ephemeral. Containers and TTL
 * znodes look to clients as others do: livesOf tells what they are.
 */
export type TreeText = ReadonlyMap<string, string>;

/** Reads all of it; paths are told as below `/`. Ephemerals come along, as what they are. */
export async function treeOf(client: Client, root: string): Promise<TreeText> {
  const found = new Map<string, string>();
  const pending = [root];
  while (pending.length > 0) {
    const paths = pending.splice(-READS_MAX);
    const all = await Promise.all(paths.map((path) => textOf(client, path)));
    for (const [index, read] of all.entries()) {
      const path = paths[index] ?? "";
      if (read === undefined) continue;
      found.set(path === root ? "/" : path.slice(root === "/" ? 0 : root.length), read.text);
      for (const name of read.children) {
        const child = path === "/" ? `/${name}` : `${path}/${name}`;
        if (child !== "/zookeeper") pending.push(child);
      }
    }
  }
  return found;
}

async function textOf(
  client: Client,
  path: string,
): Promise<{ readonly text: string; readonly children: readonly string[] } | undefined> {
  try {
    const [znode, { acl }] = await Promise.all([client.get(path), client.getAcl(path)]);
    const children = znode.stat.numChildren === 0 ? [] : await client.children(path);
    const data = znode.data === null ? null : Buffer.from(znode.data).toString("base64");
    const life = znode.stat.ephemeralOwner === 0n ? "stays" : "ephemeral";
    return { text: JSON.stringify([data, acl, life]), children };
  } catch (error) {
    // A tree that somebody writes to.
    if (error instanceof NoNodeError) return undefined;
    throw error;
  }
}

/** The same without ephemerals. */
export function withoutEphemerals(tree: TreeText): TreeText {
  return new Map([...tree].filter(([, text]) => !text.endsWith('"ephemeral"]')));
}

/** What differs: empty for equal trees. At most twenty of them, as texts to be read. */
export function differences(expected: TreeText, found: TreeText): readonly string[] {
  const lines: string[] = [];
  for (const [path, text] of expected) {
    const other = found.get(path);
    if (other === undefined) lines.push(`${path} is missing`);
    else if (other !== text) lines.push(`${path}: ${text.slice(0, 200)} became ${other.slice(0, 200)}`);
  }
  for (const path of found.keys()) if (!expected.has(path)) lines.push(`${path} should not be there`);
  return lines.slice(0, 20);
}

/** Throws where they are not the same. */
export function expectSame(expected: TreeText, found: TreeText): void {
  const lines = differences(expected, found);
  if (lines.length > 0) throw new Error(lines.join("\n"));
}

/** Does something with a session at the ensemble's TCP doors: by ZooKeeper's own protocol. */
export async function atDoors<T>(ensemble: TestEnsemble, work: (client: Client) => Promise<T>): Promise<T> {
  const doors = ensemble.tcpPorts.map((port) => `127.0.0.1:${port}`);
  const client = await connect(doors, { transport: tcpTransport });
  try {
    await client.sync("/");
    return await work(client);
  } finally {
    await client.close();
  }
}

/** The containers and TTL znodes of a snapshot of ZooKeeper's form, the only place where they are seen as such. */
export function livesOf(file: Uint8Array): ReadonlyMap<string, string> {
  const lives = new Map<string, string>();
  for (const entry of new SnapshotFileReader().push(file)) {
    if (entry.kind !== "znode") continue;
    const { owner } = entry.node;
    if (owner.mode === "container") lives.set(entry.path, "container");
    if (owner.mode === "ttl") lives.set(entry.path, `ttl ${owner.ttlMs}`);
  }
  return lives;
}

/** The snapshot of an ensemble, or of a ZooKeeper with an AdminServer. */
export async function snapshotAt(commands: string): Promise<Uint8Array> {
  const response = await fetch(`${commands}/snapshot?streaming=true`, {
    headers: { authorization: "digest super:test" },
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** Those below one root, by what is behind it. */
export function livesBelow(
  lives: ReadonlyMap<string, string>,
  root: string,
): Readonly<Record<string, string>> {
  const below = [...lives].filter(([path]) => path.startsWith(`${root}/`));
  return Object.fromEntries(below.map(([path, life]) => [path.slice(root.length), life]));
}
