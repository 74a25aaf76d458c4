/** A request for every route of the HTTP API that would succeed, or find nothing, were the ensemble well. */
import type { ApiInit, HttpApi } from "../harness/http-api.ts";

/** A request. */
export interface Route {
  readonly method: string;
  readonly path: string;
  readonly init: ApiInit;
  /** Whether the gateway reads before it writes: where nobody answers that, nothing was done. */
  readonly looksFirst: boolean;
}

/** A text as those of sessions and leases are, of none that there is. */
const NOBODYS: string = `${"7".repeat(16)}-${"7".repeat(32)}`;

/** What the document has with this status, and nobody was answered with. */
export function unseen(api: HttpApi, status: number): readonly string[] {
  return api.documented().filter((line) => line.endsWith(` ${status}`) && !api.seen.has(line));
}

/** Answers of the document that take a session which a connection has taken over. */
export const MOVED_ALONE: RegExp = /(sessions|renew|release|resign|proclaim|services\/\{name\}\/\{id\}) 409$/;

/** Those of a deployment that has no webhooks. */
export const WITHOUT_HOOKS: RegExp = /webhooks.* 501$/;

/** Routes that change nothing. */
export function reads(): readonly Route[] {
  const paths = [
    "/nodes/there",
    "/nodes/there?consistency=linearizable",
    "/nodes/there?children",
    "/acl/there",
    "/whoami",
    "/sessions",
    "/sessions/0000000000000001",
    "/watches",
    "/locks",
    "/semaphores",
    "/elections",
    `/nodes/there?asOf=${new Date().toISOString()}`,
    `/diff/there?from=${new Date().toISOString()}`,
    "/explain/nodes/there",
    "/explain/sessions/0000000000000007",
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
  return paths.map((path) => ({ method: "GET", path, init: {}, looksFirst: true }));
}

/** What is held for a test, by its kind: its lease, and its token. */
type HeldLeases = Readonly<Record<Kind, { readonly lease: string; readonly token: string }>>;

type Kind = "locks" | "semaphores" | "elections";

/** Takes one of each, under the name `held` unless told. */
async function takeLeases(api: HttpApi, name = "held"): Promise<HeldLeases> {
  const take = async (
    path: string,
    asked: object,
  ): Promise<{ readonly lease: string; readonly token: string }> => {
    const { json } = await api.call("POST", path, { json: { ttlMs: 600_000, ...asked } });
    return { lease: String(json?.["lease"]), token: String(json?.["token"]) };
  };
  return {
    locks: await take(`/locks/${name}/acquire`, {}),
    semaphores: await take(`/semaphores/${name}/acquire`, { permits: 2 }),
    elections: await take(`/elections/${name}/campaign`, {}),
  };
}

/**
 * Routes that change something, without a key. What they are about is made: nothing of it is refused because it is not
 * there.
 */
export async function changes(api: HttpApi): Promise<readonly Route[]> {
  const session = String((await api.call("POST", "/sessions", { json: {} })).json?.["session"]);
  const instance = { address: "a", id: "one" };
  const own = String(
    (await api.call("POST", "/sessions", { json: { timeoutMs: 600_000 } })).json?.["session"],
  );
  await api.call("POST", "/services/web", { json: instance, headers: { session: own } });
  await api.call("PUT", "/nodes/there", { body: "first" });
  await api.call("PUT", "/config/app", { json: {} });
  await api.call("PUT", "/config/app/schema", { json: {} });
  await api.call("POST", "/webhooks", { json: HOOK });
  const { json } = await api.call("POST", "/tokens", { json: TOKEN });
  const renewed = await takeLeases(api);
  const released = await takeLeases(api, "released");
  const forced = await takeLeases(api, "forced");
  const doomed = String((await api.call("POST", "/sessions", { json: {} })).json?.["session"]);
  const all = { session, renewed, released, forced };
  return changesIn({ ...all, tokenId: String(json?.["id"]), doomed: doomed.slice(0, 16) });
}

/** What the requests are made in and about. */
interface Made {
  readonly session: string;
  readonly renewed: HeldLeases;
  readonly released: HeldLeases;
  readonly forced: HeldLeases;
  readonly tokenId: string;
  /** The id of a session that an operator ends. */
  readonly doomed: string;
}

/** The same in a session, and with leases, of none that there is. */
export function changesOfNobody(): readonly Route[] {
  const nobodys = { lease: NOBODYS, token: "7" };
  const leases = { locks: nobodys, semaphores: nobodys, elections: nobodys };
  const all = { renewed: leases, released: leases, forced: leases };
  return changesIn({ session: NOBODYS, tokenId: "0".repeat(64), doomed: "7".repeat(16), ...all });
}

function changesIn(made: Made): readonly Route[] {
  const own = { headers: { session: made.session } };
  return [
    change("PUT", "/nodes/there", { body: "x" }),
    change("POST", "/nodes/n-?sequential=true", { body: "x" }),
    change("PUT", "/acl/there", { json: { acl: OPEN } }),
    change("DELETE", "/nodes/there"),
    change("POST", "/multi", { json: { operations: [{ op: "put", path: "/m", text: "x" }] } }),
    change("POST", "/sessions", { json: {} }),
    change("POST", "/locks/free/acquire", { json: {} }),
    change("POST", "/semaphores/free/acquire", { json: { permits: 2 } }),
    change("POST", "/elections/free/campaign", { json: {} }),
    change("POST", "/counters/hits/add", { json: {} }),
    change("PUT", "/sessions", own),
    change("PUT", "/semaphores/free", { json: { permits: 2 } }),
    change("PUT", "/counters/hits", { json: { value: "7" } }),
    change("POST", "/services/web", { json: { address: "a" }, ...own }),
    change("PUT", "/services/web/one", { json: { address: "a" } }),
    change("DELETE", "/services/web/one"),
    change("PUT", "/config/app", { json: {} }),
    change("PUT", "/config/app/schema", { json: {} }),
    change("DELETE", "/config/app/schema"),
    change("DELETE", "/config/app"),
    change("DELETE", "/sessions", own),
    change("DELETE", `/sessions/${made.doomed}`),
    ...contests(made),
    ...credentialsAndHooks(made.tokenId),
  ];
}

/** What is asked for with a lease, or by an operator. */
function contests({ renewed, released, forced }: Made): readonly Route[] {
  const kinds = ["locks", "semaphores", "elections"] as const;
  const { lease } = renewed.elections;
  return [
    ...kinds.flatMap((kind) => [
      change("POST", `/${kind}/held/renew`, { json: { lease: renewed[kind].lease } }),
      change("POST", `/${kind}/forced/force-release`, { json: { token: forced[kind].token } }),
    ]),
    change("POST", "/locks/released/release", { json: { lease: released.locks.lease } }),
    change("POST", "/semaphores/released/release", { json: { lease: released.semaphores.lease } }),
    change("POST", "/elections/released/resign", { json: { lease: released.elections.lease } }),
    change("POST", "/elections/held/proclaim", { json: { lease, value: "x" } }),
  ];
}

const OPEN = [{ scheme: "world", id: "anyone", permissions: ["read", "write", "create", "delete", "admin"] }];
const SCOPES = [{ prefix: "/app", permissions: ["read"] }];
const TOKEN = { name: "billing", scopes: SCOPES };
const HOOK = { name: "deploys", url: "http://127.0.0.1:9/", path: "/there" };

function credentialsAndHooks(tokenId: string): readonly Route[] {
  return [
    change("POST", "/tokens", { json: TOKEN }),
    change("DELETE", `/tokens/${tokenId}`),
    change("POST", "/webhooks", { json: { ...HOOK, name: "more" } }),
    change("POST", "/webhooks/deploys/resume", { json: {} }),
    change("DELETE", "/webhooks/deploys"),
  ];
}

function change(method: string, path: string, init: ApiInit = {}): Route {
  return { method, path, init, looksFirst: path.startsWith("/config/") };
}
