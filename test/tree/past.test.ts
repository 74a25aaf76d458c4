/** The past, read backwards from the present tree and a part of the history, held against a record of all of it. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Acl, type Identity, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { must } from "../../src/base/assert.ts";
import type { WriteRequest } from "../../src/base/request.ts";
import { compareZxid, type Zxid, ZXID_ZERO } from "../../src/base/zxid.ts";
import { isAllowed } from "../../src/tree/access.ts";
import type { Znode } from "../../src/tree/node-store.ts";
import {
  changesOf,
  isAtOrBelow,
  type Moment,
  PastDifference,
  PastNode,
  type PastTxn,
  type PastZnode,
} from "../../src/tree/past.ts";
import { pathOfStats } from "../../src/tree/quota.ts";
import { noteOf } from "../../src/tree/told-events.ts";
import type { Tree } from "../../src/tree/tree.ts";
import { ALICE, bytes, create, freshTree, Leader, line, SUPER } from "./harness.ts";
import { steps } from "./operations.ts";

const READER: Identity = { scheme: "digest", id: "reader:x" };
const HIDDEN: readonly Acl[] = [line(PERMS.all, "digest", "nobody:x")];
const FOR_READER: readonly Acl[] = [line(PERMS.read, READER.scheme, READER.id)];

const acls = fc.array(fc.constantFrom(undefined, undefined, HIDDEN, FOR_READER), {
  minLength: 50,
  maxLength: 50,
});

interface Step {
  readonly session: bigint;
  readonly request: WriteRequest;
}

/** All znodes behind each transaction, the first of them before any. */
interface Record {
  readonly tree: Tree;
  readonly txns: readonly PastTxn[];
  readonly states: readonly { readonly zxid: Zxid; readonly znodes: ReadonlyMap<string, Znode> }[];
}

function znodesOf(tree: Tree): ReadonlyMap<string, Znode> {
  const found = new Map<string, Znode>();
  const visit = (path: string): void => {
    found.set(path, must(tree.get(path), "a znode"));
    for (const name of tree.childNames(path)) visit(path === "/" ? `/${name}` : `${path}/${name}`);
  };
  visit("/");
  return found;
}

function recorded(requests: readonly Step[]): Record {
  const leader = new Leader();
  for (const { session, request } of requests) leader.write(request, { session, identities: SUPER });
  const tree = freshTree();
  const states = [{ zxid: ZXID_ZERO, znodes: znodesOf(tree) }];
  const txns = leader.log.map(({ zxid, header, txn }) => {
    const { events } = tree.apply(zxid, header, txn);
    states.push({ zxid, znodes: znodesOf(tree) });
    return { zxid, timeMs: header.timeMs, changes: changesOf(txn, noteOf(txn, events)) };
  });
  return { tree, txns, states };
}

/** What a reader of history finds, of which what is up to `base` is gone. */
function readBack(
  txns: readonly PastTxn[],
  base: Zxid,
  past: { take(txn: PastTxn): boolean },
): { readonly isWhole: boolean } {
  for (const txn of txns.toReversed()) {
    if (compareZxid(txn.zxid, base) <= 0) return { isWhole: false };
    if (!past.take(txn)) return { isWhole: true };
  }
  return { isWhole: false };
}

function nodeAt(record: Record, path: string, moment: Moment, base: Zxid): PastNode {
  const { tree, txns } = record;
  const past = new PastNode({ path, moment, node: tree.get(path), names: tree.childNames(path) });
  if (!readBack(txns, base, past).isWhole) past.moment.endAt(base, undefined);
  return past;
}

function readers(acl: readonly Acl[]): readonly boolean[] {
  return [[], [READER], SUPER].map((identities) => isAllowed(acl, PERMS.read, identities));
}

/** Whether all that is told is true, and all that the history holds is told. */
function check(told: PastZnode | undefined, truth: Znode | undefined, base: Zxid, path: string): void {
  checkSide(told, truth, base, path);
  if (told === undefined || truth === undefined) return;
  const { aversion, childCreates, pzxid } = truth;
  if (compareZxid(truth.czxid, base) > 0) expect(told).toMatchObject({ aversion, childCreates, pzxid });
  if (told.aversion !== undefined) expect(told.aversion).toBe(aversion);
  if (told.childCreates !== undefined) expect(told.childCreates).toBe(childCreates);
  if (told.pzxid !== undefined) expect(told.pzxid).toEqual(pzxid);
}

function withAcl(request: WriteRequest, acl: readonly Acl[] | undefined): WriteRequest {
  return acl !== undefined && "acl" in request ? { ...request, acl } : request;
}

const histories = fc
  .tuple(steps, acls)
  .map(([requests, lists]) =>
    requests.map(({ session, request }, at) => ({ session, request: withAcl(request, lists[at]) })),
  );

function pathsOf({ states }: Record): readonly string[] {
  return [...new Set(states.flatMap(({ znodes }) => [...znodes.keys()])), "/nothing"];
}

