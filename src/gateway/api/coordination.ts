/** The routes by which callers coordinate, beside those of locks. */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { App } from "../documents.ts";
import type { Asker } from "./ask.ts";
import { addConfig } from "./config.ts";
import { addConfigSchemas } from "./config-schemas.ts";
import { addCounters } from "./counters.ts";
import { addElections } from "./elections.ts";
import { addSemaphores } from "./semaphores.ts";
import { addServices } from "./services.ts";

/** Adds the routes. */
export function addCoordination(api: OpenAPIHono<App>, asker: Asker): void {
  addSemaphores(api, asker);
  addElections(api, asker);
  addCounters(api, asker);
  addConfigSchemas(api, asker);
  addConfig(api, asker);
  addServices(api, asker);
}
