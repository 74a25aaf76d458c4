/** Where in the page one is: the fragment of its address, so that it can be kept, sent and gone back from. */

/** The parts of the page. */
export const VIEWS = ["replicas", "tree", "locks", "sessions", "watches", "config", "metrics"] as const;

/** One of them. */
export type View = (typeof VIEWS)[number];

/** What of the past is looked at; moments as the API takes them. */
export type Past =
  /** The tree as it was. */
  | { readonly kind: "asOf"; readonly from: string }
  /** What became of what is chosen, and of all below it; `to` is empty for now. */
  | { readonly kind: "changes"; readonly from: string; readonly to: string };

/** A part of the page, and what is chosen there: a path, or the id of a session. */
export interface Route {
  readonly view: View;
  readonly chosen: string;
  /** undefined for what is now. */
  readonly past: Past | undefined;
}

/** Reads `#tree/app/config`, `#tree/app?asOf=MOMENT` or `#tree/app?from=MOMENT&to=MOMENT`. */
export function readRoute(hash: string): Route {
  const [, name = "", rest = "", query = ""] = /^#([a-z]+)([^?]*)\??(.*)$/.exec(hash) ?? [];
  const view = VIEWS.find((one) => one === name) ?? "replicas";
  const chosen = decode(rest);
  // Whoever types the id of a session puts a slash before it, as before a path.
  return {
    view,
    chosen: view === "sessions" ? chosen.replace(/^\//, "") : chosen,
    past: view === "tree" ? readPast(query) : undefined,
  };
}

/** Its fragment. */
export function hashOf({ view, chosen, past }: Route): string {
  const path = `#${view}${chosen.split("/").map(encodeURIComponent).join("/")}`;
  if (past === undefined) return path;
  const query = new URLSearchParams(
    past.kind === "asOf" ? { asOf: past.from } : { from: past.from, ...(past.to !== "" && { to: past.to }) },
  );
  return `${path}?${query.toString()}`;
}

function readPast(query: string): Past | undefined {
  const asked = new URLSearchParams(query);
  const asOf = asked.get("asOf");
  if (asOf !== null) return { kind: "asOf", from: asOf };
  const from = asked.get("from");
  return from === null ? undefined : { kind: "changes", from, to: asked.get("to") ?? "" };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A fragment that somebody typed: nothing is chosen by it.
    return "";
  }
}
