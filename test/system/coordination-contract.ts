/** The part of the contract of the HTTP API that is about semaphores and what else callers coordinate by. */
import type { ApiInit, HttpApi } from "../harness/http-api.ts";

/** What the calls need to know, once it is there. */
export interface ContractState {
  /** A session that is over. */
  expired: string;
  /** Of the only permit of the semaphore `held`. */
  permit: string;
  /** The tokens of a lock and of a permit that are to be taken away. */
  forcedLock: string;
  forcedPermit: string;
  forcedLead: string;
  /** Of who leads in the election `held`, and of one that would follow. */
  lead: string;
  candidate: string;
  /** Of the document `there`, to be replaced. */
  revision: string;
}

/** Nothing is there yet. */
export function newState(): ContractState {
  const nothing = { expired: "", permit: "", forcedLock: "", forcedPermit: "" };
  return { ...nothing, forcedLead: "", lead: "", candidate: "", revision: "" };
}

/** Method, path, what is sent. */
export type Success = readonly [string, string, () => ApiInit];

/** The same, and what comes back. */
export type Failure = readonly [string, string, () => ApiInit, string];

const PLAIN: ApiInit = { body: "{}", headers: { "content-type": "text/plain" } };
const NOT_HELD = { "if-held": `nobody@${"0".repeat(20)}` };
const JSON_TYPE = { "content-type": "application/json" };
const SAME_KEY = { "idempotency-key": "there" };

/** Makes what the calls are about. */
export async function prepareCoordination(api: HttpApi, state: ContractState): Promise<void> {
  const held = await api.call("POST", "/semaphores/held/acquire", { json: { permits: 1, ttlMs: 600_000 } });
  state.permit = String(held.json?.["lease"]);
  const led = await api.call("POST", "/elections/held/campaign", { json: { ttlMs: 600_000 } });
  state.lead = String(led.json?.["lease"]);
  const { json } = await api.call("POST", "/sessions", { json: { timeoutMs: 600_000 } });
  state.candidate = String(json?.["session"]);
  const candidate = "/nodes/elections/held/x-latch-?mode=ephemeral&sequential=true";
  await api.call("POST", candidate, { headers: { session: state.candidate } });
  const lead = await api.call("POST", "/elections/forced/campaign", { json: { ttlMs: 600_000 } });
  state.forcedLead = String(lead.json?.["token"]);
  await api.call("POST", "/counters/there/add", { json: {} });
  const written = await api.call("PUT", "/config/there", { json: { a: 1 } });
  state.revision = written.headers.get("revision") ?? "";
  await api.call("PUT", "/config/gone", { json: { a: 1 } });
  await api.call("PUT", "/config/gone/below", { json: { a: 1 } });
  await api.call("PUT", "/config/ruled", { json: { a: 1 } });
  await api.call("PUT", "/config/ruled/schema", { json: { type: "object" } });
  const registered = { json: { address: "a", id: "one" }, headers: { session: state.candidate } };
  await api.call("POST", "/services/there", registered);
  const ephemeral = "/nodes/services/ephemeral?mode=ephemeral";
  await api.call("POST", ephemeral, { headers: { session: state.candidate } });
  const lock = await api.call("POST", "/locks/forced/acquire", { json: { ttlMs: 600_000 } });
  state.forcedLock = String(lock.json?.["token"]);
  const permit = await api.call("POST", "/semaphores/forced/acquire", {
    json: { permits: 1, ttlMs: 600_000 },
  });
  state.forcedPermit = String(permit.json?.["token"]);
}

