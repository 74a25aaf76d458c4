/** The routes that all leases share, whatever they are of: keep it, give it back, and take it away from its holder. */
import { type OpenAPIHono, z } from "@hono/zod-openapi";
import type { App } from "../documents.ts";
import { answers } from "./answers.ts";
import type { Asker } from "./ask.ts";
import {
  FORCE_TEXT,
  forceRelease,
  forceSchema,
  type Held,
  leaseBodySchema,
  releaseLease,
  renewLease,
} from "./leases.ts";
import { createRoute } from "./routes.ts";
import { onlyByPost } from "./verbs.ts";

/** One kind of leases. */
export interface LeaseKind {
  readonly what: Held["what"];
  /** Below which path its names are, in URLs and in the tree. */
  readonly parent: string;
  /** A name, as the document has it. */
  readonly name: z.ZodString;
  /** The document of a lease. */
  readonly lease: z.ZodType;
  /** What its routes say of themselves, and of their success. */
  readonly renew: Told;
  readonly release: Told;
  readonly force: Told;
  /** What is asked for by POST beside renew and force-release, the giving back first. */
  readonly verbs: readonly [release: string, ...others: readonly string[]];
}

interface Told {
  readonly summary: string;
  readonly done: string;
}

/** What a name of the kind names: a name that begins with a slash is a path of its own. */
export function heldOf({ what, parent }: Pick<LeaseKind, "what" | "parent">, name: string): Held {
  return { what, path: name.startsWith("/") ? name : `${parent}/${name}` };
}

/** Adds them. They come before the route that shows what a name stands for, which would take theirs for names. */
export function addLeaseRoutes(api: OpenAPIHono<App>, asker: Asker, kind: LeaseKind): void {
  const path = `${kind.parent}/:name{.+}`;
  const params = z.object({ name: kind.name });
  const body = { required: true, content: { "application/json": { schema: leaseBodySchema } } } as const;
  const [release, ...others] = kind.verbs;
  const renewRoute = createRoute({
    method: "post",
    path: `${path}/renew`,
    summary: kind.renew.summary,
    description: "The whole ttlMs of the lease lies ahead again, counted from when this was sent.",
    request: { params, body },
    responses: answers([400, 409, 410, 415, 503, 504], {
      200: { description: kind.renew.done, content: { "application/json": { schema: kind.lease } } },
    }),
  });
  const releaseRoute = createRoute({
    method: "post",
    path: `${path}/${release}`,
    summary: kind.release.summary,
    request: { params, body },
    responses: answers([400, 409, 410, 415, 503, 504], { 204: { description: kind.release.done } }),
  });
  const forceRoute = createRoute({
    method: "post",
    path: `${path}/force-release`,
    summary: kind.force.summary,
    description: FORCE_TEXT,
    request: {
      params,
      body: { required: true, content: { "application/json": { schema: forceSchema } } },
    },
    responses: answers([400, 403, 412, 415, 503, 504], { 204: { description: kind.force.done } }),
  });

  api.openapi(renewRoute, async (context) => {
    const held = heldOf(kind, context.req.valid("param").name);
    return await renewLease(context, asker, held, context.req.valid("json").lease);
  });
  api.openapi(releaseRoute, async (context) => {
    const held = heldOf(kind, context.req.valid("param").name);
    return await releaseLease(context, asker, held, context.req.valid("json").lease);
  });
  api.openapi(forceRoute, async (context) => {
    const held = heldOf(kind, context.req.valid("param").name);
    return await forceRelease(context, asker, held, context.req.valid("json").token);
  });
  onlyByPost(api, path, [release, ...others, "renew", "force-release"]);
}
