/** The tree as a list of rows, of which only those are made that are seen. */
import { type Signal, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { begin } from "./begin.ts";
import type { TreeModel } from "./tree-model.ts";
import type { Row, TreeRows } from "./tree-rows.ts";
import { parentPath } from "./znode-paths.ts";

/** As the style sheet has it. */
const ROW_HEIGHT = 28;

/** Rows beyond the edge, so that a quick scroll finds them made. */
const MARGIN_ROWS = 8;

/** What a pane is made of. */
interface PaneProps {
  readonly label: string;
  readonly model: TreeModel;
  readonly chosen: string;
  readonly choose: (path: string) => void;
}

/** See the file's comment. */
export function TreePane(props: PaneProps): JSX.Element {
  const { label, model, chosen, choose } = props;
  const pane = useRef<HTMLDivElement>(null);
  const top = useSignal(0);
  const height = useSignal(600);
  const active = useSignal(chosen);
  const rows = model.rows.value;
  useLayoutEffect(() => {
    const element = pane.current;
    if (element === null) return undefined;
    const resized = new ResizeObserver(() => void (height.value = element.clientHeight));
    resized.observe(element);
    return () => resized.disconnect();
  }, [height]);
  useEffect(() => {
    active.value = chosen;
    begin(model.reveal(chosen).then(() => show(pane.current, model.rows.value.indexOf(chosen))));
  }, [chosen, model, active]);
  const from = Math.max(0, Math.floor(top.value / ROW_HEIGHT) - MARGIN_ROWS);
  const until = Math.min(rows.count, Math.ceil((top.value + height.value) / ROW_HEIGHT) + MARGIN_ROWS);
  useEffect(() => loadGaps(model, rows, { from, until }), [model, rows, from, until]);
  const shown = Array.from({ length: Math.max(0, until - from) }, (_, at) => from + at);
  const activeIndex = rows.indexOf(active.value);
  return (
    <div
      ref={pane}
      class="tree"
      role="tree"
      aria-label={label}
      tabIndex={0}
      aria-activedescendant={
        activeIndex !== undefined && activeIndex >= from && activeIndex < until
          ? rowId(activeIndex)
          : undefined
      }
      onScroll={(event) => void (top.value = event.currentTarget.scrollTop)}
      onKeyDown={(event) => onKey(event, { ...props, active, pane: pane.current })}
    >
      <div class="tree-size" role="presentation" style={{ height: `${rows.count * ROW_HEIGHT}px` }}>
        {shown.map((index) => (
          <TreeRow
            key={index}
            index={index}
            row={rows.at(index)}
            model={model}
            isActive={index === activeIndex}
            isChosen={index === activeIndex && active.value === chosen}
            choose={(path) => {
              active.value = path;
              choose(path);
            }}
          />
        ))}
      </div>
    </div>
  );
}

function TreeRow(props: {
  readonly index: number;
  readonly row: Row | undefined;
  readonly model: TreeModel;
  readonly isActive: boolean;
  readonly isChosen: boolean;
  readonly choose: (path: string) => void;
}): JSX.Element | null {
  const { index, row, model, isActive, isChosen, choose } = props;
  if (row === undefined) return null;
  const place = { transform: `translateY(${index * ROW_HEIGHT}px)`, paddingLeft: `${row.depth * 16}px` };
  if (row.kind === "gap") {
    return (
      <div class="tree-row gap" role="presentation" style={place}>
        <span class="bar" />
      </div>
    );
  }
  const isUnfolded = model.isUnfolded(row.path);
  const known = model.known(row.path);
  const isLeaf = model.isLeaf(row.path);
  return (
    <div
      id={rowId(index)}
      class={`tree-row${isActive ? " active" : ""}${isChosen ? " chosen" : ""}`}
      role="treeitem"
      aria-level={row.depth + 1}
      aria-posinset={row.position}
      aria-setsize={row.siblings}
      aria-selected={isChosen}
      aria-expanded={isLeaf ? undefined : isUnfolded}
      style={place}
      onClick={() => choose(row.path)}
      onDblClick={() => toggle(model, row.path)}
    >
      <span
        class={`fold${isUnfolded ? " open" : ""}${isLeaf ? " leaf" : ""}`}
        aria-hidden="true"
        onClick={(event) => {
          event.stopPropagation();
          toggle(model, row.path);
        }}
      />
      <span class="tree-name">{row.name}</span>
      {isUnfolded && known !== undefined && <ChildrenWord model={model} path={row.path} />}
    </div>
  );
}

/** How many children, or why none are shown. */
function ChildrenWord(props: { readonly model: TreeModel; readonly path: string }): JSX.Element | null {
  const { model, path } = props;
  const known = model.known(path);
  if (known === undefined) return null;
  if (known.error !== undefined) return <span class="tree-word bad">{known.error.code}</span>;
  if (known.isStale) {
    return (
      <span
        class="tree-word link"
        onClick={(event) => {
          event.stopPropagation();
          begin(model.reload(path));
        }}
      >
        changed: read again
      </span>
    );
  }
  return known.total === 0 ? null : <span class="tree-word">{known.total.toLocaleString("en")}</span>;
}

function toggle(model: TreeModel, path: string): void {
  if (model.isUnfolded(path)) model.fold(path);
  else begin(model.unfold(path));
}

function loadGaps(
  model: TreeModel,
  rows: TreeRows,
  { from, until }: { readonly from: number; readonly until: number },
): void {
  // The last that is seen: what is before it comes with it.
  for (let index = until - 1; index >= from; index--) {
    const row = rows.at(index);
    if (row?.kind === "gap") return begin(model.reach(row.parent, row.at));
  }
}

interface KeyContext extends PaneProps {
  readonly active: Signal<string>;
  readonly pane: HTMLDivElement | null;
}

function onKey(event: KeyboardEvent, context: KeyContext): void {
  const { model, active, pane } = context;
  const rows = model.rows.value;
  const index = rows.indexOf(active.value) ?? 0;
  const page = Math.max(1, Math.floor((pane?.clientHeight ?? 0) / ROW_HEIGHT) - 1);
  const moves: Readonly<Record<string, number>> = {
    ArrowDown: index + 1,
    ArrowUp: index - 1,
    PageDown: index + page,
    PageUp: index - page,
    Home: 0,
    End: rows.count - 1,
  };
  const target = moves[event.key];
  if (target !== undefined) moveTo(context, Math.min(rows.count - 1, Math.max(0, target)));
  else if (event.key === "ArrowRight") {
    if (model.isUnfolded(active.value)) moveTo(context, Math.min(rows.count - 1, index + 1));
    else begin(model.unfold(active.value));
  } else if (event.key === "ArrowLeft") {
    if (model.isUnfolded(active.value)) model.fold(active.value);
    else moveTo(context, rows.indexOf(parentPath(active.value)) ?? index);
  } else if (event.key === "Enter" || event.key === " ") context.choose(active.value);
  else return;
  event.preventDefault();
}

/** One that is not loaded is waited for, and then chosen as what is active. */
function moveTo({ model, active, pane }: KeyContext, index: number): void {
  show(pane, index);
  const row = model.rows.value.at(index);
  if (row?.kind === "znode") active.value = row.path;
  else if (row?.kind === "gap") {
    begin(
      model.reach(row.parent, row.at).then(() => {
        const loaded = model.rows.value.at(index);
        if (loaded?.kind === "znode") active.value = loaded.path;
      }),
    );
  }
}

/** Scrolls no further than it must. */
function show(pane: HTMLDivElement | null, index: number | undefined): void {
  if (pane === null || index === undefined) return;
  const top = index * ROW_HEIGHT;
  if (top < pane.scrollTop) pane.scrollTop = top;
  else if (top + ROW_HEIGHT > pane.scrollTop + pane.clientHeight) {
    pane.scrollTop = top + ROW_HEIGHT - pane.clientHeight;
  }
}

function rowId(index: number): string {
  return `row-${index}`;
}
