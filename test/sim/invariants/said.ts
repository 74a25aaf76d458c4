/** What a replica says of its own disk: that it has accepted, entered or promised something. */
import { compareZxid, zxidText } from "../../../src/base/zxid.ts";
import type { Turn } from "../../../src/keeper/turn.ts";
import type { DiskNumbers } from "../../../src/world/observer.ts";
import { type ReadMessage, readFrame } from "./link-frames.ts";
import type { Run } from "./runs.ts";
import { demand } from "./view.ts";

/** The messages that say so. */
export type Saying = ReadMessage & { readonly kind: "ack" | "leaderAck" | "ackEpoch" | "ackNewLeader" };

/** See the file's comment. */
export class Said {
  /** The epoch that a frame promises, which it does not tell itself. */
  readonly #promises = new WeakMap<Uint8Array, number>();

  /** A turn has frames to send; what they promise is the run's acceptedEpoch by now. */
  note(turn: Turn, { acceptedEpoch }: Run): void {
    for (const action of [...turn.free, ...turn.after]) {
      if (action.kind !== "linkSend") continue;
      const message = readFrame(action.bytes);
      if (message?.kind === "ackEpoch" && message.promised) this.#promises.set(action.bytes, acceptedEpoch);
    }
  }

  /** A frame leaves: what it says is durable. A superseded start has a disk of its own, which is nobody's. */
  left(run: Run, frame: { readonly message: Saying; readonly bytes: Uint8Array }, disk: DiskNumbers): void {
    if (run.machine.isSuperseded) return;
    const { message, bytes } = frame;
    const judge = (isDurable: boolean, what: string): void =>
      demand(isDurable, "SaidIsDurable", () => `${run.name} says that it has ${what}, and its disk has not`);
    if (message.kind === "ack" || message.kind === "leaderAck") {
      const { upTo } = message;
      // What was cut off since is of a link that is over.
      const isCut = compareZxid(upTo, run.history.zxid) > 0;
      judge(isCut || compareZxid(upTo, disk.last) <= 0, `accepted ${zxidText(upTo)}`);
    } else if (message.kind === "ackNewLeader") {
      demand(message.epoch >= disk.acceptedEpoch, "EpochsNeverFall", () => {
        return `${run.name} enters epoch ${message.epoch}, and has promised epoch ${disk.acceptedEpoch}`;
      });
      judge(disk.currentEpoch >= message.epoch, `entered epoch ${message.epoch}`);
    } else {
      judge(disk.currentEpoch >= message.currentEpoch, `entered epoch ${message.currentEpoch}`);
      const promised = this.#promises.get(bytes) ?? 0;
      judge(disk.acceptedEpoch >= promised, `promised epoch ${promised}`);
    }
  }
}
