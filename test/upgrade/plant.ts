/** Everything that an ensemble stores, once. */
import type { Client } from "../../src/client/client.ts";
import { zxidText } from "../../src/client/znode.ts";
import { SUPER_LOGIN } from "../differential/values.ts";
import type { HeldLease, Planted } from "./record.ts";

/** A lease of callers: a day. */
const LEASE_MS = 86_400_000;

/** A TTL that outlives the release: some twenty-eight years. */
const TTL_MS = 900_000_000_000;

/** Plants it through the client, whose ephemerals are among it, and over HTTP. */
export async function plantAll(client: Client, url: string): Promise<Planted> {
  await plantZnodes(client);
  const { stat } = await client.create("/events");
  await client.create("/events/one", "1");
  await client.set("/events/one", "2");
  await client.delete("/events/one");
  const ask = caller(url);
  const lease = async (path: string, body: object): Promise<HeldLease> =>
    (await ask("POST", path, { ttlMs: LEASE_MS, ...body })) as HeldLease;
  const lock = await lease("/locks/nightly/acquire", {});
  const permit = await lease("/semaphores/pool/acquire", { permits: 2 });
  await ask("POST", "/counters/hits/add", { by: "41" });
  await ask("PUT", "/config/app", { port: 80 });
  await ask("PUT", "/config/app", { port: 81 });
  await ask("PUT", "/config/app/schema", { type: "object", required: ["port"] });
  const history = (await ask("GET", "/config/app/history")) as {
    readonly revisions: readonly { readonly revision: string }[];
  };
  const { token: reader } = (await ask("POST", "/tokens", {
    name: "reader",
    scopes: [{ prefix: "/app", permissions: ["read"] }],
  })) as {
    readonly token: string;
  };
  await ask("POST", "/webhooks", {
    name: "deploys",
    url: "http://127.0.0.1:9/",
    path: "/app",
    part: "recursive",
  });
  return {
    lock,
    permit,
    reader,
    revision: history.revisions.at(-1)?.revision ?? "",
    position: zxidText(stat.czxid),
  };
}

async function plantZnodes(client: Client): Promise<void> {
  await client.addAuth("digest", SUPER_LOGIN);
  await client.create("/app", "the app");
  await client.set("/app", "the app, set");
  await client.create("/app/null", null);
  await client.create("/app/empty", "");
  await client.create(
    "/app/binary",
    new Uint8Array(256).map((_, at) => at),
  );
  await client.create(
    "/app/large",
    new Uint8Array(20_000).map((_, at) => at >> 8),
  );
  await client.create("/app/Ünïcode 日本", "Grüße");
  await client.create("/app/secret", "s", {
    acl: [
      { scheme: "digest", id: "ann:hash", perms: 31 },
      { scheme: "ip", id: "10.0.0.0/8", perms: 1 },
    ],
  });
  await client.setAcl("/app/secret", [{ scheme: "digest", id: "ann:other", perms: 31 }]);
  await client.create("/app/container", "", { mode: "container" });
  await client.create("/app/container/child", "");
  await client.create("/app/ttl", "t", { mode: "ttl", ttlMs: TTL_MS });
  await client.create("/app/queue", "");
  for (let count = 0; count < 4; count++) await client.create("/app/queue/n-", "", { sequential: true });
  await client.delete("/app/queue/n-0000000003");
  await client.create("/app/many", "");
  for (let count = 0; count < 120; count++) await client.create(`/app/many/n${count}`, `${count}`);
  await client.create("/app/ephemeral", "e", { mode: "ephemeral" });
  await client.create("/zookeeper/quota/app", "");
  await client.create("/zookeeper/quota/app/zookeeper_limits", "count=1000,bytes=-1");
  await client.create("/zookeeper/quota/app/zookeeper_stats", "count=0,bytes=0");
}

/** Asks the API; throws with the answer where that is no success. */
export function caller(
  url: string,
  token?: string,
): (method: string, path: string, body?: object) => Promise<unknown> {
  return async (method, path, body) => {
    const response = await fetch(`${url}/main/v1${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    const isJson = response.headers.get("content-type")?.includes("json") === true;
    const answer: unknown = isJson ? JSON.parse(text) : text;
    return answer;
  };
}
