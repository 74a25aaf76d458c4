/** The SDK through the real runtime: by WebSocket and by HTTP, while replicas die. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { Client } from "../../src/client/client.ts";
import { connect } from "../../src/client/connect.ts";
import type { EdgekeeperError } from "../../src/client/errors.ts";
import { http } from "../../src/client/http/http-client.ts";
import type { Fetch } from "../../src/client/http/caller.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { freePorts } from "../harness/ports.ts";

const REGISTERS = ["/r0", "/r1", "/r2", "/r3"] as const;

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
});

afterAll(async () => {
  await ensemble.stop();
});

async function fault(sid: number, what: object): Promise<void> {
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(what) });
}

/** Resolves once the condition holds; looks whenever something was told. */
class Told {
  readonly #wake: (() => void)[] = [];

  tell(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    const deadline = AbortSignal.timeout(60_000);
    while (!condition()) {
      deadline.throwIfAborted();
      await new Promise<void>((resolve, reject) => {
        this.#wake.push(resolve);
        deadline.addEventListener("abort", () => reject(new Error(`not in time: ${what}`)), { once: true });
      });
    }
  }
}

/** Reads each register whenever a watch says so, and keeps what it was shown, in order. */
class Reader {
  readonly shown = new Map<string, { readonly value: number; readonly mzxid: bigint }[]>();
  readonly #client: Client;
  readonly #told: Told;

  constructor(client: Client, told: Told) {
    this.#client = client;
    this.#told = told;
  }

  last(path: string): number {
    return this.shown.get(path)?.at(-1)?.value ?? -1;
  }

  async byPersistentWatch(path: string): Promise<void> {
    await using watch = await this.#client.watch(path);
    await this.#read(path);
    for await (const { type } of watch) if (type !== "ended") await this.#read(path);
  }

  async byOneShots(path: string): Promise<void> {
    for (;;) {
      let fire = (): void => undefined;
      const fired = new Promise<void>((resolve) => {
        fire = resolve;
      });
      await this.#read(path, fire);
      await fired;
    }
  }

  async #read(path: string, watch?: () => void): Promise<void> {
    const znode = await this.#client.get(path, { watch });
    const shown = this.shown.get(path) ?? [];
    shown.push({ value: Number(znode.text()), mzxid: znode.stat.mzxid });
    this.shown.set(path, shown);
    this.#told.tell();
  }
}

