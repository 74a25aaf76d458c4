/**
 * Java's properties format, as ZooKeeper reads configurations in it: logical lines, comments, escapes.
 * Source: java.util.Properties.load(Reader).
 */
import { KeeperError } from "../base/error-code.ts";

/** The keys and values of the text, in the order of the keys' first places; of a key's values the last counts. */
export function readProperties(text: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const line of logicalLines(text)) {
    const end = keyEnd(line);
    const value = line.slice(end).replace(/^[ \t\f]*[=:]?[ \t\f]*/, "");
    properties.set(unescape(line.slice(0, end)), unescape(value));
  }
  return properties;
}

/** Lines without what is before their first character, those that a backslash breaks joined; no comments. */
function logicalLines(text: string): readonly string[] {
  const lines: string[] = [];
  let begun: string | undefined;
  for (const natural of text.split(/\r\n|[\r\n]/)) {
    const line = natural.replace(/^[ \t\f]+/, "");
    if (begun === undefined && (line === "" || line.startsWith("#") || line.startsWith("!"))) continue;
    const [backslashes = ""] = /\\*$/.exec(line) ?? [];
    const isBroken = backslashes.length % 2 === 1;
    begun = (begun ?? "") + (isBroken ? line.slice(0, -1) : line);
    if (isBroken) continue;
    lines.push(begun);
    begun = undefined;
  }
  if (begun !== undefined && begun !== "") lines.push(begun);
  return lines;
}

/** Where the key ends: at the first separator that no backslash is before. */
function keyEnd(line: string): number {
  for (let index = 0; index < line.length; index++) {
    const character = line.charAt(index);
    if (character === "\\") index++;
    else if ("=: \t\f".includes(character)) return index;
  }
  return line.length;
}

const ESCAPES: ReadonlyMap<string, string> = new Map([
  ["t", "\t"],
  ["r", "\r"],
  ["n", "\n"],
  ["f", "\f"],
]);

function unescape(text: string): string {
  return text.replaceAll(/\\(u[0-9a-fA-F]{4}|[^])/g, (_, escaped: string) => {
    if (escaped.length > 1) return String.fromCharCode(Number.parseInt(escaped.slice(1), 16));
    if (escaped === "u") throw new KeeperError("marshallingError", "malformed \\uxxxx encoding");
    return ESCAPES.get(escaped) ?? escaped;
  });
}
