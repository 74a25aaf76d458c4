/**
 * The figures of a replica as Prometheus wants them: ZooKeeper's under ZooKeeper's names, so that dashboards made for
 * it work, and our own with `edgekeeper_` before theirs.
 * Source: ZooKeeper PrometheusMetricsProvider; Prometheus text format, as of version 0.0.4.
 */
import { monitorFigures } from "./monitor.ts";
import type { NamedSummary } from "./replica-metrics.ts";
import type { Report } from "./report.ts";

/** One value: what follows the family's name, its labels, and the value. */
export interface Sample {
  readonly suffix: "" | "_count" | "_sum";
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All values of one name. */
export interface MetricFamily {
  readonly name: string;
  readonly kind: "gauge" | "counter" | "summary";
  readonly samples: readonly Sample[];
}

/** What the shell around the keeper counts of itself. */
export type ShellFigures = Readonly<
  Record<"commits" | "snapshots" | "logBatches" | "databaseBytes" | "rowsWritten", number>
> &
  Readonly<Record<"asleep", boolean>>;

/** All families of a replica. */
export function metricFamilies(report: Report, shell: ShellFigures): readonly MetricFamily[] {
  const zookeepers = monitorFigures(report).map(({ name, kind, value }) =>
    single(name, kind, typeof value === "number" ? value : value.value),
  );
  return [...zookeepers, ...report.summaries().map(summaryFamily), ...own(report, shell)];
}

function single(name: string, kind: MetricFamily["kind"], value: number): MetricFamily {
  return { name, kind, samples: [{ suffix: "", labels: {}, value }] };
}

/** ZooKeeper's quantiles: the median of all, and for those with percentiles two more. */
function summaryFamily({ name, isAdvanced, summary }: NamedSummary): MetricFamily {
  const ratios = isAdvanced ? [0.5, 0.9, 0.99] : [0.5];
  const values = summary.quantiles(ratios);
  const quantiles = ratios.map((ratio, at): Sample => ({
    suffix: "",
    labels: { quantile: String(ratio) },
    value: values[at] ?? 0,
  }));
  return {
    name,
    kind: "summary",
    samples: [
      ...quantiles,
      { suffix: "_count", labels: {}, value: summary.count },
      { suffix: "_sum", labels: {}, value: summary.sum },
    ],
  };
}

function own({ status, lastZxid }: Report, shell: ShellFigures): readonly MetricFamily[] {
  const { counters, zab } = status;
  const gauges: Readonly<Record<string, number>> = {
    serving: status.serving ? 1 : 0,
    asleep: shell.asleep ? 1 : 0,
    epoch: lastZxid.epoch,
    zxid_counter: lastZxid.counter,
    client_bytes: status.clientBytes,
    calls: status.calls,
    streams: status.streams,
    streams_unsent: status.streamsUnsent,
    forwarded_bytes: status.forwardedBytes,
    log_batches: shell.logBatches,
    database_bytes: shell.databaseBytes,
  };
  const counts: Readonly<Record<string, number>> = {
    turns_total: counters.turns,
    commits_total: shell.commits,
    rows_written_total: shell.rowsWritten,
    snapshots_installed_total: shell.snapshots,
    watch_events_total: counters.watchEvents,
    requests_undecodable_total: counters.requestsUndecodable,
    requests_unknown_total: counters.requestsUnknown,
    sessions_refused_total: status.refusedSessions,
    digests_compared_total: status.digestsCompared,
  };
  const { diff, truncate, snapshot } = zab.syncs;
  const syncs = Object.entries<number>({ diff, truncate, snapshot }).map(([kind, value]): Sample => ({
    suffix: "",
    labels: { kind },
    value,
  }));
  return [
    ...Object.entries(gauges).map(([name, value]) => single(`edgekeeper_${name}`, "gauge", value)),
    ...Object.entries(counts).map(([name, value]) => single(`edgekeeper_${name}`, "counter", value)),
    { name: "edgekeeper_syncs_total", kind: "counter", samples: syncs },
  ];
}

/** The families of several replicas, each value under the labels of its replica, in Prometheus's text format. */
export function expositionOf(
  replicas: readonly {
    readonly labels: Readonly<Record<string, string>>;
    readonly families: readonly MetricFamily[];
  }[],
): string {
  const byName = new Map<string, { readonly kind: MetricFamily["kind"]; readonly lines: string[] }>();
  for (const { labels, families } of replicas) {
    for (const { name, kind, samples } of families) {
      const family = byName.get(name) ?? { kind, lines: [] };
      byName.set(name, family);
      for (const sample of samples) {
        const shown = labelText({ ...labels, ...sample.labels });
        family.lines.push(`${name}${sample.suffix}${shown} ${sample.value}\n`);
      }
    }
  }
  return Array.from(byName, ([name, { kind, lines }]) => `# TYPE ${name} ${kind}\n${lines.join("")}`).join(
    "",
  );
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const all = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return all.length === 0 ? "" : `{${all.join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}
