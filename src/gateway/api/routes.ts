/** How routes of the API are made: each refuses query parameters that it does not know, also where it takes none. */
import { createRoute as documentedRoute, type RouteConfig } from "@hono/zod-openapi";
import { queryOf } from "../queries.ts";

/** A route for the API and its document; see `createRoute` of zod-openapi. */
export function createRoute<P extends string, R extends Omit<RouteConfig, "path"> & { path: P }>(
  config: R,
): ReturnType<typeof documentedRoute<P, R>> {
  return documentedRoute<P, R>({ ...config, request: { query: queryOf({}), ...config.request } });
}
