import type { KnipConfig } from "knip";

/**
 * Dead code: what neither the Worker, nor a script of package.json, nor a test reaches. An export that only tests
 * use is in use.
 */
const config: KnipConfig = {
  entry: [
    // Built by wrangler or by a test as Workers of their own.
    "examples/*/src/worker.ts",
    "test/bench/floor/*.ts",
    "test/bound/*.ts",
    "test/examples/worker.ts",
    "test/faults/*.ts",
    "test/platform/worker/*.ts",
    // Copied by a test into a project that has installed the package.
    "test/package/use.ts",
    // The entries of the published package.
    "src/client/index.ts",
    "src/recipes/index.ts",
    "src/clusters/index.ts",
    "src/package-worker.ts",
    // Started as programs of their own; knip does not look behind the `exec` of npm start.
    "src/cli/start.ts",
    // Bundled by packaging/dashboard.ts into the page.
    "src/dashboard/main.tsx",
    "test/bench/responder.ts",
    // Run by hand, once for each release.
    "test/upgrade/make-data.ts",
    // Bundled by the starter: what a process of several runs beside the Worker.
    "src/local/namespace.ts",
    "src/local/switchboard.ts",
    // VitePress finds them by their names; its own programs make what it shows.
    "docs/.vitepress/config.ts",
    "docs/.vitepress/theme/index.ts",
    // Published as edgekeeper/binding.
    "src/binding/main.ts",
    "test/compat/clients/node/*.ts",
  ],
  project: [
    "src/**/*.{ts,tsx}",
    "test/**/*.ts",
    "examples/**/*.ts",
    "packaging/**/*.ts",
    "docs/.vitepress/**/*.ts",
  ],
  ignoreDependencies: [
    // Read by its path, for the page that it looks at.
    "axe-core",
    // Named to TypeDoc.
    "typedoc-plugin-markdown",
    // Run by its program's name, attw.
    "@arethetypeswrong/cli",
  ],
  // Of util-linux: it gives a program a terminal.
  ignoreBinaries: ["script"],
  // A type that a function takes or gives is part of its signature, whether or not somebody names it.
  ignoreExportsUsedInFile: { interface: true, type: true },
};

export default config;
