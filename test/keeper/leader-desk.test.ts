import { describe, expect, it } from "vitest";
import { OPEN_ACL } from "../../src/base/acl.ts";
import type { Sid } from "../../src/base/ids.ts";
import type { WriteRequest } from "../../src/base/request.ts";
import type { Txn } from "../../src/base/txn.ts";
import { ZXID_ZERO } from "../../src/base/zxid.ts";
import { decodeTxn } from "../../src/jute/txn.ts";
import { LeaderDesk } from "../../src/keeper/leader-desk.ts";
import type { Addressed, Generation } from "../../src/keeper/link-message.ts";
import { DIGEST_ZERO } from "../../src/tree/digest.ts";
import { MapNodeStore } from "../../src/tree/node-store.ts";
import { SessionTable } from "../../src/tree/session-table.ts";
import { Tree } from "../../src/tree/tree.ts";

const SESSION = 0x0200000000000001n;
const PASSWORD: Uint8Array = new Uint8Array(16).fill(5);

/** A leader's desk whose proposals are applied when told. */
class Desk {
  readonly tree = new Tree({
    store: new MapNodeStore(),
    sessions: new SessionTable(),
    digest: DIGEST_ZERO,
    lastApplied: ZXID_ZERO,
  });
  readonly desk: LeaderDesk = this.reign(3);
  #serial = 0;

  /** A new leader's desk over the same tree. */
  reign(epoch: number): LeaderDesk {
    return new LeaderDesk({
      reconfig: undefined,
      storageLimitBytes: 1_000_000,
      sessionsMax: 100,
      log: () => undefined,
      sid: 1,
      instance: 1,
      tree: this.tree,
      nextZxid: { epoch, counter: 1 },
      nowMs: 0,
      lostGraceMs: 1500,
    });
  }

