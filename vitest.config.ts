import { configDefaults, defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";

/** Tests that drive real processes (workerd, clients): one file at a time, as they share ports and cores. */
const SYSTEM_TESTS = ["test/{platform,system,chaos}/**/*.test.ts"];

/** Whole simulated runs: seconds of pure computation that `npm run check` leaves to `npm test`. */
const SIMULATIONS = [
  "test/sim/{kept,random}.test.ts",
  "test/sim/world/*.test.ts",
  "test/sim/recipes/*.test.ts",
  "test/sim/clients/*-in-world.test.ts",
];

/** Reads the tree and breaks on style: reported apart from what breaks the product. */
const TIDY_TEST = "test/tidy.test.ts";

/** What takes seconds alone may take much longer where others use the machine: a hang is what this is for. */
const BUSY_MACHINE_MS = 60_000;

/** A test that asserts nothing proves nothing: it fails. */
const EXPECT = { requireAssertions: true };

/** `pure` runs in Node in seconds and takes every test that no other project does, so that no file is left out. */
const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: ["test/docs/named-tests-ran.ts"],
    projects: [
      { test: { name: "tidy", expect: EXPECT, include: [TIDY_TEST], testTimeout: BUSY_MACHINE_MS } },
      {
        test: {
          name: "pure",
          expect: EXPECT,
          include: ["test/**/*.test.ts"],
          testTimeout: BUSY_MACHINE_MS,
          // No module under test holds state, which the tidy test sees to: one worker may run many files.
          isolate: false,
          pool: "threads",
          exclude: [...configDefaults.exclude, ...SYSTEM_TESTS, ...SIMULATIONS, TIDY_TEST],
        },
      },
      { test: { name: "sim", expect: EXPECT, include: SIMULATIONS, testTimeout: BUSY_MACHINE_MS } },
      {
        test: {
          name: "system",
          expect: EXPECT,
          include: SYSTEM_TESTS,
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

export default config;
