/**
 * A blow to the leader in the middle of a change of the members. Which message comes next tells how far the change is,
 * so it is struck between two of them, and never too early or too late.
 */
import { compareZxid, type Zxid } from "../../src/base/zxid.ts";
import { readLinkMessage } from "../../src/keeper/link-codec.ts";
import { membershipChangeOf } from "../../src/keeper/membership-change.ts";
import type { ZabMessage } from "../../src/zab/message.ts";
import type { ChangeStage } from "./fault.ts";

/** Waits for one stage of the next change that this replica leads. */
export class MidChange {
  readonly #stage: ChangeStage;
  #members: Zxid | undefined;
  #settled: Zxid | undefined;

  constructor(stage: ChangeStage) {
    this.#stage = stage;
  }

  /** Whether the blow comes before this frame is sent. */
  isDueBeforeSending(bytes: Uint8Array): boolean {
    const message = zabMessageIn(bytes);
    if (message?.kind === "propose") {
      for (const { zxid, payload } of message.proposals) {
        const change = membershipChangeOf(payload);
        if (change?.kind === "members") this.#members = zxid;
        if (change?.kind === "settled" && this.#members !== undefined) this.#settled = zxid;
      }
      if (this.#stage === "unsent") return this.#members !== undefined;
      return this.#stage === "settling" && this.#settled !== undefined;
    }
    if (message?.kind !== "commit") return false;
    if (this.#stage === "committed") return reaches(message.upTo, this.#members);
    return this.#stage === "settled" && reaches(message.upTo, this.#settled);
  }

  /** Whether the blow comes before this frame is taken. */
  isDueBeforeTaking(bytes: Uint8Array): boolean {
    if (this.#stage !== "accepted" || this.#members === undefined) return false;
    const message = zabMessageIn(bytes);
    return message?.kind === "ack" && reaches(message.upTo, this.#members);
  }
}

function zabMessageIn(bytes: Uint8Array): ZabMessage | undefined {
  const message = readLinkMessage(bytes);
  return typeof message === "string" || message.kind !== "zab" ? undefined : message.message;
}

function reaches(upTo: Zxid, zxid: Zxid | undefined): boolean {
  return zxid !== undefined && compareZxid(upTo, zxid) >= 0;
}
