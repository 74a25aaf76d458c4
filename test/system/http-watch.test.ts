/** Server-sent events through the real runtime: over the death of replicas, of leaders, of all, and slow readers. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";
import { HttpReader } from "../harness/http-reader.ts";

const LONG_MS = 60_000;

let ensemble: TestEnsemble;
let api: HttpApi;

beforeAll(async () => {
  ensemble = await startEnsemble({
    config: "test/faults/wrangler.toml",
    vars: { MAX_CALLER_STREAMS: "20", LOG_BATCHES_MAX: "150" },
  });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => await ensemble?.stop());

interface Status {
  readonly leader: number;
  readonly replicas: readonly {
    readonly sid: number;
    readonly status: {
      readonly streams: number;
      readonly streamsUnsent: number;
      readonly calls: number;
      readonly serving: boolean;
    } | null;
  }[];
}

async function status(): Promise<Status> {
  return (await (await fetch(`${ensemble.httpUrl}/main/v1/status`)).json()) as Status;
}

async function suffer(sid: number, fault: object): Promise<void> {
  // One that dies of it does not answer.
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(fault) });
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  await expect.poll(what, { timeout: LONG_MS, interval: 20 }).toBe(true);
}

async function counts(field: "streams" | "calls"): Promise<number> {
  const { replicas } = await status();
  return replicas.reduce((sum, replica) => sum + (replica.status?.[field] ?? 0), 0);
}

/** Writes one znode after the other, with a key so that each is there once, until told to stop. */
function steadyWrites(parent: string): {
  readonly stop: () => Promise<readonly string[]>;
  readonly count: () => number;
} {
  const paths: string[] = [];
  let isOn = true;
  const work = (async () => {
    for (let nth = 0; isOn; nth++) {
      const path = `${parent}/${String(nth).padStart(5, "0")}`;
      const headers = { "idempotency-key": path };
      for (let isDone = false; !isDone;) {
        const { status: code } = await api.call("POST", `/nodes${path}`, { headers, body: "x" });
        isDone = code === 201;
      }
      paths.push(path);
    }
    return paths;
  })();
  return {
    count: () => paths.length,
    stop: async () => {
      isOn = false;
      return await work;
    },
  };
}

/** Reads on where it was, whatever ends its stream, as EventSource does. */
async function readOn(path: string, from: HttpReader): Promise<HttpReader> {
  for (;;) {
    try {
      return await HttpReader.open(api, path, from.lastEventId);
    } catch (error) {
      if (!String(error).includes("no stream: 503")) throw error;
    }
  }
}

describe("events over the death of replicas", () => {
  test.each(["the serving replica", "the leader"])(
    "nothing is missed or told twice where %s is lost again and again under steady writes",
    async (whom) => {
      const parent = whom === "the leader" ? "/leaders" : "/deaths";
      const made = await api.call("PUT", `/nodes${parent}`);
      const path = `/watch${parent}?part=recursive&since=${made.zxid}`;
      const readers = [await HttpReader.open(api, path)];
      const writes = steadyWrites(parent);
      const told = (): readonly string[] => readers.flatMap((reader) => reader.told);
      for (let round = 0; round < 3; round++) {
        const before = told().length;
        await until(() => told().length >= before + 15);
        const reader = readers.at(-1);
        if (reader === undefined) throw new Error("no reader");
        const victim = whom === "the leader" ? (await status()).leader : reader.replica;
        await suffer(victim, { kind: "abort" });
        // A reader at another replica than the leader's is not concerned.
        if (victim !== reader.replica) continue;
        await reader.ended;
        readers.push(await readOn(path, reader));
      }
      const before = told().length;
      await until(() => told().length >= before + 15);
      const paths = await writes.stop();
      await until(() => told().length >= paths.length);

      expect(told()).toEqual(paths.map((one) => `created ${one}`));
      const ids = readers.flatMap((reader) => reader.ids);
      expect(ids.toSorted()).toEqual(ids);
      for (const reader of readers) reader.hangUp();
    },
  );

  test("a restart of everything is no gap either, whichever replica tells it", async () => {
    await api.call("PUT", "/nodes/all");
    const session = String(
      (await api.call("POST", "/sessions", { json: { timeoutMs: 60_000 } })).json?.["session"],
    );
    const first = await HttpReader.open(api, "/watch/all?part=recursive");
    await api.call("PUT", "/nodes/all/a");
    await api.call("POST", "/nodes/all/e?mode=ephemeral", { headers: { session } });
    await until(() => first.told.length === 2);
    first.hangUp();
    await api.call("DELETE", "/sessions", { headers: { session } });
    await api.call("DELETE", "/nodes/all/a");
    const { zxid } = await api.call("DELETE", "/nodes/all");
    for (const sid of [1, 2, 3]) await suffer(sid, { kind: "abort" });
    const seen = new Set<number>();
    await until(async () => {
      const reader = await readOn("/watch/all?part=recursive", first);
      await until(() => reader.told.length >= 3);
      expect(reader.told).toEqual(["deleted /all/e", "deleted /all/a", "deleted /all"]);
      expect(reader.ids.at(-1)).toBe(`${zxid}-00000001`);
      seen.add(reader.replica);
      reader.hangUp();
      // The nearest is asked, which is any of them here: the one that told is made to tell no more for a moment.
      if (seen.size < 3) await suffer(reader.replica, { kind: "down", ms: 1500 });
      return seen.size >= 2;
    });
    await until(async () => (await status()).replicas.every((replica) => replica.status?.serving === true));
  });
});

