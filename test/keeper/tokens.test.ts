/** Tokens: what their bearers may touch, over calls and connections, and that nothing is done under one at its end. */
import { describe, expect, it } from "vitest";
import { type Identity, OPEN_ACL, PERMS } from "../../src/base/acl.ts";
import { ERROR_CODES } from "../../src/base/error-code.ts";
import { type Grant, readGrant } from "../../src/base/grant.ts";
import { scopeIdentity } from "../../src/base/scope-identity.ts";
import type { CallRequest, KnownToken } from "../../src/keeper/call.ts";
import {
  CALL_WAIT_MS,
  CALLS_MAX,
  CALLS_PER_TOKEN_MAX,
  STRANGER_BARRIER_MS,
  STRANGERS_MAX,
} from "../../src/keeper/limits.ts";
import { KEYS_PATH } from "../../src/tree/call-keys.ts";
import { TOKENS_PATH } from "../../src/tree/tokens.ts";
import { HOOKS_PATH } from "../../src/tree/webhooks.ts";
import { call, create, keyOf, transact } from "./test-caller.ts";
import { connected, create as createByWire, TestClient } from "./test-client.ts";
import { EPOCH_MS, World } from "./world.ts";

const { ok, noAuth, authFailed, noNode } = ERROR_CODES;
const HASH = "ab".repeat(32);
const OTHER = "cd".repeat(32);

function grantsOf(...texts: readonly string[]): readonly Grant[] {
  return texts.map((text) => {
    const grant = readGrant(text);
    if (typeof grant === "string") throw new Error(grant);
    return grant;
  });
}

function bearing(hash = HASH): readonly Identity[] {
  return [scopeIdentity({ kind: "token", hash })];
}

/** An ensemble in which there is a token of these grants, and some znodes; whoever comes then bears it. */
class Scene {
  readonly world: World;
  readonly leader: number;
  readonly follower: number;

  constructor(grants: readonly string[], lifeMs?: number) {
    this.world = new World({ voters: 3, seed: 7 }).startAll();
    this.leader = this.world.untilServing();
    this.follower = this.world.sids.find((sid) => sid !== this.leader) ?? 0;
    for (const path of ["/app", "/app/in", "/application", "/other"]) this.code(create(path));
    this.token(HASH, grants, lifeMs);
    this.world.untilEqual();
    this.world.identities = bearing();
  }

  token(hash: string, grants: readonly string[], lifeMs?: number): number {
    const request = { kind: "createToken", hash, name: "ci", grants: grantsOf(...grants), lifeMs } as const;
    return call(this.world, this.leader, request).answered().code;
  }

  revoke(hash = HASH): void {
    const before = this.world.identities;
    this.world.identities = [];
    expect(call(this.world, this.leader, { kind: "revokeToken", hash }).answered().code).toBe(ok);
    this.world.identities = before;
  }

  /** What a request of the bearer is answered. */
  code(request: CallRequest | ReturnType<typeof create>, sid = this.follower): number {
    const asked: CallRequest = "kind" in request ? request : { kind: "write", request };
    const { code, response } = call(this.world, sid, asked).answered();
    const results = response.op === "multi" ? response.results : [];
    const failed = results.find((result) => result.op === "error" && result.code !== ok);
    return failed?.op === "error" ? failed.code : code;
  }
}

function read(path: string): CallRequest {
  return { kind: "read", request: { op: "getData", path, watch: false }, isLinearizable: false };
}

function set(path: string): CallRequest {
  return { kind: "write", request: { op: "setData", path, data: null, version: -1 } };
}

const lasting = { ttlMs: 10_000, waitMs: 0, isProbed: false, owner: "", key: undefined } as const;

function acquire(path: string, more: object = {}): CallRequest {
  return { kind: "acquire", path, mode: "exclusive", ...lasting, ...more };
}

