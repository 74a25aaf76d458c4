import { describe, expect, it } from "vitest";
import { ERROR_CODES } from "../../../src/base/error-code.ts";
import { ZXID_ZERO } from "../../../src/base/zxid.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { EVENT_TYPES, WATCHER_TYPES } from "../../../src/tree/watch-table.ts";
import { WatchSet } from "./watch-set.ts";

const { created, deleted, dataChanged, childrenChanged } = EVENT_TYPES;

function watching(...requests: readonly (readonly [ClientRequest, number?])[]): WatchSet {
  const watches = new WatchSet();
  for (const [request, error = ERROR_CODES.ok] of requests) watches.answered(request, error);
  return watches;
}

function takes(watches: WatchSet, type: number, path: string): boolean {
  return watches.take({ type, state: 3, path });
}

describe("what a client watches", () => {
  it("is what its answered reads asked to watch, once each", () => {
    const watches = watching([{ op: "getData", path: "/a", watch: true }]);
    expect(takes(watches, childrenChanged, "/a")).toBe(false);
    expect(takes(watches, dataChanged, "/b")).toBe(false);
    expect(takes(watches, dataChanged, "/a")).toBe(true);
    expect(takes(watches, dataChanged, "/a")).toBe(false);
  });

  it("is nothing where it did not ask, or the read failed; but exists also waits for what is not there", () => {
    const none = ERROR_CODES.noNode;
    expect(watching([{ op: "getData", path: "/a", watch: false }]).restore(ZXID_ZERO)).toBeUndefined();
    expect(watching([{ op: "getData", path: "/a", watch: true }, none]).restore(ZXID_ZERO)).toBeUndefined();
    const waiting = watching([{ op: "exists", path: "/a", watch: true }, none]);
    expect(waiting.restore(ZXID_ZERO)).toMatchObject({ existWatches: ["/a"], dataWatches: [] });
    expect(takes(waiting, created, "/a")).toBe(true);
  });

  it("of children is also told of the end of their parent", () => {
    const request: ClientRequest = { op: "getChildren2", path: "/a", watch: true };
    expect(takes(watching([request]), childrenChanged, "/a")).toBe(true);
    expect(takes(watching([request]), dataChanged, "/a")).toBe(false);
    const watches = watching([request]);
    expect(takes(watches, deleted, "/a")).toBe(true);
    expect(takes(watches, childrenChanged, "/a")).toBe(false);
  });

  it("stays where it is persistent, below it too where it is recursive", () => {
    const watches = watching(
      [{ op: "addWatch", path: "/a", mode: 0 }],
      [{ op: "addWatch", path: "/r", mode: 1 }],
    );
    for (const type of [created, dataChanged, deleted, childrenChanged, created]) {
      expect(takes(watches, type, "/a")).toBe(true);
    }
    expect(takes(watches, created, "/a/b")).toBe(false);
    expect(takes(watches, created, "/r/b/c")).toBe(true);
    expect(takes(watches, childrenChanged, "/r")).toBe(false);
    expect(watches.persistentCount).toBe(2);
  });

  it("ends when it is removed, and not when there was nothing to remove", () => {
    const add: ClientRequest = { op: "addWatch", path: "/a", mode: 0 };
    const remove: ClientRequest = { op: "removeWatches", path: "/a", type: WATCHER_TYPES.persistent };
    expect(takes(watching([add], [remove, ERROR_CODES.noWatcher]), dataChanged, "/a")).toBe(true);
    expect(takes(watching([add], [remove]), dataChanged, "/a")).toBe(false);
    const read: ClientRequest = { op: "getData", path: "/a", watch: true };
    expect(takes(watching([read], [{ ...remove, type: WATCHER_TYPES.any }]), deleted, "/a")).toBe(false);
    expect(takes(watching([read], [{ ...remove, type: WATCHER_TYPES.children }]), deleted, "/a")).toBe(true);
  });
});
