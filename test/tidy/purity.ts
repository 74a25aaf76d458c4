/**
 * The core runs in a simulator that replays a run from one number. That holds only while nothing in it reads
 * a clock, throws dice, waits, or keeps something in a module that a second replica of the same isolate would
 * share.
 */
import ts from "typescript";

import { hasModifier, layerOf, lineOf } from "./source.ts";
import type { Rule, Source, Violation } from "./source.ts";

const PURE_LAYERS: ReadonlySet<string> = new Set(["base", "jute", "tree", "zab", "keeper"]);

/** The SDK's session as a function of what happens to it; its shell is beside it. */
const PURE_FOLDER = "src/client/machine/";

const TIME = "take the time as a value of the input";
const WAIT = "return an effect; the shell performs it and steps the core again";
const DICE = "take an Rng (src/base/rng.ts), or bytes that the shell made";
const WORLD = "let the shell hand it in";

const BANNED_GLOBALS: ReadonlyMap<string, string> = new Map([
  ["Date", TIME],
  ["Temporal", TIME],
  ["performance", TIME],
  ["Promise", WAIT],
  ["setTimeout", WAIT],
  ["setInterval", WAIT],
  ["setImmediate", WAIT],
  ["queueMicrotask", WAIT],
  ["fetch", WAIT],
  ["WebSocket", WAIT],
  ["AbortController", WAIT],
  ["AbortSignal", WAIT],
  ["crypto", DICE],
  ["console", "return an effect or a status; the shell writes the log"],
  ["globalThis", WORLD],
  ["process", WORLD],
  ["navigator", WORLD],
  ["require", WORLD],
  ["eval", WORLD],
  ["Function", "name the signature instead"],
  ["Intl", "compare and print by code unit: locales differ between machines"],
  ["WeakRef", "the collector's timing must not show: own it, or look it up"],
  ["FinalizationRegistry", "the collector's timing must not show: close it explicitly"],
]);

const BANNED_MEMBERS: ReadonlyMap<string, string> = new Map([
  ["localeCompare", "compare with < and >: locales differ between machines"],
  ["toLocaleString", "print it with String()"],
  ["toLocaleLowerCase", "use toLowerCase()"],
  ["toLocaleUpperCase", "use toUpperCase()"],
]);

/** No promise, clock, dice, timer, network or console in base, jute, tree, zab and keeper. */
export const purityRule: Rule = {
  name: "purity",
  check(source: Source): readonly Violation[] {
    const layer = layerOf(source.path);
    if (layer === undefined || !(PURE_LAYERS.has(layer) || source.path.startsWith(PURE_FOLDER))) return [];
    const violations: Violation[] = [];
    for (const node of source.nodes) {
      const impure = impurityOf(node);
      if (impure === undefined) continue;
      const advice = `${layer} is pure and may not use ${impure.what}: ${impure.instead}`;
      violations.push({ path: source.path, line: lineOf(source, node), rule: "purity", advice });
    }
    return violations;
  },
};

function impurityOf(node: ts.Node): { readonly what: string; readonly instead: string } | undefined {
  if (node.kind === ts.SyntaxKind.AsyncKeyword) return { what: "async", instead: WAIT };
  if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) {
    return { what: "await", instead: WAIT };
  }
  if (ts.isMetaProperty(node) && node.keywordToken === ts.SyntaxKind.ImportKeyword) {
    return { what: "import.meta", instead: WORLD };
  }
  if (!ts.isIdentifier(node)) return undefined;
  if (isMemberName(node)) return impureMember(node);
  const instead = BANNED_GLOBALS.get(node.text);
  return instead === undefined ? undefined : { what: node.text, instead };
}

function impureMember(name: ts.Identifier): { readonly what: string; readonly instead: string } | undefined {
  const access = name.parent;
  if (!ts.isPropertyAccessExpression(access)) return undefined;
  if (name.text === "random" && access.expression.getText() === "Math") {
    return { what: "Math.random", instead: DICE };
  }
  const instead = BANNED_MEMBERS.get(name.text);
  return instead === undefined ? undefined : { what: name.text, instead };
}

