/** What the starter is made of, as far as it needs no runtime. */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { makeDirectory } from "../../src/cli/data-directory.ts";
import { type Health, HealthPatience } from "../../src/cli/health.ts";
import { withoutStacks } from "../../src/cli/runtime-output.ts";

describe("makeDirectory", () => {
  let directory = "";

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "edgekeeper-directory-"));
  });

  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test("makes every level that is missing, and takes what is there", () => {
    const path = join(directory, "a", "b", "c");
    makeDirectory(path);
    makeDirectory(path);

    expect(existsSync(path)).toBe(true);
  });

  test("a file in the way is named", () => {
    const file = join(directory, "file");
    writeFileSync(file, "");

    expect(() => makeDirectory(file)).toThrow(`${file} is a file`);
    expect(() => makeDirectory(join(file, "data"))).toThrow("choose another with --data");
  });

  test.runIf(process.platform === "linux")("a file system that takes no entries is an error at once", () => {
    expect(() => makeDirectory("/proc/nope/storage")).toThrow("cannot make the directory /proc/nope/storage");
  });
});

describe("HealthPatience", () => {
  const answer = (code: number | undefined): Health => ({ code, detail: "" });

  test("an ensemble that elects, or is not there yet, is waited for", () => {
    const patience = new HealthPatience();

    for (let asked = 0; asked < 100; asked++) {
      expect(patience.nextAskMs(answer(asked % 2 === 0 ? 503 : undefined))).toBeLessThan(100);
    }
  });

  test.each([500, 403, 404])("the third %i in a row, after a second, is the last", (code) => {
    const patience = new HealthPatience();
    const first = patience.nextAskMs(answer(code)) ?? 0;
    const second = patience.nextAskMs(answer(code)) ?? 0;

    expect(first + second).toBe(1000);
    expect(patience.nextAskMs(answer(code))).toBeUndefined();
  });

  test("one that recovers starts anew", () => {
    const patience = new HealthPatience();
    for (const code of [500, 500, 503, 500, 500]) {
      expect(patience.nextAskMs(answer(code))).toBeDefined();
    }
  });
});

test("a failure that is told again and again is told once, without its stack", () => {
  const once =
    "workerd: error: Uncaught exception: it broke\nstack: /a@b /c@d\n    at fetch (worker.js:1:2)\n";

  expect(withoutStacks(`${once}other\n${once}`)).toBe("workerd: error: Uncaught exception: it broke\nother");
});