describe("a token's scope", () => {
  it("bounds reads and writes by path, whole segments of it, and each permission by itself", () => {
    const scene = new Scene(["read,write:/app", "read:/other"]);
    for (const path of ["/app", "/app/in", "/other"])
      expect([path, scene.code(read(path))]).toEqual([path, ok]);
    for (const path of ["/", "/application", "/zookeeper/config", TOKENS_PATH, "/none", ""]) {
      expect([path, scene.code(read(path))]).toEqual([path, noAuth]);
    }
    expect(scene.code(set("/app/in"))).toBe(ok);
    expect(scene.code(create("/app/new"))).toBe(ok);
    for (const path of ["/other", "/application", "/none", "/zookeeper/quota"]) {
      expect([path, scene.code(set(path))]).toEqual([path, noAuth]);
    }
    expect(scene.code({ kind: "write", request: { op: "delete", path: "/other", version: -1 } })).toBe(
      noAuth,
    );
    expect(new Scene(["write:/app"]).code(read("/app"))).toBe(noAuth);
    expect(new Scene(["admin:/app"]).code(set("/app"))).toBe(noAuth);
  });

  it("holds for each operation of a transaction, and nothing of it is done", () => {
    const scene = new Scene(["read,write:/app"]);
    const operations = [create("/app/x"), create("/other/x")];
    expect(scene.code(transact({ operations }))).toBe(noAuth);
    expect(scene.code(read("/app/x"))).toBe(noNode);
    const check = { op: "check", path: "/other", version: -1 } as const;
    expect(scene.code(transact({ operations: [check, create("/app/x")] }))).toBe(noAuth);
    const multi = { op: "multi", operations: [createByWire("/app/x"), createByWire("/other/x")] } as const;
    expect(scene.code({ kind: "write", request: multi })).toBe(noAuth);
    const token = { epoch: 1, counter: 1 };
    const foreign = transact({
      guards: [{ kind: "held", path: "/other", token }],
      operations: [create("/app/x")],
    });
    expect(scene.code(foreign)).toBe(noAuth);
    const put = { op: "put", path: "/other/x", data: null, acl: OPEN_ACL } as const;
    expect(scene.code(transact({ operations: [put] }))).toBe(noAuth);
  });

  it("lets no sequential znode be made beside its prefix", () => {
    const scene = new Scene(["read,write:/app"]);
    expect(scene.code(create("/app", "", 2))).toBe(noAuth);
    expect(scene.code(create("/app/", "", 2))).toBe(ok);
    expect(scene.code(create("/app/s", "", 2))).toBe(ok);
    expect(
      scene.world
        .tree(scene.leader)
        .childNames("/")
        .filter((name) => name.startsWith("app")),
    ).toEqual(["app", "application"]);
  });

  it("bounds locks: those below it are taken and seen, the way to them made, and no others", () => {
    const scene = new Scene(["read,write:/locks/orders"]);
    expect(scene.code(acquire("/locks/orders/42"))).toBe(ok);
    expect(scene.code({ kind: "queue", path: "/locks/orders/42", isLinearizable: false })).toBe(ok);
    for (const path of ["/locks/bills", "/locks", "/app"]) {
      expect([path, scene.code(acquire(path))]).toEqual([path, noAuth]);
      expect(scene.code({ kind: "queue", path, isLinearizable: false })).toBe(noAuth);
    }
    expect(scene.code({ kind: "renew", path: "/locks/bills" })).toBe(noAuth);
    expect(scene.code({ kind: "release", path: "/locks/bills" })).toBe(noAuth);
  });

  it("keeps tokens to those who may administer all of the ensemble", () => {
    const make = { kind: "createToken", hash: OTHER, name: "x", grants: [], lifeMs: undefined } as const;
    for (const grants of [["read,write:/"], ["admin:/app"], ["read,write,admin:/zookeeper"]]) {
      const scene = new Scene(grants);
      expect(scene.code(make)).toBe(noAuth);
      expect(scene.code({ kind: "listTokens" })).toBe(noAuth);
      expect(scene.code({ kind: "revokeToken", hash: HASH })).toBe(noAuth);
      expect(scene.code(create(`${TOKENS_PATH}/${OTHER}`))).toBe(noAuth);
    }
    const scene = new Scene(["admin:/"]);
    expect(scene.code(make)).toBe(ok);
    const listed = call(scene.world, scene.follower, { kind: "listTokens" }).answered().response;
    const hashes = listed.op === "tokens" ? listed.tokens.map(({ hash }: KnownToken) => hash) : [];
    expect(hashes).toEqual([HASH, OTHER]);
  });

  it("is of no use to who has nothing in it", () => {
    const scene = new Scene(["read:/app"]);
    scene.world.identities = [scopeIdentity({ kind: "signed", grants: [], expiresMs: EPOCH_MS * 2 })];
    expect(scene.code({ kind: "openSession", timeoutMs: 5000 })).toBe(noAuth);
  });
});

