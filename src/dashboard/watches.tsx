/** Who watches what. */
import type { JSX } from "preact";

import { type Desk, useDesk } from "./desk.ts";
import type { WatchesDocument } from "./documents.ts";
import { countText } from "./format.ts";
import { Pager, usePages } from "./paging.tsx";
import { useReading } from "./reading.ts";
import { Asleep, NotYours } from "./refusals.tsx";
import { Silent } from "./sessions.tsx";
import { Empty, ErrorNote, Table } from "./ui.tsx";

const LOOK_MS = 4000;

const PAGE = 100;

/** Of a path's watchers so many are shown. */
const SHOWN = 5;

/** See the file's comment. */
export function Watches(): JSX.Element {
  const desk = useDesk();
  const pages = usePages();
  const isQuiet = desk.isAsleep.value;
  const behind = pages.after === "" ? "" : `&after=${encodeURIComponent(pages.after)}`;
  const { value, error, again } = useReading(`watches ${pages.after}`, isQuiet ? 0 : LOOK_MS, async () =>
    isQuiet ? undefined : await desk.api.get<WatchesDocument>(desk.path(`/watches?limit=${PAGE}${behind}`)),
  );
  if (!desk.may("read", "/")) return <NotYours what="watches" />;
  if (isQuiet) return <Asleep desk={desk} />;
  return (
    <div class="stack">
      <ErrorNote error={error} retry={again} />
      {value !== undefined && <Silent sids={value.silent} />}
      {value?.watches.length === 0 && pages.before === 0 && (
        <Empty title="No watches">
          Shown are the watches that clients of ZooKeeper and of the SDK have set over their connections.
          Whoever is told over HTTP is not listed here: requests that wait for a change (<code>?wait</code>),
          streams of events (<code>/v1/watch</code>) and webhooks.
        </Empty>
      )}
      {value !== undefined && value.watches.length > 0 && (
        <Table label="Watches" columns={[["Path"], ["Watchers", "number"], ["Sessions"]]}>
          {value.watches.map((one) => (
            <tr key={one.path}>
              <th scope="row">
                <button type="button" class="quiet mono" onClick={() => desk.go("tree", one.path)}>
                  {one.path}
                </button>
              </th>
              <td class="number">{countText(one.count)}</td>
              <td class="wrap">
                <Watchers desk={desk} one={one} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {value !== undefined && (
        <Pager pages={pages} size={PAGE} count={value.watches.length} next={value.next} />
      )}
    </div>
  );
}

function Watchers(props: {
  readonly desk: Desk;
  readonly one: WatchesDocument["watches"][number];
}): JSX.Element {
  const { desk, one } = props;
  return (
    <>
      {one.watchers.slice(0, SHOWN).map(({ session, sid, of }) => (
        <span key={`${session} ${of}`} class="watcher">
          <button type="button" class="quiet mono id" onClick={() => desk.go("sessions", session)}>
            {session}
          </button>{" "}
          <span class="faint">
            {of === "children" ? "its children" : "itself"}, at {sid}
          </span>
        </span>
      ))}
      {one.count > SHOWN && <span class="faint">and {countText(one.count - SHOWN)} more</span>}
    </>
  );
}
