/** Histories that are as they should be: no check says anything, and they are judged in no time. */
import fc from "fast-check";
import { expect, test } from "vitest";

import { must } from "../../../src/base/assert.ts";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { type Rng, seededRng } from "../../../src/base/rng.ts";
import type { Txn } from "../../../src/base/txn.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { judge } from "./judge.ts";
import { type Client, create, setData, SingleCopy } from "./single-copy.ts";

test("nothing is said of a service of one copy, whatever is asked, lost and expired", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 0xffff }), (seed) => {
      const isSweeping = seed % 2 === 0;
      const service = busyService(seed, 150, isSweeping);
      const calm = [{ fromMs: 0, toMs: service.nowMs }];

      expect(judge(service.history(), { calm, expiryLateMs: 100_000 })).toEqual([]);
      // Without the log nobody knows what went by itself.
      if (!isSweeping) expect(judge(service.history({ committed: undefined }))).toEqual([]);
    }),
    { numRuns: 150, seed: 1 },
  );
});

test("some of what the service is asked for goes by itself", () => {
  const swept = Array.from({ length: 20 }, (_, seed) => busyService(2 * seed, 150, true)).flatMap(
    ({ committed }) => committed.filter(({ header, txn }) => header.session === 0n && txn.kind === "delete"),
  );

  expect(swept.length).toBeGreaterThan(10);
});

test("what an old connection still brings when its session is over is refused, and all is well", () => {
  const service = new SingleCopy();
  const ann = service.open();
  service.ask(ann, create("/b"), "never done");
  service.ask(ann, { op: "multi", operations: [create("/c"), create("/d")] }, "never done");
  service.reconnect(ann);
  service.ask(ann, { op: "closeSession" });
  const last = must(service.committed.at(-1), "something is committed");
  const expired: Txn = { kind: "error", code: ERROR_CODES.sessionExpired };
  const behind: Txn = { kind: "error", code: ERROR_CODES.runtimeInconsistency };
  const late = [expired, { kind: "multi", operations: [expired, behind] } as Txn].map((txn, index) => {
    const { counter, epoch } = last.zxid;
    const header = { ...last.header, origin: { ...last.header.origin, serial: 900 + index } };
    return { ...last, header, txn, zxid: { epoch, counter: counter + 1 + index } };
  });

  expect(judge(service.history({ committed: [...service.committed, ...late] }))).toEqual([]);
});

test("a thousand operations are judged within 100 ms of a processor", () => {
  const history = busyService(7, 1000).history();
  const timesMs = [1, 2, 3, 4, 5].map(() => {
    const before = process.cpuUsage();
    expect(judge(history)).toEqual([]);
    return process.cpuUsage(before).user / 1000;
  });

  expect(Math.min(...timesMs)).toBeLessThan(100);
});

const PATHS = ["/a", "/b", "/a/x", "/a/y", "/b/z", "/a/x/deep", "/"] as const;

function busyService(seed: number, operations: number, isSweeping = false): SingleCopy {
  const rng = seededRng([seed, 1, 2, 3]);
  const service = new SingleCopy();
  const clients = [service.open(), service.open(), service.open(300)];
  for (let done = 0; done < operations; done++) {
    const index = rng.below(clients.length);
    const client = clients[index];
    if (client === undefined) throw new Error("an index is below the length");
    const dice = rng.below(100);
    if (dice === 0) {
      service.lose(client);
      service.expire(client);
      clients[index] = service.open();
    } else if (dice === 1) {
      service.ask(client, { op: "closeSession" });
      clients[index] = service.open();
    } else if (dice < 7) {
      service.reconnect(client);
      service.ask(client, bringWatches(service, client, rng));
    } else if (isSweeping && dice < 20) {
      for (const path of PATHS) service.sweep(path);
    } else {
      const misfortune = dice < 10 ? "answer lost" : dice < 13 ? "never done" : undefined;
      if (dice < 25) service.ask(client, { op: "sync", path: "/" });
      service.ask(client, requestFor(rng), misfortune);
      if (misfortune !== undefined) service.reconnect(client);
    }
  }
  return service;
}

function pathFor(rng: Rng): string {
  return PATHS[rng.below(PATHS.length)] ?? "/";
}

function bringWatches(service: SingleCopy, client: Client, rng: Rng): ClientRequest {
  const zxids = service.operations.flatMap(({ session, outcome }) => {
    return session === client.record.session && outcome.kind === "answered" ? [outcome.zxid] : [];
  });
  return {
    op: "setWatches2",
    relativeZxid: zxids.at(-1) ?? { epoch: 0, counter: 0 },
    dataWatches: [pathFor(rng)],
    existWatches: [pathFor(rng)],
    childWatches: [pathFor(rng)],
    persistentWatches: rng.below(4) === 0 ? [pathFor(rng)] : [],
    persistentRecursiveWatches: rng.below(4) === 0 ? [pathFor(rng)] : [],
  };
}

function requestFor(rng: Rng): ClientRequest {
  const path = pathFor(rng);
  const watch = rng.below(3) === 0;
  const version = rng.below(3) - 1;
  switch (rng.below(16)) {
    case 0:
      return { ...create(path, 5), op: "createTTL", ttlMs: 20 };
    case 1:
      return create(path, rng.below(4), `${rng.below(5)}`);
    case 2:
      return rng.below(2) === 0
        ? { ...create(path, rng.below(7)), op: "create" }
        : { ...create(path, 3 + rng.below(4)), op: "createTTL", ttlMs: 20 * rng.below(3) };
    case 3:
      return { ...create(path), op: "createContainer", flags: 4 };
    case 4:
      return { op: "delete", path, version };
    case 5:
    case 6:
      return setData(path, `${rng.below(5)}`, version);
    case 7:
      return { op: "check", path, version };
    case 8:
      return {
        op: "multi",
        operations: [
          { op: "check", path, version: -1 },
          create(`${path}/m`, rng.below(4)),
          { op: "delete", path: pathFor(rng), version },
        ].filter(() => rng.below(4) !== 0),
      } as ClientRequest;
    case 9:
      return { op: "exists", path, watch };
    case 10:
      return { op: "getChildren", path, watch };
    case 11:
      return { op: "getChildren2", path, watch };
    case 12:
      return rng.below(2) === 0
        ? { op: "addWatch", path, mode: rng.below(2) }
        : { op: "removeWatches", path, type: 1 + rng.below(5) };
    case 13:
      return { op: "getEphemerals", path: "/" };
    case 14:
      return {
        op: "multiRead",
        operations: [
          { op: "getData", path, watch: false },
          { op: "getChildren", path: "/", watch: false },
        ],
      };
    default:
      return { op: "getData", path, watch };
  }
}
