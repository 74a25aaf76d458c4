/** Znodes, multi and sessions over HTTP, through the real runtime, held to the OpenAPI document. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, HttpApi } from "../harness/http-api.ts";

let ensemble: TestEnsemble;
let api: HttpApi;

const LONG_MS = 30_000;

beforeAll(async () => {
  ensemble = await startEnsemble();
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function wireClient(port = ensemble.tcpPorts[0] ?? 0): Promise<WireClient> {
  const client = new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: LONG_MS });
  expect(await client.connected(LONG_MS)).toBe(true);
  return client;
}

async function session(timeoutMs = 30_000): Promise<string> {
  const { json } = await api.call("POST", "/sessions", { json: { timeoutMs } });
  return String(json?.["session"]);
}

function statOf({ json }: ApiAnswer): Readonly<Record<string, unknown>> {
  return json?.["stat"] as Readonly<Record<string, unknown>>;
}

describe("a znode", () => {
  test("is created by PUT, read as it is, set, and deleted", async () => {
    const created = await api.call("PUT", "/nodes/config", { body: "one" });
    expect(created.status).toBe(201);
    expect(created.headers.get("location")).toBe("/v1/nodes/config");
    expect(statOf(created)).toMatchObject({ version: 0, czxid: created.zxid, ephemeralOwner: null });

    const read = await api.call("GET", "/nodes/config", { headers: { "min-zxid": created.zxid } });
    expect(read).toMatchObject({ status: 200, text: "one" });
    expect(read.headers.get("x-content-type-options")).toBe("nosniff");

    const set = await api.call("PUT", "/nodes/config", { body: Uint8Array.of(0, 255, 10) });
    expect(set.status).toBe(200);
    const again = await api.call("GET", "/nodes/config", {
      headers: { "min-zxid": set.zxid, accept: "application/json" },
    });
    expect(again.json).toMatchObject({ path: "/config", data: "AP8K", stat: { version: 1, dataLength: 3 } });

    expect((await api.call("DELETE", "/nodes/config")).status).toBe(204);
    const gone = await api.call("GET", "/nodes/config?consistency=linearizable");
    expect(gone).toMatchObject({ status: 404, code: "no-node" });
  });

  test("is the same that ZooKeeper's clients have", async () => {
    const client = await wireClient();
    const data = new TextEncoder().encode("by wire");
    await client.request({ op: "create", path: "/both", data, acl: OPEN_ACL, flags: 0, ttlMs: 0 });
    const read = await api.call("GET", "/nodes/both?consistency=linearizable");
    expect(read.text).toBe("by wire");

    const set = await api.call("PUT", "/nodes/both", { body: "by HTTP" });
    await client.request({ op: "sync", path: "/" });
    const seen = await client.request({ op: "getData", path: "/both", watch: false });
    await client.close();
    expect(seen).toMatchObject({ kind: "ok", response: { data: new TextEncoder().encode("by HTTP") } });
    expect(statOf(set)).toMatchObject({ version: 1 });
  });

  test("has an ETag: unchanged it is not sent again, changed it is not overwritten, nor made anew", async () => {
    const first = await api.call("PUT", "/nodes/etag", { body: "a", headers: { "if-none-match": "*" } });
    const etag = first.headers.get("etag") ?? "";
    const unchanged = await api.call("GET", "/nodes/etag", {
      headers: { "if-none-match": etag, "min-zxid": first.zxid },
    });
    expect(unchanged).toMatchObject({ status: 304, text: "" });
    const twice = await api.call("PUT", "/nodes/etag", { body: "b", headers: { "if-none-match": "*" } });
    expect(twice).toMatchObject({ status: 412, code: "node-exists" });

    const set = await api.call("PUT", "/nodes/etag", { body: "b", headers: { "if-match": etag } });
    expect(set.status).toBe(200);
    const stale = await api.call("PUT", "/nodes/etag", { body: "c", headers: { "if-match": etag } });
    expect(stale).toMatchObject({ status: 412, code: "bad-version" });
    expect((await api.call("DELETE", "/nodes/etag", { headers: { "if-match": etag } })).status).toBe(412);

    // Deleted and made anew it has the same version, and is another znode.
    await api.call("DELETE", "/nodes/etag", { headers: { "if-match": '"1"' } });
    await api.call("PUT", "/nodes/etag", { body: "other" });
    const reborn = await api.call("PUT", "/nodes/etag", { body: "c", headers: { "if-match": etag } });
    expect(reborn).toMatchObject({ status: 412, code: "bad-version" });
    const missing = await api.call("PUT", "/nodes/none", { body: "c", headers: { "if-match": etag } });
    expect(missing).toMatchObject({ status: 404, code: "no-node" });
  });

  test("is created in each mode by POST", async () => {
    const own = await session();
    const names: unknown[] = [];
    for (const query of ["", "?sequential=true", "?mode=container", "?mode=ttl&ttlMs=60000"]) {
      const created = await api.call("POST", `/nodes/mode${names.length}-${query}`, { body: "x" });
      expect(created.status).toBe(201);
      names.push(created.json?.["path"]);
    }
    expect(names[1]).toMatch(/^\/mode1-\d{10}$/);
    const ephemeral = await api.call("POST", "/nodes/mode-e-?mode=ephemeral&sequential=true", {
      headers: { session: own },
    });
    expect(statOf(ephemeral)).toMatchObject({ ephemeralOwner: own.split("-")[0] });
    const below = await api.call("POST", `/nodes${String(ephemeral.json?.["path"])}/x`);
    expect(below).toMatchObject({ status: 409, code: "ephemeral-parent" });
  });

  test("lists its children page by page", async () => {
    await api.call("PUT", "/nodes/pages");
    for (const name of ["d", "b", "a", "c", "e"]) await api.call("PUT", `/nodes/pages/${name}`);
    const found: unknown[] = [];
    let next: string | null = "";
    while (next !== null) {
      const query: string = `children&limit=2&after=${next}&consistency=linearizable`;
      const page = await api.call("GET", `/nodes/pages?${query}`);
      found.push(page.json?.["children"]);
      next = page.json?.["next"] as string | null;
    }
    expect(found).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect((await api.call("GET", "/nodes/?children")).json?.["children"]).toContain("zookeeper");
    expect(await api.call("DELETE", "/nodes/pages")).toMatchObject({ status: 409, code: "not-empty" });
  });

  test.each<[string, string, Record<string, string>, [number, string]]>([
    ["GET", "/nodes/none", {}, [404, "no-node"]],
    ["GET", "/nodes/a//b", {}, [404, "no-node"]],
    ["PUT", "/nodes/a%01b", {}, [400, "bad-path"]],
    ["PUT", "/nodes/none/below", {}, [404, "no-node"]],
    ["PUT", "/nodes/x", { "if-match": "3" }, [400, "bad-request"]],
    ["PUT", "/nodes/x", { "if-none-match": '"1"' }, [400, "bad-request"]],
    ["PUT", "/nodes/x", { "if-held": "lock" }, [400, "bad-request"]],
    ["GET", "/nodes/?children&limit=0", {}, [400, "bad-request"]],
    ["GET", "/nodes/x", { "min-zxid": "now" }, [400, "bad-request"]],
    ["GET", "/nodes/x", { session: "mine" }, [400, "bad-request"]],
    ["POST", "/nodes/x?mode=odd", {}, [400, "bad-request"]],
    ["POST", "/nodes/x?mode=ttl", {}, [400, "bad-request"]],
    ["POST", "/nodes/x?mode=container&sequential=true", {}, [400, "bad-request"]],
    ["POST", "/nodes/x?mode=ephemeral", {}, [400, "bad-request"]],
    ["DELETE", "/nodes/zookeeper", {}, [400, "bad-path"]],
    ["PUT", "/nodes/zookeeper/config", {}, [403, "no-auth"]],
    ["PUT", "/nodes/zookeeper/call-keys/x", {}, [403, "no-auth"]],
  ])("%s %s with %j is answered by %j", async (method, path, headers, [status, code]) => {
    // So that there are keys.
    await api.call("PUT", "/nodes/keyed", { headers: { "idempotency-key": "first" } });
    expect(await api.call(method, path, { headers })).toMatchObject({ status, code });
  });

  test("tells of its children how many each has, and by the ETag when that changes", async () => {
    for (const path of ["/counted", "/counted/a", "/counted/b", "/counted/b/c"])
      await api.call("PUT", `/nodes${path}`, { body: "" });
    const list = async (headers: Readonly<Record<string, string>> = {}): Promise<ApiAnswer> =>
      await api.call("GET", "/nodes/counted?children&counts&consistency=linearizable", { headers });
    const first = await list();
    expect(first.json).toMatchObject({ children: ["a", "b"], counts: [0, 1] });
    const etag = first.headers.get("etag") ?? "";
    expect((await list({ "if-none-match": etag })).status).toBe(304);
    await api.call("PUT", "/nodes/counted/a/d", { body: "" });
    expect((await list({ "if-none-match": etag })).json).toMatchObject({ counts: [1, 1] });
    const plain = await api.call("GET", "/nodes/counted?children");
    expect(plain.json).not.toHaveProperty("counts");
  });

  test("takes almost a megabyte and no more, whatever the caller says of the length", async () => {
    const most = new Uint8Array(1_000_000).fill(7);
    const put = await api.call("PUT", "/nodes/large", { body: most });
    expect(put.status).toBe(201);
    const read = await api.call("GET", "/nodes/large", { headers: { "min-zxid": put.zxid } });
    expect(read.bytes).toEqual(most);
    const more = new Uint8Array(1_050_000);
    expect(await api.call("PUT", "/nodes/large", { body: more })).toMatchObject({
      status: 413,
      code: "too-large",
    });
    const stream = new Blob([more]).stream();
    expect(await api.call("PUT", "/nodes/large", { body: stream })).toMatchObject({
      status: 413,
      code: "too-large",
    });
  });
});

describe("a read that waits", () => {
  test("is answered by the change of what it knows, whichever replica it waits at", async () => {
    const pending = Array.from({ length: 6 }, () => api.call("GET", "/nodes/awaited?wait=30000"));
    const made = await api.call("PUT", "/nodes/awaited", { body: "1" });
    for (const { text } of await Promise.all(pending)) expect(text).toBe("1");

    const etag = made.headers.get("etag") ?? "";
    const known = { headers: { "if-none-match": etag, "min-zxid": made.zxid } };
    expect((await api.call("GET", "/nodes/awaited?wait=200", known)).status).toBe(304);
    const waiting = Array.from({ length: 6 }, () => api.call("GET", "/nodes/awaited?wait=30000", known));
    await api.call("PUT", "/nodes/awaited", { body: "2" });
    for (const { status, text } of await Promise.all(waiting)) expect([status, text]).toEqual([200, "2"]);
    await api.call("DELETE", "/nodes/awaited");
    expect((await api.call("GET", "/nodes/awaited?wait=30000", known)).status).toBe(404);
  });

  test("hears of children that come and go", async () => {
    const made = await api.call("PUT", "/nodes/family");
    const list = await api.call("GET", "/nodes/family?children", { headers: { "min-zxid": made.zxid } });
    const known = { headers: { "if-none-match": list.headers.get("etag") ?? "", "min-zxid": made.zxid } };
    expect((await api.call("GET", "/nodes/family?children&wait=100", known)).status).toBe(304);
    const waiting = api.call("GET", "/nodes/family?children&wait=30000", known);
    await api.call("PUT", "/nodes/family/child");
    expect((await waiting).json).toMatchObject({ children: ["child"] });
  });
});

describe("a key", () => {
  test("makes a write safe to ask again", async () => {
    const headers = { "idempotency-key": "order-42" };
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        api.call("POST", "/nodes/once-?sequential=true", { body: "x", headers }),
      ),
    );
    const [first] = answers;
    for (const { status, zxid, json } of answers) {
      expect({ status, zxid, json }).toEqual({ status: 201, zxid: first?.zxid, json: first?.json });
    }
    const other = await api.call("POST", "/nodes/once-?sequential=true", { body: "y", headers });
    expect(other).toMatchObject({ status: 422, code: "key-reused" });
    const listed = await api.call("GET", "/nodes/?children&consistency=linearizable");
    const names = listed.json?.["children"] as readonly string[];
    expect(names.filter((name) => name.startsWith("once-")).length).toBe(1);
  });
});

describe("a multi", () => {
  test("does all, in their order, under one zxid", async () => {
    const operations = [
      { op: "create", path: "/m", text: "parent" },
      { op: "create", path: "/m/n-", base64: "AAE=", sequential: true },
      { op: "set", path: "/m", text: null, version: 0 },
      { op: "put", path: "/m/p", text: "ü" },
      { op: "check", path: "/m", version: 1 },
      { op: "create", path: "/m/gone" },
      { op: "delete", path: "/m/gone" },
    ];
    const done = await api.call("POST", "/multi", { json: { operations } });
    expect(done.status).toBe(200);
    const results = done.json?.["results"] as readonly { readonly path: string; readonly stat: unknown }[];
    expect(results.map(({ path }) => path)).toEqual([
      "/m",
      "/m/n-0000000000",
      "/m",
      "/m/p",
      "/m",
      "/m/gone",
      "/m/gone",
    ]);
    const node = await api.call("GET", "/nodes/m", {
      headers: { "min-zxid": done.zxid, accept: "application/json" },
    });
    expect(node.json).toMatchObject({ data: null, stat: { numChildren: 2, mzxid: done.zxid } });
  });

  test("does nothing where one fails, and says which", async () => {
    const operations = [
      { op: "create", path: "/never" },
      { op: "check", path: "/", version: 7 },
    ];
    const failed = await api.call("POST", "/multi", { json: { operations } });
    expect(failed).toMatchObject({ status: 412, code: "bad-version", json: { operation: 1 } });
    const there = await api.call("GET", "/nodes/never", { headers: { "min-zxid": failed.zxid } });
    expect(there.status).toBe(404);
  });

  test("is told what is wrong with its body", async () => {
    const bad = { operations: [{ op: "move", path: "/x" }] };
    expect(await api.call("POST", "/multi", { json: bad })).toMatchObject({
      status: 400,
      code: "bad-request",
    });
    expect(await api.call("POST", "/multi", { json: { operations: [] } })).toMatchObject({ status: 400 });
    const headers = { "content-type": "application/json" };
    expect(await api.call("POST", "/multi", { body: "{", headers })).toMatchObject({ status: 400 });
    const text = { "content-type": "text/plain" };
    const other = await api.call("POST", "/multi", { body: "{}", headers: text });
    expect(other).toMatchObject({ status: 415, code: "bad-content-type" });
  });
});

describe("a session", () => {
  test("keeps what is ephemeral while it is asked in, and takes it along", async () => {
    const own = await session(2000);
    const made = await api.call("POST", "/nodes/mine?mode=ephemeral", { headers: { session: own } });
    expect(made.status).toBe(201);
    for (const until = Date.now() + 5000; Date.now() < until;) {
      const renewed = await api.call("PUT", "/sessions", { headers: { session: own } });
      expect(renewed.status).toBe(204);
      const there = await api.call("GET", "/nodes/mine", { headers: { "min-zxid": renewed.zxid } });
      expect(there.status).toBe(200);
    }
    const quietSince = Date.now();
    await expect
      .poll(async () => (await api.call("GET", "/nodes/mine")).status, { timeout: LONG_MS, interval: 100 })
      .toBe(404);
    expect(Date.now() - quietSince).toBeGreaterThan(1500);
    const late = await api.call("PUT", "/sessions", { headers: { session: own } });
    expect(late).toMatchObject({ status: 410, code: "session-expired" });
  });

  test("ends by DELETE, at once", async () => {
    const own = await session();
    await api.call("POST", "/nodes/brief?mode=ephemeral", { headers: { session: own } });
    const ended = await api.call("DELETE", "/sessions", { headers: { session: own } });
    expect(ended.status).toBe(204);
    expect((await api.call("GET", "/nodes/brief", { headers: { "min-zxid": ended.zxid } })).status).toBe(404);
    expect((await api.call("DELETE", "/sessions", { headers: { session: own } })).status).toBe(410);
  });

  test("is of whoever knows its secret alone", async () => {
    const own = await session();
    const guessed = `${own.slice(0, 17)}${"0".repeat(32)}`;
    const stolen = await api.call("DELETE", "/sessions", { headers: { session: guessed } });
    expect(stolen).toMatchObject({ status: 410, code: "session-expired" });
    expect((await api.call("PUT", "/sessions", { headers: { session: own } })).status).toBe(204);
  });
});

/** The OpenAPI document, as far as it is judged here. */
interface ShownContract {
  readonly info: { readonly version: string };
  readonly paths: Readonly<
    Record<
      string,
      Readonly<
        Record<
          string,
          {
            readonly summary?: string;
            readonly parameters?: readonly { readonly name: string; readonly description?: string }[];
          }
        >
      >
    >
  >;
}

