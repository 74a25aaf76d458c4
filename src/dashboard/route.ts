/** Where in the page one is: the fragment of its address, so that it can be kept, sent and gone back from. */

/** The parts of the page. */
export const VIEWS = ["replicas", "tree", "locks", "sessions", "watches", "config", "metrics"] as const;

/** One of them. */
export type View = (typeof VIEWS)[number];

/** A part of the page, and what is chosen there: a path, or the id of a session. */
export interface Route {
  readonly view: View;
  readonly chosen: string;
}

/** Reads `#tree/app/config`. */
export function readRoute(hash: string): Route {
  const [, name = "", rest = ""] = /^#([a-z]+)(.*)$/.exec(hash) ?? [];
  const view = VIEWS.find((one) => one === name) ?? "replicas";
  return { view, chosen: decode(rest) };
}

/** Its fragment. */
export function hashOf({ view, chosen }: Route): string {
  return `#${view}${chosen.split("/").map(encodeURIComponent).join("/")}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A fragment that somebody typed: nothing is chosen by it.
    return "";
  }
}
