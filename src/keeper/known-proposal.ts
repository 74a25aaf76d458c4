/**
 * A proposal whose transaction has been read already: by the leader that made it, or where a learner checked what came
 * on its link. It is applied without being read once more; Zab, which carries it, sees a proposal like any other.
 */
import type { Txn } from "../base/txn.ts";
import type { Zxid } from "../base/zxid.ts";
import { type DecodedTxn, decodeTxn } from "../jute/txn.ts";
import type { Proposal } from "../zab/message.ts";

/** See the file's comment. */
export class KnownProposal implements Proposal {
  readonly zxid: Zxid;
  readonly payload: Uint8Array;
  #decoded: DecodedTxn | undefined;

  /** `decoded` is what the payload says. */
  constructor(zxid: Zxid, payload: Uint8Array, decoded: DecodedTxn) {
    this.zxid = zxid;
    this.payload = payload;
    this.#decoded = decoded;
  }

  /** What it does, for whoever looks ahead; undefined once it was taken. */
  get txn(): Txn | undefined {
    return this.#decoded?.txn;
  }

  /** What the payload says, for whoever applies it: it is not kept any longer, as the history keeps the proposal. */
  take(): DecodedTxn {
    const decoded = this.#decoded ?? decodeTxn(this.payload);
    this.#decoded = undefined;
    return decoded;
  }
}

/** What a proposal says. Throws JuteError where it is no transaction of this version. */
export function takeTxnOf(proposal: Proposal): DecodedTxn {
  return proposal instanceof KnownProposal ? proposal.take() : decodeTxn(proposal.payload);
}
