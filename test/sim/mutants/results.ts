/** Judgements, kept outside of the repository by the digest of their source: a run goes on where it was. */
import { createHash } from "node:crypto";
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import type { Judgement } from "./verdict-on-mutant.ts";

/** What a judgement depends on besides the defect itself. */
const JUDGED_WITH = ["src/**/*.ts", "test/sim/*.ts", "test/sim/*/**/*.ts", "package-lock.json"];

/** Of all that the simulator runs and is made of; the table of defects is not part of it. */
export function sourceDigest(root: string): string {
  const hash = createHash("sha256");
  const files = globSync(JUDGED_WITH, { cwd: root }).filter((file) => !file.startsWith("test/sim/mutants/"));
  for (const file of files.sort()) hash.update(`${file}\n`).update(readFileSync(join(root, file)));
  return hash.digest("hex").slice(0, 16);
}

/** The judgements in one file, written anew with each thing learned. */
export class Results {
  readonly #file: string;
  readonly #judgements: Map<string, Judgement>;

  constructor(file: string) {
    this.#file = file;
    this.#judgements = new Map(read(file).map((judgement) => [judgement.id, judgement]));
  }

  of(id: string): Judgement | undefined {
    return this.#judgements.get(id);
  }

  keep(judgement: Judgement): void {
    this.#judgements.set(judgement.id, judgement);
    mkdirSync(dirname(this.#file), { recursive: true });
    const text = JSON.stringify([...this.#judgements.values()], undefined, 1);
    // A run that is killed leaves the old file or the new one.
    writeFileSync(`${this.#file}.new`, text);
    renameSync(`${this.#file}.new`, this.#file);
  }
}

function read(file: string): readonly Judgement[] {
  if (!existsSync(file)) return [];
  const value: unknown = JSON.parse(readFileSync(file, "utf8"));
  return Array.isArray(value) ? value.filter(isJudgement) : [];
}

/** What was written by this program is as it was written: another file is told by its first fields. */
function isJudgement(value: unknown): value is Judgement {
  if (typeof value !== "object" || value === null) return false;
  return "id" in value && "digest" in value && "hunts" in value && Array.isArray(value.hunts);
}
