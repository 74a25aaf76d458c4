/** Which znodes writes look at, so that they are read together: told by requests, and by what was made of them. */
import { expect, test } from "vitest";

import { OPEN_ACL } from "../../src/base/acl.ts";
import type { WriteRequest } from "../../src/base/request.ts";
import type { Txn } from "../../src/base/txn.ts";
import { KnownProposal } from "../../src/keeper/known-proposal.ts";
import type { ForwardedRequest } from "../../src/keeper/link-message.ts";
import { pathsApplied, pathsAsked } from "../../src/keeper/touched-paths.ts";
import { headerOf } from "../tree/harness.ts";

const DATA = new Uint8Array(0);
const CREATE = { op: "create", path: "/made", data: DATA, acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;

function forwarded(request: WriteRequest): ForwardedRequest {
  const origin = { sid: 1, instance: 1, serial: 1 };
  return { origin, session: 1n, generation: { epoch: 0, counter: 0 }, xid: 1, identities: [], request };
}

function known(txn: Txn): KnownProposal {
  return new KnownProposal({ epoch: 1, counter: 1 }, DATA, { header: headerOf(1n, 1), txn });
}

test("requests tell the paths that they name, those of a multi as well, and none where they look at nothing", () => {
  const set = { op: "setData", path: "/set", data: DATA, version: -1 } as const;
  const requests: readonly WriteRequest[] = [
    set,
    { op: "multi", operations: [CREATE, { op: "check", path: "/checked", version: 1 }] },
    { op: "setACL", path: "/listed", acl: OPEN_ACL, version: -1 },
    { op: "sync", path: "/synced" },
    { op: "closeSession" },
  ];

  expect(pathsAsked(requests.map(forwarded))).toEqual(["/set", "/made", "/checked", "/listed"]);
});

test("proposals tell the paths of what they do, until they are taken", () => {
  const set = known({ kind: "setData", path: "/set", data: DATA, version: 1 });
  const multi = known({ kind: "multi", operations: [{ kind: "delete", path: "/gone" }] });
  const others = [known({ kind: "barrier", path: "/synced" }), known({ kind: "settled" })];
  const unread = { zxid: { epoch: 1, counter: 9 }, payload: DATA };

  const told = pathsApplied([set, multi, ...others, unread]);
  set.take();

  expect(told).toEqual(["/set", "/gone"]);
  expect(pathsApplied([set, multi])).toEqual(["/gone"]);
});

test("of very many writes only the first are told", () => {
  const set = (index: number): WriteRequest => ({
    op: "setData",
    path: `/n${index}`,
    data: DATA,
    version: -1,
  });
  const requests = Array.from({ length: 5000 }, (_, index) => forwarded(set(index)));

  expect(pathsAsked(requests).length).toBe(2048);
  expect(pathsAsked(requests).at(-1)).toBe("/n2047");
});