/** Each route as it succeeds. */
export function coordinationSuccesses(state: ContractState): readonly Success[] {
  return [
    ["GET", "/semaphores/held", () => ({})],
    ["POST", "/semaphores/free/acquire", () => ({ json: { permits: 3 } })],
    ["POST", "/semaphores/held/renew", () => ({ json: { lease: state.permit } })],
    ["POST", "/semaphores/held/release", () => ({ json: { lease: state.permit } })],
    ["GET", "/elections/held", () => ({})],
    ["GET", "/counters/there", () => ({})],
    ["GET", "/services", () => ({})],
    ["GET", "/services/there", () => ({})],
    ["POST", "/services/there", () => ({ json: { address: "a" }, headers: { session: state.candidate } })],
    ["PUT", "/services/there/one", () => ({ json: { address: "b" } })],
    ["DELETE", "/services/there/one", () => ({})],
    ["GET", "/config/there", () => ({})],
    ["PUT", "/config/there", () => ({ json: { a: 2 } })],
    ["PUT", "/config/made", () => ({ json: 1 })],
    ["GET", "/config/there/history", () => ({})],
    ["GET", "/config/there/history/REVISION", () => ({})],
    ["PUT", "/config/there/schema", () => ({ json: { type: "object" } })],
    ["GET", "/config/there/schema", () => ({})],
    ["DELETE", "/config/there/schema", () => ({})],
    ["DELETE", "/config/gone/below", () => ({})],
    ["DELETE", "/config/gone", () => ({})],
    ["POST", "/counters/there/add", () => ({ json: {} })],
    ["PUT", "/counters/there", () => ({ json: { value: "7" } })],
    ["POST", "/elections/free/campaign", () => ({ json: { value: "me" } })],
    ["POST", "/elections/held/proclaim", () => ({ json: { lease: state.lead, value: "x" } })],
    ["POST", "/elections/held/renew", () => ({ json: { lease: state.lead } })],
    ["POST", "/elections/held/resign", () => ({ json: { lease: state.lead } })],
    ["POST", "/elections/forced/force-release", () => ({ json: { token: state.forcedLead } })],
    ["POST", "/semaphores/forced/force-release", () => ({ json: { token: state.forcedPermit } })],
    ["POST", "/locks/forced/force-release", () => ({ json: { token: state.forcedLock } })],
    ["PUT", "/semaphores/resized", () => ({ json: { permits: 2 } })],
  ];
}

/** Each error that takes no fault. */
export function coordinationFailures(state: ContractState): readonly Failure[] {
  const all = [semaphoreFailures, electionFailures, counterFailures, configFailures, serviceFailures];
  return all.flatMap((failures) => failures(state));
}

const KEYS_PATH = "%2Fzookeeper%2Fcall-keys%2Fx";

function semaphoreFailures(state: ContractState): readonly Failure[] {
  const one = { json: { permits: 1 } };
  return [
    ["POST", "/semaphores/held/acquire", () => ({ json: {} }), "400 bad-request"],
    ["POST", `/semaphores/${KEYS_PATH}/acquire`, () => one, "403 no-auth"],
    ["POST", "/semaphores/held/acquire", () => one, "409 lock-held"],
    ["POST", "/semaphores/held/acquire", () => ({ json: { permits: 2 } }), "409 permits-differ"],
    ["POST", "/semaphores/held/acquire", () => ({ json: { permits: 1, waitMs: 50 } }), "409 lock-timeout"],
    ["POST", "/semaphores/held/acquire", () => PLAIN, "415 bad-content-type"],
    ["POST", "/semaphores/held/acquire", () => ({ ...one, headers: SAME_KEY }), "422 key-reused"],
    ["POST", "/semaphores/held/renew", () => ({ json: {} }), "400 bad-request"],
    ["POST", "/semaphores/held/renew", () => ({ json: { lease: state.expired } }), "410 lease-over"],
    ["POST", "/semaphores/held/renew", () => PLAIN, "415 bad-content-type"],
    ["POST", "/semaphores/held/release", () => ({ json: {} }), "400 bad-request"],
    ["POST", "/semaphores/other/release", () => ({ json: { lease: state.permit } }), "410 lease-over"],
    ["POST", "/semaphores/held/release", () => PLAIN, "415 bad-content-type"],
    ["GET", "/semaphores/held?consistency=maybe", () => ({}), "400 bad-request"],
    ["PUT", "/semaphores/held", () => ({ json: { permits: 0 } }), "400 bad-request"],
    ["PUT", `/semaphores/${KEYS_PATH}`, () => one, "403 no-auth"],
    ["PUT", "/semaphores/%2Fephemeral%2Fx", () => one, "409 ephemeral-parent"],
    [
      "PUT",
      "/semaphores/held",
      () => ({ ...one, headers: { session: state.expired } }),
      "410 session-expired",
    ],
    ["PUT", "/semaphores/held", () => ({ ...one, headers: NOT_HELD }), "412 not-held"],
    ["PUT", "/semaphores/held", () => PLAIN, "415 bad-content-type"],
    ["PUT", "/semaphores/held", () => ({ ...one, headers: SAME_KEY }), "422 key-reused"],
  ];
}

