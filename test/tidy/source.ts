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
}

/** Parses TypeScript; `path` decides which rules apply and need not exist. */
export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.ES2024, true, kindOf(path));
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return { path, text, lines, tree };
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
export function* nodesOf(root: ts.Node): Generator<ts.Node> {
  yield root;
  const children: ts.Node[] = [];
  ts.forEachChild(root, (child) => void children.push(child));
  for (const child of children) yield* nodesOf(child);
}

/** Every comment with its text. A regular expression or a string that looks like one is none. */
export function commentsOf(source: Source): readonly { readonly text: string; readonly line: number }[] {
  const comments = new Map<number, { text: string; line: number }>();
  for (const token of tokensOf(source.tree, source.tree)) {
    const ranges = [
      ...(ts.getLeadingCommentRanges(source.text, token.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(source.text, token.getEnd()) ?? []),
    ];
    for (const { pos, end } of ranges) {
      comments.set(pos, { text: source.text.slice(pos, end), line: lineAt(source, pos) });
    }
  }
  return [...comments.values()];
}

function* tokensOf(node: ts.Node, tree: ts.SourceFile): Generator<ts.Node> {
  const children = node.getChildren(tree).filter((child) => !ts.isJSDoc(child));
  // What follows the first half of a template looks like a comment when it is only text.
  const isTemplatePart = ts.isTemplateHead(node) || ts.isTemplateMiddle(node);
  if (children.length === 0 && !isTemplatePart && !ts.isJsxText(node)) yield node;
  for (const child of children) yield* tokensOf(child, tree);
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
  for (const node of nodesOf(source.tree)) {
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
  for (const node of nodesOf(source.tree)) {
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
