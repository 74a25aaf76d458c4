/** Tokens through the real runtime: made, used at each door, bounded, listed and revoked, over HTTP and by command. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, HttpApi } from "../harness/http-api.ts";
import { WireWebSocket } from "../harness/wire-web-socket.ts";

const SECRET = "a secret of this test";
const NO_AUTH = -102;

let ensemble: TestEnsemble;
let operator: HttpApi;

interface Scope {
  readonly prefix: string;
  readonly permissions: readonly string[];
}

beforeAll(async () => {
  const vars = { EDGEKEEPER_SECRET: SECRET, ENSEMBLES: "main,other" };
  ensemble = await startEnsemble({ vars });
  operator = await HttpApi.open(ensemble.httpUrl, { authorization: `Bearer ${SECRET}` });
  for (const path of ["app", "app/in", "application", "secret"]) {
    expect((await operator.call("PUT", `/nodes/${path}`, { body: path })).status).toBe(201);
  }
}, 120_000);

afterAll(async () => await ensemble?.stop());

async function make(scopes: readonly Scope[], more: object = {}, api = operator): Promise<ApiAnswer> {
  return await api.call("POST", "/tokens", { json: { name: "ci", scopes, ...more } });
}

async function tokenOf(
  ...scopes: readonly Scope[]
): Promise<{ readonly token: string; readonly id: string }> {
  const { status, json } = await make(scopes);
  expect(status).toBe(201);
  return { token: String(json?.["token"]), id: String(json?.["id"]) };
}

function bearing(token: string): HttpApi {
  return operator.as({ authorization: `Bearer ${token}` });
}

const APP: Scope = { prefix: "/app", permissions: ["read", "write"] };

describe("a token", () => {
  test("is shown once, works at every replica at once, is listed without itself, and revoked everywhere", async () => {
    const made = await make([APP]);
    const { token, id } = made.json ?? {};
    expect(made.headers.get("cache-control")).toBe("no-store");
    expect(token).toMatch(/^ek_[0-9a-f]{72}$/);
    const api = bearing(String(token));
    // Each request goes to any of three replicas, of which some may lag.
    const reads = Array.from({ length: 12 }, async () => (await api.call("GET", "/nodes/app/in")).status);
    expect(new Set(await Promise.all(reads))).toEqual(new Set([200]));

    const listed = await operator.call("GET", "/tokens");
    expect(listed.json?.["tokens"]).toContainEqual(
      expect.objectContaining({ id, name: "ci", scopes: [APP], expiresAt: null }),
    );
    expect(listed.text).not.toContain(String(token));

    const revoked = await operator.call("DELETE", `/tokens/${String(id)}`);
    expect(revoked.status).toBe(204);
    const after = Array.from({ length: 6 }, async () => {
      const { status, code } = await api.call("GET", "/nodes/app", { headers: { "min-zxid": revoked.zxid } });
      return `${status} ${String(code)}`;
    });
    expect(new Set(await Promise.all(after))).toEqual(new Set(["401 unauthorized"]));
    expect(await operator.call("DELETE", `/tokens/${String(id)}`)).toMatchObject({
      status: 404,
      code: "no-such-token",
    });
  });

  test("that is revoked reads nothing that was kept for it either, however old an answer it takes", async () => {
    const { token, id } = await tokenOf(APP);
    const api = bearing(token);
    const headers = { "cache-control": "max-age=60" };
    for (let read = 0; read < 3; read++) {
      expect((await api.call("GET", "/nodes/app/in", { headers })).status).toBe(200);
    }
    expect((await operator.call("DELETE", `/tokens/${id}`)).status).toBe(204);
    await expect.poll(async () => (await api.call("GET", "/nodes/app/in", { headers })).status).toBe(401);
  });

  test("ends by itself where it was made so", async () => {
    const { json } = await make([APP], { expiresInMs: 1500 });
    const api = bearing(String(json?.["token"]));
    expect((await api.call("GET", "/nodes/app")).status).toBe(200);
    await expect
      .poll(async () => (await api.call("GET", "/nodes/app")).status, { timeout: 20_000 })
      .toBe(401);
  });

  test("bounds every route, whatever way its path is written", async () => {
    const api = bearing((await tokenOf(APP)).token);
    const code = async (method: string, path: string, init: object = {}): Promise<string> => {
      const answer = await api.call(method, path, init);
      return typeof answer.code === "string" ? `${answer.status} ${answer.code}` : String(answer.status);
    };
    expect(await code("PUT", "/nodes/app/mine", { body: "x" })).toBe("201");
    expect(await code("GET", "/nodes/app%2Fmine")).toBe("200");
    for (const path of ["/nodes/secret", "/nodes/application", "/nodes/", "/nodes/zookeeper%2Ftokens"]) {
      expect([path, await code("GET", path)]).toEqual([path, "403 no-auth"]);
    }
    expect(await code("GET", "/nodes/?children")).toBe("403 no-auth");
    expect(await code("PUT", "/nodes/secret")).toBe("403 no-auth");
    expect(await code("DELETE", "/nodes/secret")).toBe("403 no-auth");
    expect(await code("POST", "/nodes/app?sequential=true")).toBe("403 no-auth");
    const operations = [
      { op: "put", path: "/app/mine" },
      { op: "put", path: "/secret" },
    ];
    expect(await code("POST", "/multi", { json: { operations } })).toBe("403 no-auth");
    expect(await code("POST", "/locks/orders/acquire", { json: {} })).toBe("403 no-auth");
    expect(await code("POST", "/locks/%2Fapp%2Flock/acquire", { json: {} })).toBe("200");
    expect(await code("GET", "/locks/orders")).toBe("403 no-auth");
    const held = { "if-held": `/secret@${"1".padStart(20, "0")}` };
    expect(await code("PUT", "/nodes/app/mine", { headers: held })).toBe("403 no-auth");
    expect(await code("GET", "/tokens")).toBe("403 no-auth");
    expect(await code("POST", "/tokens", { json: { name: "x", scopes: [APP] } })).toBe("403 no-auth");
    expect(await code("DELETE", `/tokens/${"0".repeat(64)}`)).toBe("403 no-auth");
  });

  test("tells who may not do something what it takes, and where", async () => {
    const api = bearing((await tokenOf(APP)).token);
    const held = { "if-held": `/secret@${"1".padStart(20, "0")}` };
    const operations = [
      { op: "put", path: "/app/mine" },
      { op: "check", path: "/secret", version: 0 },
    ];
    for (const [method, path, init, told] of [
      ["GET", "/nodes/secret", {}, "read on /secret: "],
      ["PUT", "/nodes/secret", {}, "write on /secret: "],
      ["PUT", "/nodes/app/mine", { headers: held }, "read on /secret: "],
      ["POST", "/multi", { json: { operations } }, "operation 1: read on /secret: "],
      ["POST", "/locks/orders/acquire", { json: {} }, "write on /locks/orders: "],
      ["GET", "/watch/secret", {}, "read on /secret: "],
      ["GET", "/tokens", {}, "admin on /: "],
    ] as const) {
      const { status, json } = await api.call(method, path, init);
      expect(`${method} ${path}: ${status} ${String(json?.["detail"])}`).toContain(
        `${method} ${path}: 403 ${told}`,
      );
    }
    const { json } = await api.call("DELETE", "/nodes/secret");
    expect(json).toMatchObject({ code: "no-auth", permission: "write", path: "/secret" });
  });

  test("is of its ensemble alone", async () => {
    const { token } = await tokenOf({ prefix: "/", permissions: ["read", "write", "admin"] });
    const headers = { authorization: `Bearer ${token}` };
    expect((await operator.as(headers).call("GET", "/nodes/app")).status).toBe(200);
    const elsewhere = operator.as(headers, "other");
    expect(await elsewhere.call("GET", "/nodes/")).toMatchObject({ status: 401, code: "unauthorized" });
    expect((await make([APP], {}, elsewhere)).status).toBe(401);
    for (const path of ["/other/v1/status", "/other/metrics", "/other/commands/stats", "/other/zk"]) {
      const answer = await fetch(`${ensemble.httpUrl}${path}`, { headers });
      expect([path, answer.status === 401 || answer.status === 426]).toEqual([path, true]);
      await answer.text();
    }
    for (const path of ["/", "/healthz", "/metrics"]) {
      const answer = await fetch(`${ensemble.httpUrl}${path}`, { headers });
      expect([path, answer.status, await answer.json()]).toMatchObject([path, 403, { code: "no-auth" }]);
    }
  });

  test("opens the operator's routes where it may read, or administer, all of the ensemble", async () => {
    const status = async (token: string, path: string, method = "GET"): Promise<number> => {
      const answer = await fetch(`${ensemble.httpUrl}/main${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
      });
      await answer.text();
      return answer.status;
    };
    const app = await tokenOf({ prefix: "/app", permissions: ["read", "write", "admin"] });
    const reader = await tokenOf({ prefix: "/", permissions: ["read"] });
    const admin = await tokenOf({ prefix: "/", permissions: ["admin"] });
    for (const path of ["/v1/status", "/metrics"]) {
      expect([await status(app.token, path), await status(reader.token, path)]).toEqual([403, 200]);
    }
    for (const path of ["/commands", "/commands/stats", "/commands/stat_reset", "/commands/snapshot"]) {
      expect([path, await status(app.token, path), await status(reader.token, path)]).toEqual([
        path,
        403,
        403,
      ]);
    }
    expect(await status(reader.token, "/commands/move_leader?to=1", "POST")).toBe(403);
    expect(await status(reader.token, "/commands/restore", "POST")).toBe(403);
    expect(await status(admin.token, "/commands/stats")).toBe(200);
    expect((await make([APP], {}, bearing(admin.token))).status).toBe(201);
  });

  test("that is cut or mistyped is told apart by its checksum, without asking anybody", async () => {
    const { token } = await tokenOf(APP);
    const answer = await bearing(token.slice(0, -1)).call("GET", "/nodes/app");
    expect(answer).toMatchObject({ status: 401, code: "unauthorized" });
    expect(answer.json?.["detail"]).toContain("checksum");
    expect(answer.headers.get("www-authenticate")).toContain("Bearer");
  });
});

describe("a WebSocket", () => {
  const create = (path: string, acl = OPEN_ACL, flags = 0) =>
    ({ op: "create", path, data: new Uint8Array(1), acl, flags, ttlMs: 0 }) as const;

  function protocolsOf(token: string): readonly string[] {
    return ["edgekeeper", `edgekeeper.bearer.${Buffer.from(token).toString("base64url")}`];
  }

  test.each(["headers", "protocols"] as const)(
    "opened with a token by its %s is bounded by it",
    async (how) => {
      const { token } = await tokenOf(APP);
      const shown =
        how === "headers"
          ? { headers: { authorization: `Bearer ${token}` } }
          : { protocols: protocolsOf(token) };
      const client = await WireWebSocket.open(`${ensemble.webSocketUrl}/main/zk`, shown);
      expect(client.socket.protocol).toBe(how === "headers" ? "" : "edgekeeper");
      const acl = [{ perms: PERMS.all, scheme: "token", id: "ci" }];
      expect((await client.ask(create(`/app/${how}`, acl)))?.header.error).toBe(0);
      expect((await client.ask(create("/secret/x")))?.header.error).toBe(NO_AUTH);
      expect((await client.ask({ op: "getData", path: "/secret", watch: false }))?.header.error).toBe(
        NO_AUTH,
      );
      client.close();
      // The list holds over HTTP as well.
      expect((await bearing(token).call("PUT", `/nodes/app/${how}`)).status).toBe(200);
      expect(await operator.call("PUT", `/nodes/app/${how}`)).toMatchObject({ status: 403, code: "no-auth" });
    },
  );

  test("opened with a token ends with it, and so does its session", async () => {
    const { token, id } = await tokenOf(APP);
    const headers = { authorization: `Bearer ${token}` };
    const client = await WireWebSocket.open(`${ensemble.webSocketUrl}/main/zk?sid=1`, { headers });
    expect((await client.ask(create("/app/mine-e", OPEN_ACL, 1)))?.header.error).toBe(0);
    expect((await operator.call("DELETE", `/tokens/${id}`)).status).toBe(204);
    await client.closed;
    await expect.poll(async () => (await operator.call("GET", "/nodes/app/mine-e")).status).toBe(404);
    await expect(WireWebSocket.open(`${ensemble.webSocketUrl}/main/zk`, { headers })).rejects.toThrow(
      "not let in",
    );
  });

  test("is not opened by a token of another ensemble, or by none", async () => {
    const { token } = await tokenOf(APP);
    const open = async (path: string, shown: object): Promise<unknown> =>
      await WireWebSocket.open(`${ensemble.webSocketUrl}${path}`, shown);
    await expect(open("/other/zk", { protocols: protocolsOf(token) })).rejects.toThrow("not let in");
    await expect(open("/main/zk", { protocols: ["edgekeeper"] })).rejects.toThrow("not let in");
    await expect(open("/main/zk", {})).rejects.toThrow("not let in");
  });
});

test("the command line makes, lists and revokes tokens, and says what is wrong", async () => {
  const run = async (
    ...args: readonly string[]
  ): Promise<{ readonly out: string; readonly error: string }> => {
    const env = { ...process.env, EDGEKEEPER_TOKEN: SECRET, EDGEKEEPER_URL: ensemble.httpUrl };
    const ran = promisify(execFile)(process.execPath, ["src/program/main.ts", "token", ...args], { env });
    return await ran.then(
      ({ stdout, stderr }) => ({ out: stdout, error: stderr }),
      ({ stdout, stderr }: { stdout: string; stderr: string }) => ({
        out: stdout,
        error: `failed: ${stderr}`,
      }),
    );
  };
  const made = await run("create", "--name", "shell", "--scope", "read:/app", "--expires", "1h");
  const token = made.out.trim();
  expect((await bearing(token).call("GET", "/nodes/app")).status).toBe(200);
  const [line = ""] = (await run("list")).out.split("\n").filter((one) => one.includes("  shell  "));
  const [id = ""] = line.split("  ");
  expect(line).toContain("read:/app");
  expect((await run("revoke", id)).out).toContain("revoked");
  expect((await bearing(token).call("GET", "/nodes/app")).status).toBe(401);
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["create", "--name", "x", "--scope", "all:/"], '"all" is no permission'],
    [["create", "--name", "x", "--scope", "read:/", "--expires", "soon"], "a number and ms, s, m, h or d"],
    [["create", "--scope", "read:/"], "--name"],
    [["revoke", "0000000000000000"], "no token has"],
    [["revoke", "xyz"], "is no id"],
    [["destroy"], "unknown command"],
    [["list", "--ensemble", "none"], "none"],
  ];
  for (const [args, told] of wrong)
    expect((await run(...args)).error).toMatch(new RegExp(`^failed: edgekeeper: .*${told}`));
});