function electionFailures(state: ContractState): readonly Failure[] {
  return [
    ["POST", "/elections/held/campaign", () => ({ json: { ttlMs: "long" } }), "400 bad-request"],
    ["POST", `/elections/${KEYS_PATH}/campaign`, () => ({ json: {} }), "403 no-auth"],
    ["POST", "/elections/held/campaign", () => ({ json: {} }), "409 lock-held"],
    ["POST", "/elections/held/campaign", () => PLAIN, "415 bad-content-type"],
    ["POST", "/elections/held/campaign", () => ({ json: {}, headers: SAME_KEY }), "422 key-reused"],
    ...["renew", "resign", "proclaim"].flatMap((verb): readonly Failure[] => [
      ["POST", `/elections/held/${verb}`, () => ({ json: said(verb, "mine") }), "400 bad-request"],
      ["POST", `/elections/held/${verb}`, () => ({ json: said(verb, state.expired) }), "410 lease-over"],
      ["POST", `/elections/held/${verb}`, () => PLAIN, "415 bad-content-type"],
    ]),
    [
      "POST",
      "/elections/held/proclaim",
      () => ({ json: { lease: state.candidate, value: "x" } }),
      "412 not-held",
    ],
    ["GET", "/elections/held?wait=soon", () => ({}), "400 bad-request"],
    ...["/locks/held", "/semaphores/held", "/elections/held"].flatMap((path): readonly Failure[] => [
      ["POST", `${path}/force-release`, () => ({ json: { token: "x" } }), "400 bad-request"],
      ["POST", `${path}/force-release`, () => ({ json: { token: "7" } }), "412 not-held"],
      ["POST", `${path}/force-release`, () => PLAIN, "415 bad-content-type"],
    ]),
  ];
}

function counterFailures(state: ContractState): readonly Failure[] {
  return [
    ["GET", "/counters/there?wait=soon", () => ({}), "400 bad-request"],
    ["GET", `/counters/${KEYS_PATH}`.replace("%2Fx", ""), () => ({}), "403 no-auth"],
    ["GET", "/counters/none", () => ({}), "404 no-node"],
    ["GET", "/counters/%2Fthere", () => ({}), "409 not-counter"],
    ["GET", "/counters/there", () => ({ headers: { session: state.expired } }), "410 session-expired"],
    ["POST", "/counters/there/add", () => ({ json: { by: 1 } }), "400 bad-request"],
    ["POST", "/counters/there/add", () => ({ json: { by: "9".repeat(19) } }), "400 bad-request"],
    ["POST", `/counters/${KEYS_PATH}/add`, () => ({ json: {} }), "403 no-auth"],
    ["POST", "/counters/%2Fthere/add", () => ({ json: {} }), "409 not-counter"],
    ...(
      [
        ["POST", "/counters/there/add", {}],
        ["PUT", "/counters/there", { value: "1" }],
      ] as const
    ).flatMap(([method, path, json]): readonly Failure[] => [
      [method, path, () => ({ json, headers: { session: state.expired } }), "410 session-expired"],
      [method, path, () => ({ json, headers: NOT_HELD }), "412 not-held"],
      [method, path, () => PLAIN, "415 bad-content-type"],
      [method, path, () => ({ json, headers: SAME_KEY }), "422 key-reused"],
    ]),
    ["PUT", "/counters/there", () => ({ json: { value: "x" } }), "400 bad-request"],
    ["PUT", `/counters/${KEYS_PATH}`, () => ({ json: { value: "1" } }), "403 no-auth"],
    [
      "PUT",
      "/counters/none",
      () => ({ json: { value: "1" }, headers: { "if-match": '"0"' } }),
      "404 no-node",
    ],
    ["PUT", "/counters/%2Fephemeral%2Fx", () => ({ json: { value: "1" } }), "409 ephemeral-parent"],
  ];
}

