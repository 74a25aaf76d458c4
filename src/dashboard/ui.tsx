/** What all parts of the page are built of. */
import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import { begin } from "./begin.ts";
import { type ApiError, asApiError } from "./api.ts";
import { timeText } from "./format.ts";

/** A word in a pill. */
export function Badge(props: {
  readonly kind: "good" | "bad" | "warn" | "plain" | "lead";
  readonly children: ComponentChildren;
}): JSX.Element {
  return <span class={`badge ${props.kind}`}>{props.children}</span>;
}

/** What went wrong, and what to do. */
export function ErrorNote(props: {
  readonly error: ApiError | undefined;
  readonly retry?: () => void;
}): JSX.Element | null {
  const { error, retry } = props;
  if (error === undefined) return null;
  return (
    <div class="note bad" role="alert">
      <span>
        <b>{error.code}</b> {error.message}
      </span>
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Where nothing is: why, and what would bring something. */
export function Empty(props: { readonly title: string; readonly children?: ComponentChildren }): JSX.Element {
  return (
    <div class="empty">
      <p class="empty-title">{props.title}</p>
      {props.children !== undefined && <p>{props.children}</p>}
    </div>
  );
}

/** A moment, whole on pointing at it. */
export function Moment(props: { readonly at: number | string }): JSX.Element {
  // The root was made by nobody, at no time.
  if (props.at === 0) return <>with the ensemble</>;
  return <time dateTime={new Date(props.at).toISOString()}>{timeText(props.at)}</time>;
}

/** A button that copies a text. */
export function Copy(props: { readonly text: string; readonly what: string }): JSX.Element {
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(props.text);
    } catch {
      // The browser does not let this page: then nothing is said to be copied.
      return;
    }
    setDone(true);
    setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" class="quiet small" aria-label={`Copy ${props.what}`} onClick={() => begin(copy())}>
      {isDone ? "Copied" : "Copy"}
    </button>
  );
}

/** A button that shows something, and hides it again. */
export function Toggle(props: {
  readonly isOn: boolean;
  readonly set: (isOn: boolean) => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const { isOn, set, children } = props;
  return (
    <button type="button" class="small" aria-expanded={isOn} onClick={() => set(!isOn)}>
      {children}
    </button>
  );
}

/** A choice of a few. */
export function Choice<Value extends string>(props: {
  readonly label: string;
  readonly values: readonly (readonly [Value, string])[];
  readonly value: Value;
  readonly choose: (value: Value) => void;
}): JSX.Element {
  return (
    <div class="choice" role="group" aria-label={props.label}>
      {props.values.map(([value, text]) => (
        <button
          key={value}
          type="button"
          aria-pressed={value === props.value}
          onClick={() => props.choose(value)}
        >
          {text}
        </button>
      ))}
    </div>
  );
}

/** Asks before something is done that cannot be taken back; Escape and Cancel do nothing. */
export function Confirm(props: {
  readonly title: string;
  readonly verb: string;
  readonly isDanger?: boolean;
  readonly act: () => Promise<void>;
  readonly close: () => void;
  readonly children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const [error, setError] = useState<ApiError>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current?.showModal(), []);
  const act = async (): Promise<void> => {
    setBusy(true);
    setError(undefined);
    try {
      await props.act();
      props.close();
    } catch (thrown) {
      setError(asApiError(thrown));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} onClose={props.close} aria-labelledby="confirm-title">
      <form
        method="dialog"
        onSubmit={(event) => {
          event.preventDefault();
          begin(act());
        }}
      >
        <h2 id="confirm-title">{props.title}</h2>
        <div class="dialog-body">{props.children}</div>
        <ErrorNote error={error} />
        <div class="dialog-actions">
          <button type="button" onClick={props.close}>
            Cancel
          </button>
          <button type="submit" class={props.isDanger === true ? "danger" : "primary"} disabled={isBusy}>
            {isBusy ? "Working…" : props.verb}
          </button>
        </div>
      </form>
    </dialog>
  );
}

/** Names and values beside each other. */
export function Facts(props: {
  readonly facts: readonly (readonly [name: string, value: ComponentChildren, title?: string])[];
}): JSX.Element {
  return (
    <dl class="facts">
      {props.facts.map(([name, value, title]) => (
        <div key={name} title={title}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Those of a table; the title says more of what stands in one. */
export type Columns = readonly (readonly [name: string, kind?: "number" | undefined, title?: string])[];

/** A table that scrolls by itself where the screen is narrow. */
export function Table(props: {
  readonly label: string;
  readonly columns: Columns;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="table" role="region" aria-label={props.label} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {props.columns.map(([name, kind, title]) => (
              <th key={name} scope="col" class={kind} title={title}>
                {name === "" ? <span class="hidden">Actions</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{props.children}</tbody>
      </table>
    </div>
  );
}
