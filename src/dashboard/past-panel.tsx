/** One znode as it was: its data and its Stat, as far as the history tells; nothing of it can be changed. */
import type { JSX } from "preact";

import { pathInUrl } from "./api.ts";
import { DataView } from "./data-section.tsx";
import { type Desk, useDesk } from "./desk.ts";
import type { PastNodeDocument, PastStat } from "./documents.ts";
import { bytesText, childChanges, timesText } from "./format.ts";
import { Crumbs, ZxidLink } from "./node-panel.tsx";
import { PastError } from "./past-bar.tsx";
import { useReading } from "./reading.ts";
import { Badge, Copy, Facts, Moment } from "./ui.tsx";

/** See the file's comment; `asOf` is a zxid in digits. */
export function PastPanel(props: {
  readonly path: string;
  readonly asOf: string;
  readonly back: () => void;
  readonly choose: (path: string) => void;
}): JSX.Element {
  const { path, asOf, back, choose } = props;
  const desk = useDesk();
  const { value: node, error } = useReading(`${path} ${asOf}`, 0, async () => {
    const url = desk.path(`/nodes${pathInUrl(path)}?asOf=${asOf}`);
    return await desk.api.get<PastNodeDocument>(url);
  });
  return (
    <article class="panel past" aria-label={`Znode ${path}, as it was`}>
      <header class="panel-head">
        <button type="button" class="quiet back" onClick={back}>
          ← Tree
        </button>
        <Crumbs path={path} choose={choose} />
        <Badge kind="warn">past, read-only</Badge>
        <Copy text={path} what="the path" />
        <button
          type="button"
          class="small"
          onClick={() => desk.go("tree", path, { kind: "changes", from: asOf, to: "" })}
        >
          What changed since
        </button>
      </header>
      <PastError error={error} moment={asOf} look={(from) => desk.go("tree", path, { kind: "asOf", from })} />
      {node !== undefined && (
        <div class="stack">
          <DataView key={`${path} ${asOf}`} path={path} data={node.data} />
          <section aria-labelledby="stat-title">
            <h2 id="stat-title" class="minor">
              Stat, as it was
            </h2>
            <Facts facts={factsOf(desk, path, node.stat)} />
          </section>
          <p class="faint">
            Access control lists of the past are not shown: the znode as it is now has its list.
          </p>
        </div>
      )}
    </article>
  );
}

function factsOf(desk: Desk, path: string, stat: PastStat): Parameters<typeof Facts>[0]["facts"] {
  const lost = <span class="faint">not known any more</span>;
  const known = <Value,>(
    value: Value | null,
    show: (value: Value) => JSX.Element | string,
  ): JSX.Element | string => (value === null ? lost : show(value));
  const zxid = (value: string | null): JSX.Element | string =>
    known(value, (digits) => <ZxidLink desk={desk} zxid={digits} />);
  const owner = stat.ephemeralOwner;
  return [
    ["Version", known(stat.version, String)],
    ["Size", known(stat.dataLength, bytesText)],
    ["Children", known(stat.numChildren, (count) => count.toLocaleString("en"))],
    ["Modified", known(stat.mtime, (at) => <Moment at={at} />)],
    ["Created", known(stat.ctime, (at) => <Moment at={at} />)],
    ["Ephemeral of", owner ?? (stat.czxid === null ? lost : "no session")],
    ["Children changed", known(stat.cversion, (count) => timesText(childChanges(path, count)))],
    ["ACL set", known(stat.aversion, timesText)],
    ["czxid", zxid(stat.czxid)],
    ["mzxid", zxid(stat.mzxid)],
    ["pzxid", zxid(stat.pzxid)],
  ];
}