function configFailures(state: ContractState): readonly Failure[] {
  const keys = "/config/%2Fzookeeper%2Fcall-keys";
  const old = "/config/there/history/00000000000000000001";
  const expired = (): ApiInit => ({ headers: { session: state.expired } });
  const large = { json: "x".repeat(600_000) };
  const ruled = { json: "no object" };
  return [
    ["GET", "/config/there?wait=soon", () => ({}), "400 bad-request"],
    ["GET", keys, () => ({}), "403 no-auth"],
    ["GET", "/config/none", () => ({}), "404 no-node"],
    ["GET", "/config/there", expired, "410 session-expired"],
    ["GET", "/config/there/history?consistency=maybe", () => ({}), "400 bad-request"],
    ["GET", `${keys}/history`, () => ({}), "403 no-auth"],
    ["GET", "/config/none/history", () => ({}), "404 no-node"],
    ["GET", "/config/there/history", expired, "410 session-expired"],
    ["GET", "/config/there/history/7", () => ({}), "400 bad-request"],
    ["GET", `${keys}/history/00000000000000000001`, () => ({}), "403 no-auth"],
    ["GET", old, () => ({}), "404 no-revision"],
    ["GET", old, expired, "410 session-expired"],
    ["GET", "/config/.x/schema", () => ({}), "400 bad-path"],
    ["GET", "/config/none/schema", () => ({}), "404 no-node"],
    ["GET", "/config/there/schema", expired, "410 session-expired"],
    ["PUT", "/config/there", () => ({ ...PLAIN, headers: JSON_TYPE, body: "{" }), "400 bad-request"],
    ["PUT", `${keys}%2Fx`, () => ({ json: 1 }), "403 no-auth"],
    ["PUT", "/config/none", () => ({ json: 1, headers: { "if-match": '"0"' } }), "404 no-node"],
    ["PUT", "/config/%2Fephemeral%2Fx", () => ({ json: 1 }), "409 ephemeral-parent"],
    ["PUT", "/config/there", () => ({ json: 1, headers: { "if-none-match": "*" } }), "412 node-exists"],
    ["PUT", "/config/ruled", () => ruled, "422 schema-violation"],
    ["PUT", "/config/there/schema", () => ({ json: [] }), "400 bad-schema"],
    ["PUT", `${keys}/schema`, () => ({ json: {} }), "403 no-auth"],
    ["PUT", "/config/%2Fephemeral%2Fx/schema", () => ({ json: {} }), "409 ephemeral-parent"],
    ["PUT", "/config/ruled/schema", () => ({ json: { type: "string" } }), "422 schema-violation"],
    ...["/config/there", "/config/there/schema"].flatMap((path): readonly Failure[] => [
      ["PUT", path, () => ({ json: {}, headers: { session: state.expired } }), "410 session-expired"],
      ["PUT", path, () => ({ json: {}, headers: NOT_HELD }), "412 not-held"],
      ["PUT", path, () => large, "413 too-large"],
      ["PUT", path, () => PLAIN, "415 bad-content-type"],
      ["PUT", path, () => ({ json: {}, headers: SAME_KEY }), "422 key-reused"],
    ]),
    ["DELETE", "/config/.x", () => ({}), "400 bad-path"],
    ["DELETE", "/config/.x/schema", () => ({}), "400 bad-path"],
    ["DELETE", "/config/gone", () => ({}), "409 not-empty"],
    ...["", "/schema"].flatMap((of): readonly Failure[] => [
      ["DELETE", `${keys}${of}`, () => ({}), "403 no-auth"],
      ["DELETE", `/config/none${of}`, () => ({}), "404 no-node"],
      ["DELETE", `/config/ruled${of}`, expired, "410 session-expired"],
      ["DELETE", `/config/ruled${of}`, () => ({ headers: NOT_HELD }), "412 not-held"],
      ["DELETE", `/config/ruled${of}`, () => ({ headers: SAME_KEY }), "422 key-reused"],
    ]),
  ];
}

