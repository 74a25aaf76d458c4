/**
 * The picture of a report: for each work a bar for each server, in SVG, readable on light and on dark. Works differ by
 * factors of a hundred in what a second holds, so each has a scale of its own, and the number stands at each bar.
 */
import { figure, type Report } from "../report.ts";
import type { SectionName } from "../sections.ts";

/** A group of bars. */
interface Group {
  readonly title: string;
  readonly section: SectionName;
  readonly label: string;
  readonly metric: string;
  readonly targets: readonly string[];
}

const BOTH = ["edgekeeper", "zookeeper"] as const;

const GROUPS: readonly Group[] = [
  ...(["set", "get", "create", "mixed", "multi"] as const).flatMap((work) =>
    (["50x4", "10x100"] as const).map((shape) => ({
      title: `${work} ${shape}`,
      section: "throughput" as const,
      label: `${work} ${shape}`,
      metric: "requestsPerSecond",
      targets: BOTH,
    })),
  ),
  {
    title: "lock cycles, 64 at once",
    section: "locks",
    label: "64 at once",
    metric: "cyclesPerSecond",
    targets: ["edgekeeper", "etcd", "etcd-lock"],
  },
];

const WIDTH = 760;
const MARGIN = 20;
const BARS_AT = 190;
/** Room for the number behind the longest bar. */
const NUMBER_WIDTH = 130;
const BAR_HEIGHT = 15;
const BAR_GAP = 3;
const GROUP_GAP = 14;
const HEAD_HEIGHT = 78;
const FOOT_HEIGHT = 34;

/** Text and lines follow the reader's scheme; the colours of bars do on both. */
const STYLE = `
  text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 17px; font-weight: 600; }
  .quiet { fill: #59636e; font-size: 12px; }
  .axis { stroke: #d1d9e0; }
  .edgekeeper { fill: #e8710a; }
  .zookeeper { fill: #7d8fa5; }
  .etcd { fill: #4a9a8c; }
  .etcd-lock { fill: #8fbfb6; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .axis { stroke: #3d444d; }
  }
`;

/** An SVG document. Groups that were not measured are left out. */
export function chartOf(report: Report): string {
  const groups = GROUPS.map((group) => ({ group, bars: barsOf(report, group) })).filter(
    ({ bars }) => bars.length > 0,
  );
  const parts: string[] = [];
  let y = HEAD_HEIGHT;
  for (const { group, bars } of groups) {
    parts.push(...groupParts(group, bars, y));
    y += bars.length * (BAR_HEIGHT + BAR_GAP) + GROUP_GAP;
  }
  const bottom = y - GROUP_GAP / 2;
  const height = bottom + FOOT_HEIGHT;
  const label = "Requests a second of Edgekeeper, ZooKeeper and etcd on one machine";
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}"`,
    `  role="img" aria-label="${label}">`,
    `<style>${STYLE}</style>`,
    text([MARGIN, 30], "Requests a second, on one machine", "title"),
    ...legend(groups.flatMap(({ bars }) => bars.map(({ target }) => target))),
    `<line class="axis" x1="${BARS_AT}" y1="${HEAD_HEIGHT - 8}" x2="${BARS_AT}" y2="${bottom}"/>`,
    ...parts,
    text([MARGIN, bottom + 22], escape(footOf(report)), "quiet"),
    "</svg>",
    "",
  ].join("\n");
}

interface Bar {
  readonly target: string;
  readonly value: number;
}

function barsOf(report: Report, { section, label, metric, targets }: Group): readonly Bar[] {
  return targets.flatMap((target) => {
    const value = figure(report, section, [label, target, metric]);
    return value === undefined ? [] : [{ target, value }];
  });
}

function groupParts({ title }: Group, bars: readonly Bar[], y: number): readonly string[] {
  const largest = Math.max(...bars.map(({ value }) => value));
  const middle = y + (bars.length * (BAR_HEIGHT + BAR_GAP)) / 2;
  const parts = [text([BARS_AT - 12, middle + 3], title, "label", "end")];
  for (const [index, { target, value }] of bars.entries()) {
    const top = y + index * (BAR_HEIGHT + BAR_GAP);
    const width = Math.max(1, Math.round((value / largest) * (WIDTH - BARS_AT - NUMBER_WIDTH)));
    parts.push(
      `<rect class="${target}" x="${BARS_AT}" y="${top}" width="${width}" height="${BAR_HEIGHT}" rx="2"/>`,
      text([BARS_AT + width + 8, top + 12], Math.round(value).toLocaleString("en-US"), "quiet"),
    );
  }
  return parts;
}

function legend(targets: readonly string[]): readonly string[] {
  return [...new Set(targets)].flatMap((target, index) => {
    const x = MARGIN + index * 120;
    return [
      `<rect class="${target}" x="${x}" y="44" width="12" height="12" rx="2"/>`,
      text([x + 18, 54], target, "quiet"),
    ];
  });
}

function footOf({ date, machine }: Report): string {
  return `Each work has a scale of its own. ${date}, ${machine}`;
}

function text([x, y]: readonly [number, number], content: string, style: string, anchor = "start"): string {
  return `<text class="${style}" x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
