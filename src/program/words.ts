/** A line of the shell as words: blanks part them, quotes keep them together, a backslash keeps the next character. */
import { usageError } from "./exit-code.ts";

/** Reads a line. Throws a usage error where a quote is not closed. */
export function wordsOf(line: string): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < line.length; at++) {
    const character = line.charAt(at);
    if (quote !== undefined && character === quote) quote = undefined;
    else if (character === "\\" && quote !== "'" && at + 1 < line.length)
      word = (word ?? "") + line.charAt(++at);
    else if (quote !== undefined) word = (word ?? "") + character;
    else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== undefined) throw usageError(`the quote ${quote} is not closed`);
  if (word !== undefined) words.push(word);
  return words;
}
