import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";
import type { ViteUserConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Tests that drive real processes (workerd, clients). */
const SYSTEM_TESTS = ["test/{platform,system,chaos}/**/*.test.ts"];

/** What measures time or memory, and would measure a neighbour too, or needs the machine for itself: after all others. */
const ALONE = [
  "test/platform/gate.test.ts",
  "test/system/{bench,fuzz,slow-readers}.test.ts",
  // Seven replicas under load are enough for two cores.
  "test/chaos/chaos-of-many.test.ts",
];

/**
 * What is started first, as a clean clone knows no times of an earlier run, and a long file that comes last has a whole
 * machine wait for it. One that computes stands beside one that waits.
 */
const LONGEST = [
  "test/chaos/chaos.test.ts",
  "test/system/parking.test.ts",
  "test/system/dormancy.test.ts",
  "test/platform/lifetime.test.ts",
  "test/system/transfer.test.ts",
  "test/system/members.test.ts",
  "test/system/dashboard.test.ts",
  "test/system/vanishing-clients.test.ts",
  "test/chaos/chaos-of-changes.test.ts",
  "test/system/http-faults.test.ts",
  "test/system/dashboard-checks.test.ts",
  "test/system/package-run.test.ts",
  "test/system/docs-blocks.test.ts",
  "test/system/recordings.test.ts",
  "test/system/docs-site.test.ts",
  "test/system/restart.test.ts",
  "test/system/differential.test.ts",
];

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

/**
 * A test that asserts nothing proves nothing: it fails. What is waited for may take long on a busy machine: the poll's own
 * second would be a bound that nobody meant. It must tell what it saw last before the test's own time is over.
 */
const EXPECT = { requireAssertions: true, poll: { timeout: 20_000 } };

/** Vitest would leave a core to itself, and it does nothing meanwhile. */
const CORES = availableParallelism();

/** How many files of real processes run at a time. They wait more than they compute: for elections, timeouts, sleep. */
const SYSTEM_LANES = 2;

/** Begins with LONGEST. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = LONGEST.findIndex((path) => moduleId.endsWith(`/${path}`));
      return at === -1 ? LONGEST.length : at;
    };
    const sorted: TestSpecification[] = await super.sort(files);
    return [...sorted].sort((a, b) => rank(a) - rank(b));
  }
}

/** `pure` runs in Node in seconds and takes every test that no other project does, so that no file is left out. */
const config: ViteUserConfig = defineConfig({
  test: {
    globalSetup: ["test/docs/named-tests-ran.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          name: "tidy",
          expect: EXPECT,
          include: [TIDY_TEST],
          testTimeout: BUSY_MACHINE_MS,
          maxWorkers: CORES,
        },
      },
      {
        test: {
          name: "pure",
          expect: EXPECT,
          include: ["test/**/*.test.ts"],
          testTimeout: BUSY_MACHINE_MS,
          maxWorkers: CORES,
          // No module under test holds state, which the tidy test sees to: one worker may run many files.
          isolate: false,
          pool: "threads",
          exclude: [...configDefaults.exclude, ...SYSTEM_TESTS, ...SIMULATIONS, TIDY_TEST],
        },
      },
      {
        test: {
          name: "sim",
          expect: EXPECT,
          include: SIMULATIONS,
          testTimeout: BUSY_MACHINE_MS,
          maxWorkers: CORES,
        },
      },
      {
        test: {
          name: "system",
          expect: EXPECT,
          include: SYSTEM_TESTS,
          exclude: [...configDefaults.exclude, ...ALONE],
          maxWorkers: SYSTEM_LANES,
          sequence: { groupOrder: 1 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: "alone",
          expect: EXPECT,
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});

export default config;
