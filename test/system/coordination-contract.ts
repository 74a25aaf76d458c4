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
}

/** Method, path, what is sent. */
export type Success = readonly [string, string, () => ApiInit];

/** The same, and what comes back. */
export type Failure = readonly [string, string, () => ApiInit, string];

const PLAIN: ApiInit = { body: "{}", headers: { "content-type": "text/plain" } };
const SAME_KEY = { "idempotency-key": "there" };

/** Makes what the calls are about. */
export async function prepareCoordination(api: HttpApi, state: ContractState): Promise<void> {
  const held = await api.call("POST", "/semaphores/held/acquire", { json: { permits: 1, ttlMs: 600_000 } });
  state.permit = String(held.json?.["lease"]);
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
    ["POST", "/semaphores/forced/force-release", () => ({ json: { token: state.forcedPermit } })],
    ["POST", "/locks/forced/force-release", () => ({ json: { token: state.forcedLock } })],
    ["PUT", "/semaphores/resized", () => ({ json: { permits: 2 } })],
  ];
}

/** Each error that takes no fault. */
export function coordinationFailures(state: ContractState): readonly Failure[] {
  const keysPath = "%2Fzookeeper%2Fcall-keys%2Fx";
  const one = { json: { permits: 1 } };
  return [
    ["POST", "/semaphores/held/acquire", () => ({ json: {} }), "400 bad-request"],
    ["POST", `/semaphores/${keysPath}/acquire`, () => one, "403 no-auth"],
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
    ...["/locks/held", "/semaphores/held"].flatMap((path): readonly Failure[] => [
      ["POST", `${path}/force-release`, () => ({ json: { token: "x" } }), "400 bad-request"],
      ["POST", `${path}/force-release`, () => ({ json: { token: "7" } }), "412 not-held"],
      ["POST", `${path}/force-release`, () => PLAIN, "415 bad-content-type"],
    ]),
    ["GET", "/semaphores/held?consistency=maybe", () => ({}), "400 bad-request"],
    ["PUT", "/semaphores/held", () => ({ json: { permits: 0 } }), "400 bad-request"],
    ["PUT", `/semaphores/${keysPath}`, () => one, "403 no-auth"],
    ["PUT", "/semaphores/%2Fephemeral%2Fx", () => one, "409 ephemeral-parent"],
    [
      "PUT",
      "/semaphores/held",
      () => ({ ...one, headers: { session: state.expired } }),
      "410 session-expired",
    ],
    [
      "PUT",
      "/semaphores/held",
      () => ({ ...one, headers: { "if-held": `nobody@${"0".repeat(20)}` } }),
      "412 not-held",
    ],
    ["PUT", "/semaphores/held", () => PLAIN, "415 bad-content-type"],
    ["PUT", "/semaphores/held", () => ({ ...one, headers: SAME_KEY }), "422 key-reused"],
  ];
}

/** What is asked once more under its key when it is over. */
export async function leaseOverAgain(api: HttpApi): Promise<readonly unknown[]> {
  const headers = { "idempotency-key": "over-permit" };
  const json = { permits: 1 };
  const taken = await api.call("POST", "/semaphores/over/acquire", { json, headers });
  await api.call("POST", "/semaphores/over/release", { json: { lease: taken.json?.["lease"] } });
  return [(await api.call("POST", "/semaphores/over/acquire", { json, headers })).code];
}