describe("a stream", () => {
  test("begins where a read was, and tells what a browser dispatches", async () => {
    const { zxid } = await api.call("PUT", "/nodes/b", { body: "1" });
    await api.call("PUT", "/nodes/b", { body: "2" });
    const response = await api.respond("GET", `/watch/b?heartbeatMs=1000&since=${zxid}`);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      zxid: expect.stringMatching(/^\d{20}$/) as string,
    });
    await response.body?.cancel();
    const reader = await HttpReader.open(api, `/watch/b?heartbeatMs=1000&since=${zxid}`);
    await api.call("PUT", "/nodes/b/child");
    await until(() => reader.told.length === 2);
    expect(reader.told).toEqual(["dataChanged /b", "childrenChanged /b"]);
    expect(reader.events[0]).toMatchObject({ event: "open", id: `${zxid}-end` });
    reader.hangUp();
  });

  test("that is quiet lives, and its reader comes back with what it need not hear again", async () => {
    const reader = await HttpReader.open(api, "/watch/nothing?heartbeatMs=1000");
    const from = reader.lastEventId;
    await api.call("PUT", "/nodes/elsewhere");
    await until(() => reader.comments >= 2 && reader.lastEventId > from);
    expect(reader.told).toEqual([]);
    reader.hangUp();
  });

  test("whose reader hangs up leaves nothing behind, however it does so", async () => {
    const { hostname, port } = new URL(ensemble.httpUrl);
    await until(async () => (await counts("streams")) === 0);
    const sockets: Socket[] = [];
    for (let nth = 0; nth < 6; nth++) {
      const socket = connect(Number(port), hostname);
      await once(socket, "connect");
      socket.write(`GET /v1/watch/x?heartbeatMs=1000 HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
      sockets.push(socket);
    }
    await until(async () => (await counts("streams")) === 6);
    for (const [nth, socket] of sockets.entries()) {
      if (nth % 2 === 0) socket.resetAndDestroy();
      else socket.destroy();
    }
    await until(async () => (await counts("streams")) === 0);
  });

  test("of a caller that has too many is refused, and one less is one more", async () => {
    const readers: HttpReader[] = [];
    const refused = async (): Promise<unknown> => {
      const controller = new AbortController();
      const response = await api.respond("GET", "/watch/y?heartbeatMs=1000", { signal: controller.signal });
      if (response.status === 429) return ((await response.json()) as { readonly code: unknown }).code;
      controller.abort();
      return undefined;
    };
    for (let nth = 0; nth < 60; nth++) readers.push(await HttpReader.open(api, "/watch/y?heartbeatMs=1000"));
    expect(await refused()).toBe("too-many-streams");
    for (const reader of readers) reader.hangUp();
    await until(async () => (await refused()) === undefined);
    await until(async () => (await counts("streams")) === 0);
  });

  test("of a reader that takes nothing holds little, and tells it all when it reads on", async () => {
    await api.call("PUT", "/nodes/slow");
    const { hostname, port } = new URL(ensemble.httpUrl);
    const { zxid } = await api.call("PUT", "/nodes/slow/begin");
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    socket.pause();
    socket.write(
      `GET /v1/watch/slow?part=recursive&since=${zxid} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`,
    );
    await until(async () => (await counts("streams")) === 1);
    const long = "n".repeat(50_000);
    const made: string[] = [];
    const operations = (at: number): object[] =>
      Array.from({ length: 20 }, (_, nth) => ({ op: "create", path: `/slow/${at}-${nth}-${long}` }));
    for (let at = 0; at < 12; at++) {
      const batch = operations(at) as { readonly path: string }[];
      const done = await api.call("POST", "/multi", { json: { operations: batch } });
      expect(done.status).toBe(200);
      made.push(...batch.map(({ path }) => path));
    }
    // 12 MB are to be told: what the sockets do not take is not held here, but for a little.
    const { replicas } = await status();
    const held = replicas.map((replica) => replica.status?.streamsUnsent ?? 0);
    expect(Math.max(...held)).toBeGreaterThan(100_000);
    expect(Math.max(...held)).toBeLessThan(200_000);
    expect(await counts("streams")).toBe(1);
    let text = "";
    socket.setEncoding("utf8");
    socket.on("data", (part: string) => (text += part));
    socket.resume();
    await until(() => text.split("event: created").length - 1 === made.length);
    const paths = [...text.matchAll(/"path":"(\/slow\/\d+-\d+)/g)].map(([, path]) => path);
    expect(paths).toEqual(made.map((path) => path.slice(0, path.indexOf("-n"))));
    socket.destroy();
  });
});

test("a token hears of what it may read, and its revocation ends what is heard under it", async () => {
  const { json } = await api.call("POST", "/tokens", {
    json: { name: "ear", scopes: [{ prefix: "/mine", permissions: ["read"] }] },
  });
  const bearer = api.as({ authorization: `Bearer ${String(json?.["token"])}` });
  const reader = await HttpReader.open(bearer, "/watch/mine?part=recursive&heartbeatMs=1000");
  expect(await bearer.call("GET", "/watch/other")).toMatchObject({ status: 403, code: "no-auth" });
  await api.call("PUT", "/nodes/mine");
  await until(() => reader.told.length === 1);
  await api.call("DELETE", `/tokens/${String(json?.["id"])}`);
  await reader.ended;
  expect(reader.told).toEqual(["created /mine"]);
  expect(reader.reason).toBe("revoked");
  expect(await bearer.call("GET", "/watch/mine")).toMatchObject({ status: 401, code: "unauthorized" });
});

describe("history that is not kept any more", () => {
  test("is refused, and says where to read again", async () => {
    const { zxid } = await api.call("PUT", "/nodes/old");
    const since = `/watch/old?since=${zxid}`;
    await until(async () => {
      for (let nth = 0; nth < 40; nth++) await api.call("PUT", "/nodes/new", { body: "x" });
      const response = await api.respond("GET", since);
      if (response.status === 410) return true;
      await response.body?.cancel();
      return false;
    });
    const told = await api.call("GET", since);
    expect(told).toMatchObject({ status: 410, code: "history-gone" });
    expect(told.json).toMatchObject({ zxid: told.zxid, read: "/main/v1/nodes/old" });
    expect(String(told.json?.["oldest"]) > zxid).toBe(true);
    const again = await fetch(`${ensemble.httpUrl}${String(told.json?.["read"])}`);
    const reader = await HttpReader.open(api, `/watch/old?since=${again.headers.get("zxid")}`);
    await api.call("PUT", "/nodes/old", { body: "y" });
    await until(() => reader.told.length === 1);
    reader.hangUp();
  });

  test.each<[string, Record<string, string>, [number, string]]>([
    ["/watch/x?since=yesterday", {}, [400, "bad-request"]],
    ["/watch/x?part=leaves", {}, [400, "bad-request"]],
    ["/watch/x?heartbeatMs=10", {}, [400, "bad-request"]],
    ["/watch/x", { "last-event-id": "12-3" }, [400, "bad-request"]],
    ["/watch/x", { "min-zxid": "x" }, [400, "bad-request"]],
    ["/watch/a//b", {}, [400, "bad-path"]],
    [`/watch/x?since=${"1".padStart(20, "0")}`, {}, [410, "history-gone"]],
    [`/watch/x?since=${"9".repeat(18).padStart(20, "0")}`, {}, [503, "lagging"]],
  ])("%s with %j is answered by %j", async (path, headers, [code, told]) => {
    expect(await api.call("GET", path, { headers })).toMatchObject({ status: code, code: told });
  });
});
