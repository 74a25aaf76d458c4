/** The making of a znode. */
import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";

import { pathInUrl } from "./api.ts";
import type { Desk } from "./desk.ts";
import { Confirm } from "./ui.tsx";
import { childPath } from "./znode-paths.ts";

/** Asks for its name, data and kind. An ephemeral would need a session, which a page has none of. */
export function NewChild(props: {
  readonly desk: Desk;
  readonly parent: string;
  readonly made: (path: string) => void;
  readonly close: () => void;
}): JSX.Element {
  const { desk, parent, made, close } = props;
  const name = useRef<HTMLInputElement>(null);
  const data = useRef<HTMLTextAreaElement>(null);
  const [mode, setMode] = useState("persistent");
  const [isSequential, setSequential] = useState(false);
  const make = async (): Promise<void> => {
    const path = childPath(parent, name.current?.value ?? "");
    const url = desk.path(`/nodes${pathInUrl(path)}?mode=${mode}&sequential=${String(isSequential)}`);
    const { value } = await desk.api.ask<{ readonly path: string }>("POST", url, {
      body: data.current?.value ?? "",
    });
    const created = value?.path ?? path;
    desk.say(`${created} is created`);
    made(created);
  };
  return (
    <Confirm title={`New child of ${parent}`} verb="Create" act={make} close={close}>
      <label>
        Name
        <input ref={name} required={!isSequential} pattern="[^/]*" autocomplete="off" spellcheck={false} />
      </label>
      <label>
        Data
        <textarea ref={data} rows={5} spellcheck={false} />
      </label>
      <label>
        Kind
        <select value={mode} onChange={(event) => setMode(event.currentTarget.value)}>
          <option value="persistent">persistent: until it is deleted</option>
          <option value="container">container: until its last child is gone</option>
        </select>
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={isSequential}
          disabled={mode !== "persistent"}
          onChange={(event) => setSequential(event.currentTarget.checked)}
        />
        Sequential: ten digits that only grow end its name
      </label>
    </Confirm>
  );
}
