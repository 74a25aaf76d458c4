/** Defects of the protocol: who may lead, what counts as accepted, what is committed, how histories are made one. */
import type { Mutant } from "./mutant.ts";

/** Who may lead, and from which epoch and history. */
const DISCOVERY: readonly Mutant[] = [
  {
    id: "back-to-older-leader",
    what: "a follower that has promised a later epoch goes back to the leader of the one it is in, which goes on",
    // Each guard alone suffices: such a leader resigns, and such a follower does not join.
    edits: [
      {
        file: "src/zab/learner.ts",
        find: "if (newEpoch < acceptedEpoch) return",
        replace: "if (newEpoch < acceptedEpoch && newEpoch !== currentEpoch) return",
      },
      {
        file: "src/zab/leader.ts",
        find: "    if (acceptedEpoch > this.#newEpoch) {",
        replace: `    const isAtWork = this.#core.history.last.epoch === this.#newEpoch;
    if (acceptedEpoch > this.#newEpoch && !isAtWork) {`,
      },
    ],
  },
  {
    id: "emptied-voter-counts",
    what: "a voter that lost its disk counts in full where there is a history",
    edits: [
      {
        file: "src/zab/election.ts",
        find: "      if (!equalVotes(said.vote, this.#vote)) continue;",
        replace: `      if (!equalVotes(said.vote, this.#vote)) continue;
      if (said.voice === "fresh" && this.#vote.zxid.epoch > 0) agreed.add(sid, "full");`,
      },
      {
        file: "src/zab/promises.ts",
        find: "if (promised) this.#made.set(sid, isFilling",
        replace: `const isFresh = voice === "fresh" && this.#core.history.last.epoch > 0;
    if (promised && isFresh) this.#made.set(sid, "full");
    else if (promised) this.#made.set(sid, isFilling`,
      },
    ],
  },
  {
    id: "begins-anew",
    what: "empty voters that are all there begin, though the register knows of an ensemble before them",
    edits: [
      {
        file: "src/zab/voice-tally.ts",
        find: "this.#mayBegin = founding.mayBegin && equalZxid",
        replace: "this.#mayBegin = (founding.mayBegin || quorum.voters.length > 0) && equalZxid",
      },
    ],
  },
  {
    id: "sole-leader-unproven",
    what: "a leader that is a quorum by itself writes nothing to find out whether it was replaced",
    edits: [
      {
        file: "src/zab/core.ts",
        find: "if (isDue && quorum.contains(",
        replace: "if (isDue && quorum.voters.length > 1 && quorum.contains(",
      },
    ],
  },
  {
    id: "promise-makes-voice",
    what: "an emptied voter counts in full as soon as it has promised an epoch, before it has a history",
    edits: [
      {
        file: "src/zab/core.ts",
        find: 'return this.#currentEpoch === 0 ? "fresh" : "full";',
        replace:
          'return this.#currentEpoch === 0 && this.#acceptedEpoch <= this.#epochFloor ? "fresh" : "full";',
      },
    ],
  },
  {
    id: "half-history-makes-voice",
    what: "an emptied voter counts in full as soon as it has a first piece of history",
    edits: [
      {
        file: "src/zab/core.ts",
        find: 'return this.#currentEpoch === 0 ? "fresh" : "full";',
        replace: 'return this.#currentEpoch === 0 && this.history.last.epoch === 0 ? "fresh" : "full";',
      },
    ],
  },
];

