/** The tables that name a test for each of their lines, in three pages, as data. */
import { readFileSync } from "node:fs";

/** One feature. */
export interface Feature {
  readonly section: string;
  readonly name: string;
  /** yes or no. */
  readonly here: string;
  readonly why: string;
  /** The file and the title of the test that shows it, undefined where none is named. */
  readonly shownBy: NamedTest | undefined;
}

/** A test as the table names it. */
export interface NamedTest {
  readonly path: string;
  /** As it stands in the source, so with `%s` or `$name` where it is one of many. */
  readonly title: string;
}

/** Sections whose tests stand for a row each: the first `%s` of their titles is the row's name. */
const BY_NAME: ReadonlySet<string> = new Set(["Four-letter words", "Commands of the AdminServer"]);

/** The documents with such tables. */
const DOCUMENTS: readonly string[] = ["docs/zookeeper.md", "docs/security.md", "docs/failure-modes.md"];

/** All that the documents list, in their order. */
export function readFeatures(): readonly Feature[] {
  return DOCUMENTS.flatMap((document) => featuresIn(readFileSync(document, "utf8")));
}

/** The features that a text of that form lists. */
export function featuresIn(document: string): readonly Feature[] {
  return document
    .split(/^## /m)
    .filter((section) => section.includes("| name | here |") || section.includes(FAILURES))
    .flatMap((text) => {
      const [section = "", ...lines] = text.split("\n");
      const rows = lines.filter((line) => line.startsWith("| ") && !/^\| (name|what fails|---) /.test(line));
      return rows.map((row) => featureOf(section, row, text.includes(FAILURES)));
    });
}

/** How a table of failures begins: what it lists happens here, so there is no column for whether it does. */
const FAILURES = "| what fails |";

function featureOf(section: string, row: string, isFailure: boolean): Feature {
  const cells = row
    .split(" | ")
    .join("|")
    .split("|")
    .map((cell) => cell.trim());
  const [, name = "", here = "", why = "", shown = ""] = isFailure
    ? [cells[0], cells[1], "yes", cells[2], cells.at(-2)]
    : cells;
  const [, path, title] = /^`([^`]+)` "(.+)"$/.exec(shown) ?? [];
  const shownBy = path === undefined || title === undefined ? undefined : { path, title };
  return { section, name, here, why, shownBy };
}

/** The names that a feature's test may have when it runs; undefined where the table names no test. */
export function namesOf({ section, name, shownBy }: Feature): RegExp | undefined {
  if (shownBy === undefined) return undefined;
  const title = BY_NAME.has(section) ? shownBy.title.replace("%s", name) : shownBy.title;
  const parts = title.split(/%[a-z]|\$\{[^}]*\}|\$\w+/);
  const exact = parts.map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${exact.join("[^]*")}$`);
}
