/** Where the time of a CPU profile went: by function, by file of the source, by line. */
import type { CpuProfile, ProfileNode } from "./inspector.ts";

/** Time in one place, in ms. */
export interface Spent {
  readonly name: string;
  readonly file: string;
  /** In the place itself. */
  readonly selfMs: number;
  /** With all that it called. */
  readonly totalMs: number;
}

/** What a profile comes to; each list has the most expensive first. */
export interface ProfileSummary {
  readonly spanMs: number;
  readonly functions: readonly Spent[];
  readonly files: readonly Spent[];
  readonly lines: readonly Spent[];
}

/** The bundler writes the name of each source file before what came of it. */
const FILE_COMMENT = /^\/\/ ([\w@.][\w@./-]*\.(?:ts|js|mjs|html|txt|sql))$/;

/** Where V8 was, when it was in no function of a script. */
const NATIVE = "native";

/** Adds up the time of profiles that ran at once, whose functions are those of this bundle. */
export function summarize(profiles: readonly CpuProfile[], bundle: string): ProfileSummary {
  const source = new BundleSource(bundle);
  const sums = { functions: new Sums(), files: new Sums(), lines: new Sums() };
  for (const profile of profiles) addProfile(profile, source, sums);
  return {
    spanMs: Math.max(0, ...profiles.map(({ startTime, endTime }) => (endTime - startTime) / 1000)),
    functions: sums.functions.sorted(),
    files: sums.files.sorted(),
    lines: sums.lines.sorted(),
  };
}

/** The table for people; each figure also for a request, where it is told how many there were. */
export function summaryLines(summary: ProfileSummary, requests: number): readonly string[] {
  const row = ({ name, file, selfMs, totalMs }: Spent): string => {
    const perRequest = requests === 0 ? "" : `${((selfMs * 1000) / requests).toFixed(2)} us`;
    const part = `${((selfMs / summary.spanMs) * 100).toFixed(1)}%`;
    const figures = [selfMs.toFixed(0), part, perRequest, totalMs.toFixed(0)];
    return `${figures.map((text) => text.padStart(12)).join("")}  ${name}${file === "" ? "" : `  ${file}`}`;
  };
  const head = ["self ms", "of time", "a request", "total ms"].map((text) => text.padStart(12)).join("");
  const table = (title: string, rows: readonly Spent[]): readonly string[] => [
    `${head}  ${title}`,
    ...rows.map(row),
    "",
  ];
  return [
    ...table("function", summary.functions.slice(0, 40)),
    ...table("file", summary.files.slice(0, 25)),
    ...table("line of the bundle", summary.lines.slice(0, 25)),
  ];
}

interface AllSums {
  readonly functions: Sums;
  readonly files: Sums;
  readonly lines: Sums;
}

function addProfile(profile: CpuProfile, source: BundleSource, sums: AllSums): void {
  const selfUs = new Map<number, number>();
  for (const [index, id] of profile.samples.entries()) {
    // A stack stood from when it was seen until the next was.
    selfUs.set(id, (selfUs.get(id) ?? 0) + (profile.timeDeltas[index + 1] ?? 0));
  }
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const children = new Set(profile.nodes.flatMap((node) => node.children ?? []));
  const visit = (node: ProfileNode, above: readonly ProfileNode[]): void => {
    const stack = [...above, node];
    const selfMs = (selfUs.get(node.id) ?? 0) / 1000;
    if (selfMs > 0) addStack(stack, selfMs, source, sums);
    for (const id of node.children ?? []) {
      const child = nodes.get(id);
      if (child !== undefined) visit(child, stack);
    }
  };
  for (const node of profile.nodes) if (!children.has(node.id)) visit(node, []);
}

/** What a function calls counts to it once, however often it is on the stack. */
function addStack(stack: readonly ProfileNode[], selfMs: number, source: BundleSource, sums: AllSums): void {
  const top = stack.at(-1);
  if (top === undefined) return;
  const [functions, files] = [new Map<string, Place>(), new Map<string, Place>()];
  for (const { callFrame } of stack) {
    if (callFrame.functionName === "(root)") continue;
    const place = source.placeOf(callFrame);
    functions.set(`${place.name} ${place.file} ${callFrame.lineNumber}`, place);
    files.set(place.file, { name: place.file, file: "" });
  }
  for (const [key, place] of functions) sums.functions.add(key, place, { selfMs: 0, totalMs: selfMs });
  for (const [key, place] of files) sums.files.add(key, place, { selfMs: 0, totalMs: selfMs });
  const place = source.placeOf(top.callFrame);
  const key = `${place.name} ${place.file} ${top.callFrame.lineNumber}`;
  sums.functions.add(key, place, { selfMs, totalMs: 0 });
  sums.files.add(place.file, { name: place.file, file: "" }, { selfMs, totalMs: 0 });
  // Of native functions V8 tells the line that called.
  const ticks = top.positionTicks ?? [];
  const all = ticks.reduce((sum, one) => sum + one.ticks, 0);
  for (const one of ticks) {
    const part = (selfMs * one.ticks) / all;
    const line: Place = { name: source.textOf(one.line), file: source.fileOf(one.line) };
    sums.lines.add(String(one.line), line, { selfMs: part, totalMs: part });
  }
}

interface Place {
  readonly name: string;
  readonly file: string;
}

/** Which source file a line of the bundle came from. */
class BundleSource {
  readonly #lines: readonly string[];
  readonly #files: readonly string[];

  constructor(bundle: string) {
    this.#lines = bundle.split("\n");
    let file = "bundle";
    this.#files = this.#lines.map((line) => {
      file = FILE_COMMENT.exec(line)?.[1] ?? file;
      return file;
    });
  }

  /** A function without a name is told by its text. */
  placeOf({ functionName, url, lineNumber }: ProfileNode["callFrame"]): Place {
    if (url === "" && functionName.startsWith("(")) return { name: functionName, file: NATIVE };
    if (!url.endsWith("worker.js")) return { name: functionName, file: url === "" ? NATIVE : url };
    const name = functionName === "" ? `{ ${this.textOf(lineNumber + 1)} }` : functionName;
    return { name, file: this.fileOf(lineNumber + 1) };
  }

  /** Lines count from 1 on. */
  fileOf(line: number): string {
    return this.#files[line - 1] ?? "bundle";
  }

  /** Lines count from 1 on. */
  textOf(line: number): string {
    return `${line}: ${(this.#lines[line - 1] ?? "").trim().slice(0, 70)}`;
  }
}

/** Sums by key. */
class Sums {
  readonly #all = new Map<string, Place & { selfMs: number; totalMs: number }>();

  add(key: string, place: Place, { selfMs, totalMs }: Pick<Spent, "selfMs" | "totalMs">): void {
    const sum = this.#all.get(key);
    if (sum === undefined) {
      this.#all.set(key, { ...place, selfMs, totalMs });
      return;
    }
    sum.selfMs += selfMs;
    sum.totalMs += totalMs;
  }

  sorted(): readonly Spent[] {
    return [...this.#all.values()].toSorted((a, b) => b.selfMs - a.selfMs || b.totalMs - a.totalMs);
  }
}