/** How a learner's history is made a prefix of its leader's. */
const SYNCHRONIZATION: readonly Mutant[] = [
  {
    id: "trunc-forgotten-on-disk",
    what: "TRUNC is forgotten on disk by who has delivered something",
    edits: [
      {
        file: "src/zab/core.ts",
        find: `    this.outbox.write({ kind: "truncate", after });`,
        replace: `    if (this.#lastDelivered.epoch === 0) this.outbox.write({ kind: "truncate", after });`,
      },
    ],
  },
  {
    id: "clear-before-snap",
    what: "a follower forgets what it accepted when SNAP begins, before the snapshot is whole",
    edits: [
      {
        file: "src/zab/learner.ts",
        find: `    this.#core.outbox.after({ kind: "snapshotBegun", reason });`,
        replace: `    if (this.#core.lastDelivered.epoch > 0) this.#core.truncate(this.#core.lastCommitted);
    this.#core.outbox.after({ kind: "snapshotBegun", reason });`,
      },
    ],
  },
  {
    id: "new-leader-ack-counts-several",
    what: "ACK of NEWLEADER counts for what was proposed behind NEWLEADER, where that is more than one message",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `    if (this.#stage !== "entering") return false;
    this.#stage = "synced";`,
        replace: `    if (this.#stage !== "entering") return false;
    if (this.#unacknowledged.length > 1) this.#acknowledged = this.#sent;
    this.#stage = "synced";`,
      },
    ],
  },
  {
    id: "up-to-date-commits-acknowledged",
    what: "UPTODATE commits all that the follower has acknowledged",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `    this.#stage = "live";
    const committed = minZxid(this.#core.lastCommitted, this.#sent);`,
        replace: `    this.#stage = "live";
    const isAll = this.#unacknowledged.length === 0;
    const committed = isAll ? this.#sent : minZxid(this.#core.lastCommitted, this.#sent);`,
      },
    ],
  },
  {
    id: "up-to-date-commits-several",
    what: "UPTODATE commits all that was sent to the follower, where that is more than one message",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `    this.#stage = "live";
    const committed = minZxid(this.#core.lastCommitted, this.#sent);`,
        replace: `    this.#stage = "live";
    const isAll = this.#unacknowledged.length > 1;
    const committed = isAll ? this.#sent : minZxid(this.#core.lastCommitted, this.#sent);`,
      },
    ],
  },
  {
    id: "diverged-gets-diff",
    isOfLiveness: true,
    what: "a replica whose tree differs is sent history, as if its tree were right",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: 'isDiverged: voice === "none" };',
        replace: 'isDiverged: voice === "none" && answer.history.last.epoch === 0 };',
      },
    ],
  },
  {
    id: "observer-serves-uncommitted",
    what: "UPTODATE commits all that was sent to an observer",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `    this.#stage = "live";
    const committed = minZxid(this.#core.lastCommitted, this.#sent);`,
        replace: `    this.#stage = "live";
    const committed = this.isVoter ? minZxid(this.#core.lastCommitted, this.#sent) : this.#sent;`,
      },
    ],
  },
];

/** What counts as accepted, and what as committed. */
const BROADCAST: readonly Mutant[] = [
  {
    id: "stale-ack",
    what: "an acknowledgement of history counts for the same counter of the epoch that was sent last",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: "if (compareZxid(upTo, this.#acknowledged) > 0) this.#acknowledged = upTo;",
        replace:
          "const counted = { ...upTo, epoch: this.#sent.epoch };\n" +
          "    if (compareZxid(counted, this.#acknowledged) > 0) this.#acknowledged = counted;",
      },
    ],
  },
  {
    id: "all-connected-suffice",
    what: "where no quorum is connected, all that are connected commit",
    edits: [
      {
        file: "src/zab/leader.ts",
        find: "    const upTo = latestAcknowledged(quorum, acknowledged);",
        replace: `    const earliestFirst = [...acknowledged.values()].toSorted(compareZxid);
    const upTo = latestAcknowledged(quorum, acknowledged) ?? earliestFirst[0];`,
      },
    ],
  },
  {
    id: "next-commits-previous",
    what: "a follower takes a proposal for the commit of those before it",
    edits: [
      {
        file: "src/zab/learner.ts",
        find: `    if (fresh.length > 0) this.#core.append(fresh);
    outbox`,
        replace: `    const isLater = this.#stage === "broadcast" && fresh.length > 0;
    const before = history.last;
    if (fresh.length > 0) this.#core.append(fresh);
    if (isLater && before.epoch === last.epoch) this.#core.commit(before);
    outbox`,
      },
    ],
  },
  {
    id: "batch-tail-dropped",
    what: "a follower accepts eight proposals of a batch and acknowledges all",
    edits: [
      {
        file: "src/zab/learner.ts",
        find: "if (fresh.length > 0) this.#core.append(fresh);",
        replace: "if (fresh.length > 0) this.#core.append(fresh.slice(0, 8));",
      },
    ],
  },
  {
    id: "leader-ack-outruns-write",
    what: "a leader tells a voter that it has a batch before its own write of it, while an earlier one is on its way",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `this.#core.sendUpTo(this.link, upTo, { kind: "leaderAck", upTo });`,
        replace: `const message: ZabMessage = { kind: "leaderAck", upTo };
    if (this.#unacknowledged.length > 1) this.#core.outbox.sendFree(this.link, message);
    else this.#core.sendUpTo(this.link, upTo, message);`,
      },
    ],
  },
  {
    id: "commit-outruns-write",
    what: "COMMIT leaves for observers before the leader's own write of what it commits",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `this.#core.sendUpTo(this.link, upTo, { kind: "commit", upTo });`,
        replace: `if (this.isVoter) this.#core.sendUpTo(this.link, upTo, { kind: "commit", upTo });
    else this.#core.outbox.sendFree(this.link, { kind: "commit", upTo });`,
      },
    ],
  },
];

export const ZAB_MUTANTS: readonly Mutant[] = [...DISCOVERY, ...SYNCHRONIZATION, ...BROADCAST];
