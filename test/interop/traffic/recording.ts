/**
 * A recording: what the clients of one system sent, frame by frame, and what they were told, as plain values without
 * what differs between two right servers. Exactly one request was under way at a time, so the order of the lines is
 * the order in which things happened.
 */
import { readFileSync } from "node:fs";

/** One event. `c` is the number of the connection. */
export type Line =
  /** A connection, and its first frame. */
  | { readonly c: number; readonly hello: Uint8Array }
  /** A request's frame, without its length. */
  | { readonly c: number; readonly ask: Uint8Array }
  /** What came back: the answer to the handshake, a reply or a watch event. */
  | { readonly c: number; readonly told: Uint8Array }
  /** The client hung up. */
  | { readonly c: number; readonly gone: true }
  /** The server hung up. */
  | { readonly c: number; readonly closed: true };

/** As it is kept: answers as text that `normalise` made of them. */
export type KeptLine =
  | Exclude<Line, { readonly told: Uint8Array }>
  | { readonly c: number; readonly told: string };

/** A whole recording. */
export interface Recording {
  /** Which system it was, and what it did. */
  readonly about: string;
  readonly lines: readonly KeptLine[];
}

/** Reads a file of this folder's recordings. Throws where it is none. */
export function readRecording(file: string): Recording {
  const [first = "", ...rest] = readFileSync(file, "utf8").trimEnd().split("\n");
  return { about: first.replace(/^# /, ""), lines: rest.map(parseLine) };
}

/** The text of a file. */
export function renderRecording({ about, lines }: Recording): string {
  return [`# ${about}`, ...lines.map(renderLine), ""].join("\n");
}

/** A word for each kind of line: the connection, the word, and the frame in base64 or the value. */
function renderLine(line: KeptLine): string {
  if ("hello" in line) return `${line.c} hello ${Buffer.from(line.hello).toString("base64")}`;
  if ("ask" in line) return `${line.c} ask ${Buffer.from(line.ask).toString("base64")}`;
  if ("told" in line) return `${line.c} told ${line.told}`;
  return `${line.c} ${"gone" in line ? "gone" : "closed"}`;
}

function parseLine(text: string): KeptLine {
  const [connection = "", word = ""] = text.split(" ", 2);
  const rest = text.slice(connection.length + word.length + 2);
  const c = Number(connection);
  switch (word) {
    case "hello":
      return { c, hello: Buffer.from(rest, "base64") };
    case "ask":
      return { c, ask: Buffer.from(rest, "base64") };
    case "told":
      return { c, told: rest };
    case "gone":
      return { c, gone: true };
    case "closed":
      return { c, closed: true };
    default:
      throw new Error(`not a line of a recording: "${text.slice(0, 80)}"`);
  }
}
