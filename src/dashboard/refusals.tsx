/** Where something is not shown: because of who looks, or because nobody is awake. */
import type { JSX } from "preact";

import { begin } from "./begin.ts";
import { asApiError } from "./api.ts";
import type { Desk } from "./desk.ts";
import { Empty } from "./ui.tsx";

/** What a token may not see. */
export function NotYours(props: { readonly what: string }): JSX.Element {
  return (
    <Empty title={`Your token does not tell of ${props.what}`}>
      They are shown to who has <code>read</code> on <code>/</code>.
    </Empty>
  );
}

/** To look would wake the ensemble, which costs something: so it is asked for. */
export function Asleep(props: { readonly desk: Desk }): JSX.Element {
  const { desk } = props;
  const wake = async (): Promise<void> => {
    try {
      await desk.api.get(desk.path("/whoami"));
    } catch (error) {
      desk.say(`it does not wake: ${asApiError(error).message}`, "bad");
    }
    desk.lookNow();
  };
  return (
    <Empty title="The ensemble sleeps">
      Nobody uses it, so it costs nothing. To look inside wakes it.{" "}
      <button type="button" onClick={() => begin(wake())}>
        Wake it
      </button>
    </Empty>
  );
}
