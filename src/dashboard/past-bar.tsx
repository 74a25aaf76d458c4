/** Says that what is shown is over, of which moment it is, and leads back. */
import type { ComponentChildren, JSX } from "preact";

import type { ApiError } from "./api.ts";
import type { Desk } from "./desk.ts";
import { zxidShort } from "./format.ts";
import { isZxid, momentText } from "./moments.ts";
import { Moment } from "./ui.tsx";

/** Stands above all that is of the past. */
export function PastBar(props: { readonly desk: Desk; readonly children: ComponentChildren }): JSX.Element {
  const { desk, children } = props;
  const { chosen } = desk.route.value;
  return (
    <div class="past-bar" role="region" aria-label="The past">
      <p>
        <b>The past.</b> {children}
      </p>
      <span class="past-deeds">
        <button type="button" class="small" onClick={() => void (desk.isLookBackShown.value = true)}>
          Another moment
        </button>
        <button type="button" class="small primary" onClick={() => desk.go("tree", chosen)}>
          Back to now
        </button>
      </span>
    </div>
  );
}

/** A moment, by its time where that is known, and by its zxid. */
export function When(props: { readonly zxid: string; readonly time: string | null }): JSX.Element {
  const { zxid, time } = props;
  // Before every write there is no moment that anybody could name.
  if (BigInt(zxid) === 0n) return <>the beginning (before the first write)</>;
  return (
    <>
      {time !== null && (
        <>
          <Moment at={time} /> (
        </>
      )}
      <span class="when-zxid">
        zxid <span class="mono">{zxidShort(zxid)}</span>
        {time !== null && ")"}
      </span>
    </>
  );
}

/** Why nothing is told of a moment: above all that the history does not reach back so far. */
export function PastError(props: {
  readonly error: ApiError | undefined;
  readonly moment: string;
  readonly look: (moment: string) => void;
}): JSX.Element | null {
  const { error, moment, look } = props;
  if (error === undefined) return null;
  if (error.code === "no-node") {
    return <p class="note plain">It did not exist at {momentText(moment)}.</p>;
  }
  if (error.code !== "history-gone") {
    return (
      <div class="note bad" role="alert">
        <span>
          <b>{error.code}</b> {error.message}
        </span>
      </div>
    );
  }
  const { oldest, oldestTime } = error.members;
  const isKnown = typeof oldest === "string" && isZxid(oldest);
  return (
    <div class="note warn" role="alert">
      <p>
        <b>The history does not reach back to {momentText(moment)}.</b> Replicas keep the latest writes, and
        what is older cannot be told any more.
        {isKnown && (
          <>
            {" "}
            The oldest moment that is known of this is{" "}
            <When zxid={oldest} time={typeof oldestTime === "string" ? oldestTime : null} />.
          </>
        )}
      </p>
      {isKnown && (
        <button type="button" class="small" onClick={() => look(oldest)}>
          Look at the oldest
        </button>
      )}
    </div>
  );
}
