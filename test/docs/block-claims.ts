/**
 * What becomes of each code block of the documentation: it is run, or it is checked by a test that is named here, or it
 * stands in the one list of those that no test can run, with the reason.
 */
import type { PageBlock } from "./blocks.ts";
import type { Feature, NamedTest } from "./feature-table.ts";

/** Which blocks of a page are meant. */
interface Chosen {
  readonly page: string;
  /** Those below this heading; all of the page otherwise. */
  readonly below?: string;
  /** Those of this language. */
  readonly language?: string;
  /** Those that hold this text. */
  readonly has?: string;
}

/** Blocks that a test of their own runs or checks. */
export interface CheckedElsewhere extends Chosen, NamedTest {}

/** Blocks that no test runs. */
export interface NotRun extends Chosen {
  readonly reason: string;
}

/** Pages that test/system/docs-blocks.test.ts runs: commands, what they print, and programs. */
export const RUN: readonly string[] = [
  "README.md",
  "docs/concepts.md",
  "docs/guides/locks-and-fencing.md",
  "docs/guides/leader-election.md",
  "docs/guides/config-at-the-edge.md",
  "docs/guides/migrating-from-zookeeper.md",
  "docs/guides/migrating-from-etcd-locks.md",
  "docs/guides/migrating-from-consul-locks.md",
  "docs/guides/migrating-from-redlock.md",
  "docs/clients.md",
  "docs/operators.md",
  "docs/recipes.md",
  "docs/settings.md",
  "docs/http-tour.md",
  "docs/http.md",
  "docs/watching.md",
  "docs/cost.md",
  "docs/placement.md",
  "docs/security.md",
  "docs/deploying.md",
  "docs/cli.md",
];

/** See CheckedElsewhere. */
export const CHECKED_ELSEWHERE: readonly CheckedElsewhere[] = [
  {
    page: "README.md",
    below: "A lock in five minutes",
    path: "test/system/readme.test.ts",
    title: "npm start prints what is said of it, and a lock is taken and given back with curl",
  },
  {
    page: "README.md",
    below: "From another Worker, by a binding",
    path: "test/system/readme.test.ts",
    title: "a lock is taken from another Worker by a binding, with neither secret nor development flag",
  },
  {
    page: "README.md",
    below: "First steps",
    has: "npm install && npm start",
    path: "test/system/readme.test.ts",
    title: "npm start prints what is said of it, and a lock is taken and given back with curl",
  },
  {
    page: "README.md",
    below: "First steps",
    has: "ready in",
    path: "test/system/readme.test.ts",
    title: "npm start prints what is said of it, and a lock is taken and given back with curl",
  },
  {
    page: "README.md",
    below: "Other ensembles, and the tests",
    has: "--data .edgekeeper/one",
    path: "test/system/readme.test.ts",
    title: "an ensemble of one starts as it is said, and so does one of seven replicas",
  },
  {
    page: "ARCHITECTURE.md",
    below: "1. Layers",
    path: "test/docs/blocks.test.ts",
    title: "the layers of ARCHITECTURE.md are the folders of src",
  },
  {
    page: "ARCHITECTURE.md",
    below: "When a majority has lost its disks",
    path: "test/system/members.test.ts",
    title:
      "when a majority has lost its disks nothing is elected, and an operator finds the way back from what is left",
  },
  {
    page: "docs/sdk.md",
    language: "ts",
    path: "test/system/sdk-docs.test.ts",
    title: "has programs that print what it says",
  },
  {
    page: "docs/sdk.md",
    language: "sh",
    path: "test/system/package.test.ts",
    title: "works in Node",
  },
  {
    page: "docs/guides/locks-and-fencing.md",
    language: "sql",
    path: "test/docs/blocks.test.ts",
    title: "the SQL of a page runs, and refuses an older token",
  },
  {
    page: "docs/guides/config-at-the-edge.md",
    below: "In a Worker",
    path: "test/docs/blocks.test.ts",
    title: "code that a page takes from an example is the example's",
  },
  {
    page: "docs/binding.md",
    language: "toml",
    path: "test/docs/blocks.test.ts",
    title: "a binding in a wrangler.toml leads to what the Worker exports, with props that it knows",
  },
  {
    page: "docs/binding.md",
    language: "ts",
    path: "test/docs/binding-blocks.test.ts",
    title: "a program of docs/binding.md is one that the compiler takes",
  },
  {
    page: "docs/operators.md",
    language: "yaml",
    path: "test/docs/blocks.test.ts",
    title: "the jobs of Prometheus relabel what /metrics tells of a replica",
  },
  {
    page: "docs/watching.md",
    below: "Server-sent events",
    path: "test/system/http-watch.test.ts",
    title: "begins where a read was, and tells what a browser dispatches",
  },
  {
    page: "docs/watching.md",
    has: "POST /hook",
    path: "test/system/http-webhooks.test.ts",
    title: "changes are delivered, signed, and how far is shown",
  },
  {
    page: "README.md",
    below: "A watched value, and a dead leader",
    path: "test/system/readme.test.ts",
    title: "a value is watched, and the leader's process is killed",
  },
  {
    page: "docs/cli.md",
    language: "ts",
    path: "test/system/sdk-docs.test.ts",
    title: "has programs that print what it says",
  },
  {
    page: "docs/deploying.md",
    has: "npx edgekeeper init keeper",
    path: "test/system/package-run.test.ts",
    title: "makes a Worker that installs, deploys, runs, holds a lock, and grows to three voters",
  },
  {
    page: "docs/deploying.md",
    below: "From one voter to three",
    has: "ensemble reconfig",
    path: "test/system/package-run.test.ts",
    title: "makes a Worker that installs, deploys, runs, holds a lock, and grows to three voters",
  },
  {
    page: "docs/deploying.md",
    has: "import { app, keeperOf }",
    path: "test/docs/blocks.test.ts",
    title: "code that a page takes from the scaffold is the scaffold's",
  },
  {
    page: "docs/deploying.md",
    has: "npx edgekeeper init --print",
    path: "test/system/package-run.test.ts",
    title: "adds the ensemble beside an app with a %s, which then takes its locks, and overwrites nothing",
  },
  {
    page: "docs/deploying.md",
    language: "js",
    path: "test/system/package-run.test.ts",
    title: "adds the ensemble beside an app with a %s, which then takes its locks, and overwrites nothing",
  },
  {
    page: "docs/observability.md",
    below: "Explain",
    path: "test/system/observability.test.ts",
    title: "docs/observability.md, %s: what is typed there prints what it says",
  },
  {
    page: "docs/observability.md",
    below: "Time travel",
    path: "test/system/observability.test.ts",
    title: "docs/observability.md, %s: what is typed there prints what it says",
  },
  {
    page: "docs/upgrading.md",
    below: "Going back",
    path: "test/system/upgrade.test.ts",
    title: "a downgrade is served where the formats are the same, and otherwise refused: nothing is lost",
  },
  {
    page: "docs/hbase.md",
    language: "xml",
    path: "test/docs/blocks.test.ts",
    title: "settings of other systems name the ensemble's three doors, once each and all of them",
  },
  {
    page: "docs/solr.md",
    language: "sh",
    path: "test/docs/blocks.test.ts",
    title: "settings of other systems name the ensemble's three doors, once each and all of them",
  },
  {
    page: "docs/clickhouse.md",
    language: "xml",
    path: "test/docs/blocks.test.ts",
    title: "settings of other systems name the ensemble's three doors, once each and all of them",
  },
  {
    page: "docs/patroni.md",
    language: "yaml",
    path: "test/docs/blocks.test.ts",
    title: "settings of other systems name the ensemble's three doors, once each and all of them",
  },
  {
    page: "docs/hadoop.md",
    language: "xml",
    path: "test/docs/blocks.test.ts",
    title: "settings of other systems name the ensemble's three doors, once each and all of them",
  },
  {
    page: "docs/spark.md",
    language: "sh",
    path: "test/docs/blocks.test.ts",
    title: "settings of other systems name the ensemble's three doors, once each and all of them",
  },
  {
    page: "docs/kafka.md",
    language: "properties",
    path: "test/docs/blocks.test.ts",
    title: "settings of other systems name the ensemble's three doors, once each and all of them",
  },
];

