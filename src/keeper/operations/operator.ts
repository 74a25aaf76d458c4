/** What those who run a replica ask of it on the client port, and what they may change while it runs. */
import { assertNever } from "../../base/assert.ts";
import type { SessionId } from "../../base/ids.ts";
import type { WriteRequest } from "../../base/request.ts";
import type { Outcome } from "../../base/txn.ts";
import { mayTouch } from "../../tree/scope.ts";
import type { ClientOutput } from "../client-output.ts";
import type { ConnectionTable } from "../connection-table.ts";
import type { Connection } from "../connection.ts";
import type { DoorContext } from "../door-context.ts";
import { type Actor, auditLines, ephemeralAuditLines } from "./audit.ts";
import { answerTo, readWord } from "./four-letter-words.ts";
import type { ReplicaMetrics } from "./replica-metrics.ts";
import type { Operation } from "./report.ts";

/** ZooKeeper's own: requests of clients, packets of servers, sessions, warnings. Source: ZooTrace. */
const DEFAULT_TRACE_MASK = 306n;

/** What it works on. */
export interface OperatorParts {
  readonly context: DoorContext;
  readonly table: ConnectionTable;
  readonly output: ClientOutput;
  readonly metrics: ReplicaMetrics;
  /** Hangs up on a client, whose session goes on. */
  close(connection: Connection): void;
}

/** Of one replica. */
export class Operator {
  readonly #parts: OperatorParts;
  #traceMask = DEFAULT_TRACE_MASK;

  constructor(parts: OperatorParts) {
    this.#parts = parts;
  }

  /** What gtmk tells and stmk sets. */
  get traceMask(): bigint {
    return this.#traceMask;
  }

  /**
   * Answers the four-letter word that a connection begins with. It is to be closed behind an answer, also behind an
   * empty one: a word that nobody knows.
   */
  answerWord(connection: Connection): "no word" | "incomplete" | "answered" {
    // They tell of every session and path: to a client that is bounded they are no words.
    if (!mayTouch(connection.scope, "admin", "/")) return "no word";
    const asked = readWord(connection.decoder);
    if (asked === undefined) return "no word";
    if (asked === "incomplete") return asked;
    const { context, output, metrics } = this.#parts;
    metrics.counters.received++;
    connection.stats.received++;
    // As ZooKeeper, which reads no more of a connection that sent a word, and shows it so.
    connection.reading = false;
    const { text, operation } = answerTo(asked, context.report());
    if (operation !== undefined) this.operate(operation);
    if (text !== "") output.text(connection, text);
    return "answered";
  }

  /** A client's write was delivered: it stands in the audit log, where there is one. */
  audit(actor: Actor, request: WriteRequest, outcome: Outcome): void {
    const { context } = this.#parts;
    if (context.isAudited !== true) return;
    for (const line of auditLines(actor, request, outcome)) context.log("audit", line);
  }

  /** A session of the ensemble ended, and these ephemerals with it: at the leader alone, so that it is told once. */
  auditEnded(session: SessionId, paths: readonly string[]): void {
    const { context } = this.#parts;
    if (context.isAudited !== true) return;
    for (const line of ephemeralAuditLines(session, paths)) context.log("audit", line);
  }

  /** So many of a hundred, spread over those who came early and late; ZooKeeper throws dice for each. */
  #shed(percentage: number): void {
    const { table, context } = this.#parts;
    const all = [...table.all()];
    const shed = all.filter((_, index) => shedOf(index + 1, percentage) > shedOf(index, percentage));
    for (const connection of shed) this.#parts.close(connection);
    context.log("client", `${shed.length} of ${all.length} connections are shed`);
  }

  /** Does what an operator asks for. */
  operate(operation: Operation): void {
    switch (operation.kind) {
      case "resetStats":
        return this.#parts.metrics.reset();
      case "resetConnectionStats":
        for (const connection of this.#parts.table.all()) connection.stats.reset();
        return;
      case "shedConnections":
        return this.#shed(operation.percentage);
      case "setTraceMask":
        this.#traceMask = operation.mask;
        return;
      default:
        return assertNever(operation);
    }
  }
}

/** How many of so many connections a percentage sheds. */
export function shedOf(count: number, percentage: number): number {
  return Math.floor((count * percentage) / 100);
}
