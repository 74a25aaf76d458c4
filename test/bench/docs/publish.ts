/** `npm run bench -- --docs FILE`: the page, its picture and README.md's figures, from one report. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Report } from "../report.ts";
import { chartOf } from "./chart.ts";
import { MISSED } from "./missed.ts";
import { FILES, missedGoals, pageOf, readmeWith } from "./page.ts";

const PROJECT = join(import.meta.dirname, "../../..");

/** Reads a report. Throws where the file is none. */
export async function readReport(file: string): Promise<Report> {
  const report = JSON.parse(await readFile(file, "utf8")) as Partial<Report>;
  if (report.format === 1 && report.sections !== undefined) return report as Report;
  throw new Error(`${file} is no report of this version: npm run bench -- --all --out ${file} makes one`);
}

/** Writes one, as text for people too. */
export async function writeReport(file: string, report: Report): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(report, null, 2)}\n`);
}

/** Writes all of it; the report itself is put where the rest stands. */
export async function publish(file: string): Promise<void> {
  const report = await readReport(file);
  await writeReport(join(PROJECT, FILES.report), report);
  await writeFile(join(PROJECT, FILES.page), pageOf(report, MISSED));
  await writeFile(join(PROJECT, FILES.chart), chartOf(report));
  const readme = join(PROJECT, FILES.readme);
  await writeFile(readme, readmeWith(await readFile(readme, "utf8"), report));
  console.log(`written: ${Object.values(FILES).join(" ")}`);
  for (const { what } of missedGoals(report)) {
    if (MISSED[what] === undefined)
      console.log(`missed, and test/bench/docs/missed.ts does not say what was tried: ${what}`);
  }
}
