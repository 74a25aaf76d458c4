/** Query parameters: a route refuses those that it does not know, as a misspelt one is not to be taken for none. */
import { z } from "@hono/zod-openapi";

/** What is said of parameters that a route does not know, with those that it does. */
export function unknownText(unknown: readonly string[], known: readonly string[]): string {
  const named = unknown.map((name) => JSON.stringify(name)).join(", ");
  const there = known.length === 0 ? "this route takes none" : `this route takes ${known.join(", ")}`;
  // Everything stands in the tree, so what it was can be read there.
  const past = unknown.includes("asOf") ? "; what a znode was is read at /nodes/PATH?asOf=" : "";
  return `unknown query parameter${unknown.length === 1 ? "" : "s"} ${named}: ${there}${past}`;
}

/** The schema of a route's query parameters, which are all that there are. */
export function queryOf<Shape extends z.ZodRawShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => (issue.code === "unrecognized_keys" ? unknownText(issue.keys, known) : undefined),
  });
}
