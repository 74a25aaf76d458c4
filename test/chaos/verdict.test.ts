/** What replicas show at the end of a run, against what clients were told: good stories, and each way to break one. */
import { describe, expect, test } from "vitest";

import { must } from "../../src/base/assert.ts";
import type { Response } from "../../src/base/request.ts";
import { judge } from "../sim/history/judge.ts";
import { type Client, create, setData, SingleCopy } from "../sim/history/single-copy.ts";
import type { Operation } from "../sim/history/types.ts";
import { checkViews } from "./check-views.ts";
import { gapsWithin } from "./gaps.ts";
import { guardOf } from "./lock-queue.ts";
import type { FinalZnode, ReplicaView } from "./view.ts";

type ViewChange = (znodes: Map<string, FinalZnode>) => void;

/** The service's clients, and one that reads all of it at the end, as a view is read. */
class Story {
  readonly service: SingleCopy = new SingleCopy();
  readonly ann: Client = this.service.open();
  readonly bob: Client = this.service.open();

  /** The checks that say something where replicas show this, each once. */
  broken(
    paths: readonly string[],
    change: ViewChange = () => undefined,
    second?: ViewChange,
  ): readonly string[] {
    const { service } = this;
    const reader = service.open();
    service.ask(reader, { op: "sync", path: "/" });
    const real = new Map<string, FinalZnode>();
    for (const path of paths) {
      const { outcome } = service.ask(reader, { op: "getData", path, watch: false });
      if (outcome.kind !== "answered" || outcome.response?.op !== "getData") continue;
      const { data, stat } = outcome.response;
      real.set(path, { data: new TextDecoder().decode(data ?? undefined), stat });
    }
    const shown = new Map(real);
    change(shown);
    const others = new Map(real);
    (second ?? change)(others);
    const views: ReplicaView[] = [
      { name: "replica 1", znodes: shown },
      { name: "replica 2", znodes: others },
    ];
    const operations = service.operations.map((one) => asShown(one, reader, shown));
    const history = service.history({ operations, committed: undefined });
    const found = [...judge(history, { guardOf }), ...checkViews(operations, views)];
    return [...new Set(found.map(({ check }) => check))];
  }
}

/** The reader's answers, as the changed view has them. */
function asShown(one: Operation, reader: Client, shown: ReadonlyMap<string, FinalZnode>): Operation {
  const { request, outcome, session } = one;
  if (session !== reader.record.session || request.op !== "getData" || outcome.kind !== "answered")
    return one;
  const znode = shown.get(request.path);
  if (znode === undefined) return { ...one, outcome: { ...outcome, error: -101, response: undefined } };
  const data = new TextEncoder().encode(znode.data);
  const response: Response = { op: "getData", data, stat: znode.stat };
  return { ...one, outcome: { ...outcome, error: 0, response } };
}

function multi(...paths: readonly string[]): Parameters<SingleCopy["ask"]>[1] {
  return { op: "multi", operations: paths.map((path) => ({ ...create(path), op: "create" as const })) };
}

function znodeAt(znodes: ReadonlyMap<string, FinalZnode>, path: string): FinalZnode {
  return must(znodes.get(path), `a znode at ${path}`);
}

describe("a good end", () => {
  test("is one where nothing acknowledged is missing, and what is unknown is whole or absent", () => {
    const story = new Story();
    story.service.ask(story.ann, create("/kept"));
    story.service.ask(story.ann, create("/gone"));
    story.service.ask(story.bob, { op: "delete", path: "/gone", version: -1 });
    story.service.ask(story.ann, multi("/m1", "/m2"), "answer lost");
    story.service.reconnect(story.ann);
    story.service.ask(story.ann, multi("/n1", "/n2"), "never done");
    story.service.reconnect(story.ann);
    story.service.ask(story.bob, create("/kept/s-", 2), "answer lost");

    const paths = ["/kept", "/gone", "/m1", "/m2", "/n1", "/n2", "/kept/s-0000000000"];
    expect(story.broken(paths)).toEqual([]);
  });
});

