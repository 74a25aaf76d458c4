/**
 * A source file as the rules see it, and the few walks over its syntax tree that they share.
 */
import ts from "typescript";

/** One broken rule: where, which, and what to do instead. */
export interface Violation {
  readonly path: string;
  /** Counted from 1. */
  readonly line: number;
  readonly rule: string;
  readonly advice: string;
}

/** A rule reads one file and lists what breaks it. */
export interface Rule {
  readonly name: string;
  check(source: Source): readonly Violation[];
}

/** A parsed file; `path` is relative to the repository, with forward slashes. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
  readonly tree: ts.SourceFile;
  /** Every node of the tree, parents first. */
  readonly nodes: readonly ts.Node[];
  /** Every comment. A regular expression or a string that looks like one is none. */
  readonly comments: readonly Comment[];
}

/** Where it begins, counted from 1, and all of it with its marks. */
export interface Comment {
  readonly text: string;
  readonly line: number;
}

/** Parses TypeScript; `path` decides which rules apply and need not exist. */
export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, true, kindOf(path));
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  const nodes = nodesOf(tree);
  return { path, text, lines, tree, nodes, comments: commentsOf(tree, nodes) };
}

function kindOf(path: string): ts.ScriptKind {
  return path.endsWith(".tsx") ? ts.ScriptKind.TSX : ts.ScriptKind.TS;
}

/** The folder under src/ that a file belongs to, "worker.ts" for the entry, undefined outside src/. */
export function layerOf(path: string): string | undefined {
  return path.startsWith("src/") ? path.split("/")[1] : undefined;
}

/** The line, counted from 1, of a position. */
export function lineAt(source: Source, position: number): number {
  return source.tree.getLineAndCharacterOfPosition(position).line + 1;
}

/** The line, counted from 1, where a node's own text begins: after its comments. */
export function lineOf(source: Source, node: ts.Node): number {
  return lineAt(source, node.getStart(source.tree));
}

/** Every node below and including the root, parents first. */
export function nodesOf(root: ts.Node): readonly ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return nodes;
}

/** Comments are what looks like one and stands in no literal: a tree keeps none, and has all literals. */
function commentsOf(tree: ts.SourceFile, nodes: readonly ts.Node[]): readonly Comment[] {
  const literals = nodes.filter(isOpaque).toSorted((a, b) => a.getStart(tree) - b.getStart(tree));
  const comments: Comment[] = [];
  const opening = /\/\/.*|\/\*[^]*?\*\//g;
  let next = 0;
  for (let found = opening.exec(tree.text); found !== null; found = opening.exec(tree.text)) {
    while (next < literals.length && (literals[next]?.getEnd() ?? 0) <= found.index) next++;
    const literal = literals[next];
    if (literal !== undefined && literal.getStart(tree) <= found.index) {
      opening.lastIndex = literal.getEnd();
      continue;
    }
    comments.push({ text: found[0], line: tree.getLineAndCharacterOfPosition(found.index).line + 1 });
  }
  return comments;
}

/** Whether nothing within it can be a comment. */
function isOpaque(node: ts.Node): boolean {
  return (
    ts.isStringLiteral(node) ||
    ts.isRegularExpressionLiteral(node) ||
    ts.isNoSubstitutionTemplateLiteral(node) ||
    ts.isTemplateHead(node) ||
    ts.isTemplateMiddleOrTemplateTail(node) ||
    ts.isJsxText(node)
  );
}

/** What a file imports or re-exports from, as written, and whether only types come over. */
export interface ImportedModule {
  readonly specifier: string;
  readonly typesOnly: boolean;
  readonly line: number;
}

/** Every module named by an import, a re-export, an import() or a type's import(). */
export function importsOf(source: Source): readonly ImportedModule[] {
  const modules: ImportedModule[] = [];
  for (const node of source.nodes) {
    const specifier = specifierOf(node);
    if (specifier === undefined) continue;
    modules.push({ specifier, typesOnly: isTypesOnly(node), line: lineOf(source, node) });
  }
  return modules;
}

function specifierOf(node: ts.Node): string | undefined {
  if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) return literalText(node.moduleSpecifier);
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    return literalText(node.argument.literal);
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    return literalText(node.arguments[0]);
  }
  return undefined;
}

function literalText(node: ts.Node | undefined): string | undefined {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined;
}

function isTypesOnly(node: ts.Node): boolean {
  if (ts.isImportTypeNode(node)) return true;
  if (ts.isExportDeclaration(node)) return node.isTypeOnly;
  return ts.isImportDeclaration(node) && node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
}

/** A name that this file gives to something, as opposed to one that it uses. */
export function declaredNamesOf(source: Source): readonly ts.Identifier[] {
  const names: ts.Identifier[] = [];
  for (const node of source.nodes) {
    if (!isNaming(node)) continue;
    const name = node.name;
    if (name !== undefined && ts.isIdentifier(name)) names.push(name);
  }
  return names;
}

type Naming = ts.Node & { readonly name?: ts.Node };

function isNaming(node: ts.Node): node is Naming {
  return (
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isBindingElement(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertySignature(node)
  );
}

/** Whether the declaration carries the modifier. */
export function hasModifier(node: ts.Node, kind: ts.ModifierSyntaxKind): boolean {
  if (!ts.canHaveModifiers(node)) return false;
  return (ts.getModifiers(node) ?? []).some((modifier) => modifier.kind === kind);
}