  forward(from: Sid, request: WriteRequest, session = SESSION, generation: Generation = ZXID_ZERO): void {
    const origin = { sid: from, instance: 1, serial: ++this.#serial };
    const forwarded = { origin, session, generation, xid: 1, identities: [], request };
    this.desk.handle(from, { kind: "forward", requests: [forwarded] }, 0);
  }

  create(from: Sid, path: string, generation?: Generation): void {
    const request = { op: "create", path, data: null, acl: OPEN_ACL, flags: 0, ttlMs: 0 } as const;
    this.forward(from, request, SESSION, generation);
  }

  /** Opens the session at replica 2. */
  open(): this {
    this.desk.handle(2, { kind: "hello", owned: [] }, 0);
    this.desk.takeAnswers();
    this.forward(2, { op: "createSession", timeoutMs: 4000, password: PASSWORD });
    this.apply();
    return this;
  }

  attach(from: Sid, password: Uint8Array = PASSWORD): readonly Addressed[] {
    const question = { kind: "attach", serial: 7, session: SESSION, password, timeoutMs: 9000 } as const;
    this.desk.handle(from, question, 0);
    return this.desk.takeAnswers();
  }

  /** Lets time pass; replica 2, which said hello, answers what it is asked and heard nobody. */
  tick(nowMs: number): void {
    this.desk.tick(nowMs);
    for (const { to, message } of this.desk.takeAnswers()) {
      if (message.kind !== "poll") continue;
      this.desk.handle(
        to,
        { kind: "touched", polledAtMs: message.clockMs, sessions: [], databaseBytes: 0, quietMs: 0 },
        nowMs,
      );
    }
  }

  /** Applies what was proposed; gives it. */
  apply(): readonly Txn[] {
    return this.desk.takeProposals().map(({ zxid, payload }) => {
      const { header, txn } = decodeTxn(payload);
      this.tree.apply(zxid, header, txn);
      this.desk.applied(zxid, header, txn);
      return txn;
    });
  }
}

function hello(desk: LeaderDesk, from: Sid, generation: Generation): readonly Addressed[] {
  desk.handle(from, { kind: "hello", owned: [{ session: SESSION, generation, timeoutMs: 4000 }] }, 0);
  return desk.takeAnswers().filter(({ message }) => message.kind !== "welcome");
}

describe("a session that moves", () => {
  it("writes of the replica it left are refused with -118, and those of its own are done", () => {
    const desk = new Desk().open();
    const generation = { epoch: 3, counter: 2 };
    expect(desk.attach(3)).toEqual([{ to: 2, message: { kind: "moved", session: SESSION, generation } }]);
    desk.create(2, "/late");
    desk.create(3, "/young", generation);
    const txns = desk.apply();

    const attached = { kind: "attached", serial: 7, generation, timeoutMs: 9000 };
    expect(desk.desk.takeAnswers()).toEqual([{ to: 3, message: attached }]);
    expect(txns[0]).toEqual({ kind: "barrier", path: "" });
    expect(txns[1]).toEqual({ kind: "error", code: -118 });
    expect(txns[2]).toMatchObject({ kind: "create", path: "/young" });
  });

  it("may do so before its leader knows that it has come about, and end there", () => {
    const desk = new Desk();
    desk.desk.handle(2, { kind: "hello", owned: [] }, 0);
    desk.desk.takeAnswers();
    desk.forward(2, { op: "createSession", timeoutMs: 4000, password: PASSWORD });

    const wrong = desk.attach(3, new Uint8Array(16));
    expect(wrong).toEqual([{ to: 3, message: { kind: "refused", serial: 7 } }]);
    const generation = { epoch: 3, counter: 2 };
    expect(desk.attach(3)).toEqual([{ to: 2, message: { kind: "moved", session: SESSION, generation } }]);
    desk.forward(3, { op: "closeSession" }, SESSION, generation);
    desk.apply();

    expect(desk.desk.takeAnswers(), "its end came behind it").toEqual([]);
    expect(desk.desk.sessionCount).toBe(0);
    expect(desk.tree.sessions.get(SESSION)).toBeUndefined();
  });

  it("is attached where it came before that", () => {
    const desk = new Desk();
    desk.desk.handle(2, { kind: "hello", owned: [] }, 0);
    desk.forward(2, { op: "createSession", timeoutMs: 4000, password: PASSWORD });
    desk.attach(3);
    desk.apply();

    const attached = { kind: "attached", serial: 7, generation: { epoch: 3, counter: 2 }, timeoutMs: 9000 };
    expect(desk.desk.takeAnswers()).toEqual([{ to: 3, message: attached }]);
  });

  it("writes of older connections at a replica to which it comes back are refused, too", () => {
    const desk = new Desk().open();
    desk.attach(3);
    desk.create(3, "/second", { epoch: 3, counter: 2 });
    desk.attach(2);
    desk.create(2, "/late");
    desk.create(2, "/third", { epoch: 3, counter: 4 });
    const [, second, , late, third] = desk.apply();

    expect(second).toMatchObject({ kind: "create", path: "/second" });
    expect(late).toEqual({ kind: "error", code: -118 });
    expect(third).toMatchObject({ kind: "create", path: "/third" });
  });

  it("each attachment is younger than the one before, and a replica need not let go of its own", () => {
    const desk = new Desk().open();
    const kinds = [3, 3, 2].map((sid) => {
      const moved = [...desk.attach(sid)];
      desk.apply();
      return [...moved, ...desk.desk.takeAnswers()].map(({ to, message }) => `${to} ${message.kind}`);
    });

    expect(kinds).toEqual([["2 moved", "3 attached"], ["3 attached"], ["3 moved", "2 attached"]]);
  });

  it("no password but its own will do: not a shorter, a longer, or one that differs at either end", () => {
    const desk = new Desk().open();
    const first = PASSWORD.with(0, 6);
    const last = PASSWORD.with(15, 6);
    const wrong = [new Uint8Array(0), PASSWORD.slice(0, 15), new Uint8Array(17).fill(5), first, last];
    const refusals = wrong.map((password) => desk.attach(3, password));

    for (const answers of refusals)
      expect(answers).toEqual([{ to: 3, message: { kind: "refused", serial: 7 } }]);
    desk.attach(3);
    desk.apply();
    expect(desk.desk.takeAnswers().at(-1)?.message.kind).toBe("attached");
  });

  it("nobody is let in before that is committed, nor once a younger connection or the end has come", () => {
    const desk = new Desk().open();
    const attached = (): readonly string[] =>
      desk.desk.takeAnswers().flatMap(({ to, message }) => (message.kind === "attached" ? [`${to}`] : []));
    desk.attach(3);
    expect(attached()).toEqual([]);
    desk.attach(2);
    desk.apply();
    expect(attached()).toEqual(["2"]);

    desk.attach(3);
    desk.forward(3, { op: "closeSession" }, SESSION, { epoch: 3, counter: 4 });
    desk.apply();
    expect(attached()).toEqual([]);
  });

  it("is refused once its closing is proposed, though it is still in the tree", () => {
    const desk = new Desk().open();
    desk.forward(2, { op: "closeSession" });

    expect(desk.attach(3)).toEqual([]);
    expect(desk.tree.sessions.get(SESSION)).toBeDefined();
    expect(desk.apply()).toHaveLength(1);
    expect(desk.tree.sessions.get(SESSION)).toBeUndefined();
    expect(desk.desk.takeAnswers()).toEqual([{ to: 3, message: { kind: "refused", serial: 7 } }]);
  });

  it("nobody is told that it is unknown before something proposed after the question is committed", () => {
    const desk = new Desk();
    expect(desk.attach(3)).toEqual([]);
    expect(desk.apply()).toEqual([{ kind: "barrier", path: "" }]);
    expect(desk.desk.takeAnswers()).toEqual([{ to: 3, message: { kind: "refused", serial: 7 } }]);
    desk.apply();
    expect(desk.desk.takeAnswers()).toEqual([]);
  });

  it("a replica that was lost meanwhile is told nothing: to its next instance the serial is another's", () => {
    const desk = new Desk();
    desk.attach(3);
    desk.desk.lost(3);
    desk.apply();
    expect(desk.desk.takeAnswers()).toEqual([]);
  });
});

describe("a new leader", () => {
  const [older, younger]: [Generation, Generation] = [
    { epoch: 3, counter: 4 },
    { epoch: 3, counter: 9 },
  ];

  it("lets the younger attachment win, whoever says hello first", () => {
    const desk = new Desk().open();
    const moved = { kind: "moved", session: SESSION, generation: younger } as const;
    const first = desk.reign(4);
    const second = desk.reign(5);

    expect([hello(first, 2, older), hello(first, 3, younger)]).toEqual([[], [{ to: 2, message: moved }]]);
    expect([hello(second, 3, younger), hello(second, 2, older)]).toEqual([[], [{ to: 2, message: moved }]]);
  });

  it("has connections closed whose session is gone", () => {
    const desk = new Desk();

    expect(hello(desk.reign(4), 2, older)).toEqual([
      { to: 2, message: { kind: "moved", session: SESSION, generation: { epoch: 3, counter: 5 } } },
    ]);
  });

  it("answers a hello with the last that was proposed before it", () => {
    const desk = new Desk().open();
    desk.create(2, "/a");
    desk.desk.handle(2, { kind: "hello", owned: [] }, 0);

    expect(desk.desk.takeAnswers()).toEqual([
      { to: 2, message: { kind: "welcome", upTo: { epoch: 3, counter: 2 } } },
    ]);
  });
});

describe("time at the desk", () => {
  it("a session is closed once its timeout has passed on a clock that moves 250 ms a tick at most", () => {
    const desk = new Desk().open();
    for (let nowMs = 1000; nowMs <= 16_000; nowMs += 1000) desk.tick(nowMs);
    expect(desk.apply()).toEqual([]);
    for (let nowMs = 17_000; nowMs <= 18_000; nowMs += 1000) desk.tick(nowMs);

    expect(desk.apply()).toEqual([{ kind: "closeSession" }]);
    expect(desk.desk.expiredCount).toBe(1);
  });

  it("each word from it starts its timeout again; time that goes back does not", () => {
    const desk = new Desk().open();
    let nowMs = 1_000_000;
    const live = (durationMs: number): void => {
      for (const endMs = nowMs + durationMs; nowMs < endMs;) desk.tick((nowMs += 50));
    };
    live(3600);
    desk.desk.handle(
      2,
      { kind: "touched", polledAtMs: 0, sessions: [SESSION, 99n], databaseBytes: 0, quietMs: 0 },
      nowMs,
    );
    live(3600);
    expect(desk.desk.sessionCount).toBe(1);
    nowMs -= 100_000;
    live(1000);

    expect(desk.desk.sessionCount).toBe(0);
    expect(desk.apply()).toEqual([{ kind: "closeSession" }]);
  });

  it("an answer that comes late tells of the time when it was asked for: what was heard since is on its way", () => {
    const desk = new Desk().open();
    const answer = (polledAtMs: number, nowMs: number): void => {
      desk.desk.handle(2, { kind: "touched", polledAtMs, sessions: [], databaseBytes: 0, quietMs: 0 }, nowMs);
    };
    for (let nowMs = 250; nowMs <= 3750; nowMs += 250) desk.tick(nowMs);
    for (let nowMs = 4000; nowMs <= 6000; nowMs += 250) desk.desk.tick(nowMs);

    answer(3750, 6000);
    desk.desk.tick(6050);
    expect(desk.apply()).toEqual([]);
    answer(6000, 6050);
    desk.desk.tick(6100);
    expect(desk.apply()).toEqual([{ kind: "closeSession" }]);
  });

  it("replicas that serve are asked whom they heard, four times a second, and those that are lost are not", () => {
    const desk = new Desk().open();
    desk.desk.handle(3, { kind: "hello", owned: [] }, 0);
    desk.desk.takeAnswers();
    desk.desk.lost(2);
    const polls: Addressed[] = [];
    for (let nowMs = 50; nowMs <= 1000; nowMs += 50) {
      desk.desk.tick(nowMs);
      polls.push(...desk.desk.takeAnswers());
    }

    expect(polls).toEqual(
      [250, 500, 750, 1000].map((clockMs) => ({ to: 3, message: { kind: "poll", clockMs } })),
    );
  });
});
