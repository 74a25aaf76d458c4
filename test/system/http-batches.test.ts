/** Many callers at once, whose calls go to their replica together: nobody may see anything of the others. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, HttpApi } from "../harness/http-api.ts";

const LONG_MS = 60_000;

let ensemble: TestEnsemble;
let api: HttpApi;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
  api = await HttpApi.open(ensemble.httpUrl);
});

afterAll(async () => {
  await ensemble.stop();
});

test(
  "each is answered what it asked, in time, whatever the others ask",
  async () => {
    const token = await api.call("POST", "/tokens", {
      json: { name: "reader", scopes: [{ prefix: "/", permissions: ["read"] }] },
    });
    expect(token.status).toBe(201);
    const reader = api.as({ authorization: `Bearer ${String(token.json?.["token"])}` });
    await api.call("PUT", "/nodes/there", { body: "there" });
    const held = api.call("POST", "/locks/held/acquire", { json: { ttlMs: 30_000 } });
    expect((await held).status).toBe(200);

    const round = async (nth: number): Promise<readonly unknown[]> => {
      const made = await api.call("PUT", `/nodes/made-${nth}`, { body: `data ${nth}` });
      const ahead = { "min-zxid": String(BigInt(made.zxid) + 10_000n) };
      const [read, missing, stale, taken, refused, lock, far] = await Promise.all([
        api.call("GET", `/nodes/made-${nth}`, { headers: { "min-zxid": made.zxid } }),
        api.call("GET", `/nodes/missing-${nth}`),
        api.call("PUT", "/nodes/there", { body: "x", headers: { "if-match": '"7"' } }),
        api.call("POST", "/locks/held/acquire", { json: {} }),
        reader.call("PUT", `/nodes/refused-${nth}`, { body: "x" }),
        api.call("POST", `/locks/own-${nth}/acquire`, { json: { owner: `caller ${nth}` } }),
        // It waits until that has come, which it does not: it is told so, and holds up nobody.
        nth === 0 ? api.call("GET", "/nodes/there", { headers: ahead }) : undefined,
      ]);
      const lease = String(lock.json?.["lease"]);
      const released = await api.call("POST", `/locks/own-${nth}/release`, { json: { lease } });
      const statuses = [made, missing, stale, taken, refused, lock, released].map(({ status }) => status);
      return [read.text, ...statuses, lock.json?.["lock"], far?.code];
    };
    const told = await Promise.all(Array.from({ length: 40 }, async (_, nth) => await round(nth)));

    expect(told).toEqual(
      Array.from({ length: 40 }, (_, nth) => [
        `data ${nth}`,
        201,
        404,
        412,
        409,
        403,
        200,
        204,
        `/locks/own-${nth}`,
        nth === 0 ? "lagging" : undefined,
      ]),
    );
  },
  LONG_MS,
);

test(
  "who hangs up takes nothing from those whose calls its request carries",
  async () => {
    for (let round = 0; round < 10; round++) {
      const callers = await Promise.all(Array.from({ length: 24 }, async () => await Caller.open()));
      const asked = callers.map(async (caller, nth) => await caller.put(`/v1/nodes/carried-${round}-${nth}`));
      const stayed = asked.filter((_, nth) => nth % 3 !== 0);
      // The first of those that come together carries them: nobody knows which that is.
      for (const caller of callers.filter((_, nth) => nth % 3 === 0)) caller.vanish();

      const statuses = await Promise.all(stayed);

      expect(statuses).toEqual(stayed.map(() => "201"));
      for (const caller of callers) caller.vanish();
      await Promise.all(asked);
    }
  },
  LONG_MS,
);

test(
  "where their replica dies, what is told as done is done, and what is told as not done is not",
  async () => {
    await api.call("PUT", "/nodes/dies", { body: "" });
    let isOver = false;
    const told: { readonly path: string; readonly status: number }[] = [];
    const write = async (nth: number): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const path = `/nodes/dies/${nth}-${count}`;
        const { status }: ApiAnswer = await api.call("PUT", path, { body: "x" });
        told.push({ path, status });
      }
    };
    const writing = Promise.all(Array.from({ length: 32 }, async (_, nth) => await write(nth)));
    for (const sid of [1, 2, 3, 1, 2, 3]) {
      const before = told.length;
      await expect.poll(() => told.length, { timeout: LONG_MS }).toBeGreaterThan(before + 64);
      await strike(sid);
    }
    const before = told.length;
    await expect.poll(() => told.length, { timeout: LONG_MS }).toBeGreaterThan(before + 64);
    isOver = true;
    await writing;

    expect(told.filter(({ status }) => ![201, 503, 504].includes(status))).toEqual([]);
    const there = new Set<string>();
    for (let after: unknown = ""; typeof after === "string";) {
      const query = `children=true&consistency=linearizable&limit=1000&after=${after}`;
      const { text } = await api.call("GET", `/nodes/dies?${query}`);
      const page = JSON.parse(text) as { readonly children: readonly string[]; readonly next: unknown };
      for (const name of page.children) there.add(`/nodes/dies/${name}`);
      after = page.next;
    }
    const pathsOf = (wanted: number): readonly string[] =>
      told.filter(({ status }) => status === wanted).map(({ path }) => path);
    expect(pathsOf(201).filter((path) => !there.has(path))).toEqual([]);
    expect(pathsOf(503).filter((path) => there.has(path))).toEqual([]);
  },
  LONG_MS,
);

async function strike(sid: number): Promise<void> {
  const body = JSON.stringify({ kind: "abort" });
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body });
}

/** A connection that may end at any moment. */
class Caller {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async open(): Promise<Caller> {
    const socket = connect({ host: "127.0.0.1", port: ensemble.httpPort, noDelay: true });
    await once(socket, "connect");
    return new Caller(socket);
  }

  /** The status of the answer; "gone" where the connection ends before. */
  async put(path: string): Promise<string> {
    const head = `PUT ${path} HTTP/1.1\r\nHost: 127.0.0.1:${ensemble.httpPort}\r\nContent-Length: 1\r\n\r\n`;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.#socket.once("data", (chunk: Buffer) => resolve(chunk.toString("latin1", 9, 12)));
    this.#socket.once("close", () => resolve("gone"));
    this.#socket.write(`${head}x`);
    return await promise;
  }

  vanish(): void {
    this.#socket.resetAndDestroy();
  }
}
