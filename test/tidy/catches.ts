/**
 * An error that is dropped, and nobody told of, needs a sentence that says why that is right. To look at an error is
 * not to tell of it: a condition, an `instanceof` and a rethrow drop what they let through.
 */
import ts from "typescript";

import { layerOf, lineAt, lineOf, nodesOf } from "./source.ts";
import type { Rule, Source, Violation } from "./source.ts";

/** How many lines above a `.catch(() => ...)` its sentence may end: a function's, say, or that of a pair of lines. */
const LINES_ABOVE = 2;

/** Every catch under src/ that drops an error says why. */
export const quietCatchRule: Rule = {
  name: "quiet-catch",
  check(source: Source): readonly Violation[] {
    if (layerOf(source.path) === undefined) return [];
    const quiet = source.nodes.flatMap((node) => {
      if (ts.isCatchClause(node)) return isDropping(node) ? [rangeOf(source, node)] : [];
      const handler = deafHandlerOf(node);
      return handler === undefined ? [] : [{ ...rangeOf(source, handler), above: LINES_ABOVE }];
    });
    if (quiet.length === 0) return [];
    const said = source.comments.map(({ text, line }) => line + text.split("\n").length - 1);
    const advice = "it drops an error: say in a comment why that is right, or tell of it";
    return quiet
      .filter(({ from, to, above }) => !said.some((line) => line >= from - above && line <= to))
      .map(({ from }) => ({ path: source.path, line: from, rule: "quiet-catch", advice }));
  },
};

function rangeOf(
  source: Source,
  node: ts.Node,
): { readonly from: number; readonly to: number; above: number } {
  return { from: lineOf(source, node), to: lineAt(source, node.getEnd()), above: 0 };
}

/** `.catch(() => ...)`: it cannot even look. */
function deafHandlerOf(node: ts.Node): ts.Node | undefined {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return undefined;
  const [handler] = node.arguments;
  const isCatch = node.expression.name.text === "catch";
  const isDeaf = handler !== undefined && ts.isArrowFunction(handler) && handler.parameters.length === 0;
  return isCatch && isDeaf ? handler : undefined;
}

function isDropping({ block, variableDeclaration }: ts.CatchClause): boolean {
  const inside = nodesOf(block);
  const last = block.statements.at(-1);
  const isLeft = inside.some(
    (node) => ts.isReturnStatement(node) || ts.isContinueStatement(node) || ts.isBreakStatement(node),
  );
  if (last !== undefined && ts.isThrowStatement(last) && !isLeft) return false;
  const name = variableDeclaration?.name.getText();
  const told = inside.filter(
    (node) => ts.isIdentifier(node) && node.text === name && !isLookedAt(node, block),
  );
  return told.length === 0;
}

/** Whether it stands in a condition, in a variable that is one by its name, or is thrown on. */
function isLookedAt(identifier: ts.Node, block: ts.Block): boolean {
  for (let at = identifier; at !== block; at = at.parent) {
    const { parent } = at;
    if (ts.isIfStatement(parent) && parent.expression === at) return true;
    if (ts.isVariableDeclaration(parent) && /^is[A-Z]|^may[A-Z]/.test(parent.name.getText())) return true;
    if (ts.isThrowStatement(parent)) return true;
  }
  return false;
}