describe("a session over WebSocket", () => {
  test("misses no change and is shown no older state while each replica dies in turn under its writes", async () => {
    await using writer = await connect(`${ensemble.httpUrl}/main`);
    for (const path of REGISTERS) await writer.create(path, "0");
    const told = new Told();
    const readers: Reader[] = [];
    const reading: Promise<void>[] = [];
    const clients: Client[] = [];
    let suspensions = 0;
    for (const sid of [1, 2, 3]) {
      const client = await connect(`${ensemble.httpUrl}/main?sid=${sid}`);
      client.onState(({ state }) => {
        if (state === "suspended") suspensions++;
        told.tell();
      });
      await client.sync();
      const reader = new Reader(client, told);
      clients.push(client);
      readers.push(reader);
      reading.push(reader.byPersistentWatch("/r0"), reader.byPersistentWatch("/r1"));
      reading.push(reader.byOneShots("/r2"), reader.byOneShots("/r3"));
    }
    const over = Promise.allSettled(reading);

    let isEnough = false;
    const written = new Map<string, number>();
    const write = async (path: string): Promise<void> => {
      for (let value = 1; !isEnough; value++) {
        await writer.set(path, String(value), { version: value - 1, idempotent: true });
        written.set(path, value);
      }
    };
    const writing = Promise.all(REGISTERS.map((path) => write(path)));
    for (const sid of [1, 2, 3]) {
      const before = suspensions;
      await fault(sid, { kind: "down", ms: 1500 });
      await told.until(`clients of ${sid} notice`, () => suspensions > before);
      await told.until("they are back", () => clients.every(({ state }) => state === "connected"));
    }
    isEnough = true;
    await writing;
    const isSeen = (path: string): boolean =>
      readers.every((reader) => reader.last(path) === written.get(path));
    await told.until("all is seen", () => REGISTERS.every((path) => isSeen(path)));

    for (const reader of readers) {
      for (const path of REGISTERS) {
        const shown = reader.shown.get(path) ?? [];
        const inOrder = [...shown].sort((a, b) => (a.mzxid < b.mzxid ? -1 : a.mzxid > b.mzxid ? 1 : 0));
        expect(shown.map(({ value }) => value)).toEqual(inOrder.map(({ value }) => value));
        expect(shown.length).toBeGreaterThan(1);
      }
    }
    for (const client of clients) {
      expect(client.state).toBe("connected");
      await client.close();
    }
    // Whoever still waited for a change learned that the session is over, and nobody of anything else.
    for (const outcome of await over) {
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "CLOSED" });
    }
  });

  test("may do what its token says, and no more", async () => {
    const scopes = [{ prefix: "/sdk-token", permissions: ["read", "write"] }];
    // Each replica died in the test before: the first who asks may be told that nobody leads yet.
    let token = "";
    let nth = 0;
    await expect
      .poll(async () => {
        const made = await fetch(`${ensemble.httpUrl}/v1/tokens`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ name: `sdk-${nth++}`, scopes }),
        });
        ({ token = "" } = (await made.json()) as { readonly token?: string });
        return made.status;
      })
      .toBe(201);
    expect(token).not.toBe("");
    await using client = await connect(ensemble.httpUrl, { token });
    const keeper = http(ensemble.httpUrl, { token });

    await client.create("/sdk-token", "1");
    expect((await keeper.get("/sdk-token", { linearizable: true })).text()).toBe("1");
    await expect(client.create("/sdk-other")).rejects.toMatchObject({ code: "NOAUTH" });
    await expect(keeper.put("/sdk-other", "")).rejects.toMatchObject({ code: "NOAUTH" });
    expect((await client.whoAmI()).map(({ scheme }) => scheme)).toContain("token");
    const wrong = `${token.slice(0, -1)}${token.endsWith("0") ? "1" : "0"}`;
    await expect(http(ensemble.httpUrl, { token: wrong }).get("/")).rejects.toMatchObject({
      code: "unauthorized",
    });
  });

  test("is told of an address that is none, and of nobody who answers", async () => {
    await expect(connect("nowhere")).rejects.toMatchObject({ code: "BADARGUMENTS" });
    await expect(connect("ftp://host/main")).rejects.toMatchObject({ code: "BADARGUMENTS" });
    await expect(connect(`${ensemble.httpUrl}/none`, { connectTimeoutMs: 300 })).rejects.toMatchObject({
      code: "CONNECTIONLOSS",
      mayBeDone: false,
    });
  });

  test("hears why nobody answers while it waits, and at the end", async () => {
    const [port = 0] = await freePorts(1);
    const nobody = `http://127.0.0.1:${port}`;
    const told: EdgekeeperError[] = [];
    const onRetry = (error: EdgekeeperError): void => void told.push(error);
    const connecting = connect(nobody, { connectTimeoutMs: 2000, onRetry });
    await expect(connecting).rejects.toThrow(`the last attempt at ws://127.0.0.1:${port}/main/zk: `);
    expect(told.length).toBeGreaterThan(1);
    for (const error of told) {
      expect(error).toMatchObject({ code: "CONNECTIONLOSS", isRetryable: true });
      expect(error.message).toContain(`ws://127.0.0.1:${port}/main/zk`);
    }

    told.length = 0;
    await expect(http(nobody, { retryMs: 1000, onRetry }).get("/")).rejects.toThrow("ECONNREFUSED");
    expect(told.length).toBeGreaterThan(1);
    for (const error of told) expect(error.message).toContain("ECONNREFUSED");
  });
});

/** A fetch whose answers are lost as often as is asked for: what was asked has been done. */
function losing(count: { left: number }): Fetch {
  return async (url, init) => {
    const response = await fetch(url, init);
    if (count.left === 0 || init.method === "GET") return response;
    count.left--;
    await response.text();
    throw new TypeError("the connection was reset");
  };
}

