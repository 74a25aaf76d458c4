/**
 * Prometheus's door: `/metrics` has all replicas of all ensembles, told apart by the labels `ensemble` and `sid`;
 * `/ENSEMBLE/metrics` those of one; with `?sid=` one replica alone, without labels, as a ZooKeeper server shows itself.
 */
import type { Context } from "hono";
import type { Sid } from "../base/ids.ts";
import { sidsOf } from "../base/settings.ts";
import { expositionOf, GATEWAY_PATHS, type MetricFamily, replicaStub } from "../durable/entry.ts";
import { type App, ensemblesOf, problem, unknownEnsemble } from "./documents.ts";
import { membersOf } from "./replicas.ts";

/** A replica that has not told by then is left out: its `edgekeeper_up` is 0. */
const METRICS_DEADLINE_MS = 5000;

const TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8";

/** All replicas of all ensembles. */
export async function allMetrics(context: Context<App>): Promise<Response> {
  const names = await Promise.all(
    ensemblesOf(context.env).map(async (ensemble) => {
      const sids = sidsOf(await membersOf(context.env, ensemble));
      return sids.map((sid) => ({ ensemble, sid }));
    }),
  );
  return await answer(context, names.flat(), true);
}

/** The replicas of one ensemble, or one of them. */
export async function ensembleMetrics(context: Context<App>): Promise<Response> {
  const ensemble = context.req.param("ensemble") ?? "";
  if (!ensemblesOf(context.env).includes(ensemble)) return unknownEnsemble(context, ensemble);
  const sids = sidsOf(await membersOf(context.env, ensemble));
  const asked = context.req.query("sid");
  if (asked === undefined) {
    const names = sids.map((sid) => ({ ensemble, sid }));
    return await answer(context, names, true);
  }
  const sid = Number(asked);
  if (sids.includes(sid)) return await answer(context, [{ ensemble, sid }], false);
  return problem(context, 400, "bad-sid", `sid must be one of ${sids.join(", ")}`);
}

async function answer(
  context: Context<App>,
  names: readonly { readonly ensemble: string; readonly sid: Sid }[],
  isLabelled: boolean,
): Promise<Response> {
  const replicas = await Promise.all(
    names.map(async ({ ensemble, sid }) => ({
      labels: isLabelled ? { ensemble, sid: String(sid) } : {},
      families: await familiesOf(replicaStub(context.env, { ensemble, sid })),
    })),
  );
  return context.body(expositionOf(replicas), 200, { "content-type": TEXT_FORMAT });
}

async function familiesOf(stub: DurableObjectStub): Promise<readonly MetricFamily[]> {
  try {
    const signal = AbortSignal.timeout(METRICS_DEADLINE_MS);
    const response = await stub.fetch(`http://replica${GATEWAY_PATHS.metrics}`, { signal });
    if (response.ok) return [up(1), ...(await response.json<readonly MetricFamily[]>())];
  } catch {
    // What does not answer is down: that is what is told of it.
  }
  return [up(0)];
}

function up(value: 0 | 1): MetricFamily {
  return { name: "edgekeeper_up", kind: "gauge", samples: [{ suffix: "", labels: {}, value }] };
}
