/** Defects that the tests of one module alone find: kept to show that they do. */
import type { Mutant } from "./mutant.ts";

export const UNIT_CAUGHT: readonly Mutant[] = [
  {
    id: "older-leader",
    what: "a follower joins a leader whose epoch is one behind its promise",
    edits: [
      {
        file: "src/zab/learner.ts",
        find: "if (newEpoch < acceptedEpoch) return",
        replace: "if (newEpoch < acceptedEpoch - 1) return",
      },
    ],
  },
  {
    id: "new-leader-ack-counts-all",
    what: "ACK of NEWLEADER counts as acknowledgement of what was proposed behind NEWLEADER",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `    if (this.#stage !== "entering") return false;
    this.#stage = "synced";`,
        replace: `    if (this.#stage !== "entering") return false;
    this.#acknowledged = this.#sent;
    this.#stage = "synced";`,
      },
    ],
  },
  {
    id: "up-to-date-commits-sent",
    what: "UPTODATE commits all that was sent to the follower",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `    this.#stage = "live";
    const committed = minZxid(this.#core.lastCommitted, this.#sent);`,
        replace: `    this.#stage = "live";
    const committed = this.#sent;`,
      },
    ],
  },
  {
    id: "up-to-date-commits-accepted",
    what: "a follower takes UPTODATE for the commit of all that it has accepted",
    edits: [
      {
        file: "src/zab/learner.ts",
        find: "    this.#onCommit(committed);",
        replace: `    this.#onCommit(committed.epoch === 0 ? committed : this.#core.history.last);`,
      },
    ],
  },
  {
    id: "leader-ack-without-quorum",
    what: "a voter commits what it and its leader have, though the two are no quorum",
    edits: [
      {
        file: "src/zab/learner-stream.ts",
        find: `if (!this.isVoter || !quorum.contains(new Set([config.sid, this.sid]))) return;`,
        replace: `if (!this.isVoter || !quorum.isVoter(config.sid)) return;`,
      },
      {
        file: "src/zab/learner.ts",
        find: `const isQuorum = quorum.contains(new Set([config.sid, this.#leader]));`,
        replace: `const isQuorum = quorum.isVoter(config.sid);`,
      },
    ],
  },
  {
    id: "connected-majority",
    what: "a majority of the voters that are connected commits, not of all voters",
    edits: [
      {
        file: "src/zab/leader.ts",
        find: "    const upTo = latestAcknowledged(quorum, acknowledged);",
        replace: `    const latestFirst = [...acknowledged.values()].toSorted((a, b) => compareZxid(b, a));
    const middle = latestFirst[Math.floor(latestFirst.length / 2)];
    const upTo = middle ?? latestAcknowledged(quorum, acknowledged);`,
      },
    ],
  },
  {
    id: "refused-before-closed",
    what: "a client is told that its session expired when the closing is proposed, not committed",
    edits: [
      {
        file: "src/keeper/leader-desk.ts",
        find:
          "    if (password === undefined || !this.#sessions.has(session)) " +
          "return this.#refuseBehindCommit(from, serial);\n",
        replace: `    if (password !== undefined && !this.#sessions.has(session)) {
      this.#answers.push({ to: from, message: { kind: "refused", serial } });
      return;
    }
    if (password === undefined) return this.#refuseBehindCommit(from, serial);
`,
      },
    ],
  },
  {
    id: "sequence-restarts",
    what: "sequence numbers begin anew under a znode that a closed session leaves without children",
    edits: [
      {
        file: "src/tree/transition.ts",
        find: "for (const [path, parent] of parents) view.put(path, parent);",
        replace: `for (const [path, parent] of parents) {
    view.put(path, parent.childCount > 0 ? parent : { ...parent, childCreates: 0 });
  }`,
      },
    ],
  },
  {
    id: "outstanding-dropped-early",
    what: "a znode's outstanding changes are forgotten when the first of them is applied",
    edits: [
      {
        file: "src/tree/overlay.ts",
        find: "      if (this.#last.get(entry.key) !== entry.zxid) continue;\n",
        replace: "",
      },
    ],
  },
  {
    id: "version-zero-is-any",
    what: "a write that expects version 0 finds any version right",
    edits: [
      {
        file: "src/tree/prepare-operation.ts",
        find: "if (expected !== -1 && expected !== current) {",
        replace: "if (expected > 0 && expected !== current) {",
      },
    ],
  },
  {
    id: "failed-multi-outstanding",
    what: "what a failed multi would have done is outstanding for those that come next",
    edits: [
      {
        file: "src/tree/prepare.ts",
        find: "        return failedMulti({",
        replace:
          "        if (txns.length > 1) scratch.copyTo(this.#view(input.zxid));\n        return failedMulti({",
      },
    ],
  },
  {
    id: "third-ephemeral-left",
    what: "of a session's ephemerals four go with it, the others stay",
    edits: [
      {
        file: "src/tree/transition.ts",
        find: "const paths = view.ephemeralsOf(session);",
        replace: "const paths = view.ephemeralsOf(session).slice(0, 4);",
      },
    ],
  },
  {
    id: "epochs-lost-beside-batch",
    what: "epochs are not written where a batch is written with them",
    edits: [
      {
        file: "src/durable/store.ts",
        find: "            this.#currentEpoch = write.currentEpoch;\n            needsState = true;",
        replace: "            this.#currentEpoch = write.currentEpoch;",
      },
    ],
  },
  {
    id: "established-by-sent",
    what: "once one follower has acknowledged NEWLEADER, those that were sent it count as well",
    edits: [
      {
        file: "src/zab/leader.ts",
        find: "const synced = [...this.#learners.values()].filter(({ isSynced }) => isSynced);",
        replace: `const all = [...this.#learners.values()];
    const isOne = all.some(({ isSynced }) => isSynced);
    const synced = all.filter(({ isSynced, stage }) => isSynced || (isOne && stage === "entering"));`,
      },
    ],
  },
  {
    id: "install-in-two-transactions",
    what: "a snapshot's history and its tree are installed in two transactions",
    edits: [
      {
        file: "src/durable/store.ts",
        find: `            this.#install(write.last);
            return;`,
        replace: "            return;",
      },
      {
        file: "src/durable/store.ts",
        find: "      this.#written = applied;\n    });\n",
        replace: `      this.#written = applied;
    });
    for (const write of writes) {
      if (write.kind !== "install") continue;
      this.#database.transactionSync(() => this.#install(write.last));
      this.#database.transactionSync(() => this.#swap());
    }
`,
      },
      {
        file: "src/durable/store.ts",
        find: `    sql.exec("UPDATE install SET tree = 1 - tree, diverged = 0");
    clearTree(this.#database, this.#tables);
  }`,
        replace: `    sql.exec("UPDATE install SET diverged = 0");
  }

  #swap(): void {
    this.#database.sql.exec("UPDATE install SET tree = 1 - tree");
    clearTree(this.#database, this.#tables);
  }`,
      },
    ],
  },
  {
    id: "divergence-not-on-disk",
    what: "that the tree differs from a quorum's is forgotten at a restart",
    edits: [
      {
        file: "src/durable/store.ts",
        find: 'this.#database.sql.exec("UPDATE install SET diverged = 1");',
        replace: 'this.#database.sql.exec("UPDATE install SET diverged = 0");',
      },
    ],
  },
  {
    id: "closing-session-creates",
    what: "a session whose closing is proposed may create until that is applied",
    edits: [
      {
        file: "src/tree/prepare.ts",
        find: "      isOpen: input.session === NO_SESSION || this.isOpen(input.session),\n",
        replace: `      isOpen:
        input.session === NO_SESSION ||
        this.isOpen(input.session) ||
        (input.request.op === "create" && this.#tree.sessions.get(input.session) !== undefined),
`,
      },
    ],
  },
  {
    id: "closing-ignores-outstanding",
    what: "the ephemerals that are proposed and not applied are not seen to go with their session",
    edits: [
      {
        file: "src/tree/overlay.ts",
        find: "return own.length === 0 ? below : [...below, ...own].sort(compareText);",
        replace: "return own.length === 0 ? below : [...below].sort(compareText);",
      },
    ],
  },
  {
    id: "trunc-not-on-disk",
    what: "TRUNC of another epoch's tail is forgotten on disk",
    edits: [
      {
        file: "src/zab/core.ts",
        find: `    this.history.truncate(after);
    this.outbox.write({ kind: "truncate", after });`,
        replace: `    const { epoch } = this.history.last;
    this.history.truncate(after);
    if (epoch === after.epoch) this.outbox.write({ kind: "truncate", after });`,
      },
    ],
  },
  {
    id: "late-answer-covers-all",
    what: "a replica's answer about whom it heard counts for the moment when it arrives, not for that of the question",
    edits: [
      {
        file: "src/keeper/leader-desk.ts",
        find: "this.#sessions.covered(from, message.polledAtMs);",
        replace: "this.#sessions.covered(from, Math.max(message.polledAtMs, this.#sessions.clockMs));",
      },
    ],
  },
  {
    id: "sessions-only-with-state",
    what: "changed sessions are written only where no batch is",
    edits: [
      {
        file: "src/durable/store.ts",
        find: `    this.#rows.writeChangesOf(this.#nodes);
    this.#writeSessions(this.#sessions, this.#tables);`,
        replace: "    this.#rows.writeChangesOf(this.#nodes);",
      },
      {
        file: "src/durable/store.ts",
        find: "if (needsState || (isFlush && !hasLogRow)) this.#writeState(applied);",
        replace: `if (isFlush && !hasLogRow) this.#writeSessions(this.#sessions, this.#tables);
      if (needsState || (isFlush && !hasLogRow)) this.#writeState(applied);`,
      },
    ],
  },
];