describe("the znodes of tokens", () => {
  it("cannot be read, made or planted by anybody but the super user", () => {
    const world = new World({ voters: 1 }).startAll();
    const leader = world.untilServing();
    const client = connected(world, leader);
    expect(client.ask(createByWire(TOKENS_PATH)).header.error).toBe(noAuth);
    const request = { kind: "createToken", hash: HASH, name: "ci", grants: [], lifeMs: undefined } as const;
    expect(call(world, leader, request).answered().code).toBe(ok);
    const path = `${TOKENS_PATH}/${HASH}`;
    expect(client.ask({ op: "getData", path, watch: false }).header.error).toBe(noAuth);
    expect(client.ask({ op: "getChildren", path: TOKENS_PATH, watch: false }).header.error).toBe(noAuth);
    expect(client.ask({ op: "setACL", path, acl: OPEN_ACL, version: -1 }).header.error).toBe(noAuth);
    expect(client.ask({ op: "delete", path, version: -1 }).header.error).toBe(noAuth);
    expect(client.ask(createByWire(`${TOKENS_PATH}/${OTHER}`)).header.error).toBe(noAuth);
    const auth = new TextEncoder().encode("super:test");
    client.ask({ op: "auth", type: 0, scheme: "digest", auth });
    expect(client.ask({ op: "getData", path, watch: false }).header.error).toBe(ok);
  });
});

describe("what the service keeps for itself", () => {
  it.each([KEYS_PATH, TOKENS_PATH, HOOKS_PATH])(
    "is not made by a client, who would say who may read %s",
    (path) => {
      const world = new World({ voters: 1 }).startAll();
      const client = connected(world, world.untilServing());
      expect(client.ask(createByWire(path)).header.error).toBe(noAuth);
      const operations = [createByWire(path), createByWire(`${path}/x`)];
      expect(client.ask({ op: "multi", operations }).response).toMatchObject({
        results: [{ code: noAuth }, {}],
      });
    },
  );
});

describe("a token that is none", () => {
  it("is told so behind a barrier: one that was made a moment ago is known at a replica that lags", () => {
    const scene = new Scene(["read:/app"]);
    scene.world.delayMs = 300;
    scene.world.identities = [];
    expect(scene.token(OTHER, ["read:/app"])).toBe(ok);
    scene.world.identities = bearing(OTHER);
    expect(scene.code(read("/app"))).toBe(ok);
    scene.world.identities = bearing("00".repeat(32));
    expect(scene.code(read("/app"))).toBe(authFailed);
  });

  it("costs a barrier a second at most, however many there are, and those beyond a few are told at once", () => {
    const scene = new Scene(["read:/app"]);
    const before = scene.world.tree(scene.leader).lastApplied.counter;
    scene.world.identities = bearing("00".repeat(32));
    const calls = Array.from({ length: 4 * STRANGERS_MAX }, () =>
      call(scene.world, scene.follower, read("/app")),
    );
    for (const one of calls) expect(one.answered().code).toBe(authFailed);
    expect(STRANGER_BARRIER_MS).toBeLessThan(CALL_WAIT_MS / 2);
    expect(scene.world.tree(scene.leader).lastApplied.counter - before).toBeLessThanOrEqual(3);
  });

  it.each([
    ["two at once", [...bearing(), ...bearing(OTHER)]],
    ["words", [{ scheme: "scope", id: "all" }]],
    ["a hash that is none", [{ scheme: "scope", id: "token ab" }]],
    ["a signed one without an end", [{ scheme: "scope", id: 'signed ["x","read:/"]' }]],
    ["a signed one that is broken", [{ scheme: "scope", id: "signed {" }]],
    [
      "a signed one that has ended",
      [scopeIdentity({ kind: "signed", grants: grantsOf("read:/"), expiresMs: EPOCH_MS })],
    ],
  ])("is %s", (_, identities) => {
    const scene = new Scene(["read:/app"]);
    scene.world.identities = identities;
    expect(scene.code(read("/app"))).toBe(authFailed);
    expect(scene.code(create("/app/x"))).toBe(authFailed);
    expect(new TestClient(scene.world, scene.follower).isClosed).toBe(true);
  });
});

