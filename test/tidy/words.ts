/**
 * One name for one thing, everywhere. These words have another word in this tree, and so does the reader's
 * memory.
 */
import { createHash } from "node:crypto";

import { declaredNamesOf, layerOf, lineOf } from "./source.ts";
import type { Rule, Source, Violation } from "./source.ts";
import { wordsOf } from "./shape.ts";

/** Sequences of words within a name, such as `currentTerm` or `LOG_ENTRY`. */
const BANNED_IN_NAMES: ReadonlyMap<string, string> = new Map([
  ["term", "epoch"],
  ["cluster", "ensemble"],
  ["master", "leader"],
  ["slave", "follower"],
  ["whitelist", "allowed"],
  ["blacklist", "denied"],
  ["log entry", "proposal"],
  ["log entries", "proposals"],
  ["log index", "zxid"],
  ["commit index", "lastCommitted, a zxid"],
  ["node id", "sid for a replica, path for a znode"],
  ["server node", "replica or peer"],
  ["server id", "sid"],
  ["transaction id", "zxid"],
  ["ephemeral node", "ephemeral"],
]);

/** Other systems' own words, where these systems are what is spoken of. */
const OF_OTHER_SYSTEMS: ReadonlySet<string> = new Set(["cluster", "master"]);
const SPEAKS_OF_THEM = /^src\/(?:clusters\/|program\/commands\/cluster)/;

/** In prose only what cannot mean anything else. */
const BANNED_IN_COMMENTS: ReadonlyMap<RegExp, string> = new Map([
  [/\blog entr(?:y|ies)\b/i, "proposal"],
  [/\bcurrent term\b/i, "currentEpoch"],
  [/\bslaves?\b/i, "follower"],
  [/\b(?:black|white)list/i, "denied, allowed"],
  [/\bserver nodes?\b/i, "replica or peer"],
]);

/** The words of the field, in names and in comments under src/. */
export const vocabularyRule: Rule = {
  name: "vocabulary",
  check(source: Source): readonly Violation[] {
    if (layerOf(source.path) === undefined) return [];
    const inNames = declaredNamesOf(source).flatMap((name) => {
      const words = ` ${wordsOf(name.text).join(" ")} `;
      const isTheirs = SPEAKS_OF_THEM.test(source.path);
      const banned = [...BANNED_IN_NAMES].find(
        ([word]) => words.includes(` ${word} `) && !(isTheirs && OF_OTHER_SYSTEMS.has(word)),
      );
      return banned === undefined ? [] : [violation(source, lineOf(source, name), banned)];
    });
    const inComments = source.comments.flatMap(({ text, line }) => {
      const banned = [...BANNED_IN_COMMENTS].find(([pattern]) => pattern.test(text));
      if (banned === undefined) return [];
      return [violation(source, line, [banned[0].exec(text)?.[0] ?? "", banned[1]])];
    });
    return [...inNames, ...inComments];
  },
};

function violation(source: Source, line: number, [word, replacement]: [string, string]): Violation {
  return { path: source.path, line, rule: "vocabulary", advice: `say ${replacement}, not "${word}"` };
}

/** What is not done is an issue, or is done before it lands. */
export const unfinishedRule: Rule = {
  name: "unfinished",
  check(source: Source): readonly Violation[] {
    return source.comments.flatMap(({ text, line }) => {
      const mark = /\b(?:TODO|FIXME|XXX|HACK)\b/.exec(text)?.[0];
      if (mark === undefined) return [];
      return [{ path: source.path, line, rule: "unfinished", advice: `${mark}: do it, or write why not` }];
    });
  },
};

/**
 * Names of the machines and programs that a build ran on. They are kept as digests (the first 12 digits of a
 * word's SHA-256), so that this table does not itself break the rule.
 */
const WORKPLACE_DIGESTS: ReadonlySet<string> = new Set([
  "c857d09db23e",
  "c70eca6b0f88",
  "94a168d2da57",
  "d298391b0743",
  "60965168ce76",
  "7d3194f79e64",
  "3ea125d0bff3",
  "57de4cf40144",
]);

/** Nothing in the tree knows the machine that it was written on. Reads any text, not only TypeScript. */
export function workplaceNamesIn(path: string, text: string): readonly Violation[] {
  const known = new Map<string, boolean>();
  const isWorkplaceWord = (word: string): boolean => {
    const is = known.get(word) ?? WORKPLACE_DIGESTS.has(digestOf(word));
    known.set(word, is);
    return is;
  };
  return text.split("\n").flatMap((line, index) => {
    const at = { path, line: index + 1, rule: "workplace" };
    const root = /(?<![\w.:/-])\/(?:work|tmp\/brief)\//.exec(line)?.[0];
    if (root !== undefined)
      return [{ ...at, advice: `${root} is a place on one machine: use a relative path` }];
    const word = line.match(/[A-Za-z]{4,}/g)?.find(isWorkplaceWord);
    return word === undefined ? [] : [{ ...at, advice: `remove "${word}": it is no part of this project` }];
  });
}

/** How a word is looked up in the table of workplace names: whatever its case. */
function digestOf(word: string): string {
  return createHash("sha256").update(word.toLowerCase()).digest("hex").slice(0, 12);
}