describe("a bad end is one with", () => {
  function withRegister(): Story {
    const story = new Story();
    story.service.ask(story.ann, create("/c", 0, "0"));
    story.service.ask(story.ann, setData("/c", "1", 0));
    return story;
  }
  const stories: readonly [string, readonly string[], () => readonly string[]][] = [
    ["a lost create", ["Linearizability"], () => withRegister().broken(["/c"], (all) => all.delete("/c"))],
    [
      "a deleted znode that came back",
      ["Linearizability"],
      () => {
        const story = withRegister();
        const before = story.service.ask(story.bob, { op: "exists", path: "/c", watch: false });
        story.service.ask(story.bob, { op: "delete", path: "/c", version: -1 });
        return story.broken(["/c"], (all) => {
          if (before.outcome.kind !== "answered" || before.outcome.response?.op !== "stat") return;
          all.set("/c", { data: "1", stat: before.outcome.response.stat });
        });
      },
    ],
    [
      "a set that was done twice",
      ["Linearizability"],
      () =>
        withRegister().broken(["/c"], (all) => {
          const { data, stat } = znodeAt(all, "/c");
          all.set("/c", { data, stat: { ...stat, version: 2 } });
        }),
    ],
    [
      "other data than were written",
      ["Linearizability"],
      () => withRegister().broken(["/c"], (all) => all.set("/c", { ...znodeAt(all, "/c"), data: "7" })),
    ],
    [
      "a znode that nobody made",
      ["Linearizability"],
      () => withRegister().broken(["/c", "/alien"], (all) => all.set("/alien", znodeAt(all, "/c"))),
    ],
    [
      "half a multi",
      ["a multi is whole or absent"],
      () => {
        const story = new Story();
        story.service.ask(story.ann, multi("/a", "/b"), "answer lost");
        return story.broken(["/a", "/b"], (all) => all.delete("/b"));
      },
    ],
    [
      "a multi of two moments",
      ["a multi has one zxid"],
      () => {
        const story = new Story();
        story.service.ask(story.ann, multi("/a", "/b"), "answer lost");
        return story.broken(["/a", "/b"], (all) => {
          const { data, stat } = znodeAt(all, "/b");
          const zxid = { epoch: 1, counter: 1 };
          all.set("/b", { data, stat: { ...stat, czxid: zxid, mzxid: zxid } });
        });
      },
    ],
    [
      "a sequential create with two znodes, its answer lost",
      ["one create makes one znode"],
      () => {
        const story = withRegister();
        story.service.ask(story.bob, create("/c/s-", 2), "answer lost");
        return story.broken(["/c", "/c/s-0000000000", "/c/s-0000000001"], (all) => {
          all.set("/c/s-0000000001", znodeAt(all, "/c/s-0000000000"));
        });
      },
    ],
    [
      "replicas that differ",
      ["replicas agree"],
      () => {
        const story = new Story();
        story.service.ask(story.ann, create("/c"), "answer lost");
        return story.broken(
          ["/c"],
          () => undefined,
          (all) => all.delete("/c"),
        );
      },
    ],
    [
      "an ephemeral of a session that has expired",
      ["EphemeralsAsSessions"],
      () => {
        const story = new Story();
        story.service.ask(story.bob, create("/e", 1));
        story.service.lose(story.bob);
        // Its end is lost to the one replica that is asked.
        story.bob.record.lastHeardMs -= 5000;
        story.bob.record.expiredMs = ++story.service.nowMs;
        return story.broken(["/e"]).filter((check) => check !== "Linearizability");
      },
    ],
  ];

  test.each(stories)("%s", (_name, checks, run) => {
    expect(run()).toEqual(checks);
  });

  test("a reply to somebody else's create", () => {
    const story = new Story();
    story.service.ask(story.ann, create("/x-", 2));
    const operations = story.service.operations.map((one) => ({
      ...one,
      request: create("/y-", 2),
    }));

    expect(checkViews(operations, []).map(({ check }) => check)).toEqual(["a reply is to its request"]);
  });

  test("a refusal that nothing explains", () => {
    const story = new Story();
    story.service.ask(story.ann, { op: "setACL", path: "/", acl: [], version: -1 });

    expect(checkViews(story.service.operations, []).map(({ check }) => check)).toEqual([
      "nothing is refused without a reason",
    ]);
  });
});

test("what a lock guards tells its token", () => {
  const story = new Story();
  const data = new TextEncoder().encode("3:17");
  const operations = [
    { op: "check", path: "/lock/locker-0000000001", version: 0 },
    { op: "setData", path: "/chaos-1/guarded", data, version: -1 },
  ] as const;
  const guarded = story.service.ask(story.ann, { op: "multi", operations });
  const other = story.service.ask(story.ann, multi("/a", "/b"));

  expect(guardOf(guarded)).toEqual({ lock: "/chaos-1/guarded", token: { epoch: 3, counter: 17 } });
  expect(guardOf(other)).toBeUndefined();
});

test("a gap counts from the last write before the fault to the first after it, per client and over all", () => {
  const acknowledged = [
    { client: 0, atMs: 90 },
    { client: 1, atMs: 95 },
    { client: 0, atMs: 300 },
    { client: 0, atMs: 310 },
    { client: 1, atMs: 480 },
  ];

  expect(gapsWithin(acknowledged, { fromMs: 100, untilMs: 500 })).toEqual({
    ensembleMs: 205,
    clientMs: 385,
    acknowledged: 3,
  });
  expect(gapsWithin([], { fromMs: 100, untilMs: 500 }).ensembleMs).toBe(400);
});
