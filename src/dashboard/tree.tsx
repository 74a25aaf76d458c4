/** The tree of znodes, and the one that is chosen. */
import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";

import { begin } from "./begin.ts";
import { useDesk } from "./desk.ts";
import { NodePanel } from "./node-panel.tsx";
import { rootsOf } from "./permissions.ts";
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
  const model = useMemo(() => new TreeModel(desk, roots), [desk, roots]);
  const chosen = desk.route.value.chosen || (roots[0] ?? "");
  useEffect(() => {
    const [root, ...more] = roots;
    if (root !== undefined && more.length === 0) begin(model.unfold(root));
    const timer = setInterval(() => {
      if (!document.hidden && !desk.isAsleep.value) begin(model.refresh());
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [desk, model, roots]);
  if (roots.length === 0) {
    return (
      <Empty title="Your token may read no znode">
        It lacks the permission <code>read</code>.
      </Empty>
    );
  }
  const choose = (path: string): void => desk.go("tree", path);
  return (
    <div class={`split${desk.route.value.chosen === "" ? "" : " has-choice"}`}>
      <div class="side">
        <PathBox go={choose} />
        <TreePane label="Znodes" model={model} chosen={chosen} choose={choose} />
      </div>
      <NodePanel
        path={chosen}
        back={() => desk.go("tree")}
        changed={(path) => begin(model.reload(path))}
        choose={choose}
      />
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
        if (path !== "") props.go(path.startsWith("/") ? path.replace(/(.)\/+$/, "$1") : `/${path}`);
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
