/** Reads that wait, through the real runtime: every way in which they end, and that nothing of them stays behind. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { type ApiAnswer, HttpApi } from "../harness/http-api.ts";

const LONG_MS = 60_000;

let ensemble: TestEnsemble;
let api: HttpApi;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => await ensemble?.stop());

interface Report {
  readonly sid: number;
  readonly status: { readonly calls: number } | null;
}

async function reports(): Promise<readonly Report[]> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  return ((await response.json()) as { readonly replicas: readonly Report[] }).replicas;
}

async function untilWaiting(count: number): Promise<void> {
  const calls = async (): Promise<number> =>
    (await reports()).reduce((sum, { status }) => sum + (status?.calls ?? 0), 0);
  await expect.poll(calls, { timeout: LONG_MS, interval: 20 }).toBe(count);
}

/** A znode, and what a caller sends who knows it. */
async function known(path: string): Promise<{ readonly headers: Readonly<Record<string, string>> }> {
  const { zxid, headers } = await api.call("PUT", `/nodes${path}`, { body: "1" });
  return { headers: { "if-none-match": headers.get("etag") ?? "", "min-zxid": zxid } };
}

function wait(path: string, ms: number, init: Parameters<HttpApi["call"]>[2] = {}): Promise<ApiAnswer> {
  return api.call("GET", `/nodes${path}${path.includes("?") ? "&" : "?"}wait=${ms}`, init);
}

describe("a read that waits is answered", () => {
  test("at once where there is nothing to wait for", async () => {
    const { headers } = await known("/there");
    expect(await wait("/there", 60_000)).toMatchObject({ status: 200, text: "1" });
    // What is no ETag of it is not known.
    for (const other of ['"7"', '"0-00000000000000000001"', 'W/"x"']) {
      expect((await wait("/there", 60_000, { headers: { ...headers, "if-none-match": other } })).status).toBe(
        200,
      );
    }
  });

  test("by what it found when its time is over", async () => {
    const there = await known("/over");
    const sentAt = performance.now();
    expect((await wait("/over", 300, there)).status).toBe(304);
    expect(await wait("/missing", 300)).toMatchObject({ status: 404, code: "no-node" });
    expect(performance.now() - sentAt).toBeGreaterThanOrEqual(600);
  });

  test("by its znode's end, and by another one made under its name with the same version", async () => {
    const there = await known("/reborn");
    const gone = wait("/reborn", 30_000, there);
    await untilWaiting(1);
    await api.call("DELETE", "/nodes/reborn");
    expect(await gone).toMatchObject({ status: 404, code: "no-node" });
    const again = await api.call("PUT", "/nodes/reborn", { body: "other" });
    const headers = { ...there.headers, "min-zxid": again.zxid };
    expect(await wait("/reborn", 30_000, { headers })).toMatchObject({ status: 200, text: "other" });
  });

  test("by the error that the change has brought about: it may not be read any more", async () => {
    const there = await known("/closed");
    const waiting = wait("/closed", 30_000, there);
    await untilWaiting(1);
    const port = ensemble.tcpPorts[0] ?? 0;
    const client = new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: 30_000 });
    expect(await client.connected(30_000)).toBe(true);
    const acl = [{ ...(OPEN_ACL[0] ?? { scheme: "world", id: "anyone" }), perms: PERMS.write }];
    await client.request({ op: "setACL", path: "/closed", acl, version: -1 });
    const data = new TextEncoder().encode("2");
    await client.request({ op: "setData", path: "/closed", data, version: -1 });
    expect(await waiting).toMatchObject({ status: 403, code: "no-auth" });
    await client.close();
  });

  test("with the end of its session, at the next change or when its time is over", async () => {
    const { json } = await api.call("POST", "/sessions", { json: { timeoutMs: 30_000 } });
    const session = String(json?.["session"]);
    const there = await known("/session");
    const init = { headers: { ...there.headers, session } };
    const short = wait("/session", 1500, init);
    const long = wait("/session", 30_000, init);
    await untilWaiting(2);
    await api.call("DELETE", "/sessions", { headers: { session } });
    expect(await short).toMatchObject({ status: 410, code: "session-expired" });
    await api.call("PUT", "/nodes/session", { body: "2" });
    expect(await long).toMatchObject({ status: 410, code: "session-expired" });
  });

  test("by another replica where its own dies, whichever that is", async () => {
    const there = await known("/death");
    const waiting = Array.from({ length: 4 }, () => wait("/death", 30_000, there));
    await untilWaiting(4);
    for (const { sid, status } of await reports()) {
      if ((status?.calls ?? 0) === 0) continue;
      await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: '{"kind":"abort"}' });
      break;
    }
    await untilWaiting(4);
    const headers = { "idempotency-key": "death" };
    await expect
      .poll(async () => (await api.call("PUT", "/nodes/death", { body: "2", headers })).status, {
        timeout: LONG_MS,
      })
      .toBe(200);
    for (const answer of await Promise.all(waiting)) expect(answer).toMatchObject({ status: 200, text: "2" });
  });

  test.each([
    ["/x?wait=-1", "bad-request"],
    ["/x?wait=60001", "bad-request"],
    ["/x?wait=soon", "bad-request"],
    ["/x?wait=1.5", "bad-request"],
  ])("%s by 400", async (path, code) => {
    expect(await api.call("GET", `/nodes${path}`)).toMatchObject({ status: 400, code });
  });
});

test("whose caller hangs up leaves nothing behind: at once where that is told, or when its time is over", async () => {
  const { hostname, port } = new URL(ensemble.httpUrl);
  await untilWaiting(0);
  const sockets: Socket[] = [];
  for (let nth = 0; nth < 6; nth++) {
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    const ms = nth % 2 === 0 ? 60_000 : 3000;
    socket.write(`GET /v1/nodes/nothing?wait=${ms} HTTP/1.1\r\nHost: ${hostname}:${port}\r\n\r\n`);
    sockets.push(socket);
  }
  await untilWaiting(6);
  for (const [nth, socket] of sockets.entries()) {
    if (nth % 2 === 0) socket.resetAndDestroy();
    else socket.destroy();
  }
  await untilWaiting(0);
});
