/** Defects between the protocol, the tree and the clients: what outruns a write, what is done twice, what is told. */
import type { Edit, Mutant } from "./mutant.ts";

/** A message of this kind leaves before the writes of its step. */
function outruns(kind: string): readonly Edit[] {
  return [
    {
      file: "src/keeper/peer-host.ts",
      find: "for (const send of effects.free) this.#outbox.sendFree(frames.of(send));",
      replace: `for (const send of effects.free) this.#outbox.sendFree(frames.of(send));
    const early = effects.after.filter(
      (effect) => effect.kind === "send" && effect.message.kind === "${kind}",
    );
    for (const effect of early) if (effect.kind === "send") this.#outbox.sendFree(frames.of(effect));`,
    },
    {
      file: "src/keeper/peer-host.ts",
      find: `          this.#outbox.act(frames.of(effect));
          break;`,
      replace: `          if (effect.message.kind !== "${kind}") this.#outbox.act(frames.of(effect));
          break;`,
    },
  ];
}

/** What leaves before the write that it tells of. */
const OUTRUN: readonly Mutant[] = [
  {
    id: "ack-outruns-write",
    what: "a follower's ACK leaves before the write of what it acknowledges",
    edits: outruns("ack"),
  },
  {
    id: "promise-outruns-write",
    what: "ACKEPOCH leaves before the promise is written",
    edits: outruns("ackEpoch"),
  },
  {
    id: "new-leader-ack-outruns-write",
    what: "the ACK of NEWLEADER leaves before the epoch is written",
    edits: outruns("ackNewLeader"),
  },
];

/** Clients' writes over changes of the leader, and moves of clients between replicas. */
const WRITES: readonly Mutant[] = [
  {
    id: "forward-again-early",
    what: "after a change of leader writes are forwarded again before the earlier ones are decided",
    edits: [
      {
        file: "src/keeper/keeper.ts",
        find: "if (at === undefined || compareZxid(this.#tree.lastApplied, at) < 0) return;",
        replace: "if (at === undefined || compareZxid(at, at) > 0) return;",
      },
    ],
  },
  {
    id: "barrier-unheeded",
    what: "the barrier of an attachment closes no older connection",
    edits: [
      {
        file: "src/keeper/keeper.ts",
        find: 'if (txn.kind === "barrier" && origin.serial === 0) this.#door',
        replace: 'if (txn.kind === "barrier" && origin.serial === 0 && txn.path !== "") this.#door',
      },
    ],
  },
  {
    id: "moved-with-pending-stays",
    what: "an older connection with unanswered requests stays when its session moves",
    edits: [
      {
        file: "src/keeper/client-door.ts",
        find: "if (compareZxid(connection.generation, generation) < 0) this.#close(connection);",
        replace:
          "const isIdle = connection.pendingCount === 0;\n" +
          "    if (isIdle && compareZxid(connection.generation, generation) < 0) this.#close(connection);",
      },
    ],
  },
  {
    id: "moved-unchecked",
    what: "a setData or multi that comes by a connection which its session has left is done",
    edits: [
      {
        file: "src/keeper/leader-desk.ts",
        find: "if (compareZxid(generation, this.#sessions.generationOf(session)) < 0) {",
        replace:
          'const isChecked = request.op !== "setData" && request.op !== "multi";\n' +
          "      if (isChecked && compareZxid(generation, this.#sessions.generationOf(session)) < 0) {",
      },
    ],
  },
  {
    id: "sync-from-memory",
    what: "sync is answered by the replica from memory",
    edits: [
      {
        file: "src/keeper/client-door.ts",
        find: '    if (request.op === "auth" || request.op === "sasl") {',
        replace: `    if (request.op === "sync" && connection.pendingCount === 0 && this.#context.serving()) {
      const [bytes, arrivedMs] = [body.length, this.#nowMs];
      const write = { kind: "write", xid, request, bytes, arrivedMs, serial: 0 } as const;
      const outcome: Outcome = { kind: "barrier", path: request.path };
      const done = { zxid: this.#context.tree.lastApplied, outcome, nowMs: this.#nowMs };
      this.#answers.finish(connection, { ...write, sent: true, attempts: 1 }, done);
    } else if (request.op === "auth" || request.op === "sasl") {`,
      },
    ],
  },
];

/** What clients read, and where they are let in. */
const READS: readonly Mutant[] = [
  {
    id: "read-tells-older-zxid",
    what: "a read is answered with the zxid of the connection's last write",
    edits: [
      {
        file: "src/keeper/client-answers.ts",
        find: "    const zxid = this.#context.tree.lastApplied;\n    const answer",
        replace:
          "    const zxid = connection.stats.lastZxid ?? this.#context.tree.lastApplied;\n    const answer",
      },
    ],
  },
];

/** Snapshots, and trees that differ. */
const SNAPSHOTS: readonly Mutant[] = [
  {
    id: "diverged-goes-on",
    what: "a replica that is told that its tree differs from a quorum's goes on",
    isOfLiveness: true,
    edits: [
      {
        file: "src/keeper/keeper.ts",
        find: '      this.#host.step({ kind: "diverged" });\n',
        replace: '      if (!this.#serving) this.#host.step({ kind: "diverged" });\n',
      },
    ],
  },
  {
    id: "snapshot-ends-at-accepted",
    what: "a snapshot is said to end at what the leader has accepted, not at what it holds",
    edits: [
      {
        file: "src/keeper/peer-host.ts",
        find: "      this.step(part);\n",
        replace:
          "      const end = part.end && { ...part.end, last: this.#peer.lastZxid };\n" +
          "      this.step(end === undefined ? part : { ...part, end });\n",
      },
    ],
  },
  {
    id: "snapshot-deletes-unsent",
    what: "what was deleted while a snapshot went is not sent again, and the learner compares no digest",
    edits: [
      {
        file: "src/keeper/snapshots.ts",
        find: "const { entries, isWhole } = snapshot.next(this.#partBytes);",
        replace:
          "const { entries: all, isWhole } = snapshot.next(this.#partBytes);\n" +
          '    const entries = all.filter((entry) => entry.kind === "session" || entry.node !== undefined);',
      },
      {
        file: "src/keeper/snapshots.ts",
        find: "if (summaryText(staged) === summaryText(expected)) return undefined;",
        replace: "if (staged.sessions === expected.sessions) return undefined;",
      },
    ],
  },
];

export const KEEPER_MUTANTS: readonly Mutant[] = [...OUTRUN, ...WRITES, ...READS, ...SNAPSHOTS];
