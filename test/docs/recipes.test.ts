/**
 * docs/recipes.md is complete and true: every recipe of Curator and kazoo stands in it, everything that is
 * published as a recipe does, and the tests that it names exist. docs/recipes-failures.md is what the recipes' own
 * files say.
 */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import * as published from "../../src/recipes/index.ts";
import { failureStories, storiedFiles } from "./recipe-stories.ts";

/** Classes of curator-recipes 5.9.0 and curator-x-discovery that a program makes for itself. */
const CURATOR: readonly string[] = `
  InterProcessMutex InterProcessSemaphoreMutex InterProcessReadWriteLock InterProcessSemaphore
  InterProcessSemaphoreV2 InterProcessMultiLock Revoker Revocable Locker LeaderLatch
  LeaderSelector CancelLeadershipException DistributedBarrier DistributedDoubleBarrier
  SharedCount SharedValue DistributedAtomicInteger DistributedAtomicLong DistributedAtomicValue
  CachedAtomicInteger CachedAtomicLong NodeCache PathChildrenCache TreeCache CuratorCache
  CuratorCacheBridge PersistentNode PersistentTtlNode PersistentEphemeralNode GroupMember
  PersistentWatcher SimpleDistributedQueue DistributedQueue DistributedIdQueue
  DistributedPriorityQueue DistributedDelayQueue QueueSharder BlockingQueueConsumer
  ServiceDiscovery ServiceCache ServiceProvider ServiceInstance UriSpec
`
  .trim()
  .split(/\s+/);

/** What kazoo 2.11 has in kazoo.recipe. */
const KAZOO: readonly string[] = `
  Lock ReadLock WriteLock Semaphore NonBlockingLease MultiNonBlockingLease Election Party
  ShallowParty Counter Barrier DoubleBarrier Queue LockingQueue SetPartitioner DataWatch
  ChildrenWatch PatientChildrenWatch TreeCache
`
  .trim()
  .split(/\s+/);

/** Published beside the recipes: what they give, throw and read. */
const NO_RECIPES = ["Hold", "MultiHold", "RecipeError", "buildUri", "SdkRecipeClient", "connectRecipes"];

interface Row {
  readonly curator: readonly string[];
  readonly kazoo: readonly string[];
  readonly here: string;
  readonly crash: string;
  readonly replica: string;
}

const ROWS: readonly Row[] = readFileSync("docs/recipes.md", "utf8")
  .split("### ")
  .slice(1)
  .flatMap((section) => section.split("\n").filter((line) => /^\| (?!Curator \||---)/.test(line)))
  .map((line) => {
    const [, curator = "", kazoo = "", here = "", crash = "", replica = ""] = line
      .split("|")
      .map((cell) => cell.trim());
    const names = (cell: string): readonly string[] => cell.split(", ").filter((name) => name !== "");
    return { curator: names(curator), kazoo: names(kazoo), here: here.replaceAll("`", ""), crash, replica };
  });

const HERE = ROWS.filter(({ here }) => here !== "no");

describe("docs/recipes.md", () => {
  test("lists every recipe of Curator and of kazoo", () => {
    const missing = (names: readonly string[], of: (row: Row) => readonly string[]): readonly string[] =>
      names.filter((name) => !ROWS.some((row) => of(row).includes(name)));
    expect(missing(CURATOR, ({ curator }) => curator)).toEqual([]);
    expect(missing(KAZOO, ({ kazoo }) => kazoo)).toEqual([]);
  });

  test("lists what is published, and nothing else; the rest has a reason", () => {
    const listed = HERE.map(({ here }) => here);
    expect(listed.toSorted()).toEqual(
      Object.keys(published)
        .filter((name) => !NO_RECIPES.includes(name))
        .toSorted(),
    );
    for (const { here, crash } of ROWS) if (here === "no") expect(crash).not.toBe("");
  });

  test.each(HERE.map((row) => [row.here, row] as const))(
    "%s: a test with the death of who holds it, and one with the loss of replicas",
    (_, { crash, replica }) => {
      for (const cell of replica === "the same" ? [crash] : [crash, replica]) {
        const [, path = "", title = ""] = /^`([^`]+)` "(.+)"$/.exec(cell) ?? [];
        expect(existsSync(path), `${cell}`).toBe(true);
        const source = readFileSync(path, "utf8");
        const at = source.indexOf(`"${title}"`);
        expect(at, `${cell}`).toBeGreaterThan(0);
        expect(source.slice(at, at + 4000), `${cell}`).toMatch(
          /abandon\(\)|loseReplica|loseLeader|world\.crash/,
        );
      }
    },
  );

  test("each recipe's file tells what can go wrong, and docs/recipes-failures.md says the same", async () => {
    expect(storiedFiles().length).toBeGreaterThanOrEqual(HERE.length - 2);
    await expect(failureStories()).toMatchFileSnapshot("../../docs/recipes-failures.md");
  });
});