describe("a token that is revoked", () => {
  it("does nothing behind that in the order of writes, though its bearer's replica has not heard of it", () => {
    const scene = new Scene(["read,write:/app"]);
    // Both leave for the leader at once: the bearer's write by a slower way.
    scene.world.delayMs = 0;
    scene.world.identities = [];
    const revoked = call(scene.world, scene.leader, { kind: "revokeToken", hash: HASH });
    scene.world.identities = bearing();
    const written = call(scene.world, scene.follower, { kind: "write", request: create("/app/late") });
    expect(revoked.answered().code).toBe(ok);
    expect(written.answered().code).toBe(authFailed);
    expect(scene.world.tree(scene.leader).get("/app/late")).toBeUndefined();
    expect(scene.code(read("/app"))).toBe(authFailed);
  });

  it("ends the connections that came by it, with their sessions, and no others", () => {
    const scene = new Scene(["read,write:/app"]);
    const client = connected(scene.world, scene.follower);
    const resumed = connected(scene.world, scene.leader);
    expect(client.ask(createByWire("/app/e", { flags: 1 })).header.error).toBe(ok);
    resumed.hangUp();
    const again = connected(scene.world, scene.follower, resumed.handover);
    expect(again.ask(createByWire("/app/f", { flags: 1 })).header.error).toBe(ok);
    scene.world.identities = [];
    const other = connected(scene.world, scene.follower);
    scene.revoke();
    scene.world.until("they are gone", () => client.isClosed && again.isClosed, 1000);
    const gone = (): boolean =>
      ["/app/e", "/app/f"].every((path) => !scene.world.tree(scene.leader).get(path));
    scene.world.until("their ephemerals are gone", gone, 1000);
    expect(other.ask({ op: "getData", path: "/app", watch: false }).header.error).toBe(ok);
  });

  it("ends the waiting of its callers, and their places in a queue", () => {
    const scene = new Scene(["read,write:/app"]);
    expect(scene.code(acquire("/app/lock"))).toBe(ok);
    const waiting = call(scene.world, scene.follower, acquire("/app/lock", { waitMs: 30_000 }));
    const change = { known: undefined, waitMs: 30_000 };
    const polling = call(scene.world, scene.follower, { ...read("/app/none"), change } as CallRequest);
    scene.world.run(500);
    scene.revoke();
    expect(waiting.answered(1000).code).toBe(authFailed);
    expect(polling.answered(1000).code).toBe(authFailed);
    const alone = (): boolean => scene.world.tree(scene.leader).childNames("/app/lock").length === 1;
    scene.world.until("the place is given up", alone, 2000);
  });

  it("is none for who asks again under a key", () => {
    const scene = new Scene(["read,write:/app"]);
    const keyed = transact({ operations: [create("/app/k")], key: keyOf("k") });
    expect(scene.code(keyed)).toBe(ok);
    expect(scene.code(keyed)).toBe(ok);
    scene.revoke();
    expect(scene.code(keyed)).toBe(authFailed);
  });
});

describe("calls under a token", () => {
  it("that wait leave room for others, however many there are", () => {
    const scene = new Scene(["read:/app"]);
    const change = { known: undefined, waitMs: 60_000 };
    const wait = { ...read("/app/none"), change } as CallRequest;
    const waiting = Array.from({ length: CALLS_MAX }, () => call(scene.world, scene.follower, wait));
    scene.world.identities = [];
    expect(call(scene.world, scene.follower, read("/other")).answered().code).toBe(ok);
    const refused = waiting.filter((one) => one.answer !== undefined);
    expect(refused.length).toBe(CALLS_MAX - CALLS_PER_TOKEN_MAX);
    expect(refused[0]?.answer).toMatchObject({ kind: "throttled", waitMs: expect.any(Number) as unknown });
    for (const one of waiting) one.hangUp();
    scene.world.identities = bearing();
    expect(scene.code(read("/app"))).toBe(ok);
  });
});

describe("a token whose time is over", () => {
  it("is none, and ends what came by it", () => {
    const scene = new Scene(["read,write:/app"], 5000);
    const client = connected(scene.world, scene.follower).pingEvery(500);
    expect(scene.code(read("/app"))).toBe(ok);
    scene.world.run(4000);
    expect(client.isClosed).toBe(false);
    scene.world.run(1500);
    expect(client.isClosed).toBe(true);
    expect(scene.code(read("/app"))).toBe(authFailed);
    expect(scene.code(create("/app/x"))).toBe(authFailed);
  });
});

