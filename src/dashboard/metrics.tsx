/** Figures over time as charts. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import uPlot from "uplot";

import { useDesk } from "./desk.ts";
import { clockText } from "./format.ts";
import { type Figure, FIGURES, type Samples } from "./samples.ts";
import { Empty } from "./ui.tsx";

const CHART_HEIGHT = 180;

/** See the file's comment. */
export function Metrics(): JSX.Element {
  const desk = useDesk();
  if (!desk.may("read", "/")) {
    return (
      <Empty title="Your token does not tell of figures">
        They are shown to who has <code>read</code> on <code>/</code>.
      </Empty>
    );
  }
  return (
    <div class="stack">
      <p class="faint">
        Since this page was opened, half an hour at most. What is to be kept for longer is at{" "}
        <code>/{desk.ensemble}/metrics</code>, for Prometheus.
      </p>
      <Legend sids={desk.statusAtMs.value === 0 ? [] : desk.samples.sids} />
      <div class="charts">
        {FIGURES.map((figure) => (
          <Chart key={figure.id} figure={figure} samples={desk.samples} round={desk.statusAtMs.value} />
        ))}
      </div>
    </div>
  );
}

function Legend(props: { readonly sids: readonly number[] }): JSX.Element {
  return (
    <ul class="legend" aria-label="Lines">
      {props.sids.map((sid, at) => (
        <li key={sid}>
          <span class={`line line-${at % LINES}`} aria-hidden="true" />
          replica {sid}
        </li>
      ))}
    </ul>
  );
}

const LINES = 7;

function Chart(props: {
  readonly figure: Figure;
  readonly samples: Samples;
  readonly round: number;
}): JSX.Element {
  const { figure, samples, round } = props;
  const place = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const lines = useMemo(() => samples.linesOf(figure), [figure, samples, round]);
  const count = lines.length;
  const theme = useDesk().theme.value;
  useEffect(() => {
    const element = place.current;
    if (element === null) return undefined;
    const made = new uPlot(optionsOf(element, count - 1), lines as uPlot.AlignedData, element);
    chart.current = made;
    const resized = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: CHART_HEIGHT }),
    );
    resized.observe(element);
    return () => {
      resized.disconnect();
      made.destroy();
      chart.current = undefined;
    };
  }, [count, theme]);
  useEffect(() => chart.current?.setData(lines as uPlot.AlignedData), [lines]);
  const latest = lines.slice(1).map((line) => line.at(-1) ?? null);
  return (
    <figure class="chart">
      <figcaption>
        <b>{figure.title}</b> <span class="faint">{figure.unit}</span>
        <span class="latest">
          {latest.map((value, at) => (
            <span key={at} class={`line-${at % LINES}`}>
              {shortText(value)}
            </span>
          ))}
        </span>
      </figcaption>
      <div ref={place} class="plot" aria-hidden="true" />
    </figure>
  );
}

function shortText(value: number | null): string {
  if (value === null) return "–";
  return value >= 100 || Number.isInteger(value) ? Math.round(value).toLocaleString("en") : value.toFixed(1);
}

function optionsOf(element: HTMLElement, lines: number): uPlot.Options {
  const style = getComputedStyle(element);
  // A variable is told as it is written; only a colour that is in use is told as what it comes to.
  const colour = (name: string): string => {
    element.style.color = `var(${name})`;
    return style.color;
  };
  const axis: uPlot.Axis = {
    stroke: colour("--axis"),
    grid: { stroke: colour("--grid"), width: 1 },
    ticks: { show: false },
    font: `11px ${style.fontFamily}`,
  };
  return {
    width: element.clientWidth,
    height: CHART_HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: "metrics" }, points: { size: 5 }, drag: { x: false, y: false } },
    scales: { y: { range: (_, low, high) => [Math.min(0, low ?? 0), rounded(high ?? 1)] } },
    axes: [
      { ...axis, size: 28, space: 90, incrs: [...SECONDS], values: (_, splits) => splits.map(clockOf) },
      { ...axis, size: 48, values: (_, splits) => splits.map(axisText) },
    ],
    series: [
      {},
      ...Array.from({ length: lines }, (_, at) => ({
        stroke: colour(`--line-${at % LINES}`),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

/** Of the ticks on the axis of time. */
const SECONDS: readonly number[] = [5, 10, 30, 60, 120, 300, 600];

function clockOf(seconds: number): string {
  return clockText(seconds * 1000);
}

/** Some air above the highest. */
function rounded(high: number): number {
  return high <= 0 ? 1 : high * 1.15;
}

function axisText(value: number): string {
  if (Math.abs(value) >= 1_000_000) return `${Number((value / 1_000_000).toFixed(1))}M`;
  return Math.abs(value) >= 1000 ? `${Number((value / 1000).toFixed(1))}k` : String(Number(value.toFixed(2)));
}
