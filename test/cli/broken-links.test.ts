/** Which lines of a runtime a starter keeps to itself when the process of a replica is lost, and which never. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";

import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";

import { BrokenLinks } from "../../src/cli/broken-links.ts";

const COMPLAINT =
  "workerd/jsg/util.c++:320: error: e = rust/worker/ffi.rs:104: failed: No such file or directory (os error 2)\n";
const PLACE =
  "stack: /bin/workerd@2b5edc0 /bin/workerd@3fe4230; sentryErrorContext = jsgInternalError; wdErrId = a\n";

/** More than the time for which a complaint waits for a loss. */
const LATER_MS = 1500;

let directory: string;
let file: string;
let told: string[];
let links: BrokenLinks;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  directory = mkdtempSync(join(tmpdir(), "edgekeeper-links-"));
  file = join(directory, "broken-links.log");
  told = [];
  links = new BrokenLinks(file, (line) => told.push(line));
});

afterEach(() => {
  vi.useRealTimers();
  rmSync(directory, { recursive: true });
});

/** A runtime, and what of it came through so far. */
function runtime(): {
  readonly say: (text: string) => Promise<void>;
  readonly end: () => Promise<void>;
  printed: string;
} {
  const filter = links.filter();
  const one = {
    printed: "",
    say: async (text: string) => {
      filter.write(text);
      await setImmediate();
    },
    end: async () => {
      filter.end();
      await setImmediate();
    },
  };
  filter.on("data", (chunk: Buffer) => (one.printed += chunk.toString()));
  return one;
}

function kept(): string {
  return existsSync(file) ? readFileSync(file, "utf8") : "";
}

describe("what runtimes say of broken links", () => {
  test("goes to a file after a loss, which is told once, and all else passes", async () => {
    const one = runtime();
    links.lost();
    await one.say(`before\n${COMPLAINT}${PLACE}after\n${COMPLAINT}`);

    expect(one.printed).toBe("before\nafter\n");
    expect(kept()).toBe(COMPLAINT + PLACE + COMPLAINT);
    expect(told).toEqual([expect.stringContaining(file)]);
  });

  test("goes there, too, where it is said just before the loss is known", async () => {
    const one = runtime();
    await one.say(COMPLAINT + PLACE);
    expect(kept()).toBe("");
    links.lost();
    vi.advanceTimersByTime(LATER_MS);
    await setImmediate();

    expect(one.printed).toBe("");
    expect(kept()).toBe(COMPLAINT + PLACE);
  });

  test("is printed where nobody was lost, soon after, or once the runtime has ended", async () => {
    const one = runtime();
    await one.say(COMPLAINT + PLACE);
    vi.advanceTimersByTime(LATER_MS);
    await setImmediate();
    expect(one.printed).toBe(COMPLAINT + PLACE);

    await one.say(`${COMPLAINT}half a line`);
    await one.end();
    expect(one.printed).toBe(`${COMPLAINT}${PLACE}${COMPLAINT}half a line`);
    expect([kept(), told]).toEqual(["", []]);
  });

  test("is printed long after a loss, and where it is of something else", async () => {
    const one = runtime();
    links.lost();
    vi.advanceTimersByTime(20_000);
    await one.say(COMPLAINT);
    vi.advanceTimersByTime(LATER_MS);
    await setImmediate();
    expect(one.printed).toBe(COMPLAINT);

    links.lost();
    const others = `${COMPLAINT.replace("os error 2", "os error 28")}${PLACE}${PLACE}`;
    await one.say(others);
    expect(one.printed).toBe(COMPLAINT + others);
    expect(kept()).toBe("");
  });

  test("is said of nobody while all are stopped", async () => {
    const one = runtime();
    links.stopping();
    await one.say(COMPLAINT);

    expect([one.printed, kept(), told]).toEqual(["", COMPLAINT, []]);
  });

  test("is printed where the file is full", async () => {
    const one = runtime();
    links.lost();
    const count = Math.ceil((1024 * 1024) / COMPLAINT.length);
    await one.say(COMPLAINT.repeat(count));

    expect(one.printed).toBe(COMPLAINT);
    expect(kept()).toBe(COMPLAINT.repeat(count - 1));
  });
});
