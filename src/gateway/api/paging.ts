/** Lists that come in parts, and what several replicas tell of one thing. */
import { z } from "@hono/zod-openapi";
import type { Sid } from "../../base/ids.ts";
import { zxidDigits } from "../../base/zxid.ts";
import type { Answered } from "./ask.ts";

const PAGE_MAX = 1000;

/** How much of a list at a time. */
export const limitQuery: z.ZodDefault<z.ZodCoercedNumber> = z.coerce
  .number()
  .int()
  .min(1)
  .max(PAGE_MAX)
  .default(PAGE_MAX)
  .describe("So many at a time.");

/** What a page tells of the next. */
export const nextField: z.ZodNullable<z.ZodString> = z
  .string()
  .nullable()
  .describe("What `after` is to be for the next page; null at the end.");

/** Whom a list of all replicas lacks. */
export const silentField: z.ZodArray<z.ZodNumber> = z
  .array(z.number().int())
  .describe("Replicas that did not answer in time: what they alone know is missing.");

/** What replicas answered, and who did not. */
export interface Gathered {
  readonly answers: readonly (readonly [Sid, Answered])[];
  readonly silent: readonly Sid[];
  /** The least that any of them had delivered, as a header tells it. */
  readonly zxid: string;
}

/** Sorts out who answered; at least one did. */
export function gathered(told: ReadonlyMap<Sid, Answered | undefined>): Gathered {
  const answers = [...told].flatMap(([sid, answer]) =>
    answer === undefined ? [] : [[sid, answer] as const],
  );
  const silent = [...told].flatMap(([sid, answer]) => (answer === undefined ? [sid] : []));
  const zxid = answers.map(([, answer]) => zxidDigits(answer.zxid)).toSorted()[0] ?? "";
  return { answers, silent, zxid };
}
