/** Words of clients that come when a session's time is over, or nearly so. */
import { expect, it } from "vitest";
import { Violation } from "../verdict.ts";
import { Script } from "./script.ts";

const SESSION = 0x1000n;
const TIMEOUT_MS = 4000;

/** Replica 3 leads; a client of it has a session. */
function opening(): Script {
  const script = new Script();
  for (const sid of script.sids) script.start(sid);
  script.reign(3, 1);
  const creation = { kind: "createSession", timeoutMs: TIMEOUT_MS, password: new Uint8Array(16) } as const;
  script.commit(3, script.next(3, 1, creation, SESSION));
  script.welcome(3, SESSION, TIMEOUT_MS);
  return script;
}

function expire(script: Script): void {
  script.append(3, script.next(3, 1, { kind: "closeSession" }, SESSION));
}

it("a session may be expired whose client spoke, and spoke again, when its time was over", () => {
  const script = opening();
  script.pass(TIMEOUT_MS + 10);
  script.hear(3);
  script.hear(3);

  expect(() => expire(script)).not.toThrow();
});

it("no session may be expired whose client spoke too late once, and in time since", () => {
  const script = opening();
  script.pass(TIMEOUT_MS + 10);
  script.hear(3);
  script.pass(TIMEOUT_MS - 500);
  script.hear(3);

  expect(() => expire(script)).toThrow(Violation);
});

it("no session may be expired whose client's ping the runtime has answered in time", () => {
  const script = opening();
  script.pass(TIMEOUT_MS - 1000);
  script.pong(3);
  script.pass(TIMEOUT_MS - 10);

  expect(() => expire(script)).toThrow("SessionNotExpiredEarly");
});

it("a session may be expired of whose last answered ping the leader cannot know, or behind a fault", () => {
  const late = opening();
  late.pass(TIMEOUT_MS);
  late.pong(3);
  late.pass(100);
  expect(() => expire(late)).not.toThrow();

  const faulty = opening();
  faulty.pass(1000);
  faulty.judgement.observer.fault({ kind: "evict", sid: 1 }, "begins");
  faulty.pass(TIMEOUT_MS - 2000);
  faulty.pong(3);
  faulty.pass(1500);
  expect(() => expire(faulty)).not.toThrow();
});
