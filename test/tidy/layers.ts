/**
 * Who may import whom. The folder tree is the architecture, and this table is its law: ARCHITECTURE.md tells
 * why.
 */
import { posix } from "node:path";

import { importsOf, layerOf } from "./source.ts";
import type { ImportedModule, Rule, Source, Violation } from "./source.ts";

interface Allowance {
  /** Layers whose code it may run. */
  readonly layers: readonly string[];
  /** Layers of which it may know the types alone. */
  readonly types?: readonly string[];
  /** Packages; one that ends in a colon stands for all with that scheme. */
  readonly packages?: readonly string[];
}

const LAYERS: Readonly<Record<string, Allowance>> = {
  base: { layers: [] },
  jute: { layers: ["base"] },
  tree: { layers: ["base"] },
  zab: { layers: ["base"] },
  keeper: { layers: ["base", "jute", "tree", "zab"] },
  // The object puts the tree on its SQLite rows; of zab it knows the shape of log and writes, and calls nothing.
  // node:crypto is the platform's too: the one hash that answers without a promise.
  durable: {
    layers: ["base", "jute", "keeper", "tree", "trunk"],
    types: ["zab"],
    packages: ["cloudflare:", "node:crypto"],
  },
  // A page, and what a browser runs of it; the gateway knows the page that is made of it alone.
  dashboard: { layers: [], types: ["base"], packages: ["@preact/signals", "diff", "preact", "uplot"] },
  // What a Worker has that is bound to ours: published, so it leans on nothing.
  binding: { layers: [] },
  // The gateway runs what names and reaches a replica (durable's entry and settings), never what is inside one.
  gateway: {
    layers: ["base", "binding", "dashboard", "durable", "trunk"],
    packages: [
      "@cfworker/json-schema",
      "@hono/zod-openapi",
      "ajv",
      "ajv-draft-04",
      "cloudflare:",
      "hono",
      "jose",
    ],
  },
  client: { layers: ["base", "jute"] },
  recipes: { layers: ["base", "client"] },
  // A whole ensemble in simulated time: the code that ships, on a disk of node:sqlite. Tests run it, and plan.
  world: { layers: ["base", "client", "durable", "jute", "keeper", "tree", "zab"], packages: ["node:"] },
  // Many clients' connections in one stream: what door and replica say to each other.
  trunk: { layers: ["base"] },
  // What runs the Worker in several processes of one machine, outside of its bundle.
  local: { layers: [] },
  cli: { layers: ["base", "local", "trunk"], packages: ["node:", "commander", "smol-toml"] },
  // Other systems' znodes, read by the SDK's client: published as edgekeeper/clusters.
  clusters: { layers: ["base", "client"] },
  // TCP in front of a deployment's WebSocket door.
  bridge: { layers: ["base", "client"], packages: ["node:", "ws"] },
  // The npm bin: commands over the SDK, and what runs an ensemble here. Of keeper it runs the reader of snapshot files,
  // and whole replicas in the world that plan measures.
  program: {
    layers: ["base", "bridge", "cli", "client", "clusters", "jute", "keeper", "recipes", "world"],
    packages: ["node:", "commander", "jsonc-parser", "smol-toml", "ws"],
  },
  "worker.ts": { layers: ["base", "durable", "gateway"], packages: ["cloudflare:", "hono"] },
  // The same for Workers of others: published as edgekeeper/worker.
  "package-worker.ts": { layers: ["worker.ts"], types: ["binding"], packages: ["cloudflare:"] },
};

/** Imports go downwards only, and each layer knows the packages that it was given. */
export const layerRule: Rule = {
  name: "layers",
  check(source: Source): readonly Violation[] {
    const layer = layerOf(source.path);
    if (layer === undefined) return [];
    const allowance = LAYERS[layer];
    const at = { path: source.path, rule: "layers" };
    if (allowance === undefined) {
      const advice = `src/${layer} is no layer: use one that is, or add it here and to ARCHITECTURE.md`;
      return [{ ...at, line: 1, advice }];
    }
    const violations: Violation[] = [];
    for (const module of importsOf(source)) {
      const advice = complaintAbout({ path: source.path, layer, allowance, module });
      if (advice !== undefined) violations.push({ ...at, line: module.line, advice });
    }
    return violations;
  },
};

interface ImportSite {
  readonly path: string;
  readonly layer: string;
  readonly allowance: Allowance;
  readonly module: ImportedModule;
}

function complaintAbout({ path, layer, allowance, module }: ImportSite): string | undefined {
  const { specifier, typesOnly } = module;
  if (!specifier.startsWith(".")) {
    const packages = allowance.packages ?? [];
    if (packages.some((allowed) => isWithin(specifier, allowed))) return undefined;
    return `${layer} may not use the package ${specifier}: let a layer above hand in what you need`;
  }
  const target = posix.join(posix.dirname(path), specifier);
  const targetLayer = layerOf(target);
  if (targetLayer === undefined) return `${target} is outside src/: move what you need under src/`;
  if (targetLayer === layer || allowance.layers.includes(targetLayer)) return undefined;
  if (allowance.types?.includes(targetLayer) === true) {
    if (typesOnly) return undefined;
    return `${layer} may know ${targetLayer}'s types alone: write import type, or go through a layer below`;
  }
  const allowed = [...allowance.layers, ...(allowance.types ?? []).map((name) => `${name} (types)`)];
  const reach = allowed.length === 0 ? "nothing" : allowed.join(", ");
  return `${layer} may not import ${targetLayer}, only ${reach}: move the shared noun to base, or hand it in`;
}

function isWithin(specifier: string, allowed: string): boolean {
  if (allowed.endsWith(":")) return specifier.startsWith(allowed);
  return specifier === allowed || specifier.startsWith(`${allowed}/`);
}

/**
 * A relative import names the file as it is on disk, so that Node, the bundler and the reader find the same
 * one.
 */
export const extensionRule: Rule = {
  name: "import-extension",
  check(source: Source): readonly Violation[] {
    const wrong = importsOf(source).filter(
      ({ specifier }) => specifier.startsWith(".") && !/\.(tsx?|json|html|css|svg|sql)$/.test(specifier),
    );
    return wrong.map(({ specifier, line }) => ({
      path: source.path,
      line,
      rule: "import-extension",
      advice: `import "${specifier}" must end in .ts: write the name of the file`,
    }));
  },
};
