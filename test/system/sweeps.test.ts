/** What ends by itself, side by side with a real ZooKeeper: which events come, in which order, and what is left. */
import { afterAll, beforeAll, expect, test } from "vitest";
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

test.concurrent.each(STREAMS)("%s", async (name, played) => {
  const at = 3000 + STREAMS.findIndex(([other]) => other === name);
  const comparison = await new Session(targets, at).play(played);

  expect(differenceLines(comparison)).toEqual([]);
  expect(comparison.actual.map(shown).join("\n")).toContain("event=2");
});
