/** The way into the past: which moment, or which two. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { ApiError } from "./api.ts";
import type { Desk } from "./desk.ts";
import { AGO, MOMENT_HINT, momentText, readMoment } from "./moments.ts";
import type { Past } from "./route.ts";
import { Choice, Confirm } from "./ui.tsx";

/** Asks for a moment of the tree, or for two of the znode with all below it. */
export function LookBack(props: { readonly desk: Desk; readonly path: string }): JSX.Element {
  const { desk, path } = props;
  const { past } = desk.route.value;
  const [kind, setKind] = useState<Past["kind"]>(past?.kind ?? "asOf");
  const [first, setFirst] = useState(past === undefined ? "" : momentText(past.from).replace("zxid ", ""));
  const [second, setSecond] = useState(
    past?.kind === "changes" && past.to !== "" ? momentText(past.to).replace("zxid ", "") : "",
  );
  const close = (): void => void (desk.isLookBackShown.value = false);
  const look = (begin: string): void => {
    const from = momentOf(begin);
    const to = second.trim() === "" ? "" : momentOf(second);
    desk.go("tree", path, kind === "asOf" ? { kind, from } : { kind, from, to });
  };
  const act = async (): Promise<void> => {
    await Promise.resolve();
    look(first);
  };
  return (
    <Confirm title="Look back" verb="Look" act={act} close={close}>
      <Choice<Past["kind"]>
        label="What to look at"
        values={[
          ["asOf", "The tree as it was"],
          ["changes", "What has changed"],
        ]}
        value={kind}
        choose={setKind}
      />
      {kind === "changes" && (
        <p class="faint">
          At <code>{path}</code> and below it.
        </p>
      )}
      <MomentBox label={kind === "asOf" ? "As of" : "From"} value={first} change={setFirst}>
        <p class="presets">
          {AGO.map(([text, name]) => (
            <button
              key={text}
              type="button"
              class="small"
              onClick={() => {
                look(text);
                close();
              }}
            >
              {name}
            </button>
          ))}
        </p>
      </MomentBox>
      {kind === "changes" && <MomentBox label="To, or empty for now" value={second} change={setSecond} />}
      <p class="faint small-text">
        It is told from the history that each replica keeps: the latest writes, many thousands of them unless
        they are large. What is older is gone. The past is looked at, and never changed.
      </p>
    </Confirm>
  );
}

function MomentBox(props: {
  readonly label: string;
  readonly value: string;
  readonly change: (text: string) => void;
  readonly children?: JSX.Element;
}): JSX.Element {
  const { label, value, change, children } = props;
  return (
    <div>
      <label>
        {label}
        <input
          value={value}
          onInput={(event) => change(event.currentTarget.value)}
          placeholder={MOMENT_HINT}
          required={children !== undefined}
          autofocus={children !== undefined}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
      </label>
      {children}
    </div>
  );
}

function momentOf(text: string): string {
  const moment = readMoment(text, Date.now());
  if (moment !== undefined) return moment;
  throw new ApiError(0, "no-moment", `"${text}" is no moment: write ${MOMENT_HINT}`);
}
