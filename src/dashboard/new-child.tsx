/** The making of a znode. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { pathInUrl } from "./api.ts";
import type { Desk } from "./desk.ts";
import { Confirm } from "./ui.tsx";
import { childPath } from "./znode-paths.ts";

type Mode = "persistent" | "container" | "ttl";

/** How long it lives, in the units that people count in. */
const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [1000, "seconds"],
  [60_000, "minutes"],
  [3_600_000, "hours"],
  [86_400_000, "days"],
];

/** Asks for its name, data and kind. An ephemeral is not offered: the page has no session that should keep one. */
export function NewChild(props: {
  readonly desk: Desk;
  readonly parent: string;
  readonly made: (path: string) => void;
  readonly close: () => void;
}): JSX.Element {
  const { desk, parent, made, close } = props;
  const name = useRef<HTMLInputElement>(null);
  const data = useRef<HTMLTextAreaElement>(null);
  const [mode, setMode] = useState<Mode>("persistent");
  const [isSequential, setSequential] = useState(false);
  const [ttlMs, setTtlMs] = useState(60_000);
  const isNumbered = isSequential && mode !== "container";
  const make = async (): Promise<void> => {
    const path = childPath(parent, name.current?.value ?? "");
    const ttl = mode === "ttl" ? `&ttlMs=${ttlMs}` : "";
    const query = `?mode=${mode}&sequential=${String(isNumbered)}${ttl}`;
    const { value } = await desk.api.ask<{ readonly path: string }>(
      "POST",
      desk.path(`/nodes${pathInUrl(path)}${query}`),
      { body: data.current?.value ?? "" },
    );
    const created = value?.path ?? path;
    desk.say(`${created} is created`);
    made(created);
  };
  return (
    <Confirm title={`New child of ${parent}`} verb="Create" act={make} close={close}>
      <label>
        Name
        <input ref={name} required={!isNumbered} pattern="[^/]*" autocomplete="off" spellcheck={false} />
      </label>
      <label>
        Data
        <textarea ref={data} rows={5} spellcheck={false} />
      </label>
      <label>
        Kind
        <select value={mode} onChange={(event) => setMode(event.currentTarget.value as Mode)}>
          <option value="persistent">persistent: until it is deleted</option>
          <option value="container">container: until its last child is gone</option>
          <option value="ttl">TTL: until it was not set for a while, and has no children</option>
        </select>
      </label>
      {mode === "ttl" && <Lifetime change={setTtlMs} />}
      <label class="check">
        <input
          type="checkbox"
          checked={isNumbered}
          disabled={mode === "container"}
          onChange={(event) => setSequential(event.currentTarget.checked)}
        />
        Sequential: ten digits that only grow end its name
      </label>
      <p class="faint small-text">
        An ephemeral says that its maker is alive, which a page in a tab cannot promise: none is made here. A
        client makes one, or <code>edgekeeper shell</code>, or <code>POST /v1/sessions</code> with{" "}
        <code>mode=ephemeral</code>.
      </p>
    </Confirm>
  );
}

/** How long it lives when nobody sets it. */
function Lifetime(props: { readonly change: (ttlMs: number) => void }): JSX.Element {
  const [count, setCount] = useState(1);
  const [unit, setUnit] = useState(60_000);
  const tell = (nextCount: number, nextUnit: number): void => {
    setCount(nextCount);
    setUnit(nextUnit);
    props.change(Math.max(1, Math.round(nextCount * nextUnit)));
  };
  return (
    <fieldset class="lifetime">
      <legend>Lives for, since it was set last</legend>
      <input
        type="number"
        aria-label="How many"
        min={1}
        max={9999}
        required
        value={count}
        onInput={(event) => tell(Number(event.currentTarget.value), unit)}
      />
      <select
        aria-label="Of what"
        value={String(unit)}
        onChange={(event) => tell(count, Number(event.currentTarget.value))}
      >
        {UNITS.map(([ms, name]) => (
          <option key={ms} value={String(ms)}>
            {name}
          </option>
        ))}
      </select>
    </fieldset>
  );
}
