/**
 * What clients are answered: reads from this replica's tree, writes by what applying them gave.
 * Source: ZooKeeper FinalRequestProcessor.
 */
import { ERROR_CODES } from "../base/error-code.ts";
import type { Outcome } from "../base/txn.ts";
import type { Zxid } from "../base/zxid.ts";
import { ZXID_UNKNOWN } from "../jute/records.ts";
import { powersOf } from "./auth.ts";
import type { ClientOutput } from "./client-output.ts";
import type { Connection, Pending, PendingWrite } from "./connection.ts";
import type { DoorContext } from "./door-context.ts";
import type { LocalReads } from "./local-reads.ts";
import { replyTo } from "./replies.ts";

/** What answers are made of, and where they go. */
export interface AnswerParts {
  readonly context: Pick<DoorContext, "tree" | "auth">;
  readonly reads: LocalReads;
  readonly output: ClientOutput;
}

/** Answers requests, each in its turn. Says whether the connection ends with the answer. */
export class ClientAnswers {
  readonly #context: Pick<DoorContext, "tree" | "auth">;
  readonly #reads: LocalReads;
  readonly #output: ClientOutput;

  constructor(parts: AnswerParts) {
    this.#context = parts.context;
    this.#reads = parts.reads;
    this.#output = parts.output;
  }

  /** Answers what needs no leader; true where the client is hung up on behind it. */
  answer(connection: Connection, pending: Exclude<Pending, PendingWrite>, nowMs: number): boolean {
    if (pending.kind === "refused") return this.#refuse(connection, pending, nowMs);
    if (pending.kind === "farewell") {
      const zxid = this.#context.tree.lastApplied;
      this.#output.reply(connection, pending, { zxid, code: 0, response: { op: "empty" }, nowMs });
      return true;
    }
    const { request } = pending;
    const zxid = this.#context.tree.lastApplied;
    const answer = this.#reads.answer(request, {
      connection: connection.opening.id,
      session: connection.session ?? 0n,
      identities: powersOf(connection, this.#context.auth),
      proven: connection.identities,
      scope: connection.scope,
    });
    // They tell of no one change: ZooKeeper gives them no zxid.
    for (const event of answer.events) this.#output.event(connection, event, ZXID_UNKNOWN);
    const { code, response } = answer;
    this.#output.reply(connection, pending, { zxid, code, response, nowMs });
    return false;
  }

  /** Answers a write that was delivered; true where the client is hung up on behind it, or instead. */
  finish(
    connection: Connection,
    pending: PendingWrite,
    done: { readonly zxid: Zxid; readonly outcome: Outcome; readonly nowMs: number },
  ): boolean {
    const { request } = pending;
    const { zxid, outcome, nowMs } = done;
    // As ZooKeeper, which lets no client see -118: its session is elsewhere, and this connection is over.
    if (outcome.kind === "error" && outcome.code === ERROR_CODES.sessionMoved) return true;
    this.#output.reply(connection, pending, { zxid, nowMs, ...replyTo(request, outcome) });
    return request.op === "closeSession";
  }

  #refuse(connection: Connection, pending: Pending & { readonly kind: "refused" }, nowMs: number): boolean {
    const isUnknown = pending.reason === "unimplemented";
    // ZooKeeper answers an opcode it lacks with zxid -1 and hangs up.
    const zxid = isUnknown ? ZXID_UNKNOWN : this.#context.tree.lastApplied;
    const code = ERROR_CODES[pending.reason];
    this.#output.reply(connection, pending, { zxid, code, response: { op: "empty" }, nowMs });
    return isUnknown;
  }
}
