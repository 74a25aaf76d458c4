/** What a replica may fall asleep over. */
import { describe, expect, it } from "vitest";
import { OPEN_ACL } from "../../../src/base/acl.ts";
import { must } from "../../../src/base/assert.ts";
import type { SessionLeft, Txn } from "../../../src/base/txn.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import { Script } from "./script.ts";

const SESSION = 0x1000n;
const TIMEOUT_MS = 4000;

/** Replica 3 leads, and has answered the handshake of a client. */
function opening(): Script {
  const script = new Script();
  for (const sid of script.sids) script.start(sid);
  script.reign(3, 1);
  const creation = { kind: "createSession", timeoutMs: TIMEOUT_MS, password: new Uint8Array(16) } as const;
  script.commit(3, script.next(3, 1, creation, SESSION));
  script.hear(3);
  script.welcome(3, SESSION, TIMEOUT_MS);
  return script;
}

/** The ensemble sleeps, with what these sessions have left; replica 3 over its client. */
function sleep(script: Script, sessions: readonly SessionLeft[] = []): void {
  const txn: Txn = { kind: "dormant", horizonMs: 0, wakeInMs: undefined, sessions };
  script.commit(3, script.next(3, 1, txn));
  script.fallAsleep(3, { session: SESSION, timeoutMs: TIMEOUT_MS });
}

function latest(script: Script): Zxid {
  return must(script.actor(3).held.log.at(-1), "a proposal").zxid;
}

/** Creates /a, which is the session's. */
function own(script: Script): void {
  const owner = { mode: "ephemeral", session: SESSION } as const;
  const node = { path: "/a", data: new Uint8Array(0), acl: OPEN_ACL, owner };
  script.commit(
    3,
    script.next(3, 1, { kind: "create", ...node, parentCreates: 1, withStat: false }, SESSION),
  );
}

describe("a replica falls asleep", () => {
  it("over a client that was answered all it has asked for", () => {
    const script = opening();
    script.hear(3);
    script.reply(3, latest(script));

    expect(() => sleep(script)).not.toThrow();
  });

  it("but not over one that it owes an answer: ParkedIsOwedNothing", () => {
    const script = opening();
    script.hear(3);

    expect(() => sleep(script)).toThrow("ParkedIsOwedNothing");
  });

  it("and an event or the word that it may doze is no answer: ParkedIsOwedNothing", () => {
    const script = opening();
    script.hear(3);
    script.reply(3, latest(script), -1);
    script.reply(3, latest(script), -64);

    expect(() => sleep(script)).toThrow("ParkedIsOwedNothing");
  });

  it("over a client that owns something, where it is known how long its session lives", () => {
    const script = opening();
    own(script);

    expect(() => sleep(script, [{ session: SESSION, leftMs: 1 }])).not.toThrow();
  });

  it("but not where nobody knows that: OwnersAreKnown", () => {
    const script = opening();
    own(script);

    expect(() => sleep(script)).toThrow("OwnersAreKnown");
  });
});
