/** One znode: its data, Stat and access control list, and what may be done to it. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { AclSection } from "./acl-section.tsx";
import { pathInUrl } from "./api.ts";
import { DataSection } from "./data-section.tsx";
import { type Desk, useDesk } from "./desk.ts";
import type { NodeDocument, Stat } from "./documents.ts";
import { Explain } from "./explain.tsx";
import { bytesText, childChanges, timesText, zxidShort } from "./format.ts";
import { NewChild } from "./new-child.tsx";
import { useReading } from "./reading.ts";
import { Confirm, Copy, ErrorNote, Facts, Moment, Toggle } from "./ui.tsx";
import { lastName, parentPath, pathsAbove } from "./znode-paths.ts";

/** The znode that is shown is looked at so often. */
const LOOK_MS = 3000;

/** What is read of it. */
export interface ReadNode extends NodeDocument {
  readonly etag: string;
}

/** See the file's comment. */
export function NodePanel(props: {
  readonly path: string;
  readonly back: () => void;
  readonly changed: (path: string) => void;
  readonly choose: (path: string) => void;
}): JSX.Element {
  const { path, back, changed, choose } = props;
  const desk = useDesk();
  const everyMs = desk.isAsleep.value ? 0 : LOOK_MS;
  const { value: node, error, again } = useReading(path, everyMs, async () => await readNode(desk, path));
  const [explained, setExplained] = useState<string>();
  const isGone = error?.code === "no-node";
  return (
    <article class="panel" aria-label={`Znode ${path}`}>
      <header class="panel-head">
        <button type="button" class="quiet back" onClick={back}>
          ← Tree
        </button>
        <Crumbs path={path} choose={choose} />
        <Copy text={path} what="the path" />
        {!isGone && (
          <Toggle isOn={explained === path} set={(isOn) => setExplained(isOn ? path : undefined)}>
            Explain
          </Toggle>
        )}
        <button
          type="button"
          class="small narrow-only"
          onClick={() => void (desk.isLookBackShown.value = true)}
        >
          Look back
        </button>
        {node !== undefined && (
          <Deeds
            desk={desk}
            node={node}
            made={(child) => {
              changed(path);
              choose(child);
            }}
            gone={() => {
              changed(parentPath(path));
              choose(parentPath(path));
            }}
          />
        )}
      </header>
      <ErrorNote error={error} retry={again} />
      {(isGone || explained === path) && <Explain key={`${path} ${String(isGone)}`} of={{ path }} />}
      {node !== undefined && (
        <div class="stack">
          <DataSection key={path} node={node} written={again} />
          <section aria-labelledby="stat-title">
            <h2 id="stat-title" class="minor">
              Stat
            </h2>
            <Facts facts={statFacts(desk, path, node.stat)} />
          </section>
          <AclSection key={`acl ${path}`} path={path} aversion={node.stat.aversion} written={again} />
        </div>
      )}
    </article>
  );
}

async function readNode(desk: Desk, path: string): Promise<ReadNode> {
  const url = desk.path(`/nodes${pathInUrl(path)}`);
  const { value, headers } = await desk.api.ask<NodeDocument>("GET", url);
  if (value === undefined) throw new Error("a znode is told as a document");
  return { ...value, etag: headers.get("etag") ?? "" };
}

/** The path, each part of which leads to the znode above. */
export function Crumbs(props: {
  readonly path: string;
  readonly choose: (path: string) => void;
}): JSX.Element {
  const { path, choose } = props;
  return (
    <nav class="crumbs" aria-label="Path">
      {pathsAbove(path).map((above) => (
        <span key={above}>
          <button type="button" class="quiet" onClick={() => choose(above)}>
            {lastName(above)}
          </button>
          {above !== "/" && <span aria-hidden="true">/</span>}
        </span>
      ))}
      <b>{lastName(path)}</b>
    </nav>
  );
}

/** A zxid, which leads to the tree as it was behind that write. */
export function ZxidLink(props: { readonly desk: Desk; readonly zxid: string }): JSX.Element {
  const { desk, zxid } = props;
  const text = zxidShort(zxid);
  return (
    <button
      type="button"
      class="quiet mono"
      title="Look at the tree as it was behind this write"
      onClick={() => desk.go("tree", desk.route.value.chosen, { kind: "asOf", from: zxid })}
    >
      {text}
    </button>
  );
}

function statFacts(desk: Desk, path: string, stat: Stat): Parameters<typeof Facts>[0]["facts"] {
  const owner = stat.ephemeralOwner;
  return [
    ["Version", stat.version],
    ["Size", bytesText(stat.dataLength)],
    ["Children", stat.numChildren.toLocaleString("en")],
    ["Modified", <Moment at={stat.mtime} />],
    ["Created", <Moment at={stat.ctime} />],
    [
      "Ephemeral of",
      owner === null ? (
        "no session"
      ) : (
        <button type="button" class="quiet mono" onClick={() => desk.go("sessions", owner)}>
          {owner}
        </button>
      ),
    ],
    ["Children changed", timesText(childChanges(path, stat.cversion))],
    ["ACL set", timesText(stat.aversion)],
    ["czxid", <ZxidLink desk={desk} zxid={stat.czxid} />],
    ["mzxid", <ZxidLink desk={desk} zxid={stat.mzxid} />],
    ["pzxid", <ZxidLink desk={desk} zxid={stat.pzxid} />],
  ];
}

function Deeds(props: {
  readonly desk: Desk;
  readonly node: ReadNode;
  readonly made: (path: string) => void;
  readonly gone: () => void;
}): JSX.Element | null {
  const { desk, node, made, gone } = props;
  const { path, stat } = node;
  const [asked, setAsked] = useState<"child" | "delete">();
  if (!desk.may("write", path)) return null;
  const close = (): void => setAsked(undefined);
  const remove = async (): Promise<void> => {
    const url = desk.path(`/nodes${pathInUrl(path)}`);
    await desk.api.ask("DELETE", url, { headers: { "if-match": node.etag } });
    desk.say(`${path} is deleted`);
    gone();
  };
  return (
    <div class="deeds">
      {stat.ephemeralOwner === null && (
        <button type="button" class="small" onClick={() => setAsked("child")}>
          New child
        </button>
      )}
      {path !== "/" && (
        <button
          type="button"
          class="small danger"
          disabled={stat.numChildren > 0}
          title={stat.numChildren > 0 ? "It has children: delete them first" : undefined}
          onClick={() => setAsked("delete")}
        >
          Delete
        </button>
      )}
      {asked === "child" && <NewChild desk={desk} parent={path} made={made} close={close} />}
      {asked === "delete" && (
        <Confirm title="Delete this znode?" verb="Delete" isDanger act={remove} close={close}>
          <p>
            <code>{path}</code>, version {stat.version}, {bytesText(stat.dataLength)}. It cannot be taken
            back.
          </p>
        </Confirm>
      )}
    </div>
  );
}
