/**
 * The files of the repository as they lie on disk, and every rule over them.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, posix } from "node:path";

import { quietCatchRule } from "./catches.ts";
import { extensionRule, layerRule } from "./layers.ts";
import { moduleStateRule, purityRule } from "./purity.ts";
import {
  abbreviationRule,
  defaultExportRule,
  exportCommentRule,
  fileNameRule,
  fileSizeRule,
  functionSizeRule,
  lineLengthRule,
} from "./shape.ts";
import { parseSource } from "./source.ts";
import type { Rule, Violation } from "./source.ts";
import { unfinishedRule, vocabularyRule, workplaceNamesIn } from "./words.ts";

/** Every rule about TypeScript files. */
export const RULES: readonly Rule[] = [
  layerRule,
  extensionRule,
  purityRule,
  moduleStateRule,
  fileSizeRule,
  lineLengthRule,
  functionSizeRule,
  fileNameRule,
  defaultExportRule,
  exportCommentRule,
  abbreviationRule,
  vocabularyRule,
  unfinishedRule,
  quietCatchRule,
];

/** The root of the repository. */
const ROOT: string = join(import.meta.dirname, "../..");

/** Whether git leaves the file or folder of that name out: `.git` itself, and the lines of .gitignore. */
export function isIgnored(name: string): boolean {
  return name === ".git" || IGNORED.some((pattern) => matches(pattern, name));
}

const IGNORED: readonly string[] = readText(".gitignore").split("\n").filter(Boolean);

/** The two forms that ours needs: `folder/` and `*.extension`. */
function matches(pattern: string, name: string): boolean {
  if (pattern.startsWith("*")) return name.endsWith(pattern.slice(1));
  if (pattern.endsWith("/")) return name === pattern.slice(0, -1);
  throw new Error(`tidy does not read this line of .gitignore: ${pattern}`);
}

/** Every file of the repository below a folder, by its path from the root. */
export function filesBelow(folder: string): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true });
  return entries.flatMap((entry) => {
    if (isIgnored(entry.name)) return [];
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return filesBelow(path);
    return entry.isFile() ? [path] : [];
  });
}

/** The rules that one file breaks. */
export function violationsIn(path: string, text: string): readonly Violation[] {
  const source = parseSource(path, text);
  return RULES.flatMap((rule) => rule.check(source));
}

/** Everything under src/ and test/ that breaks a rule. */
export function violationsInCode(): readonly Violation[] {
  const paths = [...filesBelow("src"), ...filesBelow("test")].filter((path) => /\.tsx?$/.test(path));
  return paths.flatMap((path) => violationsIn(path, readText(path)));
}

/** Every text file that names the place where it was written. */
export function workplaceNames(): readonly Violation[] {
  return filesBelow(".").flatMap((path) => {
    const text = readText(path);
    return text.includes("\0") ? [] : workplaceNamesIn(path, text);
  });
}

function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** `path:line: [rule] what to do instead`, which editors turn into a link. */
export function violationText({ path, line, rule, advice }: Violation): string {
  return `${path}:${line}: [${rule}] ${advice}`;
}
