/** Events told from transactions and notes, held against those that the tree yields when it applies them. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Acl, type Identity, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import type { WriteRequest } from "../../src/base/request.ts";
import { isAllowed } from "../../src/tree/access.ts";
import { KEYS_ACL, KEYS_PATH } from "../../src/tree/call-keys.ts";
import { toldOf, type WatchedPart } from "../../src/tree/event-filter.ts";
import { eventsOf, type EventNote, noteOf } from "../../src/tree/told-events.ts";
import type { TreeEvent } from "../../src/tree/transition.ts";
import { EVENT_TYPES, WatchTable } from "../../src/tree/watch-table.ts";
import { ALICE, BOB, bytes, create, freshTree, Leader, line, SUPER } from "./harness.ts";
import { steps } from "./operations.ts";

const READER: Identity = { scheme: "digest", id: "reader:x" };
const HIDDEN: readonly Acl[] = [line(PERMS.all, "digest", "nobody:x")];
const FOR_READER: readonly Acl[] = [line(PERMS.read, READER.scheme, READER.id)];

const acls = fc.array(fc.constantFrom(undefined, undefined, HIDDEN, FOR_READER), {
  minLength: 50,
  maxLength: 50,
});

function withAcl(request: WriteRequest, acl: readonly Acl[] | undefined): WriteRequest {
  return acl !== undefined && "acl" in request ? { ...request, acl } : request;
}

/** What each transaction led to, and what a reader of history and notes takes it to be. */
interface Told {
  readonly yielded: readonly TreeEvent[];
  readonly told: readonly TreeEvent[];
  readonly note: EventNote | undefined;
}

/** Writes it all as somebody who may do everything, and applies it to a second tree. */
function play(
  requests: readonly { readonly request: WriteRequest; readonly session: bigint }[],
): readonly Told[] {
  const leader = new Leader();
  for (const { session, request } of requests) leader.write(request, { session, identities: SUPER });
  const tree = freshTree();
  return leader.log.map(({ zxid, header, txn }) => {
    const { events } = tree.apply(zxid, header, txn);
    const note = noteOf(txn, events);
    return { yielded: events, told: eventsOf(txn, note), note };
  });
}

/** As those see an event who are asked whether somebody may read. */
function seen(event: TreeEvent): unknown {
  const readers = (acl: readonly Acl[]): unknown =>
    [[], [READER], SUPER].map((identities) => isAllowed(acl, PERMS.read, identities));
  const { kind, path, acl } = event;
  return { kind, path, acl: readers(acl), parent: kind === "dataChanged" ? [] : readers(event.parentAcl) };
}

test("history and notes tell the events that the tree yielded, and who may hear of them", () => {
  fc.assert(
    fc.property(steps, acls, (requests, lists) => {
      const played = play(
        requests.map(({ session, request }, at) => ({ session, request: withAcl(request, lists[at]) })),
      );

      for (const { yielded, told } of played) expect(told.map(seen)).toEqual(yielded.map(seen));
    }),
    { numRuns: 500 },
  );
});

test("the random histories hold all that there is to tell, with notes and without", () => {
  const counts = new Map<string, number>();
  for (const requests of fc.sample(steps, { numRuns: 200, seed: 3 })) {
    const hidden = requests.map(({ session, request }, at) => ({
      session,
      request: withAcl(request, at % 3 === 0 ? HIDDEN : undefined),
    }));
    for (const { told, note } of play(hidden)) {
      for (const { kind } of told) {
        const key = `${kind} ${note === undefined ? "told" : "noted"}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
  }

  for (const kind of ["created", "deleted", "dataChanged"]) {
    expect(counts.get(`${kind} told`)).toBeGreaterThan(20);
    expect(counts.get(`${kind} noted`)).toBeGreaterThan(20);
  }
});

describe("a note is kept", () => {
  const open = (path: string): { session: bigint; request: WriteRequest } => ({
    session: ALICE,
    request: create(path),
  });
  const noted = (...requests: { session: bigint; request: WriteRequest }[]): boolean =>
    play(requests).at(-1)?.note !== undefined;
  const remove = (path: string): { session: bigint; request: WriteRequest } => ({
    session: ALICE,
    request: { op: "delete", path, version: -1 },
  });

  test("of no change that everybody may read", () => {
    expect(noted(open("/a"))).toBe(false);
    const set: WriteRequest = { op: "setData", path: "/a", data: bytes("1"), version: -1 };
    expect(noted(open("/a"), { session: ALICE, request: set })).toBe(false);
    expect(noted(open("/a"), open("/a/b"), remove("/a/b"))).toBe(false);
    const multi: WriteRequest = { op: "multi", operations: [create("/a"), create("/a/b")] };
    expect(noted({ session: ALICE, request: multi })).toBe(false);
  });

  test("of what a session takes along, and not of one that leaves nothing", () => {
    const close = { session: BOB, request: { op: "closeSession" } as const };
    expect(noted(close)).toBe(false);
    const ephemeral = { session: BOB, request: create("/e", { flags: 1 }) };
    const [last] = play([ephemeral, close]).slice(-1);
    expect(last?.told).toEqual([{ kind: "deleted", path: "/e", acl: OPEN_ACL, parentAcl: OPEN_ACL }]);
    expect(last?.note).toEqual(last?.told);
  });

  test("of what not everybody may read, nor see below", () => {
    const hidden = { session: ALICE, request: create("/h", { acl: HIDDEN }) };
    // Its list stands in the transaction.
    expect(noted(hidden)).toBe(false);
    expect(noted(hidden, remove("/h"))).toBe(true);
    expect(noted(hidden, open("/h/x"))).toBe(true);
    const close: WriteRequest = { op: "setACL", path: "/a", acl: HIDDEN, version: -1 };
    expect(noted(open("/a"), { session: ALICE, request: close }, remove("/a"))).toBe(true);
  });

  test("of no caller's key, which nobody may read anyhow", () => {
    const keys = { session: ALICE, request: create(KEYS_PATH, { acl: KEYS_ACL }) };
    const key = { session: ALICE, request: create(`${KEYS_PATH}/k`, { acl: KEYS_ACL }) };
    expect(noted(keys, key)).toBe(false);
    expect(noted(keys, key, remove(`${KEYS_PATH}/k`))).toBe(false);
  });
});

test("who watches hears what ZooKeeper's persistent watches fire, and parts of it", () => {
  const paths = ["/", "/a", "/a/x", "/a/x/k", "/b", "/aa"];
  fc.assert(
    fc.property(steps, (requests) => {
      for (const { yielded } of play(requests)) {
        for (const event of yielded) {
          for (const path of paths) {
            const [node, recursive] = [false, true].map((isRecursive) => {
              const table = new WatchTable();
              table.addPersistent(path, isRecursive, 1);
              return table.fire(event).map(({ type, path: at, acl }) => ({ type, path: at, acl }));
            });
            const told = (part: WatchedPart): readonly unknown[] => {
              const one = toldOf({ path, part }, event);
              return one === undefined ? [] : [{ type: EVENT_TYPES[one.kind], path: one.path, acl: one.acl }];
            };
            expect(told("node")).toEqual(node);
            expect(told("recursive")).toEqual(recursive);
            expect(told("data")).toEqual(node?.filter(({ type }) => type !== EVENT_TYPES.childrenChanged));
            expect(told("children")).toEqual(node?.filter(({ type }) => type !== EVENT_TYPES.dataChanged));
          }
        }
      }
    }),
    { numRuns: 60 },
  );
});
