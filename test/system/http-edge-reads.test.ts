/** Reads over HTTP from the nearest replica, through the real runtime: one that stands still is passed by. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PERMS } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import type { Fault } from "../faults/fault.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";
import { HttpApi } from "../harness/http-api.ts";

/** Below the gateway's own patience with one replica, so that waiting for it would show. */
const STILL_MS = 7000;
const READS = 12;

let ensemble: TestEnsemble;
let api: HttpApi;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
  api = await HttpApi.open(ensemble.httpUrl);
}, 120_000);

afterAll(async () => await ensemble?.stop());

interface Status {
  readonly leader: number;
  readonly replicas: readonly { readonly sid: number; readonly error: string | null }[];
}

async function status(): Promise<Status> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  return (await response.json()) as Status;
}

async function strike(sid: number, fault: Fault): Promise<void> {
  await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: JSON.stringify(fault) });
}

test("where a replica stands still another one is asked beside it, long before it is given up", async () => {
  const { zxid } = await api.call("PUT", "/nodes/still", { body: "there" });
  const { leader, replicas } = await status();
  const follower = replicas.find(({ sid }) => sid !== leader)?.sid ?? 0;
  await strike(follower, { kind: "freeze", ms: STILL_MS });

  for (let read = 0; read < READS; read++) {
    const answer = await api.call("GET", "/nodes/still", { headers: { "min-zxid": zxid } });
    expect(answer).toMatchObject({ status: 200, text: "there" });
  }

  const stillThere = (await status()).replicas.find(({ sid }) => sid === follower);
  expect(stillThere?.error, "it stood still all the while").not.toBeNull();
}, 60_000);

describe("a caller who says how old an answer may be", () => {
  const recent = { "cache-control": "max-age=60" };

  test("is given one that was kept, with its age, and never one older than what it has seen", async () => {
    const first = await api.call("PUT", "/nodes/kept", { body: "one" });
    const asked = await api.call("GET", "/nodes/kept", { headers: { ...recent, "min-zxid": first.zxid } });
    expect(asked.headers.get("age")).toBeNull();
    const second = await api.call("PUT", "/nodes/kept", { body: "two" });

    const kept = await api.call("GET", "/nodes/kept", { headers: recent });
    expect(kept).toMatchObject({ status: 200, text: "one", zxid: asked.zxid });
    expect(kept.headers.get("age")).toMatch(/^\d+$/);
    const bounded = await api.call("GET", "/nodes/kept", {
      headers: { ...recent, "min-zxid": second.zxid },
    });
    expect(bounded.text).toBe("two");
    const renewed = await api.call("GET", "/nodes/kept", { headers: recent });
    expect(renewed).toMatchObject({ text: "two", zxid: bounded.zxid });
  });

  test("is given what is so now where that is asked for", async () => {
    const { zxid } = await api.call("PUT", "/nodes/now", { body: "one" });
    await api.call("GET", "/nodes/now", { headers: { ...recent, "min-zxid": zxid } });
    await api.call("PUT", "/nodes/now", { body: "two" });
    const now = await api.call("GET", "/nodes/now?consistency=linearizable", { headers: recent });
    expect(now.text).toBe("two");
    expect(now.headers.get("age")).toBeNull();
  });

  test("is given nothing kept of what needs a right to be read, nor that there is nothing", async () => {
    const port = ensemble.tcpPorts[0] ?? 0;
    const client = new WireClient({ servers: [{ host: "127.0.0.1", port }], timeoutMs: 30_000 });
    expect(await client.connected(30_000)).toBe(true);
    const acl = [{ perms: PERMS.read, scheme: "ip", id: "127.0.0.1" }];
    await client.request({ op: "create", path: "/mine", data: null, acl, flags: 0, ttlMs: 0 });
    await client.close();
    for (const path of ["/nodes/mine", "/nodes/missing"]) {
      const answers = [
        await api.call("GET", `${path}?consistency=linearizable`),
        await api.call("GET", path, { headers: recent }),
        await api.call("GET", path, { headers: recent }),
      ];
      expect(answers.map(({ headers }) => headers.get("age"))).toEqual([null, null, null]);
    }
  });
});
