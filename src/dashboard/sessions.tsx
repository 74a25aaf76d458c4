/** Sessions: whose they are, what goes with them, and the ending of one. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { type Desk, useDesk } from "./desk.ts";
import type { SessionDocument, SessionsDocument } from "./documents.ts";
import { Explain } from "./explain.tsx";
import { countText, durationText } from "./format.ts";
import { FindBox, Pager, usePages } from "./paging.tsx";
import { useReading } from "./reading.ts";
import { Asleep, NotYours } from "./refusals.tsx";
import { type Columns, Confirm, Copy, Empty, ErrorNote, Facts, Moment, Table, Toggle } from "./ui.tsx";

const LOOK_MS = 3000;

const PAGE = 100;

/** See the file's comment. */
export function Sessions(): JSX.Element {
  const desk = useDesk();
  const pages = usePages();
  const { chosen } = desk.route.value;
  const isQuiet = desk.isAsleep.value;
  const { value, error, again } = useReading(`sessions ${pages.after}`, isQuiet ? 0 : LOOK_MS, async () =>
    isQuiet ? undefined : await readSessions(desk, pages.after),
  );
  if (!desk.may("read", "/")) return <NotYours what="sessions" />;
  if (isQuiet) return <Asleep desk={desk} />;
  return (
    <div class={`split wide${chosen === "" ? "" : " has-choice"}`}>
      <div class="stack">
        <FindBox
          label="Find a session by its id, also one that is over"
          find={(id) => desk.go("sessions", id.toLowerCase().replace(/^0x/, "").padStart(16, "0"))}
        />
        <ErrorNote error={error} retry={again} />
        {value !== undefined && <Silent sids={value.silent} />}
        {value !== undefined && <SessionTable desk={desk} sessions={value.sessions} chosen={chosen} />}
        {value?.sessions.length === 0 && pages.before === 0 && (
          <Empty title="No sessions">
            One is made by a client that connects, by <code>POST /v1/sessions</code>, or with a lock that is
            taken.
          </Empty>
        )}
        {value !== undefined && (
          <Pager
            pages={pages}
            size={PAGE}
            count={value.sessions.length}
            next={value.next}
            total={sessionsInAll(desk)}
          />
        )}
      </div>
      {chosen !== "" && <SessionPanel key={chosen} id={chosen} ended={again} />}
    </div>
  );
}

async function readSessions(desk: Desk, after: string): Promise<SessionsDocument> {
  const behind = after === "" ? "" : `&after=${after}`;
  return await desk.api.get<SessionsDocument>(desk.path(`/sessions?limit=${PAGE}${behind}`));
}

/** As the replica told that knows of most. */
function sessionsInAll(desk: Desk): number | undefined {
  const told = desk.status.value?.replicas.flatMap(({ status }) =>
    status === null ? [] : [status.sessions],
  );
  return told === undefined || told.length === 0 ? undefined : Math.max(...told);
}

/** Whom a list lacks. */
export function Silent(props: { readonly sids: readonly number[] }): JSX.Element | null {
  const { sids } = props;
  if (sids.length === 0) return null;
  const who = sids.length === 1 ? `Replica ${sids[0]} does` : `Replicas ${sids.join(", ")} do`;
  return <p class="note warn">{who} not answer: the connections that are there are not shown.</p>;
}

const COLUMNS: Columns = [
  ["Session"],
  ["Replica", "number"],
  ["Client"],
  ["Ephemerals", "number"],
  ["Watches", "number"],
  ["Timeout", "number"],
  ["Ends in", "number"],
];

function SessionTable(props: {
  readonly desk: Desk;
  readonly sessions: readonly SessionDocument[];
  readonly chosen: string;
}): JSX.Element | null {
  const { desk, sessions, chosen } = props;
  if (sessions.length === 0) return null;
  return (
    <Table label="Sessions" columns={COLUMNS}>
      {sessions.map((one) => (
        <tr key={one.session} class={one.session === chosen ? "chosen" : undefined}>
          <th scope="row">
            <button type="button" class="quiet mono id" onClick={() => desk.go("sessions", one.session)}>
              {one.session}
            </button>
          </th>
          <td class="number">{one.connection?.sid ?? <ByHttp />}</td>
          <td>{clientText(one)}</td>
          <td class="number">{countText(one.ephemerals)}</td>
          <td class="number">{one.connection === null ? "–" : countText(one.connection.watches)}</td>
          <td class="number">{durationText(one.timeoutMs)}</td>
          <td class="number">{endsText(one)}</td>
        </tr>
      ))}
    </Table>
  );
}

