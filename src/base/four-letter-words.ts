/**
 * ZooKeeper's four-letter words, and which of them are answered unless an operator says otherwise.
 * Source: ZooKeeper FourLetterCommands.isEnabled, and its admin guide.
 */

/** All of ZooKeeper 3.9's. */
export const FOUR_LETTER_WORDS = [
  "conf",
  "cons",
  "crst",
  "dirs",
  "dump",
  "envi",
  "gtmk",
  "hash",
  "isro",
  "mntr",
  "ruok",
  "srst",
  "srvr",
  "stat",
  "stmk",
  "wchc",
  "wchp",
  "wchs",
] as const;

/** One of them. */
export type FourLetterWord = (typeof FOUR_LETTER_WORDS)[number];

/**
 * Answered by default. ZooKeeper's default is srvr alone, as its port is open to strangers; our doors are not, and who
 * comes in may read the tree. So what tells a few figures is answered: clients and monitors live on it. What is left
 * out changes something for all others (crst, srst, stmk), or its answer, and the time it takes, grow without bound
 * (dump, wchc, wchp).
 */
export const FOUR_LETTER_WORDS_DEFAULT: readonly FourLetterWord[] = [
  "conf",
  "cons",
  "dirs",
  "envi",
  "gtmk",
  "hash",
  "isro",
  "mntr",
  "ruok",
  "srvr",
  "stat",
  "wchs",
];

/** Whether ZooKeeper knows the word. */
export function isFourLetterWord(word: string): word is FourLetterWord {
  return (FOUR_LETTER_WORDS as readonly string[]).includes(word);
}
