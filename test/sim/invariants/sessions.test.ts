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
