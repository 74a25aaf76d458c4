import { expect, test } from "vitest";
import { OpenSession } from "./recorder.ts";

function sessionHeardAt(...momentsMs: readonly number[]): OpenSession {
  const session = new OpenSession({ client: "c1", session: 1n, timeoutMs: 4000, lastHeardMs: 0 });
  for (const moment of momentsMs) session.heard(moment);
  return session;
}

test("a session was heard when its last answered word was sent", () => {
  expect(sessionHeardAt(1000, 3000, 2000).lastHeardMs).toBe(3000);
});

test("a word that ends a whole timeout of silence may be too late, and does not count", () => {
  expect(sessionHeardAt(1000, 6000, 6500).lastHeardMs).toBe(1000);
});

test("who is still heard three seconds later was in time", () => {
  expect(sessionHeardAt(1000, 6000, 7500, 9000).lastHeardMs).toBe(9000);
});

test("a second silence of a whole timeout is one more, whatever the first came to", () => {
  expect(sessionHeardAt(1000, 6000, 7000, 11_500).lastHeardMs).toBe(1000);
});