function ByHttp(): JSX.Element {
  const title = "Its owner asks by HTTP, over any replica, and keeps no connection to one";
  return (
    <span class="faint" title={title}>
      any
    </span>
  );
}

function clientText({ connection }: SessionDocument): JSX.Element {
  if (connection === null) return <span class="faint">HTTP requests</span>;
  return (
    <>
      {connection.address ?? <span class="faint">connected</span>}{" "}
      <span class="faint">{connection.transport === "tcp" ? "TCP" : "WebSocket"}</span>
    </>
  );
}

/** Where nothing more is heard of it. */
function endsText({ expiresAt }: SessionDocument): string {
  return expiresAt === null ? "–" : durationText(Date.parse(expiresAt) - Date.now());
}

function SessionPanel(props: { readonly id: string; readonly ended: () => void }): JSX.Element {
  const { id, ended } = props;
  const desk = useDesk();
  const [isAsked, setAsked] = useState(false);
  const [isExplained, setExplained] = useState(false);
  const { value, error, again } = useReading(
    id,
    LOOK_MS,
    async () => await desk.api.get<SessionDocument>(desk.path(`/sessions/${encodeURIComponent(id)}`)),
  );
  const isOver = error?.code === "no-such-session";
  const end = async (): Promise<void> => {
    await desk.api.ask("DELETE", desk.path(`/sessions/${id}`));
    desk.say(`session ${id} is over`);
    desk.go("sessions");
    ended();
  };
  return (
    <article class="panel" aria-label={`Session ${id}`}>
      <header class="panel-head">
        <button type="button" class="quiet back" onClick={() => desk.go("sessions")}>
          ← Sessions
        </button>
        <b class="mono grow">{id}</b>
        <Copy text={id} what="the id" />
        {!isOver && (
          <Toggle isOn={isExplained} set={setExplained}>
            Explain
          </Toggle>
        )}
        {value !== undefined && desk.may("admin", "/") && (
          <button type="button" class="small danger" onClick={() => setAsked(true)}>
            End session
          </button>
        )}
      </header>
      {isOver ? (
        <p class="note plain">There is no session of this id, or no more.</p>
      ) : (
        <ErrorNote error={error} retry={again} />
      )}
      {(isOver || isExplained) && <Explain key={String(isOver)} of={{ session: id }} />}
      {value !== undefined && <SessionFacts desk={desk} one={value} />}
      {isAsked && value !== undefined && (
        <Confirm title="End this session?" verb="End it" isDanger act={end} close={() => setAsked(false)}>
          <p>
            <code>{id}</code> is over at once, whoever keeps it alive. Its{" "}
            {value.ephemerals === 1 ? "ephemeral goes" : `${countText(value.ephemerals)} ephemerals go`} with
            it, and locks that it holds are free.
          </p>
        </Confirm>
      )}
    </article>
  );
}

function SessionFacts(props: { readonly desk: Desk; readonly one: SessionDocument }): JSX.Element {
  const { desk, one } = props;
  const { connection, paths = [] } = one;
  return (
    <div class="stack">
      <Facts
        facts={[
          ["Replica", connection?.sid ?? <ByHttp />],
          ["Client", clientText(one)],
          ["Timeout", durationText(one.timeoutMs)],
          ["Ends, if not heard of", one.expiresAt === null ? "–" : <Moment at={one.expiresAt} />],
          ["Connected", connection === null ? "–" : <Moment at={connection.openedAt} />],
          ["Heard of", connection === null ? "–" : <Moment at={connection.heardAt} />],
        ]}
      />
      <section aria-labelledby="ephemerals-title">
        <h2 id="ephemerals-title" class="minor">
          Ephemerals
        </h2>
        {paths.length === 0 ? (
          <p class="faint">{one.ephemerals === 0 ? "It has none." : "None that you may see."}</p>
        ) : (
          <ul class="paths">
            {paths.map((path) => (
              <li key={path}>
                <button type="button" class="quiet mono" onClick={() => desk.go("tree", path)}>
                  {path}
                </button>
              </li>
            ))}
          </ul>
        )}
        {one.ephemerals > paths.length && paths.length > 0 && (
          <p class="faint">
            {countText(paths.length)} of {countText(one.ephemerals)} are shown.
          </p>
        )}
      </section>
    </div>
  );
}
