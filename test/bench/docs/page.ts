/** The page of figures, and the few of them that README.md shows, made from a report. */
import type { Report, Row } from "../report.ts";
import { cells, ratiosOf, SECTION_NAMES, type Section, SECTIONS } from "../sections.ts";
import { type Goal, GOALS, verdictOf } from "./goals.ts";

/** Where everything stands, from the project's root. */
export const FILES = {
  report: "docs/performance.json",
  page: "docs/performance.md",
  chart: "docs/performance.svg",
  readme: "README.md",
} as const;

const README_BEGIN = "<!-- figures: begin -->";
const README_END = "<!-- figures: end -->";

const OURS = "edgekeeper";

/** The page; `missed` tells by a goal's text what was tried. */
export function pageOf(report: Report, missed: Readonly<Record<string, string>>): string {
  const { date, machine, versions, options, rounds, seconds } = report;
  const told = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const parts = [
    "# Performance",
    `Made from [performance.json](performance.json) by \`npm run bench -- --docs ${FILES.report}\`, and not to ` +
      `be edited. Measured on ${date} by \`npm run bench -- ${options}\`.`,
    list([
      `machine: ${machine}; servers and load generator share it`,
      `versions: ${told.join(", ")}`,
      `medians of ${rounds} rounds in turn (A B A B), throughput for ${seconds} s each time, after warming up`,
    ]),
    "![Edgekeeper beside ZooKeeper and etcd](performance.svg)",
    report.failures.length === 0 ? "" : `What failed on the way:\n\n${list(report.failures)}`,
    "## What was aimed at",
    goalTable(GOALS, report),
    missedList(report, missed),
    ...SECTION_NAMES.flatMap((name) => sectionParts(SECTIONS[name], report.sections[name] ?? [])),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

/** README.md with its figures; without any where there is no report. Throws where it has no place for them. */
export function readmeWith(readme: string, report: Report | undefined): string {
  const [begin, end] = [readme.indexOf(README_BEGIN), readme.indexOf(README_END)];
  if (begin === -1 || end < begin) {
    throw new Error(`README.md has no lines ${README_BEGIN} and ${README_END}, between which the figures go`);
  }
  const figures = report === undefined ? "\n" : `\n\n${readmeFigures(report)}\n\n`;
  return readme.slice(0, begin + README_BEGIN.length) + figures + readme.slice(end);
}

function readmeFigures(report: Report): string {
  const { date, machine } = report;
  const shown = GOALS.filter((goal) => goal.measured(report) !== undefined);
  return [
    "## How fast it is",
    "Each is measured against what was aimed at, and against what must hold at the least.",
    goalTable(shown, report),
    `On ${date}, ${machine}. [docs/performance.md](docs/performance.md) has all figures, how they were measured, and ` +
      "what was tried where one is missed; `npm run bench -- --all` measures them anew.",
  ].join("\n\n");
}

function goalTable(goals: readonly Goal[], report: Report): string {
  const rows = goals.map((goal) => [
    goal.what,
    goal.aim === undefined ? "" : bound(goal, goal.aim),
    bound(goal, goal.must),
    amount(goal, goal.measured(report)),
    verdictOf(goal, report),
  ]);
  return table(["", "aim", "must hold", "measured", "verdict"], rows);
}

/** What is missed, whether or not somebody says why. */
export function missedGoals(report: Report): readonly Goal[] {
  return GOALS.filter((goal) => verdictOf(goal, report) === "missed");
}

function missedList(report: Report, missed: Readonly<Record<string, string>>): string {
  const goals = missedGoals(report);
  if (goals.length === 0) return "";
  const told = goals.map(({ what }) => `**${what}**: ${missed[what] ?? "nobody has looked into it yet."}`);
  return `### What is missed, and what was tried\n\n${list(told)}`;
}

function sectionParts(section: Section, rows: readonly Row[]): readonly string[] {
  if (rows.length === 0) return [];
  const { title, how, columns } = section;
  const heads = ["", "", ...columns.map(({ head }) => head)];
  return [
    `## ${title}`,
    how,
    table(
      heads,
      rows.flatMap((row) => rowsOf(section, row)),
    ),
  ];
}

function rowsOf({ columns, against }: Section, { label, figures }: Row): readonly (readonly string[])[] {
  const lines = Object.entries(figures).map(([target, metrics], index) => [
    index === 0 ? label : "",
    target,
    ...cells(columns, metrics),
  ]);
  const ratios = ratiosOf(columns, figures[OURS], against === undefined ? undefined : figures[against]);
  return ratios === undefined ? lines : [...lines, ["", `to ${against ?? ""}'s`, ...ratios]];
}

function bound({ better, unit }: Goal, value: number): string {
  return `${better === "more" ? "at least" : "at most"} ${value}${unit}`;
}

function amount({ unit }: Goal, value: number | undefined): string {
  if (value === undefined) return "";
  const digits = Number.isInteger(value) ? 0 : value >= 100 ? 0 : 2;
  return `${value.toFixed(digits)}${unit}`;
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(" | ")} |`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("\n");
}

function list(items: readonly string[]): string {
  return items.map((item) => `- ${item}`).join("\n");
}
