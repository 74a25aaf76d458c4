/** The pages of the site: what stands in the side bar, in which order, and what is brought in from outside of docs/. */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

import { ROOT } from "./root.ts";

/** Where pages lie that are made at each build: git does not keep them. */
export const MADE = "reference";

/** A group of the side bar. */
export interface Section {
  readonly text: string;
  /** Paths below docs/, without `.md`. Those that are not there, as they may come later, are passed over. */
  readonly pages: readonly string[];
}

/** The side bar. A page that no section names stands in the last one, "More". */
const SECTIONS: readonly Section[] = [
  { text: "Start", pages: ["reference/readme", "concepts", "reference/examples"] },
  {
    text: "Guides",
    pages: [
      "guides/locks-and-fencing",
      "guides/leader-election",
      "guides/config-at-the-edge",
      "watching",
      "guides/migrating-from-zookeeper",
      "guides/migrating-from-etcd-locks",
      "guides/migrating-from-consul-locks",
      "guides/migrating-from-redlock",
    ],
  },
  {
    text: "Ways in",
    pages: [
      "http-tour",
      "http",
      "clients",
      "sdk",
      "recipes",
      "recipes-failures",
      "binding",
      "cli",
      "dashboard",
    ],
  },
  { text: "Whole systems", pages: ["kafka", "hadoop", "spark", "hbase", "solr", "clickhouse", "patroni"] },
  {
    text: "Operations",
    pages: [
      "deploying",
      "settings",
      "operators",
      "failure-modes",
      "observability",
      "upgrading",
      "backup",
      "placement",
      "cost",
      "security",
      "limits",
      "performance",
    ],
  },
  {
    text: "Reference",
    pages: [
      "reference/http-api",
      "reference/sdk/edgekeeper",
      "reference/sdk/edgekeeper/recipes",
      "reference/sdk/edgekeeper/binding",
      "reference/sdk/edgekeeper/clusters",
      "zookeeper",
      "deviations",
    ],
  },
  {
    text: "How it is made",
    pages: ["reference/architecture", "testing", "contributing", "reference/changelog"],
  },
];

/** Pages of the site that are copies of files outside of docs/, by the path below docs/ at which they stand. */
export const COPIES: Readonly<Record<string, string>> = {
  "reference/readme.md": "README.md",
  "reference/architecture.md": "ARCHITECTURE.md",
  "reference/changelog.md": "CHANGELOG.md",
  ...Object.fromEntries(
    exampleNames().map((name) => [`reference/examples/${name}.md`, `examples/${name}/README.md`]),
  ),
};

/** The examples, by their folders. */
export function exampleNames(): readonly string[] {
  return readdirSync(join(ROOT, "examples"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .toSorted();
}

/** Every page below docs/ that is there now, by its path without `.md`, but for the first one, which has no side bar. */
export function pagesThere(): readonly string[] {
  const below = (folder: string): readonly string[] =>
    readdirSync(join(ROOT, "docs", folder), { withFileTypes: true }).flatMap((entry) => {
      if (entry.name.startsWith(".")) return [];
      const path = posix.join(folder, entry.name);
      if (entry.isDirectory()) return below(path);
      return entry.name.endsWith(".md") ? [path.slice(0, -".md".length)] : [];
    });
  return below(".")
    .filter((page) => page !== "index")
    .toSorted();
}

/** The side bar's sections with the pages that are there, each page once. */
export function sectionsOf(there: readonly string[]): readonly Section[] {
  const named = new Set(SECTIONS.flatMap(({ pages }) => pages));
  const examples = there.filter((page) => page.startsWith(`${MADE}/examples/`));
  const rest = there.filter((page) => !named.has(page) && !examples.includes(page));
  const sections = SECTIONS.map(({ text, pages }) => ({
    text,
    pages: pages.flatMap((page) =>
      page === `${MADE}/examples`
        ? [page, ...examples].filter((one) => there.includes(one))
        : there.includes(page)
          ? [page]
          : [],
    ),
  }));
  return [...sections, { text: "More", pages: rest }].filter(({ pages }) => pages.length > 0);
}

/** What the side bar calls a page: its first heading, as text. Throws where it has none. */
export function titleOf(page: string): string {
  if (page === `${MADE}/readme`) return "First steps";
  const text = readFileSync(join(ROOT, "docs", `${page}.md`), "utf8");
  const title = /^# (.+)$/m.exec(text)?.[1];
  if (title === undefined) throw new Error(`docs/${page}.md has no first heading, which the side bar shows`);
  return title.replaceAll(/[`\\]/g, "");
}