describe("a connection that came by a token", () => {
  it("reads, watches and writes within its scope alone", () => {
    const scene = new Scene(["read,write:/app"]);
    const client = connected(scene.world, scene.follower);
    const code = (request: Parameters<TestClient["ask"]>[0]): number => client.ask(request).header.error;
    for (const op of ["exists", "getData", "getChildren", "getChildren2"] as const) {
      expect([op, code({ op, path: "/app", watch: true })]).toEqual([op, ok]);
      expect([op, code({ op, path: "/other", watch: true })]).toEqual([op, noAuth]);
      expect([op, code({ op, path: "/none", watch: true })]).toEqual([op, noAuth]);
    }
    for (const op of ["getACL", "getAllChildrenNumber"] as const) {
      expect([op, code({ op, path: "/app" })]).toEqual([op, ok]);
      expect([op, code({ op, path: "/" })]).toEqual([op, noAuth]);
    }
    expect(code({ op: "addWatch", path: "/", mode: 1 })).toBe(noAuth);
    expect(code({ op: "addWatch", path: "/app", mode: 1 })).toBe(ok);
    const watches = {
      op: "setWatches",
      relativeZxid: { epoch: 0, counter: 0 },
      dataWatches: ["/app"],
      existWatches: ["/other"],
      childWatches: [],
      persistentWatches: [],
      persistentRecursiveWatches: [],
    } as const;
    expect(code(watches)).toBe(noAuth);
    expect(code(createByWire("/app/x"))).toBe(ok);
    expect(code(createByWire("/other/x"))).toBe(noAuth);
    expect(code({ op: "setACL", path: "/app", acl: OPEN_ACL, version: -1 })).toBe(noAuth);
    expect(code({ op: "sync", path: "/other" })).toBe(ok);
    const operations = ["/other", "/app"].map((path) => ({ op: "getData", path, watch: false }) as const);
    const both = client.ask({ op: "multiRead", operations });
    expect(both.response).toMatchObject({
      results: [{ op: "error", code: noAuth }, { op: "getData" }],
    });
  });

  it("is bounded by it, whatever it logs in as besides", () => {
    const scene = new Scene(["read,write:/app"]);
    const client = connected(scene.world, scene.follower);
    const auth = new TextEncoder().encode("super:test");
    expect(client.ask({ op: "auth", type: 0, scheme: "digest", auth }).header.error).toBe(ok);
    expect(client.ask(createByWire("/other/x")).header.error).toBe(noAuth);
    expect(client.ask({ op: "getData", path: "/other", watch: false }).header.error).toBe(noAuth);
  });

  it("is whom access control lists name by the token's name, over calls too, and whoAmI tells that alone", () => {
    const scene = new Scene(["read,write:/app"]);
    const client = connected(scene.world, scene.follower);
    const acl = [{ perms: PERMS.all, scheme: "token", id: "ci" }];
    expect(client.ask(createByWire("/app/own", { acl })).header.error).toBe(ok);
    const identities = client.ask({ op: "whoAmI" }).response;
    expect(identities).toMatchObject({
      identities: expect.arrayContaining([{ scheme: "token", id: "ci" }]) as unknown,
    });
    expect(JSON.stringify(identities)).not.toContain(HASH);
    expect(scene.code(set("/app/own"))).toBe(ok);
    scene.world.identities = [];
    expect(scene.code(set("/app/own"))).toBe(noAuth);
    expect(connected(scene.world, scene.leader).ask(createByWire("/x", { acl })).header.error).toBe(ok);
  });

  it("gets no four-letter word", () => {
    const scene = new Scene(["read,write:/"]);
    const client = new TestClient(scene.world, scene.follower, true);
    client.sendBytes(new TextEncoder().encode("wchp"));
    scene.world.until("it is hung up on", () => client.isClosed);
    expect(client.raw).toBe("");
    scene.world.identities = [];
    const operator = new TestClient(scene.world, scene.follower, true);
    operator.sendBytes(new TextEncoder().encode("ruok"));
    scene.world.until("it is answered", () => operator.isClosed);
    expect(operator.raw).toBe("imok");
  });
});
