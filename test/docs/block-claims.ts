/**
 * What becomes of each code block of the documentation: it is run, or it is checked by a test that is named here, or it
 * stands in the one list of those that no test can run, with the reason.
 */
import type { PageBlock } from "./blocks.ts";
import type { NamedTest } from "./feature-table.ts";

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
  "docs/http.md",
  "docs/watching.md",
  "docs/cost.md",
  "docs/placement.md",
  "docs/security.md",
];

/** See CheckedElsewhere. */
export const CHECKED_ELSEWHERE: readonly CheckedElsewhere[] = [
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
];

/** See NotRun. */
export const NOT_RUN: readonly NotRun[] = [];

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
    return [...elsewhere.map(({ path, title }) => `${path} "${title}"`), ...notRun.map(({ reason }) => reason)];
  }
  return RUN.includes(block.page) && RUNNABLE.has(block.language) ? ["test/system/docs-blocks.test.ts"] : [];
}

/** What the runner can run, and what is printed by that. */
const RUNNABLE: ReadonlySet<string> = new Set(["sh", "ts", "python", ""]);