const LONG_SUITES =
  "commands of suites that run for minutes to hours; `npm test` runs a short share of each of them";

/** See NotRun. */
export const NOT_RUN: readonly NotRun[] = [
  {
    page: "README.md",
    below: "Other ensembles, and the tests",
    has: "npm install && npm test",
    reason: "it is the run that this test is a part of",
  },
  {
    page: "docs/deploying.md",
    has: "npx wrangler deploy\n",
    reason: "it takes an account of Cloudflare; test/system/deploy.test.ts deploys as a dry run",
  },
  {
    page: "docs/deploying.md",
    has: "npx wrangler secret put SUPER_DIGEST",
    reason: "it takes an account of Cloudflare; .dev.vars has the digest where tests run the scaffold",
  },
  {
    page: "docs/deploying.md",
    language: "md",
    reason: "the button takes a public repository and Cloudflare's site",
  },
  { page: "docs/testing.md", below: "Recipes in the simulator", reason: LONG_SUITES },
  { page: "docs/testing.md", below: "Fuzzing", reason: LONG_SUITES },
  {
    page: "docs/testing.md",
    below: "When a run fails",
    reason: "the story of a defect that was mended, so that no run of today's code tells it",
  },
  {
    page: "docs/kafka.md",
    has: "DigestLoginModule",
    reason:
      "a file of the JVM's; `npm run interop -- kafka` starts brokers with the same one, as it takes four minutes",
  },
];

/** The tests of CHECKED_ELSEWHERE as lines of a table: they have to run, as those that documents name. */
export function blockFeatures(): readonly Feature[] {
  return CHECKED_ELSEWHERE.map(({ page, below, language, path, title }) => ({
    section: "Code blocks",
    name: [page, below ?? language ?? ""].join(" "),
    here: "yes",
    why: "",
    shownBy: { path, title },
  }));
}

/** Whether a block is meant. */
export function isChosen({ page, below, language, has }: Chosen, block: PageBlock): boolean {
  return (
    page === block.page &&
    (below === undefined || below === block.heading) &&
    (language === undefined || language === block.language) &&
    (has === undefined || block.text.includes(has))
  );
}

/** What claims a block: exactly one thing should. */
export function claimsOf(block: PageBlock): readonly string[] {
  const elsewhere = CHECKED_ELSEWHERE.filter((one) => isChosen(one, block));
  const notRun = NOT_RUN.filter((one) => isChosen(one, block));
  if (elsewhere.length + notRun.length > 0) {
    return [
      ...elsewhere.map(({ path, title }) => `${path} "${title}"`),
      ...notRun.map(({ reason }) => reason),
    ];
  }
  return RUN.includes(block.page) && RUNNABLE.has(block.language) ? ["test/system/docs-blocks.test.ts"] : [];
}

/** What the runner can run, and what is printed by that. */
const RUNNABLE: ReadonlySet<string> = new Set(["sh", "ts", "python", ""]);
