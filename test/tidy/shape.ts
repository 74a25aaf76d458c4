/**
 * How large a thing may grow, how it is named on disk, and what a module shows of itself.
 */
import ts from "typescript";

import { declaredNamesOf, hasModifier, layerOf, lineAt, lineOf } from "./source.ts";
import type { Rule, Source, Violation } from "./source.ts";

const FILE_LINES_MAX = 499;
const FUNCTION_LINES_MAX = 69;
const PARAMETERS_MAX = 4;
const LINE_COLUMNS_MAX = 120;

/** A file that fits in a head. */
export const fileSizeRule: Rule = {
  name: "file-size",
  check({ path, lines }: Source): readonly Violation[] {
    if (lines.length <= FILE_LINES_MAX) return [];
    const advice = `${lines.length} lines, at most ${FILE_LINES_MAX}: give its second noun a file of its own`;
    return [{ path, line: FILE_LINES_MAX + 1, rule: "file-size", advice }];
  },
};

/** The name of a test is a fact, told on one line: nothing breaks it. */
const TEST_NAME = /^\s*(?:test|it|describe)\b[\w.]*\(["`]/;

/** A line that fits beside another; an address is never broken. */
export const lineLengthRule: Rule = {
  name: "line-length",
  check({ path, lines }: Source): readonly Violation[] {
    return lines.flatMap((text, index) => {
      if (text.length <= LINE_COLUMNS_MAX || /https?:\/\//.test(text) || TEST_NAME.test(text)) return [];
      const advice = `${text.length} columns, at most ${LINE_COLUMNS_MAX}: break the line or the string`;
      return [{ path, line: index + 1, rule: "line-length", advice }];
    });
  },
};

/** A function that fits on a screen and takes what a caller can remember. */
export const functionSizeRule: Rule = {
  name: "function-size",
  check(source: Source): readonly Violation[] {
    const violations: Violation[] = [];
    for (const node of source.nodes) {
      if (!ts.isFunctionLike(node)) continue;
      const at = { path: source.path, line: lineOf(source, node), rule: "function-size" };
      const lines = lineAt(source, node.getEnd()) - at.line + 1;
      const hasBody = "body" in node && node.body !== undefined;
      if (hasBody && lines > FUNCTION_LINES_MAX && !isTestGroup(node)) {
        const advice = `${lines} lines, at most ${FUNCTION_LINES_MAX}: move loops and arithmetic to helpers`;
        violations.push({ ...at, advice });
      }
      const parameters = node.parameters.filter(({ name }) => name.getText() !== "this").length;
      if (hasBody && parameters > PARAMETERS_MAX && !isTableTest(node)) {
        const advice = `${parameters} parameters, at most ${PARAMETERS_MAX}: take one object of named fields`;
        violations.push({ ...at, advice });
      }
    }
    return violations;
  },
};

/** The body of describe() is a list of tests, no function that somebody follows from top to bottom. */
function isTestGroup(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && /^describe\b/.test(call.expression.getText());
}

/** The body of test.each(table)() takes the columns of its table. */
function isTableTest(node: ts.Node): boolean {
  const call = node.parent;
  return ts.isCallExpression(call) && /\.(?:each|for)\(/.test(call.expression.getText());
}

/** Files and folders are in kebab-case. */
export const fileNameRule: Rule = {
  name: "file-name",
  check({ path }: Source): readonly Violation[] {
    const wrong = path.split("/").filter((part) => !/^[a-z0-9]+(?:[-.][a-z0-9]+)*$/.test(part));
    return wrong.map((part) => ({
      path,
      line: 1,
      rule: "file-name",
      advice: `name ${part} in kebab-case, after the noun that it defines`,
    }));
  },
};

/** Files that a runtime or a tool finds by their default export. */
const DEFAULT_EXPORT_FILES: readonly RegExp[] = [
  /^src\/(?:worker|package-worker|local\/(?:namespace|switchboard))\.ts$/,
  /^test\/(?:bench\/floor|bound|examples|faults|platform\/worker)\//,
  /\.config\.ts$/,
];

/** Things are imported by the name that they have at home. */
export const defaultExportRule: Rule = {
  name: "default-export",
  check(source: Source): readonly Violation[] {
    if (DEFAULT_EXPORT_FILES.some((files) => files.test(source.path))) return [];
    const wrong = source.tree.statements.filter(
      (statement) => ts.isExportAssignment(statement) || hasModifier(statement, ts.SyntaxKind.DefaultKeyword),
    );
    return wrong.map((statement) => ({
      path: source.path,
      line: lineOf(source, statement),
      rule: "default-export",
      advice: "export it by name",
    }));
  },
};

/** Everything that src/ exports says what it is. */
export const exportCommentRule: Rule = {
  name: "export-comment",
  check(source: Source): readonly Violation[] {
    if (layerOf(source.path) === undefined) return [];
    const bare = source.tree.statements.filter((node) => isExport(node) && !isDocumented(node));
    return bare.map((statement) => ({
      path: source.path,
      line: lineOf(source, statement),
      rule: "export-comment",
      advice: "open with /** a sentence that a user can quote; then units, bounds, errors and source */",
    }));
  },
};

function isExport(node: ts.Statement): boolean {
  return ts.isExportAssignment(node) || hasModifier(node, ts.SyntaxKind.ExportKeyword);
}

/** An overload and its implementation share the comment of the first. */
function isDocumented(node: ts.Statement): boolean {
  const isOverloaded = ts.isFunctionDeclaration(node) && precedingOverload(node) !== undefined;
  if (isOverloaded) return true;
  return ts.getJSDocCommentsAndTags(node).some((comment) => comment.getText().length > "/** */".length);
}

function precedingOverload(node: ts.FunctionDeclaration): ts.FunctionDeclaration | undefined {
  const tree = node.getSourceFile();
  const earlier = tree.statements.slice(0, tree.statements.indexOf(node));
  return earlier
    .filter((statement) => ts.isFunctionDeclaration(statement))
    .find((statement) => statement.body === undefined && statement.name?.text === node.name?.text);
}

/** Only the names of the field are shortened; the wire's own field names stay as they are inside jute. */
const ABBREVIATIONS: ReadonlyMap<string, string> = new Map([
  ["addr", "address"],
  ["buf", "buffer or bytes"],
  ["cb", "callback, or what it does"],
  ["cfg", "config"],
  ["cnt", "count"],
  ["elem", "element, or what it is"],
  ["err", "error"],
  ["evt", "event"],
  ["idx", "index"],
  ["mgr", "the noun that it manages"],
  ["msg", "message"],
  ["pkt", "packet or frame"],
  ["prev", "previous"],
  ["req", "request"],
  ["resp", "response or reply"],
  ["str", "text"],
  ["tmp", "what it holds"],
]);

/** Names are words. */
export const abbreviationRule: Rule = {
  name: "abbreviation",
  check(source: Source): readonly Violation[] {
    const layer = layerOf(source.path);
    if (layer === undefined || layer === "jute") return [];
    return declaredNamesOf(source).flatMap((name) => {
      const short = wordsOf(name.text).find((word) => ABBREVIATIONS.has(word));
      if (short === undefined) return [];
      const advice = `${name.text}: write ${ABBREVIATIONS.get(short) ?? short} for ${short}`;
      return [{ path: source.path, line: lineOf(source, name), rule: "abbreviation", advice }];
    });
  },
};

/** `maxFrameBytes` and `MAX_FRAME_BYTES` as `max`, `frame`, `bytes`. */
export function wordsOf(name: string): readonly string[] {
  const words = name.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").replaceAll(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return words.toLowerCase().split(/[^a-z0-9]+/);
}
