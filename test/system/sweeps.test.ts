/**
 * What the service does to znodes by itself, side by side with a real ZooKeeper: what ends and which events come in
 * which order, and what quotas count, say and refuse.
 */
import { afterAll, beforeAll, test } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { CreateRequest } from "../../src/base/request.ts";
import type { ClientRequest } from "../../src/jute/requests.ts";
import { shown } from "../differential/compare.ts";
import { differenceLines } from "../differential/report.ts";
import { Session } from "../differential/session.ts";
import type { Frame, Step, Stream } from "../differential/stream.ts";
import { startTargets, type Targets } from "../differential/targets.ts";

/** Where a ZooKeeper has to be installed first. */
const START_TIMEOUT_MS = 600_000;

let targets: Targets;

beforeAll(async () => {
  targets = await startTargets({ sweepIntervalMs: 200 });
}, START_TIMEOUT_MS);

afterAll(async () => {
  await targets?.stop();
});

function stream(
  makeSteps: (ask: (...requests: readonly ClientRequest[]) => Step) => readonly Step[],
): Stream {
  let xid = 0;
  const ask = (...requests: readonly ClientRequest[]): Step => {
    const frames = requests.map((request): Frame => ({ kind: "request", xid: ++xid, request }));
    return { kind: "send", slot: 0, frames };
  };
  const hello = { claim: "new", timeoutMs: 40_000, readOnly: false, protocolVersion: 0 } as const;
  const connect: Step = { kind: "connect", slot: 0, hello, isTakeover: false };
  return { seed: 0, slots: 1, isSpread: false, replica: 1, steps: [connect, ...makeSteps(ask)] };
}

/** The step, and the wait for the deletion it leads to. */
function until(path: string, step: Step): Step {
  return step.kind === "send" ? { ...step, awaited: path } : step;
}

function create(path: string, more: Partial<CreateRequest> = {}): CreateRequest {
  return { op: "create", path, data: Uint8Array.of(1), acl: OPEN_ACL, flags: 0, ttlMs: 0, ...more };
}

const ttl = (path: string, ttlMs: number, flags = 5): CreateRequest =>
  create(path, { op: "createTTL", flags, ttlMs });
const container = (path: string): CreateRequest => create(path, { op: "createContainer", flags: 4 });
const exists = (path: string): ClientRequest => ({ op: "exists", path, watch: true });
const children = (path: string): ClientRequest => ({ op: "getChildren2", path, watch: true });
const unlink = (path: string): ClientRequest => ({ op: "delete", path, version: -1 });

const get = (path: string): ClientRequest => ({ op: "getData", path, watch: true });
const set = (path: string, data: Uint8Array): ClientRequest => ({ op: "setData", path, data, version: -1 });

const QUOTA = "/zookeeper/quota@";
const STATS = `${QUOTA}/a/zookeeper_stats`;

/** What zkCli does for setquota on @/a; each request by itself, as ZooKeeper checks against what is applied. */
function quota(ask: (request: ClientRequest) => Step, limits: string): readonly Step[] {
  return [
    create(QUOTA),
    create(`${QUOTA}/a`),
    create(`${QUOTA}/a/zookeeper_limits`, { data: Buffer.from(limits) }),
    create(STATS, { data: Buffer.from("count=-1,bytes=-1") }),
    get(STATS),
  ].map((request) => ask(request));
}

/** Writes at, below and beside @/a, and what the stats say after each. */
const WRITES: readonly ClientRequest[] = [
  create("@/a/1", { data: new Uint8Array(4) }),
  create("@/a/2", { data: null }),
  create("@/ab"),
  set("@/a/1", new Uint8Array(30)),
  set("@/a", new Uint8Array(0)),
  create("@/a/e", { flags: 1, data: new Uint8Array(9) }),
  create("@/a/s-", { flags: 2 }),
  container("@/a/box"),
  ttl("@/a/ttl", 3_600_000),
  unlink("@/a/2"),
  create("@/a/1/deep", { data: new Uint8Array(3) }),
  unlink("@/a/1"),
  set("@/a/1", new Uint8Array(1)),
  unlink("@/a/e"),
  { op: "multi", operations: [create("@/a/m"), { op: "delete", path: "@/a/m", version: -1 }] },
  set(STATS, Buffer.from("count=100,bytes=7=;byteHardLimit=5")),
  create("@/a/3"),
  unlink(`${QUOTA}/a/zookeeper_limits`),
  create("@/a/4"),
  create(`${QUOTA}/a/zookeeper_limits`, { data: Buffer.from("count=1,bytes=1") }),
  create("@/a/5"),
  unlink(STATS),
  create("@/a/6"),
  create(STATS, { op: "create2", data: Buffer.from("any") }),
];

