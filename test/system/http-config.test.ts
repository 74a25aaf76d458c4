/** Configuration documents over HTTP, through the real runtime: versions, schemas, history, and their races. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, type ApiInit, HttpApi } from "../harness/http-api.ts";

let ensemble: TestEnsemble;
let api: HttpApi;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function put(path: string, json: unknown, headers: ApiInit["headers"] = {}): Promise<ApiAnswer> {
  return await api.call("PUT", `/config/${path}`, { json, headers });
}

async function get(path: string, headers: ApiInit["headers"] = {}): Promise<ApiAnswer> {
  return await api.call("GET", `/config/${path}`, { headers });
}

async function current(path: string): Promise<ApiAnswer> {
  return await get(`${path}?consistency=linearizable`);
}

async function revisions(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const { json } = await get(`${path}/history?consistency=linearizable`);
  return json?.["revisions"] as readonly Readonly<Record<string, unknown>>[];
}

describe("a configuration document", () => {
  test("is read as it was written, replaced by its version, and waited for", async () => {
    const text = '{ "big": 12345678901234567890,\n "text": "\u00fc" }';
    const headers = { "content-type": "application/json", "if-none-match": "*" };
    const made = await api.call("PUT", "/config/app", { body: text, headers });
    expect(made).toMatchObject({ status: 201, json: { config: "/config/app", version: 0 } });
    expect(await api.call("PUT", "/config/app", { body: text, headers })).toMatchObject({
      code: "node-exists",
    });
    const first = await current("app");
    expect(first.text).toBe(text);
    expect(first.headers.get("revision")).toBe(made.headers.get("revision"));
    const etag = first.headers.get("etag") ?? "";
    expect((await get("app", { "if-none-match": etag })).status).toBe(304);
    const changed = get("app?wait=30000", { "if-none-match": etag });
    expect((await put("app", { a: 1 }, { "if-match": etag })).status).toBe(200);
    expect((await changed).json).toEqual({ a: 1 });
    expect(await put("app", { a: 2 }, { "if-match": etag })).toMatchObject({ code: "bad-version" });
  });

  test("is kept when it is replaced, fifty times, and an old one may be written again", async () => {
    for (let nth = 0; nth < 54; nth++) expect((await put("kept", { nth })).status).toBeLessThan(300);
    const all = await revisions("kept");
    expect(all.map(({ version }) => version)).toEqual(Array.from({ length: 51 }, (_, at) => 53 - at));
    expect(all.filter((one) => one["current"] === true)).toEqual([all[0]]);
    const [, , third] = all;
    const old = await get(`kept/history/${String(third?.["revision"])}`);
    expect(old.json).toEqual({ nth: 51 });
    const match = (await current("kept")).headers.get("etag") ?? "";
    expect((await put("kept", old.json, { "if-match": match })).status).toBe(200);
    expect((await current("kept")).json).toEqual({ nth: 51 });
    const now = (await revisions("kept"))[0];
    expect((await get(`kept/history/${String(now?.["revision"])}`)).json).toEqual({ nth: 51 });
  });

  test("stands beside others below it, which are none of its own, and goes with its schema and history", async () => {
    await put("a/b/c", 1);
    expect(await current("a/b")).toMatchObject({ status: 404, code: "no-node" });
    expect(await put("a/b", 2, { "if-none-match": "*" })).toMatchObject({ status: 200 });
    expect(await put("a/b", 3, { "if-none-match": "*" })).toMatchObject({ code: "node-exists" });
    expect((await put("a/b/schema", { type: "number" })).status).toBe(204);
    await put("a/b", 4);
    expect(await api.call("DELETE", "/config/a/b")).toMatchObject({ status: 409, code: "not-empty" });
    expect((await current("a/b")).text).toBe("4");
    expect((await api.call("DELETE", "/config/a/b/c")).status).toBe(204);
    expect((await api.call("DELETE", "/config/a/b")).status).toBe(204);
    expect((await current("a/b")).status).toBe(404);
    expect((await put("a/b", "no number")).status).toBe(201);
    expect((await revisions("a/b")).length).toBe(1);
  });

  test("is written once under a key, and only while a lock is held", async () => {
    const key = { "idempotency-key": "config-1" };
    const first = await put("keyed", { a: 1 }, { ...key, "if-none-match": "*" });
    await put("keyed", { a: 2 });
    const again = await put("keyed", { a: 1 }, { ...key, "if-none-match": "*" });
    expect([again.status, again.json]).toEqual([first.status, first.json]);
    expect(await put("keyed", { a: 3 }, key)).toMatchObject({ status: 422, code: "key-reused" });
    expect((await current("keyed")).json).toEqual({ a: 2 });
    const { json } = await api.call("POST", "/locks/config/acquire", { json: {} });
    const held = { "if-held": `config@${String(json?.["token"])}` };
    expect((await put("keyed", { a: 4 }, held)).status).toBe(200);
    await api.call("POST", "/locks/config/release", { json: { lease: json?.["lease"] } });
    expect(await put("keyed", { a: 5 }, held)).toMatchObject({ status: 412, code: "not-held" });
  });
});

describe("a schema", () => {
  const SCHEMA = {
    type: "object",
    required: ["port"],
    properties: { port: { type: "integer", maximum: 65_535 } },
  };

  test("is asked of each document that is written, and of the one that is there", async () => {
    expect((await put("ruled/schema", SCHEMA)).status).toBe(204);
    expect((await current("ruled")).status).toBe(404);
    const refused = await put("ruled", { port: 70_000 });
    expect(refused).toMatchObject({ status: 422, code: "schema-violation" });
    expect(refused.json).toMatchObject({
      violations: expect.arrayContaining([
        { at: "#/port", keyword: "maximum", message: expect.any(String) as string },
      ]) as unknown,
    });
    expect((await put("ruled", { port: 80 })).status).toBeLessThan(300);
    expect(await put("ruled/schema", { type: "string" })).toMatchObject({ status: 422 });
    expect((await get("ruled/schema")).json).toEqual(SCHEMA);
    expect((await api.call("DELETE", "/config/ruled/schema")).status).toBe(204);
    expect((await put("ruled", "anything")).status).toBe(200);
  });

  test("that cannot be applied is refused, and one that somebody wrote as a znode refuses documents", async () => {
    expect(await put("bad/schema", { $schema: "http://example.org/x" })).toMatchObject({
      code: "bad-schema",
    });
    expect(await put("bad/schema", { $ref: "#/none" })).toMatchObject({ status: 400, code: "bad-schema" });
    expect(await put("bad/schema", 7)).toMatchObject({ status: 400, code: "bad-schema" });
    const odd = await put("bad/schema", { properties: { port: { type: "odd" } } });
    expect(odd).toMatchObject({ status: 400, code: "bad-schema" });
    expect(odd.json?.["detail"]).toContain("#/properties/port/type");
    expect((await get("bad/schema")).status).toBe(404);
    await put("bad", 1);
    await api.call("PUT", "/nodes/config/bad/.schema", { body: "no JSON" });
    expect(await put("bad", 2)).toMatchObject({ status: 409, code: "bad-schema" });
  });

  test("holds at commit, whoever changes document and schema at once, over the death of a replica", async () => {
    const types = ["string", "number"] as const;
    const write = async (nth: number): Promise<void> => {
      const type = types[nth % 2] ?? "string";
      const asked = nth % 3 === 0 ? put("raced/schema", { type }) : put("raced", type === "string" ? "x" : 1);
      const { status } = await asked;
      expect([200, 201, 204, 409, 412, 422, 503, 504]).toContain(status);
    };
    let judged = 0;
    for (let round = 0; round < 6; round++) {
      if (round === 3) {
        const body = JSON.stringify({ kind: "abort" });
        await fetch(`${ensemble.httpUrl}/faults/main/2`, { method: "POST", body });
      }
      await Promise.all(Array.from({ length: 12 }, async (_, nth) => await write(nth)));
      const [document, schema] = await Promise.all([current("raced"), get("raced/schema")]);
      if (document.status !== 200 || schema.status !== 200) continue;
      const held = await api.call("PUT", "/config/raced", {
        json: document.json,
        headers: { "if-match": document.headers.get("etag") ?? "" },
      });
      // Nobody else writes now: what stands there satisfies the schema that stands there.
      expect(held.status).toBe(200);
      judged++;
    }
    expect(judged).toBeGreaterThan(0);
  });
});
