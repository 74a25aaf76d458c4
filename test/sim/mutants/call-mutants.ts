/** Defects in what callers without a connection are told, and in what is done for them. */
import type { Mutant } from "./mutant.ts";

/** Locks: who is told that it holds one, for how long, and whose place goes. */
const LOCKS: readonly Mutant[] = [
  {
    id: "claim-ignored",
    what: "an earlier asking under a key is told that it holds the lock, though a later one has claimed the place",
    edits: [
      {
        file: "src/keeper/lock-calls.ts",
        find: "    if (key === undefined) return true;\n",
        replace: "    if (key === undefined || claim >= 0) return true;\n",
      },
    ],
  },
  {
    id: "turn-when-next-leaves",
    what: "who has waited is told that it holds the lock when the one right before it goes, whoever else stands there",
    edits: [
      {
        file: "src/keeper/lock-calls.ts",
        find: '      else if (waiter.state === "queued") this.#advance(waiter);\n',
        replace: '      else if (waiter.state === "queued") this.#confirm(waiter);\n',
      },
    ],
  },
  {
    id: "lease-from-answer",
    what: "a lease that is renewed is told to last from when it was renewed, not from when its session was heard",
    edits: [
      {
        file: "src/keeper/lock-calls.ts",
        find: "    const sentMs = this.#host.steady();\n    this.#inLease(",
        replace: "    this.#inLease(",
      },
      {
        file: "src/keeper/lock-calls.ts",
        find: "const token = node.czxid;\n      const expiresInMs = sentMs - open",
        replace: "const token = node.czxid;\n      const expiresInMs = this.#host.steady() - open",
      },
    ],
  },
  {
    id: "waiting-key-forgotten",
    what: "the key of an acquire that waits is not remembered",
    edits: [
      {
        file: "src/keeper/contest.ts",
        find: 'const bare = { op: "transact", newSession, key } as const;',
        replace:
          'const bare = { op: "transact", newSession, key: request.waitMs > 0 ? undefined : key } as const;',
      },
    ],
  },
  {
    id: "hang-up-leaves-place",
    what: "who hangs up in a queue, and has no key, keeps its place until its session expires",
    edits: [
      {
        file: "src/keeper/lock-calls.ts",
        find: "    if (waiter.mayBeTold) return;\n",
        replace: "    if (waiter.mayBeTold || waiter.request.key === undefined) return;\n",
      },
    ],
  },
  {
    id: "hang-up-before-place",
    what: "a place that comes about when its caller has hung up already is not given up",
    edits: [
      {
        file: "src/keeper/lock-calls.ts",
        find: "      if (!waiter.mayBeTold) this.#leave(waiter, () => undefined);\n      return;",
        replace: "      return;",
      },
    ],
  },
  {
    id: "leaves-claimed-place",
    what: "who hangs up gives up the place that its own later asking under the same key has claimed",
    edits: [
      {
        file: "src/keeper/lock-calls.ts",
        find: '{ op: "check", path, version: waiter.claim },',
        replace: '{ op: "check", path, version: -1 },',
      },
    ],
  },
];

/** Writes and reads. */
const REQUESTS: readonly Mutant[] = [
  {
    id: "fingerprint-lost-on-links",
    what: "between replicas a key is sent without what it stands for: another request under it passes for the same",
    edits: [
      {
        file: "src/keeper/transact-codec.ts",
        find: "  writer.string(key.fingerprint);",
        replace: "  writer.string(key.name);",
      },
    ],
  },
  {
    id: "min-zxid-unheeded",
    what: "a read is answered by a replica that has not delivered what its caller has seen",
    edits: [
      {
        file: "src/keeper/call-door.ts",
        find: "if (!mayAnswer || compareZxid(call.minZxid, context.tree.lastApplied) > 0) {",
        replace:
          'const isRead = call.request.kind === "read";\n' +
          "    if (!mayAnswer || (!isRead && compareZxid(call.minZxid, context.tree.lastApplied) > 0)) {",
      },
    ],
  },
  {
    id: "late-for-barrier",
    what: "linearizable reads share a barrier that left before they came",
    edits: [
      {
        file: "src/keeper/call-door.ts",
        find: "    this.#forNextBarrier.push(open);\n    if (this.#behindBarrier === undefined)",
        replace:
          "    (this.#behindBarrier ?? this.#forNextBarrier).push(open);\n    if (this.#behindBarrier === undefined)",
      },
    ],
  },
];

export const CALL_MUTANTS: readonly Mutant[] = [...LOCKS, ...REQUESTS];
