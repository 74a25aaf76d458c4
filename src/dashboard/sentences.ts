/** Sentences of an explanation, taken apart: what of them leads elsewhere, and what is said otherwise to people. */

/** A piece of a sentence. */
export type Piece =
  | { readonly kind: "text"; readonly text: string }
  /** RFC 3339, which the page shows by the clock of the browser. */
  | { readonly kind: "time"; readonly text: string }
  /** `EPOCH:COUNTER`. */
  | { readonly kind: "zxid"; readonly text: string }
  /** `600000 ms`, which is told in larger units. */
  | { readonly kind: "duration"; readonly text: string }
  /** The id of one, of 16 hex digits. */
  | { readonly kind: "session"; readonly text: string }
  | { readonly kind: "path"; readonly text: string };

const TIME = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z`;

/**
 * Takes a sentence apart; `paths` are those that it may name, as anything may stand in a path, and `quoted` is what it
 * may quote, in which nothing is looked for.
 */
export function piecesOf(sentence: string, paths: readonly string[], quoted = ""): readonly Piece[] {
  // The longest first: one may begin as another does.
  const known = [...new Set(paths)].toSorted((a, b) => b.length - a.length).map(escaped);
  const quote = quoted === "" ? "(?!)" : escaped(quoted);
  const pattern = [`(?<text>${quote})`, `(?<path>${known.join("|") || "(?!)"})`, `(?<time>${TIME})`].join(
    "|",
  );
  const durations = String.raw`\b(?<duration>\d+ ms)\b`;
  const named = String.raw`(?<=zxid )(?<zxid>\d+:\d+)\b|(?<=[Ss]ession )(?<session>[0-9a-f]{16})\b`;
  const pieces: Piece[] = [];
  let at = 0;
  for (const found of sentence.matchAll(new RegExp(`${pattern}|${named}|${durations}`, "g"))) {
    if (found.index > at) pieces.push({ kind: "text", text: sentence.slice(at, found.index) });
    const [kind = "text"] = Object.entries(found.groups ?? {}).find(([, text]) => text !== undefined) ?? [];
    pieces.push({ kind: kind as Piece["kind"], text: found[0] });
    at = found.index + found[0].length;
  }
  if (at < sentence.length) pieces.push({ kind: "text", text: sentence.slice(at) });
  return pieces;
}

/** A place in a queue as the SDK, the API and Curator name it: the id that tells it from others is no name. */
const PLACE = /\/_c_[0-9a-f-]{36}-([^/]+)$/;

/** A path as it is shown: of a place in a queue, what people can tell apart. */
export function shownPath(path: string): string {
  return PLACE.exec(path)?.[1] ?? path;
}

/** The same, where a place in a queue is followed by its owner: whose it is stands first, and which place behind it. */
export function ownersFirst(pieces: readonly Piece[]): readonly Piece[] {
  return pieces.flatMap((piece, at): readonly Piece[] => {
    const owner = piece.kind === "path" ? ownerBehind(piece, pieces[at + 1]) : undefined;
    if (owner !== undefined)
      return [{ kind: "text", text: `${owner} (` }, piece, { kind: "text", text: ")" }];
    const before = pieces[at - 1];
    const told = before === undefined ? undefined : ownerBehind(before, piece);
    return told === undefined ? [piece] : [{ kind: "text", text: piece.text.slice(` (${told})`.length) }];
  });
}

function ownerBehind(piece: Piece, next: Piece | undefined): string | undefined {
  if (piece.kind !== "path" || !PLACE.test(piece.text) || next?.kind !== "text") return undefined;
  return /^ \(([^()]+)\)/.exec(next.text)?.[1];
}

function escaped(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, String.raw`\$&`);
}