test("what is told of a znode at any moment is what it was, and all that the history holds is told", () => {
  fc.assert(
    fc.property(histories, fc.double({ min: 0, max: 1, noNaN: true }), (requests, share) => {
      const record = recorded(requests);
      const { states } = record;
      const from = Math.floor(share * (states.length - 1));
      const base = must(states[from], "a state").zxid;
      for (const { zxid, znodes } of states.slice(from)) {
        for (const path of pathsOf(record)) {
          const past = nodeAt(record, path, { zxid }, base);

          expect(past.moment.zxid).toEqual(zxid);
          check(past.node, znodes.get(path), base, path);
          const prefix = path === "/" ? "/" : `${path}/`;
          const names = [...znodes.keys()].flatMap((one) => {
            const rest = one.startsWith(prefix) ? one.slice(prefix.length) : "";
            return rest === "" || rest.includes("/") ? [] : [rest];
          });
          expect([...past.names].sort()).toEqual(names.sort());
          expect(past.node?.childCount).toBe(znodes.get(path)?.childCount);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test("what is told of a difference is what is different, and all of it", () => {
  const shares = fc.tuple(fc.nat(1000), fc.nat(1000), fc.nat(1000));
  fc.assert(
    fc.property(histories, shares, fc.constantFrom("/", "/a", "/a/x"), (requests, shareds, top) => {
      const record = recorded(requests);
      const { states, tree } = record;
      const [b, f, t] = shareds
        .toSorted((x, y) => x - y)
        .map((share) => (share * (states.length - 1)) / 1000);
      const at = (index = 0): Record["states"][number] => must(states[Math.floor(index)], "a state");
      const [base, from, to] = [at(b), at(f), at(t)];
      const present = (path: string): Znode | undefined => tree.get(path);
      const past = new PastDifference({ path: top, from: from, to: to, present });
      if (!readBack(record.txns, base.zxid, past).isWhole) {
        past.from.endAt(base.zxid, undefined);
        past.to.endAt(base.zxid, undefined);
      }

      expect([past.from.zxid, past.to.zxid]).toEqual([from.zxid, to.zxid]);
      const told = new Map(past.differences().map((one) => [one.path, one]));
      for (const path of pathsOf(record)) {
        if (!isAtOrBelow(path, top)) continue;
        const [before, after] = [from.znodes.get(path), to.znodes.get(path)];
        const isSame =
          before?.czxid === after?.czxid &&
          before?.mzxid === after?.mzxid &&
          before?.aversion === after?.aversion;
        const one = told.get(path);
        expect(`${path} ${one === undefined}`).toBe(`${path} ${isSame}`);
        if (one === undefined) continue;
        checkSide(one.before, before, base.zxid, path);
        checkSide(one.after, after, base.zxid, path);
        expect(one.isAnother && before !== undefined && after !== undefined).toBe(
          before !== undefined && after !== undefined && before.czxid !== after.czxid,
        );
      }
    }),
    { numRuns: 200 },
  );
});

/** Of a difference no more is promised than it shows: its parents are not followed. */
function checkSide(told: PastZnode | undefined, truth: Znode | undefined, base: Zxid, path: string): void {
  expect(told !== undefined).toBe(truth !== undefined);
  if (told === undefined || truth === undefined) return;
  const { data, version, mzxid, mtime, czxid, ctime, owner } = truth;
  const isKept = (zxid: Zxid): boolean => compareZxid(zxid, base) > 0;
  if (pathOfStats(path) === undefined && (told.value !== undefined || isKept(mzxid))) {
    expect(told.value).toEqual({ data, version, mzxid, mtime });
  }
  if (told.birth !== undefined || isKept(czxid)) expect(told.birth).toEqual({ czxid, ctime, owner });
  if (told.acl !== undefined) expect(readers(told.acl)).toEqual(readers(truth.acl));
  expect(told.acl !== undefined || !isKept(czxid)).toBe(true);
}

describe("moments", () => {
  const set = (text: string): Step => ({
    session: ALICE,
    request: { op: "setData", path: "/a", data: bytes(text), version: -1 },
  });
  const record = recorded([
    { session: ALICE, request: create("/a", { data: bytes("one") }) },
    set("two"),
    set("three"),
  ]);
  const [, second, third] = record.txns.slice(-3);

  test("by time are behind the last write by then", () => {
    const { timeMs, zxid } = must(second, "the second");
    const then = nodeAt(record, "/a", { timeMs }, ZXID_ZERO);
    const later = nodeAt(record, "/a", { timeMs: must(third, "the third").timeMs + 1 }, ZXID_ZERO);

    expect(then.moment.zxid).toEqual(zxid);
    expect(then.node?.value?.data).toEqual(bytes("two"));
    expect(later.node?.value?.data).toEqual(bytes("three"));
  });

  test("before the history are none, but the beginning of all is one", () => {
    const { zxid } = must(second, "the second");
    const tooOld = nodeAt(record, "/a", { zxid: { ...zxid, counter: zxid.counter - 1 } }, zxid);
    expect(tooOld.moment.zxid).toBeUndefined();
    const past = new PastNode({
      path: "/a",
      moment: { timeMs: -1 },
      node: record.tree.get("/a"),
      names: [],
    });
    readBack(record.txns, ZXID_ZERO, past);
    past.moment.endAt(ZXID_ZERO, Number.NEGATIVE_INFINITY);
    expect(past.moment.zxid).toEqual(ZXID_ZERO);
    expect(past.node).toBeUndefined();
  });

  test("at which it had data that an older write set, which is gone, say from when on they are known", () => {
    const { zxid } = must(second, "the second");
    const past = nodeAt(record, "/a", { zxid }, zxid);

    expect(past.node?.value).toBeUndefined();
    expect(past.node?.birth).toBeDefined();
    expect(past.lostAt).toEqual(must(third, "the third").zxid);
    expect(past.lastAcl).toEqual(OPEN_ACL);
  });
});
