/** A client of a run that dozes: it does as the SDK does. */
import { describe, expect, it } from "vitest";
import { seededRng } from "../../../src/base/rng.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { ClientRequest } from "../../../src/jute/requests.ts";
import { SLEPT_OVER } from "../history/types.ts";
import { DriftingClock } from "./client-clock.ts";
import { FakePort, type FakeReplica } from "./fake-port.ts";
import { Recorder } from "./recorder.ts";
import { SessionClient } from "./session-client.ts";

const SYNC: ClientRequest = { op: "sync", path: "/a" };
const WORD_WITHIN_MS = 10_000;

function at(counter: number): Zxid {
  return { epoch: 1, counter };
}

/** A client that dozes at the replica. */
function dozing(): { port: FakePort; recorder: Recorder; client: SessionClient; replica: FakeReplica } {
  const port = new FakePort();
  const recorder = new Recorder(port);
  const [clock, rng] = [new DriftingClock(port, 1), seededRng([1, 2, 3, 4])];
  const client = new SessionClient({ name: "c", port, clock, rng, recorder, timeoutMs: 4000, owner: {} });
  client.start();
  const replica = port.last.welcome().letDoze(at(1), WORD_WITHIN_MS);
  return { port, recorder, client, replica };
}

/** Time passes, in which the runtime answers every ping. */
function pingedFor(port: FakePort, replica: FakeReplica, durationMs: number): void {
  for (let ms = 0; ms < durationMs; ms += 500) {
    port.run(500);
    if (replica.words.splice(0).includes("ping")) replica.word("pong");
  }
}

describe("a client that dozes", () => {
  it("asks again, once it is called and back, for what its replica slept over, and only then tells the outcome", () => {
    const { recorder, client, replica } = dozing();
    const told: string[] = [];
    client.ask(SYNC, ({ outcome }) => told.push(outcome.kind));
    replica.arrived.length = 0;
    replica.word("awake");
    expect(replica.words).toEqual(["again"]);
    expect(client.isQuiet).toBe(false);

    replica.welcome();
    const { xid, request } = replica.take();
    expect(request).toEqual(SYNC);
    replica.reply(xid, at(2), { op: "path", path: "/a" });

    expect(told).toEqual(["answered"]);
    const outcomes = recorder.history().operations.map(({ outcome }) => outcome);
    expect(outcomes).toMatchObject([{ kind: "unknown", reason: SLEPT_OVER }, { kind: "answered" }]);
  });

  it("tells that it was not done what its replica slept over, where its session is over by then", () => {
    const { client, replica } = dozing();
    const told: string[] = [];
    client.ask(SYNC, ({ outcome }) => told.push(outcome.kind));
    replica.word("awake").refuse();

    expect(told).toEqual(["unknown"]);
    expect(client.isQuiet).toBe(true);
  });

  it("leaves a replica of which it hears no word in time, though its pings are answered", () => {
    const { port, replica } = dozing();
    pingedFor(port, replica, WORD_WITHIN_MS - 2000);
    expect(replica.ending).toBeUndefined();

    replica.word("word");
    pingedFor(port, replica, WORD_WITHIN_MS - 2000);
    expect(replica.ending).toBeUndefined();

    pingedFor(port, replica, 4000);
    expect(replica.ending).toBe("close");
  });
});
