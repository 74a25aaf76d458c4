/**
 * Edgekeeper's recipes, of the package as it is published, beside those of Curator and kazoo: on one path, at the same
 * time, each in a process of its own. The SDK speaks TCP here, so that a real ZooKeeper can be asked the same.
 */
import { spawn } from "node:child_process";
import { pathToFileURL } from "node:url";
import type * as Recipes from "../../../../src/recipes/index.ts";
import { expectEqual, runChecks } from "./harness.ts";
import type { ClientCheck, Place } from "./harness.ts";
import { tcpTransport } from "../../../../src/program/tcp-transport.ts";

type Client = Awaited<ReturnType<typeof Recipes.connectRecipes>>;

interface Program {
  readonly command: string;
  readonly args: readonly string[];
}

const ROUNDS = 8;
const WAIT_MS = 20_000;

const directory = process.env["COMPAT_PACKAGE"] ?? "";
const recipes = (await import(pathToFileURL(`${directory}/recipes.js`).href)) as typeof Recipes;
const beside = JSON.parse(process.env["COMPAT_BESIDE"] ?? "{}") as Readonly<Record<string, Program>>;

/** Another client's recipes, until its process has ended well. */
async function other(place: Place, name: "curator" | "kazoo", kind: string): Promise<void> {
  const program = beside[name];
  if (program === undefined) throw new Error(`there is no program of ${name}`);
  const child = spawn(
    program.command,
    [...program.args, "beside", place.hosts, place.path, kind, String(ROUNDS)],
    {
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let said = "";
  const keep = (bytes: Buffer): void => {
    said = `${said}${bytes.toString()}`.slice(-2000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (code !== 0) throw new Error(`${name} ended with ${code}: ${said}`);
}

/** A client at a path that is there, closed after the check. */
function withClient(check: (place: Place, client: Client) => Promise<void>): ClientCheck {
  return async (place) => {
    const options = { timeoutMs: 10_000, transport: tcpTransport, discover: false };
    const client = await recipes.connectRecipes(place.hosts.split(","), options);
    try {
      await client.create(place.path, { mode: "persistent", data: bytes("") });
      await client.create(`${place.path}/number`, { mode: "persistent", data: bytes("0") });
      await check(place, client);
    } finally {
      await client.close();
    }
  };
}

/** Who meets another holder fails; who read what another had not yet written would lose a count. */
async function work(client: Client, { path }: Place): Promise<void> {
  await client.create(`${path}/holder`, { mode: "ephemeral", data: bytes("") });
  const { data } = await client.get(`${path}/number`);
  await client.set(`${path}/number`, bytes(String(Number(text(data)) + 1)));
  await client.delete(`${path}/holder`);
}

interface AnyLock {
  acquire(options: { readonly timeoutMs: number }): Promise<Recipes.Hold>;
}

/** The lock again and again, its tokens growing; `first` is taken and given back before each time. */
async function contend(client: Client, place: Place, lock: AnyLock, first?: AnyLock): Promise<void> {
  let last = "";
  for (let round = 0; round < ROUNDS; round++) {
    if (first !== undefined) {
      const read = await first.acquire({ timeoutMs: WAIT_MS });
      const holder = await client.exists(`${place.path}/holder`);
      expectEqual("a writer beside a reader", false, holder !== undefined);
      await read.release();
    }
    const hold = await lock.acquire({ timeoutMs: WAIT_MS });
    await work(client, place);
    await hold.release();
    if (hold.token <= last) throw new Error(`token ${hold.token} after ${last}`);
    last = hold.token;
  }
}

async function expectNumber(client: Client, { path }: Place, holders: number): Promise<void> {
  await client.sync(path);
  expectEqual("number", String(holders * ROUNDS), text((await client.get(`${path}/number`)).data));
}

const CHECKS: Readonly<Record<string, ClientCheck>> = {
  "recipes-mutex": withClient(async (place, client) => {
    const lock = new recipes.InterProcessMutex(client, `${place.path}/lock`);
    await Promise.all([
      contend(client, place, lock),
      other(place, "curator", "mutex"),
      other(place, "kazoo", "mutex"),
    ]);
    await expectNumber(client, place, 3);
  }),

  "recipes-lock": withClient(async (place, client) => {
    const lock = new recipes.Lock(client, `${place.path}/lock`);
    await Promise.all([contend(client, place, lock), other(place, "kazoo", "lock")]);
    await expectNumber(client, place, 2);
  }),

  "recipes-curator-write": withClient(async (place, client) => {
    const { readLock, writeLock } = new recipes.InterProcessReadWriteLock(client, `${place.path}/lock`);
    await Promise.all([contend(client, place, writeLock, readLock), other(place, "curator", "write")]);
    await expectNumber(client, place, 2);
  }),

  "recipes-kazoo-write": withClient(async (place, client) => {
    const path = `${place.path}/lock`;
    const locks = [new recipes.WriteLock(client, path), new recipes.ReadLock(client, path)] as const;
    await Promise.all([contend(client, place, ...locks), other(place, "kazoo", "write")]);
    await expectNumber(client, place, 2);
  }),

  "recipes-counters": withClient(async (place, client) => {
    const long = new recipes.DistributedAtomicLong(client, `${place.path}/long`, { triesMax: 1000 });
    const counter = new recipes.Counter(client, `${place.path}/count`);
    const own = async (): Promise<void> => {
      for (let round = 0; round < ROUNDS; round++) {
        expectEqual("succeeded", true, (await long.increment()).succeeded);
        await counter.add(1);
      }
    };
    await Promise.all([own(), other(place, "curator", "count"), other(place, "kazoo", "count")]);
    await client.sync(place.path);
    expectEqual("Curator's number", 2 * ROUNDS, Number(await long.get()));
    expectEqual("kazoo's number", 2 * ROUNDS, await counter.value());
  }),

  "recipes-queues": withClient(async (place, client) => {
    const curators = new recipes.SimpleDistributedQueue(client, `${place.path}/queue`);
    const offered = other(place, "curator", "queue");
    const taken: string[] = [];
    for (let round = 0; round < ROUNDS; round++)
      taken.push(text(await curators.take({ timeoutMs: WAIT_MS })));
    await offered;
    expectEqual("taken from Curator", Array(ROUNDS).fill("curator"), taken);
    expectEqual("left", 0, await curators.size());
    // kazoo's queue takes any child for an entry: it has a path of its own.
    const kazoos = { ...place, path: `${place.path}/kazoo` };
    await client.create(kazoos.path, { mode: "persistent", data: bytes("") });
    await other(kazoos, "kazoo", "queue");
    const queue = new recipes.Queue(client, `${kazoos.path}/queue`);
    for (let round = 0; round < ROUNDS; round++)
      expectEqual("taken", "kazoo", text((await queue.get()) ?? null));
    expectEqual("left by kazoo", 0, await queue.size());
  }),
};

function bytes(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

function text(value: Uint8Array | null): string {
  return value === null ? "" : new TextDecoder().decode(value);
}

await runChecks(CHECKS);
