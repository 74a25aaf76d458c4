/** The replicas: who leads, how far each is, and what has happened while the page was open. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";

import { type Desk, useDesk } from "./desk.ts";
import type { ReplicaFigures, ReplicaReport, StatusDocument } from "./documents.ts";
import { FirstSteps } from "./first-steps.tsx";
import { behindBy, bytesText, clockText, countText, durationText, timeText } from "./format.ts";
import { caughtUpText, electionText } from "./replica-words.ts";
import { Badge, type Columns, Confirm, Empty, ErrorNote, Facts, Table } from "./ui.tsx";

/** See the file's comment. */
export function Replicas(): JSX.Element {
  const desk = useDesk();
  const status = desk.status.value;
  if (!desk.may("read", "/")) {
    return (
      <Empty title="Your token does not tell of replicas">
        They are shown to who has <code>read</code> on <code>/</code>. The tree shows what your token may
        read.
      </Empty>
    );
  }
  if (status === undefined) {
    return desk.statusError.value === undefined ? (
      <Empty title="Asking the replicas…" />
    ) : (
      <ErrorNote error={desk.statusError.value} retry={() => desk.lookNow()} />
    );
  }
  const leader = status.replicas.find(({ sid }) => sid === status.leader);
  return (
    <div class="stack">
      <Summary status={status} leader={leader?.status ?? undefined} atMs={desk.statusAtMs.value} />
      <section aria-labelledby="replicas-title">
        <h2 id="replicas-title">Replicas</h2>
        <ReplicaTable desk={desk} status={status} leader={leader?.status ?? undefined} />
      </section>
      <FirstSteps desk={desk} status={leader?.status ?? undefined} />
      <Happenings desk={desk} />
    </div>
  );
}

function Summary(props: {
  readonly status: StatusDocument;
  readonly leader: ReplicaFigures | undefined;
  /** When that was, by the clock of the browser. */
  readonly atMs: number;
}): JSX.Element {
  const { status, leader, atMs } = props;
  const voters = status.replicas.filter(({ role }) => role === "participant");
  const serving = voters.filter((one) => one.status?.serving === true).length;
  const shown = leader ?? status.replicas.find((one) => one.status !== null)?.status ?? undefined;
  return (
    <Facts
      facts={[
        ["Leader", status.leader === null ? "none" : `replica ${status.leader}`],
        ["Voters serving", `${serving} of ${voters.length}`],
        ["Epoch", shown === undefined ? "–" : String(shown.currentEpoch), EPOCH_TITLE],
        ["Leads for", leadsText(leader)],
        ["Last election", leader === undefined ? "–" : lastElectionText(leader, atMs), ELECTION_TITLE],
        ["Znodes", shown === undefined ? "–" : countText(shown.znodes)],
        ["Sessions", shown === undefined ? "–" : countText(shown.sessions)],
        ["Data", shown === undefined ? "–" : bytesText(shown.dataBytes)],
      ]}
    />
  );
}

function leadsText(leader: ReplicaFigures | undefined): string {
  const leadingMs = leader?.leadingMs ?? undefined;
  return leadingMs === undefined ? "–" : durationText(leadingMs);
}

/** Why the last election began, how long it took, and when it was over. */
function lastElectionText({ zab, mode, leadingMs }: ReplicaFigures, atMs: number): string {
  if (mode === "standalone") return "none: it stands alone";
  const took = zab.lastElectionMs === undefined ? "" : `, took ${durationText(zab.lastElectionMs)}`;
  const when = leadingMs === null ? "" : `, ${timeText(atMs - leadingMs)}`;
  return `${electionText(zab.lastElectionReason)}${took}${when}`;
}

const ELECTION_TITLE = "Why the leader was elected, how long that took, and when";

const EPOCH_TITLE = "It grows with each change of leader";

const COLUMNS: Columns = [
  ["Replica"],
  ["Role"],
  ["Epoch", "number", EPOCH_TITLE],
  ["Last zxid", "number", "The last write that it has, as EPOCH:COUNTER"],
  ["Lag", "number", "So many writes it is behind the leader"],
  ["Region", undefined, "Where the variable PLACEMENT wants it"],
  ["Clients", "number"],
  ["Database", "number"],
  ["Up for", "number", "Since it started, or woke"],
  [
    "Sent on joining",
    undefined,
    "What the leader sent as it joined, to have the same writes: each is usual, and it has them",
  ],
  [""],
];

