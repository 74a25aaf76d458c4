/** Configuration documents: what they are, what they were, what changed, and the writing of one. */
import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";

import { begin } from "./begin.ts";
import { ConfigPanel } from "./config-panel.tsx";
import { useDesk } from "./desk.ts";
import { useReading } from "./reading.ts";
import { TreeModel } from "./tree-model.ts";
import { TreePane } from "./tree-pane.tsx";
import { Empty, ErrorNote } from "./ui.tsx";

/** Where documents stand that are named without a path. */
const ROOT = "/config";

/** See the file's comment. */
export function Config(): JSX.Element {
  const desk = useDesk();
  const { chosen } = desk.route.value;
  const mayRead = desk.may("read", ROOT);
  const model = useMemo(
    () => new TreeModel(desk, [ROOT], { isShown: (name) => !name.startsWith(".") }),
    [desk],
  );
  const there = useReading("config", 0, async () => {
    if (mayRead) await desk.api.get(desk.path(`/nodes${ROOT}?children&limit=1`));
    return true;
  });
  const isThere = there.value === true;
  useEffect(() => {
    if (mayRead && isThere) begin(model.unfold(ROOT).then(async () => await model.peek(ROOT)));
  }, [model, mayRead, isThere]);
  if (!mayRead) {
    return (
      <Empty title="Your token may read no configuration">
        It lacks <code>read</code> on <code>{ROOT}</code>.
      </Empty>
    );
  }
  if (there.error !== undefined && there.error.status !== 404)
    return <ErrorNote error={there.error} retry={there.again} />;
  if (there.error !== undefined) {
    return (
      <Empty title="There are no configuration documents">
        <code>PUT /v1/config/NAME</code> makes one; from then on each version is kept, and shown here.
      </Empty>
    );
  }
  // Who comes to see documents sees one: which, is chosen beside it.
  const first = model.rows.value.at(1);
  const shown = chosen !== "" && chosen !== ROOT ? chosen : first?.kind === "znode" ? first.path : undefined;
  return (
    <div class={`split${chosen === "" ? "" : " has-choice"}`}>
      <div class="side">
        <TreePane
          label="Configuration documents"
          model={model}
          chosen={shown ?? ROOT}
          choose={(path) => desk.go("config", path)}
        />
      </div>
      {shown === undefined ? (
        <Empty title="Choose a document">It is shown with its history, and what changed in it.</Empty>
      ) : (
        <ConfigPanel key={shown} path={shown} />
      )}
    </div>
  );
}
