/**
 * Cuts history into messages for learners. Learners that are equally far get the very same object, so that a transport
 * can encode it once.
 */
import { must } from "../base/assert.ts";
import { BATCH_BYTES_MAX } from "../base/limits.ts";
import { equalZxid, type Zxid } from "../base/zxid.ts";
import { type History, proposalBytes } from "./history.ts";
import type { ZabMessage } from "./message.ts";

/** What to send: the history after `after`, not beyond `upTo`. */
export interface HistoryRequest {
  readonly after: Zxid;
  readonly upTo: Zxid;
}

/** A message with the zxid it ends at and its size. */
export interface HistoryMessage {
  readonly message: ZabMessage;
  readonly last: Zxid;
  readonly bytes: number;
}

/** Remembers the last message within a step. */
export class HistoryMessages {
  readonly #history: History;
  #latest: { readonly request: HistoryRequest; readonly made: HistoryMessage } | undefined;

  constructor(history: History) {
    this.#history = history;
  }

  /** Forgets: between steps the history may have changed under the same zxids. */
  beginStep(): void {
    this.#latest = undefined;
  }

  /** The next message: at most BATCH_BYTES_MAX but for one larger proposal; there is some history to send. */
  next(request: HistoryRequest): HistoryMessage {
    const { after, upTo } = request;
    const latest = this.#latest;
    if (latest !== undefined) {
      const isSame = equalZxid(latest.request.after, after) && equalZxid(latest.request.upTo, upTo);
      if (isSame) return latest.made;
    }
    const proposals = this.#history.read({ after, upTo, bytesMax: BATCH_BYTES_MAX });
    const { zxid } = must(proposals.at(-1), "there is history to send");
    const bytes = proposals.reduce((sum, proposal) => sum + proposalBytes(proposal), 0);
    const made: HistoryMessage = { message: { kind: "propose", proposals }, last: zxid, bytes };
    this.#latest = { request, made };
    return made;
  }
}
