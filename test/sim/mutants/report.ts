/** Judgements as text: a line for each defect as it is judged, and the table of docs/testing.md. */
import { digestOf } from "./judge.ts";
import type { Mutant } from "./mutant.ts";
import { checksOf, type Hunt, isUnfinished, type Judgement, medianSeeds } from "./verdict-on-mutant.ts";

const BEGIN = "<!-- mutants:begin -->";
const END = "<!-- mutants:end -->";

/** Judgements by the defect's id. */
export type JudgementOf = (id: string) => Judgement | undefined;

/** What became of it, in a few words. */
export function verdictText(judgement: Judgement): string {
  const { compileError, unitTest, hunts } = judgement;
  if (compileError !== undefined) return `does not compile: ${compileError}`;
  if (unitTest !== undefined) return `caught by a unit test: ${unitTest}`;
  const crashes = hunts.reduce((sum, hunt) => sum + hunt.crashes, 0);
  const stuck = hunts.reduce((sum, hunt) => sum + hunt.stuck, 0);
  const unsound = hunts.reduce((sum, hunt) => sum + hunt.unsound, 0);
  const passedOver = [
    ...(crashes === 0 ? [] : [`${crashes} crashed`]),
    ...(stuck === 0 ? [] : [`${stuck} did not converge`]),
    ...(unsound === 0 ? [] : [`${unsound} fail without it, too, or cannot be judged`]),
  ];
  const aside = passedOver.length === 0 ? "" : ` (${passedOver.join(", ")})`;
  const tried = hunts.map(({ seeds }) => seeds).join(", ");
  const median = medianSeeds(hunts);
  if (median === undefined) return `not found; seeds ${tried || "none"}${aside}`;
  return `caught by ${checksOf(hunts).join(", ")}; seeds ${tried}${aside}`;
}

/** Whether a named check found it in every hunt. */
export function isCaught(judgement: Judgement | undefined): boolean {
  return judgement !== undefined && medianSeeds(judgement.hunts) !== undefined;
}

/** The table in markdown. A row of `before`, a document, stays where nothing is known of its defect by now. */
export function tableText(
  mutants: readonly Mutant[],
  unitCaught: readonly Mutant[],
  judgementOf: JudgementOf,
  before = "",
): string {
  const kept = rowsOf(before);
  const judged = mutants.map((mutant) => {
    const judgement = current(mutant, judgementOf);
    return { mutant, judgement, keptRow: judgement === undefined ? kept.get(mutant.id) : undefined };
  });
  const caught = judged.filter(
    ({ judgement, keptRow }) => isCaught(judgement) || tellsMedian(keptRow),
  ).length;
  const rows = judged.map(({ mutant, judgement, keptRow }) => {
    if (keptRow !== undefined) return keptRow;
    const hunts = judgement?.hunts ?? [];
    const median = medianSeeds(hunts);
    const seeds = median === undefined ? missingText(hunts) : String(median);
    const cells = [
      `\`${mutant.id}\``,
      mutant.what,
      seeds,
      hunts.map(huntText).join(", "),
      checksOf(hunts).join(", ") || "-",
    ];
    return row([...cells, otherText(judgement?.otherTest)]);
  });
  return [
    `${caught} of ${mutants.length} are caught.`,
    "",
    row(["mutant", "what it does wrong", "median seeds", "hunts", "caught by", "other tests"]),
    row(["---", "---", "---:", "---", "---", "---"]),
    ...rows,
    "",
    ...(unitCaught.length === 0 ? [] : ["Caught by unit tests already, so not counted:", ""]),
    ...unitCaught.map(({ id, what }) => `- \`${id}\`: ${what}`),
  ]
    .join("\n")
    .trimEnd();
}

/** The document with the table in its place. Throws where it has no place for one. */
export function withTable(document: string, table: string): string {
  const begin = document.indexOf(BEGIN);
  const end = document.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`no ${BEGIN} and ${END} in the document`);
  return `${document.slice(0, begin + BEGIN.length)}\n\n${table}\n\n${document.slice(end)}`;
}

/** By the id in the first cell. */
function rowsOf(document: string): ReadonlyMap<string, string> {
  const rows = document.split("\n").flatMap((line) => {
    const [, id] = /^\| `([^`]+)` \| /.exec(line) ?? [];
    return id === undefined ? [] : [[id, line] as const];
  });
  return new Map(rows);
}

/** A row of a defect that was caught: its third cell is a number. */
function tellsMedian(line: string | undefined): boolean {
  return line !== undefined && /^(?:\| [^|]*){2}\| \d+ \|/.test(line);
}

/** Of an earlier text of the defect nothing is told. */
function current(mutant: Mutant, judgementOf: JudgementOf): Judgement | undefined {
  const judgement = judgementOf(mutant.id);
  return judgement?.digest === digestOf(mutant) ? judgement : undefined;
}

function missingText(hunts: readonly Hunt[]): string {
  return hunts.some((hunt) => hunt.caught === undefined && !isUnfinished(hunt))
    ? "**survives**"
    : "not yet found";
}

function huntText(hunt: Hunt): string {
  if (hunt.caught !== undefined) return String(hunt.seeds);
  return `${hunt.seeds} ${isUnfinished(hunt) ? "so far" : "in vain"}`;
}

function otherText(otherTest: string | undefined): string {
  if (otherTest === undefined) return "not run";
  return otherTest === "none" ? "no" : "yes";
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