function ReplicaTable(props: {
  readonly desk: Desk;
  readonly status: StatusDocument;
  readonly leader: ReplicaFigures | undefined;
}): JSX.Element {
  const { desk, status, leader } = props;
  const [moving, setMoving] = useState<number>();
  const mayMove = desk.may("admin", "/");
  return (
    <>
      <Table label="Each replica" columns={mayMove ? COLUMNS : COLUMNS.slice(0, -1)}>
        {status.replicas.map((replica) => (
          <ReplicaRow
            key={replica.sid}
            replica={replica}
            leader={leader}
            move={mayMove ? () => setMoving(replica.sid) : undefined}
          />
        ))}
      </Table>
      {moving !== undefined && (
        <Confirm
          title={`Let replica ${moving} lead?`}
          verb="Move the lead"
          act={() => moveLead(desk, moving)}
          close={() => setMoving(undefined)}
        >
          <p>Replica {status.leader} hands over. No write is lost, and clients keep their connections.</p>
        </Confirm>
      )}
    </>
  );
}

async function moveLead(desk: Desk, to: number): Promise<void> {
  await desk.api.ask("POST", `/${desk.ensemble}/commands/move_leader?to=${to}`);
  desk.say(`replica ${to} is to lead`);
  desk.lookNow();
}

function ReplicaRow(props: {
  readonly replica: ReplicaReport;
  readonly leader: ReplicaFigures | undefined;
  readonly move: (() => void) | undefined;
}): JSX.Element {
  const { replica, leader, move } = props;
  const { sid, status, location, role } = replica;
  if (status === null) {
    return (
      <tr class="away">
        <th scope="row">{sid}</th>
        <td>
          <Badge kind="bad">lost</Badge>
        </td>
        <td colSpan={move === undefined ? 8 : 9} class="wrap">
          {replica.error ?? "it does not answer"}
        </td>
      </tr>
    );
  }
  const mayLead = role === "participant" && status.mode === "follower";
  return (
    <tr>
      <th scope="row">{sid}</th>
      <td>
        <Badge kind={badgeOf(status)}>{status.mode}</Badge>
      </td>
      <td class="number">{status.currentEpoch}</td>
      <td class="number">{status.lastDelivered}</td>
      <td class="number">{lagText(status, leader)}</td>
      <td>{location ?? <Automatic />}</td>
      <td class="number">{countText(status.connections)}</td>
      <td class="number">{bytesText(status.databaseBytes)}</td>
      <td class="number">{status.asleep ? "–" : durationText(status.uptimeMs)}</td>
      <td class="wrap" title={status.zab.lastSync}>
        {caughtUpText(status.zab.lastSync) || <span class="faint">–</span>}
      </td>
      {move !== undefined && (
        <td>
          {mayLead && (
            <button type="button" class="small" onClick={move}>
              Let it lead
            </button>
          )}
        </td>
      )}
    </tr>
  );
}

function Automatic(): JSX.Element {
  const title = "PLACEMENT is not set: Cloudflare starts a replica in the region of whoever asks it first";
  return (
    <span class="faint" title={title}>
      automatic
    </span>
  );
}

function badgeOf({ mode, asleep, serving }: ReplicaFigures): "lead" | "good" | "warn" | "plain" {
  if (asleep) return "plain";
  if (mode === "leader" || mode === "standalone") return "lead";
  return serving ? "good" : "warn";
}

function lagText(status: ReplicaFigures, leader: ReplicaFigures | undefined): string {
  if (leader === undefined) return "–";
  if (leader === status) return "0";
  const behind = behindBy(status.lastDelivered, leader.lastDelivered);
  return behind === undefined ? "an epoch" : countText(behind);
}

function Happenings(props: { readonly desk: Desk }): JSX.Element {
  const happenings = props.desk.happenings.value;
  return (
    <section aria-labelledby="happenings-title">
      <h2 id="happenings-title">While this page was open</h2>
      {happenings.length === 0 ? (
        <p class="faint">Nothing has changed: no replica was lost, and the same one leads.</p>
      ) : (
        <ol class="happenings" aria-live="polite">
          {happenings.map(({ atMs, text, kind }) => (
            <li key={`${atMs} ${text}`} class={kind}>
              <time dateTime={new Date(atMs).toISOString()}>{clockText(atMs)}</time>
              {text}
            </li>
          ))}
        </ol>
      )}
    </section>
  );
}
