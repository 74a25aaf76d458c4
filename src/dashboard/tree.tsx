/** The tree of znodes, and the one that is chosen: now, or as of a moment that is over. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { begin } from "./begin.ts";
import { pathInUrl } from "./api.ts";
import { ChangesPanel } from "./changes-panel.tsx";
import { type Desk, useDesk } from "./desk.ts";
import type { PastChildrenDocument } from "./documents.ts";
import { LookBack } from "./look-back.tsx";
import { isZxid } from "./moments.ts";
import { NodePanel } from "./node-panel.tsx";
import { PastBar, PastError, When } from "./past-bar.tsx";
import { PastPanel } from "./past-panel.tsx";
import { rootsOf } from "./permissions.ts";
import { useReading } from "./reading.ts";
import type { Past } from "./route.ts";
import { TreeModel } from "./tree-model.ts";
import { TreePane } from "./tree-pane.tsx";
import { Empty } from "./ui.tsx";

/** The lists that are unfolded are looked at so often. */
const REFRESH_MS = 4000;

/** See the file's comment. */
export function Tree(): JSX.Element {
  const desk = useDesk();
  const caller = desk.caller.value;
  const roots = useMemo(() => rootsOf(caller), [caller]);
  const { past } = desk.route.value;
  const [first] = roots;
  if (first === undefined) {
    return (
      <Empty title="Your token may read no znode">
        It lacks the permission <code>read</code>.
      </Empty>
    );
  }
  const chosen = desk.route.value.chosen || first;
  return (
    <>
      {past?.kind === "asOf" ? (
        <TreeOfThen desk={desk} roots={roots} chosen={chosen} asked={past.from} />
      ) : (
        <TreeOfNow desk={desk} roots={roots} chosen={chosen} past={past} />
      )}
      {desk.isLookBackShown.value && <LookBack desk={desk} path={chosen} />}
    </>
  );
}

/** What both show of. */
interface TreeProps {
  readonly desk: Desk;
  readonly roots: readonly string[];
  readonly chosen: string;
}

function TreeOfNow(
  props: TreeProps & { readonly past: (Past & { readonly kind: "changes" }) | undefined },
): JSX.Element {
  const { desk, roots, chosen, past } = props;
  const model = useMemo(() => new TreeModel(desk, roots), [desk, roots]);
  useEffect(() => {
    const [root, ...more] = roots;
    if (root !== undefined && more.length === 0) begin(model.unfold(root));
    const timer = setInterval(() => {
      if (!document.hidden && !desk.isAsleep.value) begin(model.refresh());
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [desk, model, roots]);
  const choose = (path: string): void => desk.go("tree", path, past);
  const back = (): void => desk.go("tree", "", past);
  return (
    <>
      {past !== undefined && (
        <PastBar desk={desk}>
          What has changed between two moments. The tree beside it is the tree as it is now.
        </PastBar>
      )}
      <Split desk={desk} model={model} chosen={chosen} choose={choose}>
        {past === undefined ? (
          <NodePanel
            path={chosen}
            back={back}
            changed={(path) => begin(model.reload(path))}
            choose={choose}
          />
        ) : (
          <ChangesPanel
            key={`${chosen} ${past.from} ${past.to}`}
            path={chosen}
            from={past.from}
            to={past.to}
            back={back}
            choose={choose}
          />
        )}
      </Split>
    </>
  );
}

/** A moment that is named by a time is looked up once, and is a zxid from then on: all that is shown is of one. */
function TreeOfThen(props: TreeProps & { readonly asked: string }): JSX.Element {
  const { desk, roots, chosen, asked } = props;
  const [root = "/"] = roots;
  const { value: then, error } = useReading(`${root} ${asked}`, 0, async () => {
    const url = desk.path(`/nodes${pathInUrl(root)}?children&limit=1&asOf=${encodeURIComponent(asked)}`);
    return await desk.api.get<PastChildrenDocument>(url);
  });
  const asOf = then?.asOf;
  useEffect(() => {
    if (asOf !== undefined && !isZxid(asked)) desk.settle({ kind: "asOf", from: asOf });
  }, [desk, asOf, asked]);
  const look = (from: string): void => desk.go("tree", desk.route.value.chosen, { kind: "asOf", from });
  return (
    <>
      <PastBar desk={desk}>
        {then === undefined ? (
          error === undefined && "Looking for that moment…"
        ) : (
          <>
            The tree as it was at <When zxid={then.asOf} time={then.asOfTime} />. Nothing can be changed here.
          </>
        )}
      </PastBar>
      <PastError error={error} moment={asked} look={look} />
      {asOf !== undefined && isZxid(asked) && (
        <ThenSplit key={asked} desk={desk} roots={roots} chosen={chosen} asOf={asked} />
      )}
    </>
  );
}

function ThenSplit(props: TreeProps & { readonly asOf: string }): JSX.Element {
  const { desk, roots, chosen, asOf } = props;
  const model = useMemo(() => new TreeModel(desk, roots, { asOf }), [desk, roots, asOf]);
  useEffect(() => {
    const [root, ...more] = roots;
    if (root !== undefined && more.length === 0) begin(model.unfold(root));
  }, [model, roots]);
  const past = { kind: "asOf", from: asOf } as const;
  const choose = (path: string): void => desk.go("tree", path, past);
  return (
    <Split desk={desk} model={model} chosen={chosen} choose={choose}>
      <PastPanel path={chosen} asOf={asOf} back={() => desk.go("tree", "", past)} choose={choose} />
    </Split>
  );
}

function Split(props: {
  readonly desk: Desk;
  readonly model: TreeModel;
  readonly chosen: string;
  readonly choose: (path: string) => void;
  readonly children: JSX.Element;
}): JSX.Element {
  const { desk, model, chosen, choose, children } = props;
  return (
    <div class={`split${desk.route.value.chosen === "" ? "" : " has-choice"}`}>
      <div class="side">
        <div class="side-head">
          <PathBox go={choose} />
          <button
            type="button"
            title="Look at the past (p)"
            onClick={() => void (desk.isLookBackShown.value = true)}
          >
            Look back
          </button>
        </div>
        <TreePane label="Znodes" model={model} chosen={chosen} choose={choose} />
      </div>
      {children}
    </div>
  );
}

/** Goes to a path that is typed. */
function PathBox(props: { readonly go: (path: string) => void }): JSX.Element {
  const box = useRef<HTMLInputElement>(null);
  return (
    <form
      class="path-box"
      onSubmit={(event) => {
        event.preventDefault();
        const path = box.current?.value.trim() ?? "";
        if (path === "") return;
        // Where the arrows go on, and the page's keys are none of a box.
        event.currentTarget.closest(".side")?.querySelector<HTMLElement>("[role=tree]")?.focus();
        props.go(path.startsWith("/") ? path.replace(/(.)\/+$/, "$1") : `/${path}`);
      }}
    >
      <input
        ref={box}
        id="path-box"
        aria-label="Go to a path"
        placeholder="Go to /a/path"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
      />
      <kbd aria-hidden="true">/</kbd>
    </form>
  );
}
