/** The other side of each step of Zab, played by the test: messages under the names that the paper gives them. */
import type { Sid } from "../../../src/base/ids.ts";
import type { Zxid } from "../../../src/base/zxid.ts";
import type { PeerEffects } from "../../../src/zab/effects.ts";
import type { ZabMessage } from "../../../src/zab/message.ts";
import { Bench, type BenchOptions, zxid } from "../bench.ts";

/** The link of a follower, at its leader. */
export function linkOf(sid: Sid): number {
  return 100 + sid;
}

/** The link to the leader, at the follower that Bench.follow makes. */
export const TO_LEADER = 9;

/** Elected by every voter, with a silent link to each: the paper's prospective leader. */
export function prospectiveLeader(options: BenchOptions = {}): Bench {
  const { sid: own = 1, voters = [1, 2, 3] } = options;
  const bench = new Bench(options);
  bench.step({ kind: "tick" });
  const { vote } = bench.peer.notification();
  const others = voters.filter((sid) => sid !== own);
  for (const sid of others) bench.hear(sid, { vote });
  for (const sid of others) bench.open(linkOf(sid), sid, "from-learner");
  return bench;
}

/** CEPOCH(e): the epoch that the follower promised last. */
export function cepoch(acceptedEpoch: number): ZabMessage {
  return { kind: "learnerInfo", acceptedEpoch };
}

/** What a follower says of itself in ACK-E. */
export interface AckE {
  /** The last zxid of each epoch in its history. */
  readonly ends?: readonly Zxid[];
  readonly currentEpoch?: number;
  /** False where the epoch was promised before. */
  readonly promised?: boolean;
  readonly lastDelivered?: Zxid;
}

/** ACK-E(f.a, h_f): the follower's currentEpoch and its history, in summary. */
export function ackE(said: AckE = {}): ZabMessage {
  const { ends = [], currentEpoch = 0, promised = true, lastDelivered = zxid(0, 0) } = said;
  const epochEnds = [zxid(0, 0), ...ends];
  const history = { last: epochEnds.at(-1) ?? zxid(0, 0), epochEnds };
  const voice = "full";
  return { kind: "ackEpoch", promised, currentEpoch, history, voice, lastDelivered };
}

/** ACK-LD: the follower has accepted NEWLEADER. */
export function ackLd(epoch: number): ZabMessage {
  return { kind: "ackNewLeader", epoch };
}

/** What leaves for one link, free and behind the writes, in order. */
export function sentTo(effects: PeerEffects, link: number): readonly ZabMessage[] {
  const sends = [...effects.free, ...effects.after.filter((effect) => effect.kind === "send")];
  return sends.filter((send) => send.link === link).map(({ message }) => message);
}