/** A name behind a dot or a key belongs to its object: `effects.fetch` is no network. */
function isMemberName(name: ts.Identifier): boolean {
  const parent = name.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === name;
  if (ts.isQualifiedName(parent)) return parent.right === name;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent)) &&
    parent.name === name
  );
}

/** Stateless or filled once while the module loads: routes of an application, encoders, patterns. */
const HARMLESS_CLASSES: ReadonlySet<string> = new Set(["TextEncoder", "TextDecoder", "RegExp", "Hono"]);

/** The entry alone: it puts together what one Worker holds, as its doors know of all their connections. */
const ENTRY = "src/worker.ts";

/** Several replicas share an isolate, so a module under src/ holds nothing that changes. */
export const moduleStateRule: Rule = {
  name: "module-state",
  check(source: Source): readonly Violation[] {
    if (layerOf(source.path) === undefined || source.path === ENTRY) return [];
    const found = [...source.tree.statements.flatMap(stateOfStatement), ...staticsOf(source)];
    return found.map(({ node, advice }) => ({
      path: source.path,
      line: lineOf(source, node),
      rule: "module-state",
      advice,
    }));
  },
};

interface Found {
  readonly node: ts.Node;
  readonly advice: string;
}

function stateOfStatement(statement: ts.Statement): readonly Found[] {
  if (!ts.isVariableStatement(statement)) return [];
  if (hasModifier(statement, ts.SyntaxKind.DeclareKeyword)) return [];
  const list = statement.declarationList;
  if ((list.flags & ts.NodeFlags.Const) === 0) {
    return [
      { node: list, advice: "let and var at module level are shared state: hold it in an object of yours" },
    ];
  }
  const changing = list.declarations.filter(({ initializer, type }) => isMutable(initializer, type));
  return changing.map((node) => ({
    node,
    advice: `${node.name.getText()} can change and is shared: type it Readonly, readonly [] or as const`,
  }));
}

function isMutable(value: ts.Expression | undefined, type: ts.TypeNode | undefined): boolean {
  if (value === undefined) return false;
  if (ts.isParenthesizedExpression(value) || ts.isSatisfiesExpression(value)) {
    return isMutable(value.expression, type);
  }
  if (ts.isAsExpression(value)) {
    return !ts.isConstTypeReference(value.type) && isMutable(value.expression, value.type);
  }
  if (type !== undefined && isReadonlyType(type)) return false;
  if (ts.isNewExpression(value)) return isMutableInstance(value);
  if (ts.isArrayLiteralExpression(value)) return type === undefined || isMutableContainer(type);
  if (ts.isObjectLiteralExpression(value)) return type === undefined || isMutableContainer(type);
  return false;
}

function isMutableInstance(value: ts.NewExpression): boolean {
  const name = value.expression.getText();
  if (HARMLESS_CLASSES.has(name)) return false;
  // No byte, nothing to change.
  if (name === "Uint8Array") return (value.arguments?.[0]?.getText() ?? "0") !== "0";
  return true;
}

function isReadonlyType(type: ts.TypeNode): boolean {
  if (ts.isTypeOperatorNode(type)) return type.operator === ts.SyntaxKind.ReadonlyKeyword;
  return ts.isTypeReferenceNode(type) && type.typeName.getText().startsWith("Readonly");
}

/** A type of ours says readonly on its fields; the ready-made containers never do. */
function isMutableContainer(type: ts.TypeNode): boolean {
  if (ts.isTypeReferenceNode(type))
    return ["Array", "Record", "Map", "Set"].includes(type.typeName.getText());
  if (ts.isTypeLiteralNode(type)) {
    return !type.members.every((member) => hasModifier(member, ts.SyntaxKind.ReadonlyKeyword));
  }
  return ts.isArrayTypeNode(type) || ts.isTupleTypeNode(type);
}

function staticsOf(source: Source): readonly Found[] {
  const found: Found[] = [];
  for (const node of source.nodes) {
    if (!ts.isPropertyDeclaration(node) || !hasModifier(node, ts.SyntaxKind.StaticKeyword)) continue;
    const isFixed =
      hasModifier(node, ts.SyntaxKind.ReadonlyKeyword) && !isMutable(node.initializer, node.type);
    if (!isFixed)
      found.push({ node, advice: "a static field is shared state: hold it in an object of yours" });
  }
  return found;
}