/** What is said with a lease. */
function said(verb: string, lease: string): object {
  return verb === "proclaim" ? { lease, value: "x" } : { lease };
}

function serviceFailures(state: ContractState): readonly Failure[] {
  const own = (): Readonly<Record<string, string>> => ({ session: state.candidate });
  const json = { address: "a", id: "one" };
  return [
    ["GET", "/services?consistency=maybe", () => ({}), "400 bad-request"],
    ["GET", "/services/there?wait=soon", () => ({}), "400 bad-request"],
    ["POST", "/services/there", () => ({ json }), "400 bad-request"],
    ["POST", "/services/ephemeral", () => ({ json, headers: own() }), "409 ephemeral-parent"],
    ["POST", "/services/there", () => ({ json, headers: { session: state.expired } }), "410 session-expired"],
    ["POST", "/services/there", () => ({ json, headers: own() }), "412 node-exists"],
    [
      "POST",
      "/services/there",
      () => ({ ...PLAIN, headers: { ...PLAIN.headers, ...own() } }),
      "415 bad-content-type",
    ],
    ["POST", "/services/there", () => ({ json, headers: { ...own(), ...SAME_KEY } }), "422 key-reused"],
    ["PUT", "/services/there/one", () => ({ json: {} }), "400 bad-request"],
    ["PUT", "/services/there/one", () => PLAIN, "415 bad-content-type"],
    ["DELETE", "/services/there/one", () => ({ headers: { "idempotency-key": "" } }), "400 bad-request"],
    ...["PUT", "DELETE"].flatMap((method): readonly Failure[] => {
      const asked = method === "PUT" ? { json: { address: "a" } } : {};
      return [
        [method, "/services/there/none", () => asked, "404 no-node"],
        [
          method,
          "/services/there/one",
          () => ({ ...asked, headers: { session: state.expired } }),
          "410 session-expired",
        ],
        [method, "/services/there/one", () => ({ ...asked, headers: NOT_HELD }), "412 not-held"],
        [method, "/services/there/one", () => ({ ...asked, headers: SAME_KEY }), "422 key-reused"],
      ];
    }),
  ];
}

/** What is asked once more under its key when it is over. */
export async function leaseOverAgain(api: HttpApi): Promise<readonly unknown[]> {
  const codes: unknown[] = [];
  for (const [taking, giving, body] of [
    ["/semaphores/over/acquire", "/semaphores/over/release", { permits: 1 }],
    ["/elections/over/campaign", "/elections/over/resign", {}],
  ] as const) {
    const asked = { json: body, headers: { "idempotency-key": `over-${taking}` } };
    const { json } = await api.call("POST", taking, asked);
    await api.call("POST", giving, { json: { lease: json?.["lease"] } });
    codes.push((await api.call("POST", taking, asked)).code);
  }
  return codes;
}

/** Asks for what has not changed, where that is told. */
export async function unchangedAgain(api: HttpApi): Promise<readonly number[]> {
  const statuses: number[] = [];
  await api.call("POST", "/elections/unchanged/campaign", { json: { ttlMs: 600_000 } });
  await api.call("POST", "/counters/unchanged/add", { json: {} });
  await api.call("PUT", "/config/unchanged", { json: {} });
  for (const path of ["/elections/unchanged", "/counters/unchanged", "/config/unchanged", "/services/none"]) {
    const etag = (await api.call("GET", path)).headers.get("etag") ?? "";
    statuses.push((await api.call("GET", path, { headers: { "if-none-match": etag } })).status);
  }
  return statuses;
}