const QUOTAS = [
  "count=3,bytes=-1",
  "count=-1,bytes=-1=;countHardLimit=3",
  "count=-1,bytes=-1=;byteHardLimit=20",
  "count=2,bytes=5=;byteHardLimit=40;countHardLimit=6",
  "count=-1,bytes=-1=;countHardLimit=0",
].map((limits): readonly [string, Stream] => [
  `a quota of ${limits}`,
  stream((ask) => [
    ask(create("@/a"), create("@/a/0", { data: new Uint8Array(3) })),
    ...quota(ask, limits),
    ...WRITES.flatMap((request) => [ask(request), ask(get(STATS))]),
  ]),
]);

const STREAMS: readonly (readonly [string, Stream])[] = [
  [
    "a TTL znode that nobody sets, with one-shot watches on it and its parent",
    stream((ask) => [
      until("@/t", ask(ttl("@/t", 300), exists("@/t"), children("@"), children("@/t"))),
      ask(children("@"), exists("@/t"), create("@/t")),
    ]),
  ],
  [
    "a sequential one, under a recursive and a persistent watch",
    stream((ask) => [
      until(
        "@/s-0000000000",
        ask(
          { op: "addWatch", path: "@", mode: 1 },
          { op: "addWatch", path: "@/s-0000000000", mode: 0 },
          ttl("@/s-", 300, 6),
        ),
      ),
      ask(children("@"), { op: "checkWatches", path: "@/s-0000000000", type: 4 }),
    ]),
  ],
  [
    "a TTL znode whose child keeps it, whatever its own age",
    stream((ask) => [
      until(
        "@/other",
        ask(ttl("@/t", 300), create("@/t/kid"), ttl("@/other", 900), exists("@/t"), exists("@/other")),
      ),
      until("@/t", ask(children("@/t"), unlink("@/t/kid"))),
    ]),
  ],
  [
    "a container whose last child is deleted, and one that never had any",
    stream((ask) => [
      ask(container("@/box"), container("@/unused"), exists("@/box"), create("@/box/a"), create("@/box/b")),
      until("@/box", ask(unlink("@/box/a"), children("@/box"), unlink("@/box/b"))),
      ask(children("@"), exists("@/box")),
    ]),
  ],
  [
    "containers in each other: the outer one goes behind the inner",
    stream((ask) => [
      ask(container("@/a"), container("@/a/b"), create("@/a/b/kid"), exists("@/a"), exists("@/a/b")),
      until("@/a", ask(unlink("@/a/b/kid"))),
      ask(children("@")),
    ]),
  ],
  [
    "a container whose child was an ephemeral, and one made by a multi",
    stream((ask) => [
      ask({ op: "multi", operations: [container("@/box"), container("@/more"), create("@/more/kid")] }),
      until("@/box", ask(exists("@/box"), create("@/box/e", { flags: 1 }), unlink("@/box/e"))),
      until("@/more", ask(exists("@/more"), unlink("@/more/kid"))),
    ]),
  ],
];

test.concurrent.for(QUOTAS)("%s", async ([name, played], { expect }) => {
  const at = 4000 + QUOTAS.findIndex(([other]) => other === name);
  const comparison = await new Session(targets, at).play(played);

  expect(differenceLines(comparison)).toEqual([]);
  expect(comparison.actual.map(shown).join("\n")).toContain("error=0");
});

test.concurrent.for(STREAMS)("%s", async ([name, played], { expect }) => {
  const at = 3000 + STREAMS.findIndex(([other]) => other === name);
  const comparison = await new Session(targets, at).play(played);

  expect(differenceLines(comparison)).toEqual([]);
  expect(comparison.actual.map(shown).join("\n")).toContain("event=2");
});
