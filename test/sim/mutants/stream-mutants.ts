/** Defects in what readers of events are told. */
import type { Mutant } from "./mutant.ts";

const STREAMS = "src/keeper/event-streams.ts";

export const STREAM_MUTANTS: readonly Mutant[] = [
  {
    id: "stream-tells-transaction-again",
    what: "a reader that comes back in the middle of a transaction is told all of it again",
    edits: [
      {
        file: STREAMS,
        find: "      if (comparePositions({ zxid, index }, stream.position) <= 0) continue;\n",
        replace: "      if (comparePositions(endOf(zxid), stream.position) <= 0) continue;\n",
      },
    ],
  },
  {
    id: "stream-forgets-closes",
    what: "a reader that is behind is not told of ephemerals that went with their sessions",
    edits: [
      {
        file: STREAMS,
        find: "events: eventsOf(txn, kept.get(zxidText(zxid))) };",
        replace: 'events: txn.kind === "closeSession" ? [] : eventsOf(txn, kept.get(zxidText(zxid))) };',
      },
    ],
  },
  {
    id: "stream-tells-accepted",
    what: "a reader that is behind is told of what this replica has accepted and not delivered",
    edits: [
      {
        file: STREAMS,
        find: "const upTo = minZxid(context.tree.lastApplied, log.last);",
        replace: "const upTo = minZxid(maxZxid(context.tree.lastApplied, log.last), log.last);",
      },
    ],
  },
];
