/**
 * What a replica may fall asleep over. What a parked client has sent and has no answer to when it is called was not
 * done, so nothing may be owed to it; and nobody but its own client can tell how long its session lives, so nobody may
 * wait for its end. Source: ARCHITECTURE.md, "Dormancy"; src/keeper/parking.ts.
 */
import { sessionText } from "../../../src/base/ids.ts";
import { zxidText } from "../../../src/base/zxid.ts";
import type { Turn } from "../../../src/keeper/turn.ts";
import type { ClientStreams } from "./client-streams.ts";
import type { ClientWords } from "./client-words.ts";
import type { Histories } from "./histories.ts";
import type { Run } from "./runs.ts";
import { demand } from "./view.ts";

/** What it is judged by. */
export interface BedtimeParts {
  readonly words: ClientWords;
  readonly streams: ClientStreams;
  readonly histories: Histories;
}

/** Judges a turn in which a replica falls asleep; others pass. */
export function judgeBedtime(run: Run, { sleep, parked }: Turn, parts: BedtimeParts): void {
  if (sleep === undefined || run.machine.isSuperseded) return;
  const { words, streams, histories } = parts;
  for (const { connection, session } of parked) {
    const [asked, answered] = [words.count(run, connection), streams.answers(run, connection)];
    demand(asked <= answered, "ParkedIsOwedNothing", () => {
      const owed = `${asked} requests of ${sessionText(session)} were read, ${answered} answered`;
      return `${run.name} falls asleep at ${zxidText(sleep.zxid)}: ${owed}`;
    });
  }
  const { txn } = histories.find(run.history, sleep.zxid)?.known?.decoded ?? {};
  if (txn?.kind !== "dormant") return;
  const known = new Set(txn.sessions.map(({ session }) => session));
  for (const { id } of run.machine.tree.sessions.values()) {
    if (known.has(id)) continue;
    const owned = run.machine.tree.ephemeralsOf(id);
    demand(owned.length === 0, "OwnersAreKnown", () => {
      return `${run.name} falls asleep at ${zxidText(sleep.zxid)}, and ${sessionText(id)} owns ${owned.join(", ")}`;
    });
  }
}
