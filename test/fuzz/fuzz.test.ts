/** A short run of each target, and that it still reaches what it is for: who is refused at once finds nothing. */
import { beforeAll, describe, expect, it } from "vitest";
import { CLIENT_OPS } from "./client-frames.ts";
import { stepsText, readSteps, Tally, step } from "./episode.ts";
import { playEpisode, reaching } from "./fuzzer.ts";
import { minimized } from "./minimize.ts";
import { LEADER_KINDS, LEARNER_KINDS } from "./peer-messages.ts";
import { readArguments } from "./arguments.ts";
import type { Target } from "./target.ts";
import { targetOf } from "./targets.ts";
import { must } from "../../src/base/assert.ts";

const SEED = 7;

/** Seconds where nobody else uses the machine. */
const BUSY_MACHINE_MS = 180_000;

/** Plays so many episodes of a target; gives what came about, and the frames that were taken in. */
async function played(
  name: string,
  episodes: number,
): Promise<{ readonly tally: Tally; readonly frames: number }> {
  const target = must(targetOf(name), "a target");
  const tally = new Tally();
  let frames = 0;
  for (let episode = 0; episode < episodes; episode++) {
    const outcome = await playEpisode(target, { seed: SEED, episode }, tally);
    if (typeof outcome !== "number") throw new Error(`episode ${episode} of seed ${SEED}: ${outcome.what}`);
    frames += outcome;
  }
  return { tally, frames };
}

function missing(tally: Tally, wanted: readonly string[]): readonly string[] {
  return wanted.filter((what) => tally.of(what) === 0);
}

describe("the clients' door", () => {
  /** What has no fields can not be undecodable. */
  const WITHOUT_FIELDS = new Set(["ping", "whoAmI", "closeSession"]);
  /** Outside of a multi a check is no request; see test/keeper/requests.test.ts. */
  const NEVER_DONE = new Set(["check"]);
  /** Refused only where a login was wrong before, or never. */
  const SELDOM_REFUSED = new Set([
    "ping",
    "whoAmI",
    "closeSession",
    "getEphemerals",
    "multiRead",
    "setWatches",
    "setWatches2",
    "sync",
  ]);
  let tally: Tally;
  let frames: number;

  beforeAll(async () => {
    ({ tally, frames } = await played("client", 40));
  }, BUSY_MACHINE_MS);

  it("takes in what it is sent, and finds nothing", () => {
    expect(frames).toBeGreaterThan(15_000);
  });

  it("every operation is read and done, refused, and found undecodable", () => {
    const wanted = CLIENT_OPS.flatMap((op) => [
      `${op} decoded`,
      ...(NEVER_DONE.has(op) ? [] : [`${op} done`]),
      ...(SELDOM_REFUSED.has(op) ? [] : [`${op} refused`]),
      ...(WITHOUT_FIELDS.has(op) ? [] : [`${op} undecodable`]),
    ]);
    expect(missing(tally, wanted)).toEqual([]);
  });

  it("sessions are given and refused, watches fire, and frames are wrong in each way", () => {
    const wanted = [
      "session given",
      "word answered",
      "session refused",
      "event",
      "headerless",
      "unknownOpcode",
      "frame with a bad length",
    ];
    expect(missing(tally, wanted)).toEqual([]);
  });
});

describe("the links", () => {
  it(
    "every message is read by a replica that expects another, and the misled come back",
    async () => {
      const { tally, frames } = await played("peers", 60);

      const kinds: readonly string[] = [...LEADER_KINDS, ...LEARNER_KINDS];
      const told = ["hello", "forward", "attach", "touched", "digest", "unsound"];
      const answers = ["welcome", "attached", "refused", "poll", "moved", "diverged", "trace"];
      const wanted = [...kinds, ...told, ...answers].map((kind) => `${kind} decoded`);
      const ends = [
        "link stays",
        "link closed",
        "misled and back",
        "has a liar's history",
        "undecodable frame",
      ];
      const notes = ["notification decoded", "undecodable notification"];
      expect(missing(tally, [...wanted, ...ends, ...notes])).toEqual([]);
      expect(frames).toBeGreaterThan(5000);
    },
    BUSY_MACHINE_MS,
  );
});

describe("records", () => {
  it("every kind is read and refused", async () => {
    const { tally, frames } = await played("records", 30);

    const kinds = [
      "txn",
      "proposals",
      "znode",
      "part",
      "summary",
      "notification",
      "link",
      "request",
      "hello",
      "welcome",
    ];
    expect(
      missing(
        tally,
        kinds.flatMap((kind) => [`${kind} read`, `${kind} refused`]),
      ),
    ).toEqual([]);
    expect(frames).toBe(15_000);
  });
});

describe("the gateway", () => {
  it("every entry of a replica is asked, and every status given", async () => {
    const { tally } = await played("gateway", 20);

    const asked = ["command", "metrics", "move-leader", "status", "stream", "zk"].map(
      (entry) => `asked /gateway/${entry}`,
    );
    const statuses = [200, 202, 400, 401, 403, 404, 409, 410, 426, 501].map((status) => `status ${status}`);
    expect(missing(tally, [...asked, ...statuses, "identity proven", "no URL"])).toEqual([]);
  });
});

describe("what is found", () => {
  const bad = Uint8Array.of(1, 2, 9, 4);
  const broken: Target = {
    name: "broken",
    make: (dice) =>
      Array.from({ length: 40 }, (_, at) => step("send", at, at === 23 ? bad : dice.bytes(5).fill(1))),
    play: (steps, tally) => {
      if (steps.some(({ bytes }) => bytes.includes(9))) throw new Error("nine");
      tally?.hit("played");
      return steps.length;
    },
  };

  it("is told with its seed and episode, and made as small as it goes", async () => {
    const failure = await playEpisode(broken, { seed: 3, episode: 4 });

    expect(failure).toMatchObject({ target: "broken", seed: 3, episode: 4 });
    const { steps } = must(typeof failure === "number" ? undefined : failure, "a failure");
    const small = await minimized(steps, (candidate) => {
      return Promise.resolve(candidate.some(({ bytes }) => bytes.includes(9)));
    });
    expect(small).toEqual([step("send", 23, Uint8Array.of(1, 2, 9))]);
  });

  it("is the same when it is written and read", () => {
    const steps = [step("open", 3), step("send", -1, Uint8Array.of(0, 255)), step("check")];
    expect(readSteps(`# a reason\n${stepsText(steps)}`)).toEqual(steps);
  });

  it("what is reached is made small too", async () => {
    const quiet: Target = { ...broken, make: () => [step("a"), step("b")] };
    expect([...(await reaching(quiet, { seed: 1, episodes: 2 }))]).toEqual([["played", []]]);
  });
});

describe("the command line", () => {
  it("knows its targets, and says what is wrong", () => {
    const read = (...args: string[]): unknown => readArguments(args, ["client", "peers"], 5000);
    expect(read("--target", "client", "--frames", "9")).toMatchObject({
      target: "client",
      frames: 9,
      seed: 5,
    });
    expect(read("--target", "x")).toEqual({ error: '--target is "x": it must be one of client, peers' });
    expect(read("--episode", "1")).toMatchObject({ error: expect.stringContaining("--seed") as string });
    expect(read("--minutes", "x")).toMatchObject({
      error: expect.stringContaining("whole number") as string,
    });
    expect(read("--help")).toBe("help");
  });
});
