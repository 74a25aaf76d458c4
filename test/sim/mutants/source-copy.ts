/** A copy of the source in which one defect at a time is made. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { applyEdit, type Mutant } from "./mutant.ts";

/** What the compiler, the tests and the simulator read. */
const COPIED = [
  "src",
  "test",
  "docs",
  "examples",
  "packaging",
  "package.json",
  "tsconfig.json",
  "tsconfig.node.json",
  "vitest.config.ts",
];

/** One copy, used for one defect after the other. */
export class SourceCopy {
  readonly directory: string;
  /** What changed files held before: the repository may move on meanwhile. */
  readonly #before = new Map<string, string>();

  /** Makes it anew, from the repository at `root`. */
  constructor(root: string, directory: string) {
    this.directory = directory;
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    for (const name of COPIED) {
      if (existsSync(join(root, name))) cpSync(join(root, name), join(directory, name), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
    process.once("exit", () => this.remove());
  }

  /** Takes back the defect before, and makes this one. */
  make(mutant: Mutant): void {
    this.restore();
    for (const edit of mutant.edits) {
      const path = join(this.directory, edit.file);
      const source = readFileSync(path, "utf8");
      if (!this.#before.has(path)) this.#before.set(path, source);
      writeFileSync(path, applyEdit(source, edit));
    }
  }

  /** The source as it is. */
  restore(): void {
    for (const [path, source] of this.#before) writeFileSync(path, source);
    this.#before.clear();
  }

  /** Leaves nothing behind. */
  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