describe("the contract", () => {
  test("is served, with a page, and names every route that there is", async () => {
    const page = await fetch(`${ensemble.httpUrl}/docs`);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    const text = await page.text();
    const shown = text.replaceAll(/<[^>]*>/g, "");
    for (const line of api.documented()) expect(shown).toContain(line.split(" ").slice(0, 2).join(" "));
    for (const [, anchor] of text.matchAll(/href="#([^"]+)"/g)) expect(text).toContain(`id="${anchor}"`);
    expect(shown).not.toMatch(/undefined|\[object/);
  });

  test("is of the product's version, and says what each route and parameter is for", async () => {
    const { version } = JSON.parse(await readFile("package.json", "utf8")) as { readonly version: string };
    const document = (await (await fetch(`${ensemble.httpUrl}/openapi.json`)).json()) as ShownContract;
    expect(document.info.version).toBe(version);
    const untold = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).flatMap(([method, { summary = "", parameters = [] }]) => [
        ...(summary === "" ? [`${method} ${path}`] : []),
        ...parameters
          .filter(({ description = "" }) => description === "")
          .map(({ name }) => `${method} ${path}: ${name}`),
      ]),
    );
    expect(untold).toEqual([]);
  });

  test("other ensembles are another tree, and unknown ones none", async () => {
    const other = await fetch(`${ensemble.httpUrl}/other/v1/nodes/config`);
    expect(other.status).toBe(404);
    expect(await other.json()).toMatchObject({ code: "no-such-ensemble" });
    const main = await fetch(`${ensemble.httpUrl}/main/v1/nodes/both`);
    expect(await main.text()).toBe("by HTTP");
  });
});
