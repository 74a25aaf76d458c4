/** A request for every route of the HTTP API that would succeed, or find nothing, were the ensemble well. */
import type { ApiInit, HttpApi } from "../harness/http-api.ts";

/** A request. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly init: ApiInit;
  /** Whether it is one write, of which nobody knows what became of it where its replica is lost. */
  readonly isOneWrite: boolean;
}

/** Routes that change nothing. */
export function reads(): readonly Route[] {
  const paths = [
    "/nodes/there",
    "/nodes/there?consistency=linearizable",
    "/nodes/there?children",
    "/locks/held",
    "/semaphores/held",
    "/elections/held",
    "/counters/hits",
    "/config/app",
    "/config/app/schema",
    "/config/app/history",
    "/config/app/history/00000000000000000001",
    "/services",
    "/services/web",
    "/tokens",
    "/webhooks",
    "/watch/there",
  ];
  return paths.map((path) => ({ method: "GET", path, init: {}, isOneWrite: false }));
}

/** Routes that change something, without a key; the lock `held` and a session are made for them. */
export async function changes(api: HttpApi): Promise<readonly Route[]> {
  const session = String((await api.call("POST", "/sessions", { json: {} })).json?.["session"]);
  const held = await api.call("POST", "/locks/held/acquire", { json: { ttlMs: 600_000 } });
  return changesIn(session, String(held.json?.["lease"]));
}

/** The same in this session, and with this lease. */
export function changesIn(session: string, text: string): readonly Route[] {
  const lease = { lease: text };
  const own = { headers: { session } };
  return [
    write("PUT", "/nodes/there", { body: "x" }),
    write("POST", "/nodes/n-?sequential=true", { body: "x" }),
    write("DELETE", "/nodes/there"),
    write("POST", "/multi", { json: { operations: [{ op: "put", path: "/m", text: "x" }] } }),
    write("POST", "/sessions", { json: {} }),
    write("DELETE", "/sessions", own),
    write("POST", "/locks/free/acquire", { json: {} }),
    write("POST", "/locks/held/release", { json: lease }),
    write("POST", "/semaphores/free/acquire", { json: { permits: 2 } }),
    write("POST", "/elections/free/campaign", { json: {} }),
    write("POST", "/counters/hits/add", { json: {} }),
    other("PUT", "/sessions", own),
    other("PUT", "/semaphores/free", { json: { permits: 2 } }),
    other("PUT", "/counters/hits", { json: { value: "7" } }),
    other("POST", "/services/web", { json: { address: "a" }, ...own }),
    other("PUT", "/services/web/one", { json: { address: "a" }, ...own }),
    other("DELETE", "/services/web/one"),
    other("PUT", "/config/app", { json: {} }),
    other("DELETE", "/config/app"),
    other("PUT", "/config/app/schema", { json: {} }),
    other("DELETE", "/config/app/schema"),
    ...contests(lease),
    ...credentialsAndHooks(),
  ];
}

/** What is asked for with a lease, or by an operator. */
function contests(lease: object): readonly Route[] {
  const all = (kind: string): readonly Route[] => [
    other("POST", `/${kind}/held/renew`, { json: lease }),
    other("POST", `/${kind}/free/force-release`, { json: { token: "7" } }),
  ];
  return [
    ...["locks", "semaphores", "elections"].flatMap(all),
    other("POST", "/semaphores/held/release", { json: lease }),
    other("POST", "/elections/held/resign", { json: lease }),
    other("POST", "/elections/held/proclaim", { json: { ...lease, value: "x" } }),
  ];
}

function credentialsAndHooks(): readonly Route[] {
  const scopes = [{ prefix: "/app", permissions: ["read"] }];
  return [
    other("POST", "/tokens", { json: { name: "billing", scopes } }),
    other("DELETE", `/tokens/${"0".repeat(64)}`),
    other("POST", "/webhooks", { json: { name: "deploys", url: "http://127.0.0.1:9/", path: "/there" } }),
    other("POST", "/webhooks/deploys/resume", { json: {} }),
    other("DELETE", "/webhooks/deploys"),
  ];
}

function write(method: string, path: string, init: ApiInit = {}): Route {
  return { method, path, init, isOneWrite: true };
}

/** What is looked at first, or is done in several steps. */
function other(method: string, path: string, init: ApiInit = {}): Route {
  return { method, path, init, isOneWrite: false };
}
