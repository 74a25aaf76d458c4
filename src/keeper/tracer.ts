/**
 * Spans of writes that are traced: each replica draws those of what it does itself. A traced write is announced on the
 * links, from its replica to the leader and from the leader to its learners, in a frame of its own ahead of the write:
 * so nothing that travels or is stored anyway grows, and where nobody traces there is nothing but a look at an empty
 * table. Traces promise nothing: an announcement that is late, or lost with a leader, costs a span and no more.
 */
import type { Origin, Sid } from "../base/ids.ts";
import { childSpanId, type Span, type TracePlace } from "../base/trace.ts";
import { type Zxid, zxidDigits } from "../base/zxid.ts";
import { decodeTxn } from "../jute/txn.ts";
import type { Proposal } from "../zab/message.ts";
import type { Action } from "./turn.ts";

/** Writes that are traced and not applied yet: above it the oldest is not traced any more. */
const TRACED_MAX = 1000;

/** A write that is traced. */
export interface TracedWrite {
  readonly kind: "trace";
  readonly origin: Origin;
  readonly place: TracePlace;
}

interface Known {
  readonly place: TracePlace;
  readonly heardMs: number;
  /** The leader's span, below which what its replicas do is drawn. */
  readonly proposeId: string;
}

/** Of one replica. */
export class Tracer {
  readonly #sid: Sid;
  readonly #act: (action: Action) => void;
  readonly #known = new Map<string, Known>();
  #nowMs = 0;

  /** `act` has something done behind the writes of the turn. */
  constructor(sid: Sid, act: (action: Action) => void) {
    this.#sid = sid;
    this.#act = act;
  }

  /** The time of this turn, in Unix milliseconds of the replica's clock. */
  at(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** This write is to be traced. */
  learn({ origin, place }: TracedWrite): void {
    const key = keyOf(origin);
    const [oldest] = this.#known.keys();
    if (this.#known.size >= TRACED_MAX && oldest !== undefined) this.#known.delete(oldest);
    const proposeId = childSpanId(place.spanId, "propose", key);
    this.#known.set(key, { place, heardMs: this.#nowMs, proposeId });
  }

  /** These are written to the history, in this turn. */
  appended(proposals: readonly Proposal[]): void {
    if (this.#known.size === 0) return;
    for (const { zxid, payload } of proposals) {
      const { origin } = decodeTxn(payload).header;
      const known = this.#known.get(keyOf(origin));
      if (known === undefined) continue;
      this.#draw(known, "append", { zxid, parentId: known.proposeId, startMs: this.#nowMs }, true);
    }
  }

  /** It is applied here; where this replica leads, that is the end of its proposal. */
  applied(origin: Origin, zxid: Zxid, isLeading: boolean): void {
    if (this.#known.size === 0) return;
    const key = keyOf(origin);
    const known = this.#known.get(key);
    if (known === undefined || !this.#known.delete(key) || !isLeading) return;
    const { place, heardMs: startMs, proposeId: spanId } = known;
    this.#draw(known, "propose", { zxid, parentId: place.spanId, startMs, spanId }, false);
  }

  #draw(
    { place }: Known,
    name: string,
    at: Pick<Span, "startMs"> & { readonly zxid: Zxid; readonly parentId: string; readonly spanId?: string },
    untilDurable: boolean,
  ): void {
    const { zxid, parentId, startMs } = at;
    const span: Span = {
      traceId: place.traceId,
      spanId: at.spanId ?? childSpanId(parentId, name, this.#sid),
      parentId,
      name: `edgekeeper.${name}`,
      kind: 1,
      startMs,
      endMs: this.#nowMs,
      attributes: { "edgekeeper.zxid": zxidDigits(zxid) },
    };
    this.#act({ kind: "span", span, untilDurable });
  }
}

/** Of all writes, as long as it matters. */
function keyOf({ sid, instance, serial }: Origin): string {
  return `${sid}.${instance}.${serial}`;
}
