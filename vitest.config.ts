import { defineConfig } from "vitest/config";

/** `pure` runs in Node in seconds; `system` drives real processes (workerd, clients) and takes minutes. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "pure",
          include: ["test/{base,jute,tree,zab,keeper}/**/*.test.ts", "test/*.test.ts"],
        },
      },
      {
        test: {
          name: "system",
          include: ["test/{platform,system,chaos}/**/*.test.ts"],
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
