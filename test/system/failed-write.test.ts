/** A write that the disk refuses: the replica starts again from its disk, and nothing that was acknowledged is lost. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import { WireClient } from "../client/wire-client.ts";
import { startEnsemble, type TestEnsemble } from "../harness/ensemble.ts";

const WRITES_AROUND = 20;

let ensemble: TestEnsemble;

beforeAll(async () => {
  ensemble = await startEnsemble({ config: "test/faults/wrangler.toml" });
});

afterAll(async () => {
  await ensemble.stop();
});

interface Replica {
  readonly sid: number;
  readonly status: { readonly instance: number; readonly serving: boolean; readonly digest: string };
}

test.each(["leader", "follower"])(
  "a failed write restarts the %s from its disk, and loses nothing",
  async (role) => {
    const before = await replicas();
    const sid = role === "leader" ? before.leader : [1, 2, 3].find((other) => other !== before.leader);
    const healthy = [1, 2, 3].filter((other) => other !== sid);
    const servers = healthy.map((other) => ({ host: "127.0.0.1", port: ensemble.tcpPorts[other - 1] ?? 0 }));
    const client = new WireClient({ servers });
    expect(await client.connected(5000)).toBe(true);
    const create = async (index: number): Promise<string> => {
      const path = `/${role}-${index}`;
      const outcome = await client.request({
        op: "create",
        path,
        data: null,
        acl: OPEN_ACL,
        flags: 0,
        ttlMs: 0,
      });
      expect(outcome.kind).toBe("ok");
      return path;
    };

    const paths = [];
    for (let index = 0; index < WRITES_AROUND; index++) paths.push(await create(index));
    await fetch(`${ensemble.httpUrl}/faults/main/${sid}`, { method: "POST", body: '{"kind":"failWrite"}' });
    for (let index = 0; index < WRITES_AROUND; index++) paths.push(await create(WRITES_AROUND + index));

    const instanceOf = (all: readonly Replica[]): number =>
      all.find((replica) => replica.sid === sid)?.status.instance ?? 0;
    await expect
      .poll(
        async () => {
          const now = (await replicas()).replicas;
          const isBack = now.every(({ status }) => status?.serving);
          return isBack && new Set(now.map(({ status }) => status.digest)).size === 1 ? instanceOf(now) : 0;
        },
        { timeout: 20_000 },
      )
      .toBe(instanceOf(before.replicas) + 1);
    expect(ensemble.output()).toContain("fault: failWrite");
    // The replica whose write failed shows all of it, by its own door.
    const port = ensemble.tcpPorts[(sid ?? 1) - 1] ?? 0;
    const reader = new WireClient({ servers: [{ host: "127.0.0.1", port }] });
    expect(await reader.connected(5000)).toBe(true);
    await reader.request({ op: "sync", path: "/" });
    for (const path of paths) {
      expect([path, (await reader.request({ op: "exists", path, watch: false })).kind]).toEqual([path, "ok"]);
    }
    await reader.close();
    await client.close();
  },
);

async function replicas(): Promise<{ readonly leader: number; readonly replicas: readonly Replica[] }> {
  const response = await fetch(`${ensemble.httpUrl}/main/v1/status`);
  return (await response.json()) as { leader: number; replicas: readonly Replica[] };
}