describe("HTTP mode", () => {
  test("takes a lock once, writes once and gives back once, though each answer is lost", async () => {
    const lost = { left: 0 };
    const keeper = http(ensemble.httpUrl, { fetch: losing(lost) });
    const plain = http(ensemble.httpUrl);

    lost.left = 2;
    const lock = await keeper.lock("sdk/lost", { ttlMs: 20_000, owner: "me" });
    expect(await plain.lockQueue("sdk/lost", { linearizable: true })).toMatchObject({
      count: 1,
      queue: [{ holds: true, token: lock.token, owner: "me" }],
    });
    lost.left = 2;
    const { stat } = await keeper.put("/sdk-lost", "1", { held: lock, createOnly: true });
    lost.left = 1;
    const set = await keeper.put("/sdk-lost", "2", { held: lock, version: stat.version });
    expect(set.stat.version).toBe(stat.version + 1);
    lost.left = 1;
    await lock.release();
    await lock.release();
    expect((await plain.lockQueue("sdk/lost", { linearizable: true })).count).toBe(0);
    await expect(keeper.put("/sdk-lost", "3", { held: lock })).rejects.toMatchObject({ code: "not-held" });
    expect((await plain.get("/sdk-lost", { linearizable: true })).text()).toBe("2");
  });

  test("tells a holder by its signal that it lost its lock, and lets the next one in with a larger token", async () => {
    const keeper = http(ensemble.httpUrl);
    const lost = await keeper.lock("sdk/signal", { ttlMs: 2000, renew: false });
    const kept = await keeper.lock("sdk/kept", { ttlMs: 2000 });

    const next = await keeper.lock("sdk/signal", { waitMs: 30_000 });
    expect(lost.signal.aborted).toBe(true);
    expect(lost.signal.reason).toMatchObject({ code: "lease-over" });
    await expect(lost.renew()).rejects.toMatchObject({ code: "lease-over" });
    await expect(lost.release()).rejects.toMatchObject({ code: "lease-over" });
    expect(next.token > lost.token).toBe(true);
    expect(kept.signal.aborted).toBe(false);
    expect(kept.remainingMs).toBeGreaterThan(0);
    await Promise.all([next.release(), kept.release()]);
  });

  test("holds a permit of a semaphore as a lock", async () => {
    const keeper = http(ensemble.httpUrl);
    const first = await keeper.semaphore("sdk", { permits: 2 });
    const second = await keeper.semaphore("sdk", { permits: 2 });
    const third = keeper.semaphore("sdk", { permits: 2, waitMs: 30_000 });
    await expect(keeper.semaphore("sdk", { permits: 2 })).rejects.toMatchObject({ code: "lock-held" });
    await first.release();
    const next = await third;
    expect(next.path).toBe("/semaphores/sdk");
    await second.renew();
    await Promise.all([second.release(), next.release()]);
  });

  test("is told of every change once, in order, though the replicas that stream die in turn", async () => {
    const keeper = http(ensemble.httpUrl);
    await keeper.create("/sdk-stream", "0");
    const read = await keeper.get("/sdk-stream", { linearizable: true });
    const since = keeper.zxid;
    await keeper.put("/sdk-stream", "missed", { same: read });
    const events = await keeper.watch("/sdk-stream", { since });
    const told: bigint[] = [];
    const telling = new Told();
    const reading = (async (): Promise<void> => {
      for await (const { type, zxid } of events) {
        told.push(zxid);
        telling.tell();
        if (type === "deleted") return;
      }
    })();

    const written: bigint[] = [(await keeper.get("/sdk-stream")).stat.mzxid];
    for (const sid of [1, 2, 3]) {
      const before = told.length;
      await fault(sid, { kind: "down", ms: 1000 });
      for (let count = 0; count < 4; count++) {
        written.push((await keeper.put("/sdk-stream", `${sid} ${count}`)).stat.mzxid);
      }
      await telling.until("it goes on", () => told.length > before);
    }
    await keeper.delete("/sdk-stream");
    await reading;

    expect(told.slice(0, -1)).toEqual(written);
  });

  test("leads by an election, and shows itself to those who look", async () => {
    const keeper = http(ensemble.httpUrl);
    const first = await keeper.campaign("sdk", { value: "first" });
    const next = keeper.campaign("sdk", { value: "next", waitMs: 30_000 });
    await first.proclaim("still first");
    expect((await keeper.election("sdk", { linearizable: true })).leader).toMatchObject({
      token: first.token,
      value: "still first",
    });
    await first.release();
    const second = await next;
    expect(second.token > first.token).toBe(true);
    expect((await keeper.election("sdk", { linearizable: true })).leader?.value).toBe("next");
    await second.release();
    await expect(second.proclaim("late")).rejects.toMatchObject({ code: "lease-over" });
    expect((await keeper.election("sdk", { linearizable: true })).leader).toBeUndefined();
  });

  test("counts once, though each answer is lost", async () => {
    const lost = { left: 0 };
    const keeper = http(ensemble.httpUrl, { fetch: losing(lost) });
    const hits = keeper.counter("sdk/hits");
    await expect(hits.get()).rejects.toMatchObject({ code: "NONODE" });
    lost.left = 2;
    expect(await hits.add(2n ** 53n)).toMatchObject({ value: 2n ** 53n });
    lost.left = 1;
    const added = await hits.add();
    expect(added.value).toBe(2n ** 53n + 1n);
    await expect(hits.set(0, { version: added.version + 1 })).rejects.toMatchObject({ code: "BADVERSION" });
    await hits.set(-1, { version: added.version });
    expect((await hits.get({ linearizable: true })).value).toBe(-1n);
  });

  test("keeps configuration documents, with a schema and a history", async () => {
    const keeper = http(ensemble.httpUrl);
    const flags = keeper.config("sdk/flags");
    const first = await flags.set({ beta: true }, { createOnly: true });
    const read = await flags.get({ linearizable: true });
    expect(read).toMatchObject({ value: { beta: true }, revision: first });
    const changed = flags.changed(read, { waitMs: 30_000 });
    await flags.setSchema({ type: "object", properties: { beta: { type: "boolean" } } });
    await expect(flags.set({ beta: "yes" })).rejects.toMatchObject({ code: "schema-violation" });
    const second = await flags.set({ beta: false }, { same: read });
    await expect(flags.set({ beta: true }, { same: read })).rejects.toMatchObject({ code: "BADVERSION" });
    expect(await changed).toMatchObject({ value: { beta: false }, revision: second });
    expect((await flags.history()).map(({ revision }) => revision)).toEqual([second, first]);
    expect(await flags.at(first)).toMatchObject({ value: { beta: true } });
    await flags.delete();
    await expect(flags.get({ linearizable: true })).rejects.toMatchObject({ code: "NONODE" });
  });

  test("waits in the queue behind a session's client, and is skipped when it gives up", async () => {
    const keeper = http(ensemble.httpUrl);
    await using client = await connect(`${ensemble.httpUrl}/main`);
    const path = "/locks/sdk/mixed/_c_00000000-0000-4000-8000-000000000000-lock-";
    const options = { mode: "ephemeral", sequential: true, parents: "container" } as const;
    const held = await client.create(path, "session", options);

    const giving = new AbortController();
    const impatient = keeper.lock("sdk/mixed", { waitMs: 30_000, signal: giving.signal });
    const patient = keeper.lock("sdk/mixed", { waitMs: 30_000 });
    await expect(keeper.lock("sdk/mixed")).rejects.toMatchObject({ code: "lock-held" });
    giving.abort("enough");
    await expect(impatient).rejects.toBe("enough");
    await client.delete(held.path);

    const lock = await patient;
    expect(BigInt(lock.token)).toBeGreaterThan(held.stat.czxid);
    await lock.release();
  });

  test("keeps a session's ephemerals, waits for changes, and names what is wrong as a session does", async () => {
    const keeper = http(ensemble.httpUrl);
    await keeper.create("/sdk-http", new Uint8Array([0, 255]));
    const session = await keeper.session({ timeoutMs: 2000 });
    const made = await keeper.create("/sdk-http/e-", "", { mode: "ephemeral", sequential: true, session });
    expect(made.stat.ephemeralOwner).toBe(session.id);
    expect(await keeper.children("/sdk-http")).toEqual(["e-0000000000"]);

    const known = await keeper.get("/sdk-http");
    expect(known.data).toEqual(new Uint8Array([0, 255]));
    const changed = keeper.changed(known, { waitMs: 30_000 });
    await keeper.transaction().set("/sdk-http", "new").check("/sdk-http", { version: 1 }).commit();
    expect((await changed)?.text()).toBe("new");
    expect(await keeper.changed(await keeper.get("/sdk-http"), { waitMs: 10 })).toBeUndefined();
    await session.close();

    const wrong = {
      NODEEXISTS: () => keeper.create("/sdk-http"),
      NONODE: () => keeper.get("/sdk-none"),
      BADVERSION: () => keeper.put("/sdk-http", "", { version: 9 }),
      BADARGUMENTS: () => keeper.create("/sdk//x"),
      SESSIONEXPIRED: () => keeper.create("/sdk-http/f", "", { mode: "ephemeral", session }),
    };
    for (const [code, ask] of Object.entries(wrong)) await expect(ask()).rejects.toMatchObject({ code });
    const failed = keeper.transaction().put("/sdk-http", "x").delete("/sdk-none").commit();
    await expect(failed).rejects.toMatchObject({ code: "NONODE", operation: 1 });
    expect(await keeper.children("/sdk-http")).toEqual([]);
  });
});
